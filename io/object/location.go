package object

// Location names an object, or a prefix of objects, in some store.
type Location struct {
	// Scheme is "file", "gs" or "mem".
	Scheme string
	// Bucket is empty for local files.
	Bucket string
	// Key is taken as it stands, never percent-decoded: '#', '%', '?', spaces and newlines are part of the name.
	Key string
}
