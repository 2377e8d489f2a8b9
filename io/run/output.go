package run

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// ErrClosed says that the run is published or aborted, so that what was asked for is no longer wanted, or no longer there: a straggler
// that gets it has nothing left to do.
var ErrClosed = errors.New("the run is closed")

// Output is an OUTPUT: a label table and the runs that made it. It is safe for concurrent use.
type Output struct {
	store object.Store
	at    object.Location
	// parallel is the number of requests for small objects at once.
	parallel int
	// chunkImages is the number of images at which a plan chunk is closed.
	chunkImages int
	// ledgerRuns is the number of loose runs at which CompactLedger merges them.
	ledgerRuns int
	// newAttempt names an attempt at a step: what tells our own write, whose reply was lost, from a rival's.
	newAttempt func() string

	mu sync.Mutex
	// known is the highest run that is known to exist: runs are never taken back.
	known int64
	// closed keeps what closed runs have published (nothing, when aborted). It never changes again.
	closed map[int64][]PublishedPart
}

// Open opens an output: a local folder, gs://bucket/folder or mem://name/folder. It makes no request, and the output need not exist.
func Open(ctx context.Context, uri string) (*Output, error) {
	at, err := object.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	store, err := object.Open(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	return New(store, at), nil
}

// New returns the output at a folder of a store.
func New(store object.Store, at object.Location) *Output {
	return &Output{store: store, at: at, parallel: 32, chunkImages: 500_000, ledgerRuns: defaultLedgerRuns, newAttempt: randomAttempt, closed: make(map[int64][]PublishedPart)}
}

// URI returns the output as a path or URI, without knowing whether it exists.
func (o *Output) URI() string { return o.at.String() }

// Names of the objects of a run, within its folder.
const (
	planName     = "plan.json"
	decisionName = "decision.json"
	manifestName = "manifest.json"
	chunkPrefix  = "plan-"
	unitPrefix   = "unit-"
	successName  = "_SUCCESS"
)

// layoutFormat is the revision of plan.json and manifest.json that this package writes and reads.
const layoutFormat = 1

// maxRecordBytes bounds the JSON objects of a run; a plan of 20,000 units has about 1 MiB.
const maxRecordBytes = 256 << 20

func runFolder(id int64) string { return fmt.Sprintf("_runs/%06d/", id) }

func chunkName(attempt string, index int) string {
	return fmt.Sprintf("%s%s-%05d.jsonl.zst", chunkPrefix, attempt, index)
}

func unitName(index int) string { return fmt.Sprintf("%s%06d.parquet", unitPrefix, index) }

func partFolder(date string) string { return "labels/dt=" + date + "/" }

func partPath(plan *Plan, index int) string {
	return fmt.Sprintf("%srun-%06d-part-%05d.parquet", partFolder(plan.Date), plan.RunID, index)
}

// key returns the store's key of a path below OUTPUT.
func (o *Output) key(path string) string { return o.at.Join(path).Key }

// name returns the full name of a path below OUTPUT, for people.
func (o *Output) name(path string) string { return o.at.Join(path).String() }

// exists says whether there is an object at path.
func (o *Output) exists(ctx context.Context, path string) (bool, error) {
	_, err := o.store.Stat(ctx, o.key(path))
	if errors.Is(err, object.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// readRecord reads a JSON object into v.
func (o *Output) readRecord(ctx context.Context, path string, v any) error {
	data, _, err := o.store.Read(ctx, o.key(path), maxRecordBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", o.name(path), err)
	}
	return nil
}

// putRecord writes v as a JSON object, or fails with object.ErrExists.
func (o *Output) putRecord(ctx context.Context, path string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", o.name(path), err)
	}
	return o.putBytes(ctx, path, append(data, '\n'))
}

func (o *Output) putBytes(ctx context.Context, path string, data []byte) error {
	return o.store.PutIfAbsent(ctx, o.key(path), func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	})
}

// readCounts reads the counts out of a table file of a known size.
func (o *Output) readCounts(ctx context.Context, path string, size int64) (table.Counts, error) {
	counts, err := table.ReadCounts(readerAt(ctx, o.store, o.key(path), size), size)
	if err != nil {
		return table.Counts{}, fmt.Errorf("%s: %w", o.name(path), err)
	}
	return counts, nil
}

func randomAttempt() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
