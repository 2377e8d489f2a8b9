package source_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/source"
)

// TestParquetOfPyarrow reads what pyarrow and pandas write: row groups and pages of all sizes, dictionaries, every compression.
func TestParquetOfPyarrow(t *testing.T) {
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Skip("TAGBEAM_PYTHON names no Python with pyarrow")
	}
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), python, "testdata/pyarrow_images.py", dir)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var name, sum string
		var row int
		if _, err := fmt.Sscan(lines.Text(), &name, &row, &sum); err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprintf("%s %010d", name, row)] = sum
	}
	items := listed(t, source.Options{}, dir+"/*.parquet")
	if len(items) != len(want) || len(items) == 0 {
		t.Fatalf("%d rows, want %d", len(items), len(want))
	}
	// All of them, and every tenth: pages are left out then.
	for _, step := range []int{1, 10, 333} {
		var some []source.Item
		for i := 3; i < len(items); i += step {
			some = append(some, items[i])
		}
		r := source.NewReader(len(some), func(i int) *source.Item { return &some[i] })
		for i, item := range some {
			name := strings.TrimPrefix(item.URI, dir+"/") + " " + item.Member
			_, info, err := r.Read(t.Context(), i, 1<<20)
			var p *source.Problem
			if want[name] == "-" {
				if !errors.As(err, &p) || p.Code != source.CodeEmpty {
					t.Errorf("%s: %v, want a problem", name, err)
				}
			} else if err != nil || info.MD5 != want[name] {
				t.Errorf("%s: MD5 %s, %v", name, info.MD5, err)
			}
		}
		r.Close()
	}
}
