package source

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/tagbeam/tagbeam/io/source/extsort"
)

// sortMemory is what the names of one archive take before they are sorted on disk.
const sortMemory = 1 << 20

// tarListing is the members of one tar, sorted by name. A name that repeats, as in a tar that was appended to, is told apart by its
// ordinal: a.jpg, a.jpg#2, a.jpg#3. No other member can have such a name, because it would not be that of an image.
type tarListing struct {
	item     Item // of the archive
	problem  *Problem
	members  *extsort.Sorter // records, by name and offset
	repeated *extsort.Sorter // those of them that are not the first of their name, with their ordinals
	repeats  bool
}

func newTarListing(e entry) *tarListing {
	return &tarListing{item: e.item(), members: extsort.New("", sortMemory), repeated: extsort.New("", sortMemory)}
}

func (l *tarListing) add(m member) error { return l.members.Add(record(m)) }

// finish is called after the last add. problem is the archive's own.
func (l *tarListing) finish(problem *Problem) error {
	l.problem = problem
	return l.eachOccurrence(func(m member, ordinal int) error {
		if ordinal == 1 {
			return nil
		}
		l.repeats = true
		m.name = fmt.Sprintf("%s#%d", m.name, ordinal)
		return l.repeated.Add(record(m))
	})
}

// eachOccurrence calls fn for all members by name; those of one name in the order of the archive, counted from 1.
func (l *tarListing) eachOccurrence(fn func(m member, ordinal int) error) error {
	last, ordinal := "", 0
	return l.members.Each(func(r string) error {
		m, err := parseRecord(r)
		if err != nil {
			return err
		}
		if ordinal == 0 || m.name != last {
			last, ordinal = m.name, 0
		}
		ordinal++
		return fn(m, ordinal)
	})
}

// each implements expansion: the archive's own problem first, then the members, merged with those that have an ordinal.
func (l *tarListing) each(fn func(Item) error) error {
	if l.problem != nil {
		if err := fn(l.item.with(l.problem)); err != nil {
			return err
		}
	}
	if !l.repeats {
		return l.eachOccurrence(func(m member, _ int) error { return fn(l.member(m)) })
	}
	var failed error
	next, stop := iter.Pull(func(yield func(member) bool) {
		failed = l.repeated.Each(func(r string) error {
			m, err := parseRecord(r)
			if err == nil && !yield(m) {
				err = errStopped
			}
			return err
		})
	})
	defer stop()
	other, more := next()
	err := l.eachOccurrence(func(m member, ordinal int) error {
		for ; more && other.name < m.name; other, more = next() {
			if err := fn(l.member(other)); err != nil {
				return err
			}
		}
		if ordinal > 1 {
			return nil
		}
		return fn(l.member(m))
	})
	for ; err == nil && more; other, more = next() {
		err = fn(l.member(other))
	}
	if err == nil {
		err = failed
	}
	return err
}

var errStopped = fmt.Errorf("stopped")

func (l *tarListing) member(m member) Item {
	item := l.item
	item.Member, item.Offset, item.Size, item.MD5 = m.name, m.offset, m.size, ""
	return item.with(m.problem)
}

func (l *tarListing) close() {
	l.members.Close() // nothing to be done about an error: the file is gone either way
	l.repeated.Close()
}

// record is a member as a string that sorts by name, then offset: names hold no NUL byte.
func record(m member) string {
	b := make([]byte, 0, len(m.name)+17)
	b = append(b, m.name...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(m.offset))
	b = binary.BigEndian.AppendUint64(b, uint64(m.size))
	if m.problem != nil {
		text, err := json.Marshal(m.problem)
		if err != nil {
			panic(err) // three plain fields
		}
		b = append(b, text...)
	}
	return string(b)
}

func parseRecord(r string) (member, error) {
	name, rest, ok := strings.Cut(r, "\x00")
	if !ok || len(rest) < 16 {
		return member{}, fmt.Errorf("sort: a damaged record of %d bytes", len(r))
	}
	m := member{
		name:   name,
		offset: int64(binary.BigEndian.Uint64([]byte(rest[:8]))),
		size:   int64(binary.BigEndian.Uint64([]byte(rest[8:16]))),
	}
	if text := rest[16:]; text != "" {
		m.problem = &Problem{}
		if err := json.Unmarshal([]byte(text), m.problem); err != nil {
			return member{}, fmt.Errorf("sort: a damaged record: %w", err)
		}
	}
	return m, nil
}
