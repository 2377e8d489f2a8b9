package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
)

// settingsName is the object of a run that holds its Settings.
const settingsName = "settings.json"

// Settings is what the workers of a run agree on that is found out only while it runs. The first to write them decides for all, also for
// those that go on with the run later: what depends on them is the same in every unit.
type Settings struct {
	// Batch is the number of images inferred at once.
	Batch int `json:"batch"`
	// BatchFrom says how it was chosen, for people.
	BatchFrom string `json:"batch_from"`
}

// Settings returns those of a run, or object.ErrNotFound when nobody has decided yet.
func (o *Output) Settings(ctx context.Context, runID int64) (Settings, error) {
	path := runFolder(runID) + settingsName
	var s Settings
	if err := o.readRecord(ctx, path, &s); err != nil {
		return Settings{}, fmt.Errorf("settings of run %d: %w", runID, err)
	}
	if s.Batch < 1 {
		return Settings{}, fmt.Errorf("settings of run %d: %s has a batch of %d: delete it, and run the command again", runID, o.name(path), s.Batch)
	}
	return s, nil
}

// ElectSettings proposes the settings of a run and returns those that hold: ours, or those of whoever was first.
func (o *Output) ElectSettings(ctx context.Context, runID int64, s Settings) (Settings, error) {
	if s.Batch < 1 {
		return Settings{}, fmt.Errorf("settings of run %d: a batch of %d images", runID, s.Batch)
	}
	err := o.putRecord(ctx, runFolder(runID)+settingsName, s)
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, object.ErrExists):
		return o.Settings(ctx, runID)
	}
	return Settings{}, fmt.Errorf("settings of run %d: %w", runID, err)
}
