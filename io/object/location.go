package object

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Schemes that a Location may have.
const (
	SchemeFile = "file"
	SchemeGS   = "gs"
	SchemeMem  = "mem"
)

// Location names an object, or a prefix of objects, in some store.
type Location struct {
	// Scheme is "file", "gs" or "mem".
	Scheme string
	// Bucket is empty for local files.
	Bucket string
	// Key is taken as it stands, never percent-decoded: '#', '%', '?', spaces and newlines are part of the name.
	// For local files it is an absolute path. A trailing slash is kept.
	Key string
}

var (
	schemePattern = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)
	bucketPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// Parse reads a local path (absolute, relative or file:///absolute) or a URI gs://bucket/key or mem://name/key.
// Any other scheme is an error that names the known ones. Parse(l.String()) gives l back.
func Parse(uri string) (Location, error) {
	if uri == "" {
		return Location{}, errors.New("empty path")
	}
	if !utf8.ValidString(uri) {
		return Location{}, fmt.Errorf("%q is not valid UTF-8", uri)
	}
	scheme := schemePattern.FindStringSubmatch(uri)
	if scheme == nil {
		return parseLocal(uri, uri)
	}
	rest := uri[len(scheme[0]):]
	switch s := strings.ToLower(scheme[1]); s {
	case SchemeFile:
		if !strings.HasPrefix(rest, "/") {
			return Location{}, fmt.Errorf(
				"%q: a file URI needs an absolute path, as in file:///data/images; a relative path goes without file://", uri)
		}
		return parseLocal(rest, uri)
	case SchemeGS, SchemeMem:
		bucket, key, _ := strings.Cut(rest, "/")
		if !bucketPattern.MatchString(bucket) {
			return Location{}, fmt.Errorf("%q: %q is not a bucket name (letters, digits, '-', '_' and '.')", uri, bucket)
		}
		return Location{Scheme: s, Bucket: bucket, Key: key}, nil
	default:
		return Location{}, fmt.Errorf("%q: unknown scheme %s://; known are local paths, file:///, gs:// and mem://", uri, scheme[1])
	}
}

func parseLocal(path, uri string) (Location, error) {
	if strings.ContainsRune(path, 0) {
		return Location{}, fmt.Errorf("%q: a local path cannot contain a NUL byte", uri)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return Location{}, fmt.Errorf("%q: %w", uri, err)
	}
	if strings.HasSuffix(path, "/") && !strings.HasSuffix(abs, "/") {
		abs += "/"
	}
	return Location{Scheme: SchemeFile, Key: abs}, nil
}

// String gives the plain path for local files, otherwise scheme://bucket/key with the key as it stands.
func (l Location) String() string {
	switch {
	case l.Scheme == SchemeFile:
		return l.Key
	case l.Key == "":
		return l.Scheme + "://" + l.Bucket
	default:
		return l.Scheme + "://" + l.Bucket + "/" + l.Key
	}
}

// Join gives the location of name below l, taken as a folder: exactly one slash stands between them, none before a key
// that would otherwise be empty.
func (l Location) Join(name string) Location {
	if l.Key != "" && !strings.HasSuffix(l.Key, "/") {
		l.Key += "/"
	}
	l.Key += name
	return l
}
