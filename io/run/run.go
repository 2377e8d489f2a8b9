// Package run is the run protocol: the numbered runs of one OUTPUT, what each has planned, decided and published, and how a
// command that was killed goes on. Every state is an object written put-if-absent, so that any number of commands and
// workers may do the same step at once, in any order, again and again: one of them wins and the others adopt what it wrote.
//
//	OUTPUT/_runs/000017/plan-<attempt>-00000.jsonl.zst   chunks of a plan; only those that plan.json names count
//	OUTPUT/_runs/000017/plan.json                        elects the plan: the run is planned
//	OUTPUT/_runs/000017/unit-000042.parquet              the rows of one unit: tagged when all are there
//	OUTPUT/_runs/000017/given/model/...                  a local model, for workers that cannot read it where it is
//	OUTPUT/_runs/000017/decision.json                    commit or abort: decided
//	OUTPUT/labels/dt=2026-11-23/run-000017-part-00000.parquet
//	OUTPUT/_runs/000017/manifest.json                    names the parts: published
//	OUTPUT/labels/dt=2026-11-23/_SUCCESS
//	OUTPUT/_runs/forgotten/run-000017-part-00000.parquet   a part that was taken out of the table on purpose
//	OUTPUT/_ledger/000001-000016-<digest>.parquet          a copy of what planning needs of many runs
//
// It knows nothing of Beam, models or how a row comes about.
package run

import (
	"time"

	"github.com/tagbeam/tagbeam/io/table"
)

// State is how far a run has come.
type State string

const (
	// StatePlanned: plan.json is there, no decision is.
	StatePlanned State = "planned"
	// StateCommitted: decided to commit, not yet published; all that is left is roll-forward, and needs no model.
	StateCommitted State = "committed"
	// StatePublished: manifest.json is there.
	StatePublished State = "published"
	// StateAborted: decided to abort; nothing of the run is in the table and its images are new to the next run.
	StateAborted State = "aborted"
)

// Unit refers to the images of one unit of work: a slice of a plan chunk.
type Unit struct {
	// Index is the unit's number within the run; its file is unit-<Index>.parquet.
	Index int
	// Chunk is the name of the plan chunk within the run's folder.
	Chunk string
	// Offset and Length are the bytes of the chunk that hold the unit: whole zstd frames of JSON lines.
	Offset, Length int64
	// Images is the number of lines.
	Images int
}

// Part is one part file of the table: the rows of consecutive units.
type Part struct {
	// Index is the part's number within the run.
	Index int `json:"index"`
	// FirstUnit and Units say which units it is made of.
	FirstUnit int `json:"first_unit"`
	Units     int `json:"units"`
}

// PublishedPart is a part that stands in the table.
type PublishedPart struct {
	// Path is relative to OUTPUT: labels/dt=.../run-...-part-....parquet
	Path string `json:"path"`
	Rows int64  `json:"rows"`
	// Bytes is the size of the file.
	Bytes int64 `json:"bytes"`
}

// Plan is what a run will do, fixed before any of it is done (plan.json).
type Plan struct {
	Format      int               `json:"format"` // revision of this layout
	RunID       int64             `json:"run_id"`
	Date        string            `json:"date"` // of dt=, UTC
	Attempt     string            `json:"attempt"`
	Fingerprint string            `json:"fingerprint"`
	Options     map[string]string `json:"options"` // what the fingerprint was made of, for people
	Command     []string          `json:"command"` // arguments that resume it
	Inputs      []string          `json:"inputs"`
	Model       string            `json:"model"`
	ModelDigest string            `json:"model_digest"`
	Images      int64             `json:"images"`
	Bytes       int64             `json:"bytes"`   // sum of the sizes as listed
	Listed      int64             `json:"listed"`  // images the inputs had, without duplicates
	Skipped     int64             `json:"skipped"` // of those, left out: tagged before
	Chunks      []Chunk           `json:"chunks"`
	Parts       []Part            `json:"parts"`
	CreatedAt   time.Time         `json:"created_at"`
}

// Chunk is one plan chunk and the units in it, in order.
type Chunk struct {
	Name  string      `json:"name"`
	Units []ChunkUnit `json:"units"`
}

// ChunkUnit is the place of one unit within its chunk.
type ChunkUnit struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	Images int   `json:"images"`
}

// Decision is decision.json.
type Decision struct {
	RunID     int64        `json:"run_id"`
	Commit    bool         `json:"commit"`
	Reason    string       `json:"reason,omitempty"` // why not
	Counts    table.Counts `json:"counts"`
	Attempt   string       `json:"attempt"`
	DecidedAt time.Time    `json:"decided_at"`
}

// Manifest is manifest.json: what a published run added to the table.
type Manifest struct {
	Format      int               `json:"format"`
	RunID       int64             `json:"run_id"`
	Date        string            `json:"date"`
	Parts       []PublishedPart   `json:"parts"`
	Counts      table.Counts      `json:"counts"`
	Options     map[string]string `json:"options"`
	Inputs      []string          `json:"inputs"`
	Model       string            `json:"model"`
	ModelDigest string            `json:"model_digest"`
	Fingerprint string            `json:"fingerprint"`
	Attempt     string            `json:"attempt"`
	PlannedAt   time.Time         `json:"planned_at"`
	PublishedAt time.Time         `json:"published_at"`
}
