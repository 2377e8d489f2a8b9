package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// maxCandidates is how many tensors model inspect --features lists.
const maxCandidates = 20

// printFeatures lists the tensors of a model that can serve as features.
func printFeatures(w io.Writer, b *model.Bundle, asJSON bool) error {
	found, err := engine.Candidates(b, maxCandidates)
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(found)
	}
	fmt.Fprintln(w, "\nfeatures, the default first")
	for _, c := range found {
		fmt.Fprintf(w, "  %s\n", c)
	}
	return nil
}
