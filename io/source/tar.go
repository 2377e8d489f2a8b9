package source

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/tagbeam/tagbeam/io/object"
)

// member is one image inside an archive.
type member struct {
	name         string
	offset, size int64
	problem      *Problem
}

// blockSize is that of tar; an archive ends with blocks of zeros.
const blockSize = 512

// listTar calls add for the images of a tar, in the archive's order, reading little more than the headers. Images are regular files,
// by their extension; a link or sparse file of that extension is a member with a problem, because its bytes do not stand in one place
// behind its header. What is wrong with the archive itself comes back as a problem, after the members before it: add has
// had those. An error is the store's, or add's.
func listTar(ctx context.Context, store object.Store, scheme string, info object.Info, add func(member) error) (*Problem, error) {
	if info.Size == 0 {
		return &Problem{Code: CodeEmpty, Message: "the archive is empty: 0 bytes"}, nil
	}
	f := newForward(ctx, store, scheme, info)
	defer f.Close()
	archive := tar.NewReader(f)
	end := int64(0) // of the last member, to the block
	for n := 0; ; n++ {
		header, err := archive.Next()
		if errors.Is(err, tar.ErrInsecurePath) {
			err = nil // names are only names here, nothing is written by them
		}
		if err == io.EOF && f.pos-end < blockSize {
			return &Problem{Code: CodeTruncated, Message: fmt.Sprintf("the archive ends at byte %d, after %d members, without an end mark: it is cut off, or was not finished; those before are tagged", info.Size, n)}, nil
		}
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return damagedTar(f, info, n, err)
		}
		end = f.pos
		if header.Typeflag == tar.TypeReg && !sparse(header) {
			end += (header.Size + blockSize - 1) / blockSize * blockSize
		}
		m, ok := imageMember(header, f.pos)
		if !ok {
			continue
		}
		if m.problem == nil && m.size > info.Size-m.offset {
			m.problem = &Problem{Code: CodeTruncated, Message: fmt.Sprintf("the archive ends at byte %d, within this member, which goes to byte %d", info.Size, m.offset+m.size)}
		}
		if err := add(m); err != nil {
			return nil, err
		}
	}
}

// imageMember says what the header stands for, when that is an image.
func imageMember(h *tar.Header, offset int64) (member, bool) {
	name := escaped(h.Name)
	if !imageExtensions[strings.ToLower(path.Ext(name))] {
		return member{}, false
	}
	m := member{name: name, offset: offset, size: h.Size}
	refuse := func(format string, args ...any) (member, bool) {
		m.size = 0
		m.problem = &Problem{Code: CodeUnsupportedMember, Message: fmt.Sprintf(format, args...)}
		return m, true
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, '\x00':
	case tar.TypeLink:
		return refuse("a hard link to %s; make the archive with tar --hard-dereference", escaped(h.Linkname))
	case tar.TypeSymlink:
		return refuse("a symbolic link to %s; make the archive with tar --dereference", escaped(h.Linkname))
	case tar.TypeGNUSparse:
	default:
		return member{}, false // a folder, a device
	}
	if sparse(h) {
		return refuse("a sparse file; make the archive without --sparse")
	}
	return m, true
}

// sparse says that a file is stored without its holes.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// damagedTar tells a damaged archive from a store that does not answer.
func damagedTar(f *forward, info object.Info, headers int, err error) (*Problem, error) {
	if f.failed != nil {
		return nil, f.failed
	}
	after := fmt.Sprintf("after %d members", headers)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Problem{Code: CodeTruncated, Message: fmt.Sprintf("the archive is cut off at byte %d, %s: those before are tagged", info.Size, after)}, nil
	case headers == 0:
		return &Problem{Code: CodeCorrupt, Message: "not a tar archive (a compressed one has to be decompressed first)"}, nil
	default:
		return &Problem{Code: CodeCorrupt, Message: fmt.Sprintf("the archive is damaged %s, about byte %d: those before are tagged, those behind cannot be found", after, f.pos)}, nil
	}
}

// escaped makes a name valid UTF-8: other bytes become \xNN, as in the names of local files.
func escaped(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}
