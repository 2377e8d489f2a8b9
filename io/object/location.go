package object

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Schemes that a Location may have.
const (
	SchemeAZ    = "az"
	SchemeFile  = "file"
	SchemeGS    = "gs"
	SchemeHTTP  = "http"
	SchemeHTTPS = "https"
	SchemeMem   = "mem"
	SchemeS3    = "s3"
)

// Location names an object, or a prefix of objects, in some store.
type Location struct {
	// Scheme is one of the above.
	Scheme string
	// Bucket is empty for local files, and host or host:port for http and https.
	Bucket string
	// Key is taken as it stands, never percent-decoded: '#', '%', '?', spaces and newlines are part of the name.
	// For local files it is an absolute path; for http and https what follows the host, as a URL has it. A trailing slash is kept.
	Key string
}

var (
	schemePattern = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)
	bucketPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// Parse reads a local path (absolute, relative or file:///absolute) or a URI gs://bucket/key, https://host/path or mem://name/key.
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
	case SchemeAZ, SchemeGS, SchemeMem, SchemeS3:
		bucket, key, _ := strings.Cut(rest, "/")
		if !bucketPattern.MatchString(bucket) {
			return Location{}, fmt.Errorf("%q: %q is not a bucket name (letters, digits, '-', '_' and '.')", uri, bucket)
		}
		return Location{Scheme: s, Bucket: bucket, Key: key}, nil
	case SchemeHTTP, SchemeHTTPS:
		return parseHTTP(s, rest, uri)
	default:
		return Location{}, fmt.Errorf("%q: unknown scheme %s://; known are local paths, file:///, gs://, s3://, az://, https:// and mem://", uri, scheme[1])
	}
}

func parseHTTP(scheme, rest, uri string) (Location, error) {
	host, key, _ := strings.Cut(rest, "/")
	u, err := url.Parse(scheme + "://" + host)
	if strings.Contains(host, "@") {
		return Location{}, fmt.Errorf("the uri of host %q holds a user name or password: uris are written into the table, so they must not", host[strings.LastIndexByte(host, '@')+1:])
	}
	if err != nil || u.Hostname() == "" || u.Host != host {
		return Location{}, fmt.Errorf("%q: %q is not a host, or host:port", uri, host)
	}
	return Location{Scheme: scheme, Bucket: host, Key: key}, nil
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
