package transforms

import (
	"time"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// RowOptions shape a row.
type RowOptions struct {
	// TopK is the number of best classes to keep, at least 1.
	TopK int
	// MinConfidence is the confidence below which an image is abstained from, in [0, 1].
	MinConfidence float64
}

func (o TaskOptions) task(c *engine.Classifier, images []engine.Image, topK int) engine.Task {
	return engine.Task{
		Classifier: c,
		Images:     images,
		Batch:      o.Batch,
		TopK:       topK,
		Limits:     o.Limits,
		Dedup:      !o.NoDedup,
		Hash:       o.Hash,
	}
}

// rowMemory is what the rows of a unit point to, allocated at once.
type rowMemory struct {
	sizes  [][2]int32
	labels []table.Label
}

func newRowMemory(predictions []engine.Prediction) *rowMemory {
	n := 0
	for i := range predictions {
		n += len(predictions[i].Top)
	}
	return &rowMemory{sizes: make([][2]int32, len(predictions)), labels: make([]table.Label, n)}
}

// rows turns the predictions of a unit into its rows, in the same order.
func (o RowOptions) rows(items []source.Item, predictions []engine.Prediction, b *model.Bundle, runID int64) []table.Row {
	now := time.Now().UTC().Truncate(time.Microsecond)
	memory := newRowMemory(predictions)
	rows := make([]table.Row, len(items))
	for i := range rows {
		rows[i] = o.row(memory, items[i], &predictions[i], b)
		rows[i].RunID, rows[i].TaggedAt = runID, now
	}
	return rows
}

func (o RowOptions) row(memory *rowMemory, item source.Item, p *engine.Prediction, b *model.Bundle) table.Row {
	r := table.Row{
		URI:         item.URI,
		Member:      item.Member,
		Version:     p.Read.Version,
		MD5:         p.Read.MD5,
		Format:      p.Header.Format,
		Model:       b.Name,
		ModelDigest: b.Digest,
		Copy:        p.Copy,
	}
	if p.Read.Size >= 0 {
		r.Size = &p.Read.Size
	}
	if p.Header.Width > 0 && p.Header.Height > 0 {
		wh := &memory.sizes[0]
		memory.sizes = memory.sizes[1:]
		wh[0], wh[1] = int32(p.Header.Width), int32(p.Header.Height)
		r.Width, r.Height = &wh[0], &wh[1]
	}
	if f := p.Failure; f != nil {
		r.Status, r.ErrorCode, r.ErrorMessage, r.Retryable = table.StatusFailed, f.Code, f.Message, &f.Retryable
		return r
	}
	k := len(p.Top)
	r.TopK, memory.labels = memory.labels[:k:k], memory.labels[k:]
	for i, s := range p.Top {
		r.TopK[i] = table.Label{LabelID: s.LabelID, Label: b.Labels[s.LabelID], Confidence: s.Confidence}
	}
	r.Embedding = p.Embedding
	best := &r.TopK[0]
	r.Label, r.LabelID, r.Confidence = best.Label, &best.LabelID, &best.Confidence
	r.Status = table.StatusOK
	if best.Confidence < float32(o.MinConfidence) {
		r.Status = table.StatusAbstained
	}
	return r
}
