package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// FeatureOptions say of which images features are wanted, and of which network.
type FeatureOptions struct {
	// Options are those of Run: images, network, limits, runner. Output is the folder in which features are kept; TopK and MinConfidence are
	// not looked at.
	Options
	// Tensor is the tensor that has the features; empty: what the network's last layer takes in.
	Tensor string
	// View is another view of each image than the usual one (preprocess.Views).
	View string
}

// Features adds to s the graph that takes a planned run of features to its publication: that of Tag, with the same stages and the same
// engine, whose rows have the features as their embedding. See ExtractFeatures, which plans and runs it.
func Features(s beam.Scope, o FeatureOptions, runID int64) beam.PCollection {
	return Tag(s.Scope("tagbeam.Features"), o.tagging(o.Output), runID)
}

// tagging is the run of tag that makes the features.
func (o FeatureOptions) tagging(output string) Options {
	t := o.Options
	t.Output = output
	t.Model.Embedding, t.Model.View = cmp.Or(o.Tensor, engine.EmbeddingAuto), o.View
	t.TopK, t.MinConfidence = 1, 0
	t.Hash = true
	return t
}

// FeatureTable is the features of one view of images by one network.
type FeatureTable struct {
	// At is the OUTPUT of the table: a folder below FeatureOptions.Output, by the digest of network and tensor. It is kept by the run
	// protocol: an image that has features there, and has not changed, is not looked at again.
	At string
	// Result is what the run, if any, came to.
	Result *Result
	output *run.Output
}

// ExtractFeatures makes sure that all images of the inputs have features: it runs the network over those that have none yet. Errors are those
// of Run.
func ExtractFeatures(ctx context.Context, o FeatureOptions, watch Observer) (*FeatureTable, error) {
	if o.Output == "" {
		return nil, usage("name the folder in which features are kept")
	}
	root, err := absolute(o.Output)
	if err != nil {
		return nil, usage("--keep-features: %w", err)
	}
	ref := o.Model
	ref.View = o.View
	bundle, err := engine.LoadBundle(ctx, ref)
	if err != nil {
		return nil, asUsage(ctx, err)
	}
	t := &FeatureTable{At: root + "/" + featureKey(bundle.Digest, o.Tensor)}
	if t.Result, err = Run(ctx, o.tagging(t.At), watch); err != nil {
		return nil, err
	}
	if j := t.Result.Detached; j != nil {
		return nil, usage("job %s makes the features in %s, and is not waited for: run the command again when it has ended", j.Name, t.At)
	}
	for _, r := range t.Result.Runs {
		if r.State == run.StateAborted {
			return nil, fmt.Errorf("run %d of the features in %s aborted: %s", r.Plan.RunID, t.At, r.Decision.Reason)
		}
	}
	t.output, err = run.Open(ctx, t.At)
	return t, err
}

// featureKey names a folder: of what the features depend on beside the images.
func featureKey(digest, tensor string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{digest, tensor}))
	return hex.EncodeToString(sum[:8])
}

// Each calls fn for the row of each image that has one, sorted by uri and member: its Embedding is the features, its MD5 the content's.
func (t *FeatureTable) Each(ctx context.Context, fn func(table.Row) error) error {
	return t.output.EachCurrent(ctx, fn)
}
