package pipeline

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/transforms"
)

// Tag adds to s the graph that takes a planned run to its publication, and returns what it emits last: a
// PCollection<KV<int64, iterable<string>>> with the number of the run and its state, empty when the run was aborted.
//
//	Impulse -> Units -> Reshuffle -> Tag -> CombineGlobally -> Decide -> Reshuffle -> Compact -> GroupByKey -> Publish -> GroupByKey
//
// The graph holds no image and no list of images. It may run any number of times, on any runner, also at once: the table comes out the
// same. Prepare makes the run; Run does both, and what a command needs around them. Relative paths in o are looked up by the workers.
func Tag(s beam.Scope, o Options, runID int64) beam.PCollection {
	return tag(s, o, transforms.Run{Output: o.Output, RunID: runID, Stores: o.Stores})
}

func tag(s beam.Scope, o Options, r transforms.Run) beam.PCollection {
	s = s.Scope("tagbeam.Tag")
	units := beam.ParDo(s.Scope("Units"), &transforms.Units{Run: r}, beam.Impulse(s))
	totals := beam.ParDo(s.Scope("Tag"), o.tag(r), beam.Reshuffle(s, units))
	total := transforms.Sum(s.Scope("Sum"), totals)
	parts := beam.ParDo(s.Scope("Decide"), &transforms.Decide{Run: r, MaxErrorRatio: o.MaxErrorRatio}, total)
	published := beam.ParDo(s.Scope("Compact"), &transforms.Compact{Run: r}, beam.Reshuffle(s, parts))
	states := beam.ParDo(s.Scope("Publish"), &transforms.Publish{Run: r}, beam.GroupByKey(s, published))
	return beam.GroupByKey(s, states)
}

func (o Options) tag(r transforms.Run) *transforms.Tag {
	return &transforms.Tag{
		Run:    r,
		Engine: o.engine(),
		Model:  o.Model,
		Rows:   transforms.RowOptions{TopK: o.TopK, MinConfidence: o.MinConfidence},
		Task:   transforms.TaskOptions{Batch: o.Batch, Limits: o.Limits, NoDedup: o.NoDedup, Hash: o.Hash},
	}
}
