package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Fingerprint returns the SHA-256 of fields in hexadecimal. Each name and value goes in with its length, in the order of the names, so
// that different fields never make the same bytes.
func Fingerprint(fields map[string]string) string {
	h := sha256.New()
	add := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		add(name)
		add(fields[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// OptionsDiff says where the options of an open run and ours differ, by name: "--top-k: 5 there, 3 here".
func OptionsDiff(there, here map[string]string) []string {
	names := make(map[string]bool)
	for _, options := range []map[string]string{there, here} {
		for name := range options {
			names[name] = true
		}
	}
	var diff []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a, b := orUnset(there, name), orUnset(here, name); a != b {
			diff = append(diff, fmt.Sprintf("%s: %s there, %s here", name, a, b))
		}
	}
	return diff
}

func orUnset(options map[string]string, name string) string {
	switch v, ok := options[name]; {
	case !ok:
		return "unset"
	case v == "":
		return `""`
	default:
		return v
	}
}
