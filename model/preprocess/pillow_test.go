package preprocess

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// python returns the interpreter that has Pillow, or skips the test.
func python(t testing.TB) string {
	t.Helper()
	p := os.Getenv("TAGBEAM_PYTHON")
	if p == "" {
		t.Skip("no Python to compare with (set TAGBEAM_PYTHON to one that has Pillow and numpy)")
	}
	return p
}

// pillowPixels is a line of pixels.py.
type pillowPixels struct {
	Width, Height int
	SHA256        string
	Filter        Filter
	Size          [2]int
	Resized       string
	Error         string
}

func runPillow(t *testing.T, files []string) []pillowPixels {
	t.Helper()
	cmd := exec.Command(python(t), filepath.Join(testdata, "pixels.py"))
	cmd.Stdin = strings.NewReader(strings.Join(files, "\n"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pixels []pillowPixels
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p pillowPixels
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pixels = append(pixels, p)
	}
	if len(pixels) != len(files) {
		t.Fatalf("%d results for %d files", len(pixels), len(files))
	}
	return pixels
}

// Every file of the shared data gives Pillow's pixels, decoded and resized, or an error where Pillow has one.
func TestSharedDataEqualsPillow(t *testing.T) {
	// What we read and Pillow does not, and the reverse. None of it is a photo.
	deliberate := map[string]string{}
	for _, folder := range []string{"photos", "large", "odd", "ants_bees"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			dir := sharedData(t, folder)
			files, decoded := imagesBelow(t, dir), 0
			for i, want := range runPillow(t, files) {
				name := filepath.Base(files[i])
				data, err := os.ReadFile(files[i])
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAndDecode(data)
				if (err != nil) != (want.Error != "") {
					if reason, ok := deliberate[name]; !ok {
						t.Errorf("%s: %v, Pillow: %s", name, err, want.Error)
					} else {
						t.Logf("%s: %v, Pillow: %s: %s", name, err, want.Error, reason)
					}
				}
				if err != nil || want.Error != "" {
					continue
				}
				decoded++
				if diff := cmp.Diff(goldenImage{want.Width, want.Height, want.SHA256}, goldenImage{got.Width, got.Height, digest(got.Pix)}); diff != "" {
					t.Errorf("%s (-Pillow +ours):\n%s", name, diff)
				}
				if d := digest(tensorBytes(t, data, want.Filter, want.Size)); d != want.Resized {
					t.Errorf("%s: %s to %v: other pixels than Pillow's", name, want.Filter, want.Size)
				}
			}
			t.Logf("%d files, of which %d decode here and in Pillow", len(files), decoded)
		})
	}
}

func imagesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Ext(path) != ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	return files
}

// tensorBytes runs the whole way from bytes to tensor, without normalisation, and returns the tensor as bytes.
func tensorBytes(t *testing.T, data []byte, filter Filter, size [2]int) []byte {
	t.Helper()
	spec := Spec{Resize: &Resize{Mode: modeExact, Width: size[0], Height: size[1], Filter: filter}, Channels: channelsRGB, Normalize: Normalize{Scale: 1, Std: ones}}
	p, err := Compile(spec, TensorFormat{Layout: layoutNHWC, Type: Uint8})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, p.Size())
	if _, err := p.NewWorker().Apply(data, Limits{}, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}
