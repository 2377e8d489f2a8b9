package preprocess

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Damaged files are errors where they are errors to Pillow; where Pillow makes an image of one, it has the same pixels. This holds for the
// formats that C libraries decode; the Go decoders of the others notice more damage than Pillow's do.
func TestDamagedEqualsPillow(t *testing.T) {
	const perImage = 8
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(5, 5))
	var names []string
	images := ownImages(t)
	for name := range images {
		if strings.HasSuffix(name, ".jpg") || strings.HasSuffix(name, ".webp") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var files []string
	for _, name := range names {
		for i := range perImage {
			file := filepath.Join(dir, fmt.Sprintf("%d_%s", i, name))
			if err := os.WriteFile(file, damage(rng, images[name], i), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	decoded := 0
	for i, want := range runPillow(t, files) {
		data, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAndDecode(data)
		switch {
		case (err != nil) != (want.Error != ""):
			t.Errorf("%s: %v, Pillow: %s", filepath.Base(files[i]), err, want.Error)
		case err == nil && digest(got.Pix) != want.SHA256:
			t.Errorf("%s: other pixels than Pillow's", filepath.Base(files[i]))
		case err == nil:
			decoded++
		}
	}
	t.Logf("%d damaged files, of which %d are images to both", len(files), decoded)
}

// damage cuts a file off, cuts off its last bytes, or changes some of its bytes, by kind in turn.
func damage(rng *rand.Rand, data []byte, kind int) []byte {
	data = bytes.Clone(data)
	switch kind % 4 {
	case 0:
		return data[:12+rng.IntN(len(data)-12)]
	case 1:
		return data[:len(data)-1-rng.IntN(10)]
	}
	for range 1 + rng.IntN(3) {
		data[4+rng.IntN(len(data)-4)] = byte(rng.Uint32())
	}
	return data
}
