package object

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"hash"
	"io"
	"os"
)

// spoolMemory is how many bytes a spool keeps in memory.
const spoolMemory = 8 << 20

// spool gathers what is to be sent in one request, perhaps several times: a little in memory, more in a temporary file without a
// name, which is gone when the process is killed.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	size   int64
	md5    hash.Hash
}

func newSpool() *spool { return &spool{md5: md5.New()} }

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(p) > spoolMemory {
		if err := s.toFile(); err != nil {
			return 0, fmt.Errorf("temporary file: %w", err)
		}
	}
	s.md5.Write(p)
	s.size += int64(len(p))
	if s.file == nil {
		return s.memory.Write(p)
	}
	return s.file.Write(p)
}

func (s *spool) toFile() error {
	f, err := os.CreateTemp("", "tagbeam-upload-*")
	if err != nil {
		return err
	}
	os.Remove(f.Name())
	s.file = f
	_, err = f.Write(s.memory.Bytes())
	s.memory = bytes.Buffer{}
	return err
}

// reader reads all of it from the start.
func (s *spool) reader() io.ReadSeekCloser {
	if s.file == nil {
		return spoolReader{bytes.NewReader(s.memory.Bytes())}
	}
	return spoolReader{io.NewSectionReader(s.file, 0, s.size)}
}

type spoolReader struct{ io.ReadSeeker }

func (spoolReader) Close() error { return nil }

// sum is the MD5 of all of it.
func (s *spool) sum() []byte { return s.md5.Sum(nil) }

// Close frees the file.
func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
