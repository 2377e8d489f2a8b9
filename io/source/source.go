// Package source finds images: it turns the patterns a user gives (folders, globs, single objects; local or gs://) into
// one sorted stream of items without duplicates, and reads an item's bytes. It opens no image to list it, save local
// files whose name does not tell what they are.
package source

// Item is one image to tag, as it was listed.
type Item struct {
	// URI is the object as listed: an absolute path for local files, otherwise scheme://bucket/key with the key as it stands.
	URI string `json:"uri"`
	// Member is the tar member or Parquet row inside the object, or empty.
	Member string `json:"member,omitempty"`
	// Version is the object's version when it was listed (object.Info).
	Version string `json:"version"`
	// MD5 is lower-case hexadecimal, or empty where the listing does not tell.
	MD5 string `json:"md5,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Problem, when not empty, says why the item can never be read.
	Problem string `json:"problem,omitempty"`
}
