package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/tagbeam/tagbeam/model/head"
)

// refit trains a head of the settings that were chosen on the validation images once more, on training and validation images together, and keeps the
// temperature: what the validation images said of the settings, and of how sure the head is, holds for a little more data, too.
func refit(ctx context.Context, h *head.Head, d *TrainingData, o head.Options) (*head.Head, error) {
	if h.Interrupted || d.validation.Len() == 0 {
		return h, nil
	}
	if err := fix(&o, h.Setting); err != nil {
		return nil, err
	}
	all := head.Dataset{
		Features: slices.Concat(d.training.Features, d.validation.Features), Dim: d.training.Dim,
		Labels: slices.Concat(d.training.Labels, d.validation.Labels),
	}
	more, err := head.Train(ctx, all, head.Dataset{}, o)
	if err != nil || more.Interrupted {
		if ctx.Err() != nil { // the one before stands
			h.Interrupted = true
			return h, nil
		}
		return nil, fmt.Errorf("training once more on all images: %w", err)
	}
	more.Setting, more.Temperature, more.Before, more.After, more.History = h.Setting+", refit on all images", h.Temperature, h.Before, h.After, h.History
	return more, nil
}

// fix makes options of which only one setting is tried: the one that was chosen.
func fix(o *head.Options, setting string) error {
	var l2 float64
	var k, epoch, epochs int
	if n, _ := fmt.Sscanf(setting, "l2 %g", &l2); n == 1 {
		o.L2 = []float64{l2}
		return nil
	}
	if n, _ := fmt.Sscanf(setting, "k %d", &k); n == 1 {
		o.Neighbours = []int{k}
		return nil
	}
	if n, _ := fmt.Sscanf(setting, "epoch %d of %d", &epoch, &epochs); n == 2 {
		o.Epochs = epoch
		return nil
	}
	return fmt.Errorf("the setting %q of the head is not known", setting)
}
