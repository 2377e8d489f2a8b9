// Package extsort sorts more byte strings than fit in memory: what exceeds a limit is written to one temporary file as sorted
// runs, which are merged as they are read back. The file is unlinked as soon as it is open, so that nothing stays behind
// whatever becomes of the process.
package extsort

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	// maxRuns is how many runs are merged at once; more are merged into longer ones first.
	maxRuns = 128
	// runBuffer is read of a run at a time.
	runBuffer = 32 << 10
	// recordOverhead is what a record in memory costs beside its bytes, a string header in a slice that may have just grown.
	recordOverhead = 32
)

// Sorter collects records with Add and gives them back in bytewise order with Each, duplicates included. It is not for
// concurrent use. Close releases its disk space.
type Sorter struct {
	dir    string
	memory int

	records []string
	held    int // bytes of records

	file *os.File
	end  int64
	runs []run
}

// run is a sorted run within the file.
type run struct{ offset, length int64 }

// New returns a sorter that holds about memory bytes of records; the rest goes to a file in dir, or in os.TempDir when dir is empty.
func New(dir string, memory int) *Sorter {
	if dir == "" {
		dir = os.TempDir()
	}
	return &Sorter{dir: dir, memory: memory}
}

// Add takes a record. Its error is the disk's.
func (s *Sorter) Add(record string) error {
	if s.held > 0 && s.held+len(record)+recordOverhead > s.memory {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.records = append(s.records, record)
	s.held += len(record) + recordOverhead
	return nil
}

// Each calls fn for all records, sorted. It may be called again, and records may be added in between. An error from fn ends it
// and is returned as it is.
func (s *Sorter) Each(fn func(record string) error) error {
	slices.Sort(s.records)
	if len(s.runs) > maxRuns {
		if err := s.consolidate(); err != nil {
			return err
		}
	}
	m := &merge{}
	for _, r := range s.runs {
		m.inputs = append(m.inputs, &input{r: s.open(r)})
	}
	m.inputs = append(m.inputs, &input{memory: s.records})
	err := m.each(fn)
	if failure := (*diskError)(nil); errors.As(err, &failure) {
		return s.failed("read", failure.err)
	}
	return err
}

// Close forgets the records and releases the file.
func (s *Sorter) Close() error {
	s.records, s.held, s.runs = nil, 0, nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// spill writes the records in memory as a run.
func (s *Sorter) spill() error {
	slices.Sort(s.records)
	err := s.write(func(add func(string) error) error {
		for _, r := range s.records {
			if err := add(r); err != nil {
				return err
			}
		}
		return nil
	})
	clear(s.records)
	s.records, s.held = s.records[:0], 0
	return err
}

// consolidate merges runs until few enough are left to be merged at once. Each goes through the file once per level.
func (s *Sorter) consolidate() error {
	for len(s.runs) > maxRuns {
		level := s.runs
		s.runs = nil
		for len(level) > 0 {
			n := min(maxRuns, len(level))
			m := &merge{}
			for _, r := range level[:n] {
				m.inputs = append(m.inputs, &input{r: s.open(r)})
			}
			level = level[n:]
			if err := s.write(m.each); err != nil {
				return err
			}
		}
	}
	return nil
}

// write appends a run to the file: each record after its length.
func (s *Sorter) write(each func(add func(string) error) error) error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "tagbeam-sort-")
		if err != nil {
			return fmt.Errorf("sort: %w (TMPDIR names another place)", err)
		}
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return fmt.Errorf("sort: %w", err)
		}
		s.file = f
	}
	r := run{offset: s.end}
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.end), runBuffer)
	var length [binary.MaxVarintLen64]byte
	err := each(func(record string) error {
		n := binary.PutUvarint(length[:], uint64(len(record)))
		r.length += int64(n + len(record))
		if _, err := w.Write(length[:n]); err != nil {
			return err
		}
		_, err := w.WriteString(record)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return s.failed("write", err)
	}
	s.end += r.length
	s.runs = append(s.runs, r)
	return nil
}

func (s *Sorter) open(r run) *bufio.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(s.file, r.offset, r.length), runBuffer)
}

func (s *Sorter) failed(what string, err error) error {
	return fmt.Errorf("sort: %s a temporary file in %s (TMPDIR names another place): %w", what, s.dir, err)
}

// diskError is what reading a run failed with, as opposed to what a caller's function returned.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }

// input is one sorted sequence of a merge: a run, or what is in memory.
type input struct {
	r      *bufio.Reader
	memory []string
	head   string
}

// next moves head on and says whether there is one.
func (in *input) next() (bool, error) {
	if in.r == nil {
		if len(in.memory) == 0 {
			return false, nil
		}
		in.head, in.memory = in.memory[0], in.memory[1:]
		return true, nil
	}
	n, err := binary.ReadUvarint(in.r)
	if err == io.EOF {
		return false, nil
	}
	record := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(in.r, record)
	}
	if err != nil {
		return false, &diskError{err}
	}
	in.head = string(record)
	return true, nil
}

// merge is a heap of inputs by their heads.
type merge struct{ inputs []*input }

func (m *merge) each(fn func(string) error) error {
	started := m.inputs[:0]
	for _, in := range m.inputs {
		ok, err := in.next()
		if err != nil {
			return err
		}
		if ok {
			started = append(started, in)
		}
	}
	m.inputs = started
	heap.Init(m)
	for len(m.inputs) > 0 {
		in := m.inputs[0]
		if err := fn(in.head); err != nil {
			return err
		}
		ok, err := in.next()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(m, 0)
		} else {
			heap.Pop(m)
		}
	}
	return nil
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (m *merge) Len() int           { return len(m.inputs) }
func (m *merge) Less(i, j int) bool { return m.inputs[i].head < m.inputs[j].head }
func (m *merge) Swap(i, j int)      { m.inputs[i], m.inputs[j] = m.inputs[j], m.inputs[i] }
func (m *merge) Push(x any)         { m.inputs = append(m.inputs, x.(*input)) }
func (m *merge) Pop() any {
	last := m.inputs[len(m.inputs)-1]
	m.inputs = m.inputs[:len(m.inputs)-1]
	return last
}
