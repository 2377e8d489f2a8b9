package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// A ledger file, OUTPUT/_ledger/<first>-<last>-<digest>.parquet, has the ledger columns of all parts of consecutive closed runs, merged: of each
// image and model the newest row. It is a copy: its name holds a digest of the parts it was made of, so that one that is not of the parts that the
// manifests name now is not used, and two commands that write it write the same. All of _ledger/ may be deleted at any time.
type ledgerFile struct {
	path        string
	bytes       int64
	first, last int64
	digest      string
}

const ledgerFolder = "_ledger/"

// defaultLedgerRuns is the number of published runs behind the last ledger file at which they are merged into one. (Tests have fewer.)
var defaultLedgerRuns = 8

var ledgerName = regexp.MustCompile(`^(\d{6,})-(\d{6,})-([0-9a-f]{32})\.parquet$`)

// errLedgerFile says that a ledger file is of no use, and planning goes on without any.
var errLedgerFile = errors.New("ledger file not usable")

// ledgerFiles lists the ledger files.
func (o *Output) ledgerFiles(ctx context.Context) ([]ledgerFile, error) {
	var files []ledgerFile
	folder := o.key(ledgerFolder)
	err := o.store.List(ctx, object.ListOptions{Prefix: folder}, func(i object.Info) error {
		m := ledgerName.FindStringSubmatch(i.Key[len(folder):])
		if m == nil {
			return nil
		}
		first, err1 := strconv.ParseInt(m[1], 10, 64)
		last, err2 := strconv.ParseInt(m[2], 10, 64)
		if err1 == nil && err2 == nil && first >= 1 && last >= first {
			files = append(files, ledgerFile{path: ledgerFolder + m[0], bytes: i.Size, first: first, last: last, digest: m[3]})
		}
		return nil
	})
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		return nil, fmt.Errorf("list %s: %w", o.name(ledgerFolder), err)
	}
	return files, nil
}

// ledgerItem is one sorted stream of the ledger: a ledger file, or the parts of a run.
type ledgerItem struct {
	first, last int64
	file        *ledgerFile
	parts       []PublishedPart
	rows        int64 // of the parts it stands for: a ledger file has at most as many
}

// ledgerItems covers the runs 1 to len(parts) with as few streams as there are: from each run on, with the file that goes furthest.
func ledgerItems(parts [][]PublishedPart, files []ledgerFile) []ledgerItem {
	var items []ledgerItem
	for id := int64(1); id <= int64(len(parts)); {
		item := ledgerItem{first: id, last: id, parts: parts[id-1]}
		for i, f := range files {
			if f.first == id && f.last <= int64(len(parts)) && f.last >= item.last && f.digest == ledgerDigest(id, parts[id-1:f.last]) {
				item.file, item.last, item.parts = &files[i], f.last, nil
			}
		}
		for _, run := range parts[item.first-1 : item.last] {
			for _, p := range run {
				item.rows += p.Rows
			}
		}
		if item.rows > 0 || item.file != nil {
			items = append(items, item)
		}
		id = item.last + 1
	}
	return items
}

// ledgerDigest names the parts of consecutive runs.
func ledgerDigest(first int64, parts [][]PublishedPart) string {
	h := sha256.New()
	fmt.Fprintf(h, "ledger 1 %d\n", first)
	for _, run := range parts {
		for _, p := range run {
			fmt.Fprintf(h, "%s %d %d\n", p.Path, p.Rows, p.Bytes)
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// CompactLedger merges what the runs 1 to last have published into ledger files when enough of it lies about in many, so that planning reads few
// files. All of these runs must be closed. It may be called at any time, by any number of commands, and killed: what it writes is a copy. A file
// is merged with those behind it when they have become at least half as large, so a row is copied a logarithmic number of times.
func (o *Output) CompactLedger(ctx context.Context, last int64) error {
	if last < 1 {
		return nil
	}
	parts, err := o.partsThere(ctx, last)
	if err != nil {
		return err
	}
	files, err := o.ledgerFiles(ctx)
	if err != nil {
		return err
	}
	items := ledgerItems(parts, files)
	if from := mergeFrom(items, o.ledgerRuns); from < len(items) {
		if err := o.writeLedgerFile(ctx, parts, items[from:]); err != nil {
			return err
		}
	}
	return o.deleteSuperseded(ctx, files, items)
}

// mergeFrom returns the first of the items that are to be merged, up to the last; or their number.
func mergeFrom(items []ledgerItem, runs int) int {
	loose := 0
	for loose < len(items) && items[len(items)-1-loose].file == nil {
		loose++
	}
	if loose < runs {
		return len(items)
	}
	from, rows := len(items)-1, items[len(items)-1].rows
	for from > 0 && (len(items)-from < runs || items[from-1].rows <= 2*rows) {
		from--
		rows += items[from].rows
	}
	return from
}

func (o *Output) writeLedgerFile(ctx context.Context, parts [][]PublishedPart, items []ledgerItem) error {
	first, last := items[0].first, items[len(items)-1].last
	digest := ledgerDigest(first, parts[first-1:last])
	path := fmt.Sprintf("%s%06d-%06d-%s.parquet", ledgerFolder, first, last, digest)
	err := o.store.PutIfAbsent(ctx, o.key(path), func(w io.Writer) error {
		l, err := o.mergeLedger(ctx, items)
		if err != nil {
			return err
		}
		defer l.close()
		lw := table.NewLedgerWriter(w, digest)
		var keys []table.LedgerKey
		for {
			keys, err = l.nextImage(keys[:0])
			if err == io.EOF {
				return lw.Close()
			}
			if err != nil {
				return err
			}
			for _, k := range newestOfEachModel(keys) {
				if err := lw.Write(ctx, k); err != nil {
					return err
				}
			}
		}
	})
	if err != nil && !errors.Is(err, object.ErrExists) {
		return o.dropUnusable(ctx, fmt.Errorf("write %s: %w", o.name(path), err))
	}
	return nil
}

// newestOfEachModel reduces the rows of one image to what decides whether it is tagged again, in the order of the models' digests.
func newestOfEachModel(keys []table.LedgerKey) []table.LedgerKey {
	slices.SortFunc(keys, func(a, b table.LedgerKey) int {
		if a.ModelDigest != b.ModelDigest {
			if a.ModelDigest < b.ModelDigest {
				return -1
			}
			return 1
		}
		return int(b.RunID - a.RunID)
	})
	return slices.CompactFunc(keys, func(a, b table.LedgerKey) bool { return a.ModelDigest == b.ModelDigest })
}

// deleteSuperseded deletes the files that are not among the items, which were in use before this call: whoever plans from one of them has begun
// more than a run ago, and goes on without it.
func (o *Output) deleteSuperseded(ctx context.Context, files []ledgerFile, items []ledgerItem) error {
	for i := range files {
		used := slices.ContainsFunc(items, func(item ledgerItem) bool { return item.file == &files[i] })
		// A file of runs that we do not know of is that of a later command.
		if used || len(items) == 0 || files[i].last > items[len(items)-1].last {
			continue
		}
		if err := o.store.Delete(ctx, o.key(files[i].path)); err != nil {
			return fmt.Errorf("delete %s: %w", o.name(files[i].path), err)
		}
	}
	return nil
}

// unusableLedger is the error of a ledger file that is gone or damaged.
type unusableLedger struct {
	path string
	err  error
}

func (u *unusableLedger) Error() string   { return u.err.Error() }
func (u *unusableLedger) Unwrap() []error { return []error{errLedgerFile, u.err} }

// dropUnusable deletes the ledger file that an error is about, so that it is made anew.
func (o *Output) dropUnusable(ctx context.Context, err error) error {
	var u *unusableLedger
	if errors.As(err, &u) {
		_ = o.store.Delete(ctx, o.key(u.path))
	}
	return err
}
