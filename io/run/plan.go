package run

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// PlanRequest says what a run shall do. Source and ModelDigest are needed; a zero value of the rest is its default.
type PlanRequest struct {
	// Source calls fn for each image, in ascending bytewise order of (uri, member), each once. It returns an error of fn as it is.
	Source func(ctx context.Context, fn func(source.Item) error) error

	// Inputs, Model, ModelDigest, Fingerprint, Options and Command are what the plan says of itself (Plan). Images are looked up in the
	// ledger under ModelDigest.
	Inputs      []string
	Model       string
	ModelDigest string
	Fingerprint string
	Options     map[string]string
	Command     []string

	// Retag plans images although they are tagged, without looking them up.
	Retag bool
	// RetryErrors plans images that failed for good, too.
	RetryErrors bool
	// Limit, when not 0, is the largest number of images to plan: the listing ends there.
	Limit int64
	// Sample, when not 0, is the fraction of images to look at, in (0, 1]: the same ones every time.
	Sample float64

	// UnitImages is the number of images of a unit, 1024 by default; more when there would be more than MaxUnits units.
	UnitImages int
	// UnitBytes is the size of the images of a unit, as listed, 256 MiB by default; more when there would be more than MaxUnits units.
	UnitBytes int64
	// MaxUnits is about the number of units of a run, 20,000 by default.
	MaxUnits int
	// PartRows is about the number of rows of a part file, 1,000,000 by default. Parts are whole units.
	PartRows int64

	// Found, when not nil, is called once, when the first image is planned: what is needed for it can be prepared while the rest is listed.
	Found func()
	// Ready, when not nil, is called once there is something to do and before the plan is elected. Its error ends planning, so that nothing
	// is planned that cannot be done.
	Ready func(ctx context.Context) error
	// CountOnly counts, and writes nothing. The run before may be open; its images then count as not tagged.
	CountOnly bool
	// Now is the time of the plan, whose UTC day is that of the partition; the present by default.
	Now time.Time
}

// PlanStats says what planning found.
type PlanStats struct {
	// Won says that the plan is ours. When it is false, and there is a plan, another command was first and this is its plan; the rest is
	// zero, or what we had found until then.
	Won bool
	// Listed is the number of images the inputs had, as far as they were listed; Unsampled of them are not in the sample.
	Listed, Unsampled int64
	// Skipped are those left out because they are tagged.
	Skipped int64
	// Images is the number planned, Bytes the sum of their sizes as listed.
	Images, Bytes int64
	// New, Changed, OtherModel, Retried and Forced say why they are planned: no row at all; a row of another version; rows of other models
	// only; a row with an error that is worth another try; Retag. They add up to Images.
	New, Changed, OtherModel, Retried, Forced int64
	// Limited says that Limit ended the listing.
	Limited bool
}

// errLimit ends a listing.
var errLimit = errors.New("limit reached")

// PlanNext plans run id, the one after the newest, which must be closed. It lists the images, leaves out those that the table has, writes the
// rest as chunks and elects the plan by writing plan.json. When there is nothing to do, or with CountOnly, the plan is nil and nothing
// is written. When another command was first, its plan is returned and PlanStats.Won is false.
//
// Why the plan cannot rest on a ledger that is out of date: it is made from the runs 1 to id-1, all found closed before the ledger is opened, and
// a closed run never changes. A row that is missing in it could only come from a run >= id, which needs plan id first; but then ours is not
// elected, because there is only one plan.json for id and it is written if absent. So a plan that wins was computed from all that is
// published, however long it took.
func (o *Output) PlanNext(ctx context.Context, id int64, req PlanRequest) (*Plan, PlanStats, error) {
	req = req.withDefaults()
	if err := req.validate(id); err != nil {
		return nil, PlanStats{}, err
	}
	rival, last, err := o.readyFor(ctx, id, req.CountOnly)
	if err != nil || rival != nil {
		return rival, PlanStats{}, err
	}
	if last > 0 && !req.CountOnly {
		if err := o.finishSuccess(ctx, last); err != nil {
			return nil, PlanStats{}, fmt.Errorf("plan run %d: %w", id, err)
		}
	}
	plan, stats, err := o.planOnce(ctx, id, last, req, true)
	if errors.Is(err, errLedgerFile) {
		// It is a copy: planning goes on without, and it will be made again.
		_ = o.dropUnusable(ctx, err)
		plan, stats, err = o.planOnce(ctx, id, last, req, false)
	}
	return plan, stats, err
}

func (o *Output) planOnce(ctx context.Context, id, last int64, req PlanRequest, withFiles bool) (_ *Plan, _ PlanStats, err error) {
	p := &planner{o: o, id: id, req: req, ledger: &ledger{}}
	if !req.Retag {
		if p.ledger, err = o.openLedger(ctx, last, withFiles); err != nil {
			return nil, PlanStats{}, fmt.Errorf("plan run %d: %w", id, err)
		}
		defer p.ledger.close()
	}
	plan, err := p.run(ctx)
	if plan == nil || !p.stats.Won {
		p.discard(ctx)
	}
	return plan, p.stats, err
}

// readyFor makes sure that run id can be planned: the runs before it are closed. It returns the plan of run id when there is one, otherwise the
// last run whose rows count.
func (o *Output) readyFor(ctx context.Context, id int64, countOnly bool) (rival *Plan, last int64, err error) {
	latest, err := o.latestID(ctx)
	if err != nil {
		return nil, 0, err
	}
	if latest < id-1 {
		return nil, 0, fmt.Errorf("plan run %d: the newest run is %d", id, latest)
	}
	if latest >= id {
		rival, err = o.Plan(ctx, id)
		return rival, 0, err
	}
	if latest == 0 {
		return nil, 0, nil
	}
	state, err := o.Closed(ctx, latest)
	if err != nil {
		return nil, 0, err
	}
	if !state.Closed() {
		if countOnly {
			return nil, latest - 1, nil
		}
		return nil, 0, fmt.Errorf("plan run %d: run %d is not closed, it is %s: finish or abandon it first", id, latest, state)
	}
	return nil, latest, nil
}

// planner makes one plan.
type planner struct {
	o      *Output
	id     int64
	req    PlanRequest
	ledger *ledger
	chunks *chunkWriter
	stats  PlanStats
	last   source.Item
}

func (p *planner) run(ctx context.Context) (*Plan, error) {
	p.chunks = &chunkWriter{
		attempt: p.o.newAttempt(), unitImages: p.req.UnitImages, unitBytes: p.req.UnitBytes, chunkImages: p.o.chunkImages,
		put: func(name string, data []byte) error { return p.o.putBytes(ctx, runFolder(p.id)+name, data) },
	}
	err := p.req.Source(ctx, p.add)
	if err != nil && !(p.stats.Limited && errors.Is(err, errLimit)) {
		return nil, fmt.Errorf("plan run %d: %w", p.id, err)
	}
	if p.req.CountOnly || p.stats.Images == 0 {
		return nil, nil
	}
	chunks, err := p.chunks.close(p.req.MaxUnits)
	if err != nil {
		return nil, err
	}
	if p.req.Ready != nil {
		if err := p.req.Ready(ctx); err != nil {
			return nil, err
		}
	}
	return p.elect(ctx, p.plan(chunks))
}

// add takes one listed image.
func (p *planner) add(item source.Item) error {
	if p.stats.Listed > 0 && compareKeys(p.last.URI, p.last.Member, item.URI, item.Member) >= 0 {
		return fmt.Errorf("the listing is not in ascending order: %q %q comes after %q %q", item.URI, item.Member, p.last.URI, p.last.Member)
	}
	p.last = item
	p.stats.Listed++
	if !sampled(item, p.req.Sample) {
		p.stats.Unsampled++
		return nil
	}
	reason, err := p.reason(item)
	if err != nil {
		return err
	}
	if reason == nil {
		p.stats.Skipped++
		return nil
	}
	*reason++
	p.stats.Images++
	p.stats.Bytes += item.Size
	if p.stats.Images == 1 && p.req.Found != nil {
		p.req.Found()
	}
	if !p.req.CountOnly {
		if err := p.chunks.add(item); err != nil {
			return err
		}
	}
	if p.stats.Images == p.req.Limit {
		p.stats.Limited = true
		return errLimit
	}
	return nil
}

// reason returns the counter of why an image is to be tagged, or nil when it is tagged already.
func (p *planner) reason(item source.Item) (*int64, error) {
	if p.req.Retag {
		return &p.stats.Forced, nil
	}
	v, err := p.ledger.find(item, p.req.ModelDigest)
	switch {
	case err != nil:
		return nil, err
	case !v.seen:
		return &p.stats.New, nil
	case !v.tagged:
		return &p.stats.OtherModel, nil
	// The newest row alone counts: content that goes from A to B and back to A must be tagged again, or B's labels would stay current.
	case v.latest.Version != item.Version:
		return &p.stats.Changed, nil
	case v.latest.Retryable, p.req.RetryErrors && v.latest.Failed:
		return &p.stats.Retried, nil
	default:
		return nil, nil
	}
}

func (p *planner) plan(chunks []Chunk) *Plan {
	created := p.req.Now.UTC().Truncate(time.Microsecond)
	plan := &Plan{
		Format: layoutFormat, RunID: p.id, Date: created.Format(time.DateOnly), Attempt: p.chunks.attempt,
		Fingerprint: p.req.Fingerprint, Options: p.req.Options, Command: p.req.Command, Inputs: p.req.Inputs,
		Model: p.req.Model, ModelDigest: p.req.ModelDigest,
		Images: p.stats.Images, Bytes: p.stats.Bytes, Listed: p.stats.Listed, Skipped: p.stats.Skipped,
		Chunks: chunks, CreatedAt: created,
	}
	part, rows := Part{}, int64(0)
	for _, u := range plan.Units() {
		if rows > 0 && rows+int64(u.Images) > p.req.PartRows {
			plan.Parts = append(plan.Parts, part)
			part, rows = Part{Index: part.Index + 1, FirstUnit: u.Index}, 0
		}
		part.Units++
		rows += int64(u.Images)
	}
	plan.Parts = append(plan.Parts, part)
	return plan
}

// elect writes plan.json, or returns the plan that is there.
func (p *planner) elect(ctx context.Context, plan *Plan) (*Plan, error) {
	// The put below decides alone; looking again finds out that somebody else was faster, or has meddled with the runs, before it.
	rival, _, err := p.o.readyFor(ctx, p.id, false)
	if err != nil || rival != nil {
		return rival, err
	}
	err = p.o.putRecord(ctx, runFolder(p.id)+planName, plan)
	if err != nil && !errors.Is(err, object.ErrExists) {
		// It may be written all the same. Then its chunks must stay: the run is found open and finished, by us or another.
		p.keep()
		return nil, fmt.Errorf("plan run %d: %w", p.id, err)
	}
	if err != nil {
		if plan, err = p.o.Plan(ctx, p.id); err != nil {
			p.keep()
			return nil, err
		}
	}
	p.stats.Won = plan.Attempt == p.chunks.attempt
	return plan, nil
}

// keep leaves the chunks where they are.
func (p *planner) keep() { p.chunks.chunks = nil }

// discardTimeout bounds cleaning up after a plan that came to nothing, also when that was because the context ended.
const discardTimeout = 30 * time.Second

// discard removes the chunks of a plan that is not elected. What stays when that fails is of no effect, and removed by a later Clean.
func (p *planner) discard(ctx context.Context) {
	if len(p.chunks.chunks) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	for _, c := range p.chunks.chunks {
		_ = p.o.store.Delete(ctx, p.o.key(runFolder(p.id)+c.Name))
	}
}

// sampled says whether an image is in the sample: a matter of its name alone, so that every run has the same ones.
func sampled(item source.Item, fraction float64) bool {
	if fraction >= 1 {
		return true
	}
	sum := sha256.Sum256([]byte(item.URI + "\x00" + item.Member))
	// 53 bits make a fraction in [0, 1) exactly.
	return float64(binary.BigEndian.Uint64(sum[:])>>11)/(1<<53) < fraction
}

func (r PlanRequest) withDefaults() PlanRequest {
	if r.Sample == 0 {
		r.Sample = 1
	}
	if r.UnitImages == 0 {
		r.UnitImages = 1024
	}
	if r.UnitBytes == 0 {
		r.UnitBytes = 256 << 20
	}
	if r.MaxUnits == 0 {
		r.MaxUnits = 20_000
	}
	if r.PartRows == 0 {
		r.PartRows = 1_000_000
	}
	if r.Now.IsZero() {
		r.Now = time.Now()
	}
	return r
}

func (r PlanRequest) validate(id int64) error {
	switch {
	case id < 1:
		return fmt.Errorf("plan run %d: runs are numbered from 1", id)
	case r.Source == nil:
		return errors.New("plan: no source of images")
	case r.ModelDigest == "":
		return errors.New("plan: no model digest")
	case !(r.Sample > 0 && r.Sample <= 1):
		return fmt.Errorf("plan: a sample of %v: it must be above 0 and at most 1", r.Sample)
	case r.Limit < 0, r.UnitImages < 0, r.UnitBytes < 0, r.MaxUnits < 0, r.PartRows < 0:
		return errors.New("plan: a limit or size is negative")
	}
	return nil
}
