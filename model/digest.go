package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// digest hashes all that decides a prediction. Every part goes in with its name and length, so that no two bundles give the same bytes.
func (b *Bundle) digest(f *folder) (string, error) {
	spec, err := json.Marshal(b.Preprocess)
	if err != nil {
		return "", fmt.Errorf("preprocess: %w", err)
	}
	labels, err := json.Marshal(b.Labels)
	if err != nil {
		return "", fmt.Errorf("labels: %w", err)
	}
	h := sha256.New()
	part := func(name string, data []byte) {
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	part("tagbeam model digest", []byte("1"))
	part("decoder revision", []byte(strconv.Itoa(DecoderRevision)))
	part("graph", b.Graph)
	for _, name := range b.Info.ExternalData {
		sum, err := f.hashFile(f.external(name))
		if err != nil {
			return "", err
		}
		part("weights "+name, sum)
	}
	part("input layout", []byte(b.Input.Layout))
	part("output", []byte(b.Output.Name))
	part("activation", []byte(b.Activation))
	part("labels", labels)
	part("preprocess", spec)
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// hashFile hashes a file of weights without holding it in memory.
func (f *folder) hashFile(name string) ([]byte, error) {
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer file.Close()
	var h hash.Hash = sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return h.Sum(nil), nil
}
