package source

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// eachTarFile calls fn for the regular files of an archive with that extension. Damage is a *Problem, after the files before it.
func eachTarFile(ctx context.Context, store object.Store, scheme string, info object.Info, extension string, fn func(name string, size int64, r io.Reader) error) error {
	f := newForward(ctx, store, scheme, info)
	defer f.Close()
	archive := tar.NewReader(f)
	for n := 0; ; n++ {
		header, err := archive.Next()
		if errors.Is(err, tar.ErrInsecurePath) {
			err = nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damageOfTar(f, info, n, err)
		}
		if header.Typeflag != tar.TypeReg || !strings.EqualFold(path.Ext(header.Name), extension) {
			continue
		}
		if err := fn(escaped(header.Name), header.Size, archive); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return damageOfTar(f, info, n, err)
			}
			return err
		}
	}
}

func damageOfTar(f *forward, info object.Info, n int, err error) error {
	problem, err := damagedTar(f, info, n, err)
	if err != nil {
		return err
	}
	return problem
}
