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
	}
}

// rows turns the predictions of a unit into its rows, in the same order.
func (o RowOptions) rows(items []source.Item, predictions []engine.Prediction, b *model.Bundle, runID int64) []table.Row {
	now := time.Now().UTC().Truncate(time.Microsecond)
	rows := make([]table.Row, len(items))
	for i := range rows {
		rows[i] = o.row(items[i], &predictions[i], b)
		rows[i].RunID, rows[i].TaggedAt = runID, now
	}
	return rows
}

func (o RowOptions) row(item source.Item, p *engine.Prediction, b *model.Bundle) table.Row {
	r := table.Row{
		URI:         item.URI,
		Member:      item.Member,
		Version:     p.Read.Version,
		MD5:         p.Read.MD5,
		Format:      p.Header.Format,
		Model:       b.Name,
		ModelDigest: b.Digest,
	}
	if p.Read.Size >= 0 {
		r.Size = &p.Read.Size
	}
	if p.Header.Width > 0 && p.Header.Height > 0 {
		w, h := int32(p.Header.Width), int32(p.Header.Height)
		r.Width, r.Height = &w, &h
	}
	if f := p.Failure; f != nil {
		r.Status, r.ErrorCode, r.ErrorMessage, r.Retryable = table.StatusFailed, f.Code, f.Message, &f.Retryable
		return r
	}
	r.TopK = make([]table.Label, len(p.Top))
	for i, s := range p.Top {
		r.TopK[i] = table.Label{LabelID: s.LabelID, Label: b.Labels[s.LabelID], Confidence: s.Confidence}
	}
	best := &r.TopK[0]
	r.Label, r.LabelID, r.Confidence = best.Label, &best.LabelID, &best.Confidence
	r.Status = table.StatusOK
	if best.Confidence < float32(o.MinConfidence) {
		r.Status = table.StatusAbstained
	}
	return r
}
