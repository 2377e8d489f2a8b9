package preprocess

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHang(t *testing.T) {
	files, _ := filepath.Glob(testdata + "/images/*")
	var d Decoder
	var p Pixels
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	end := time.Now().Add(100 * time.Second)
	n := 0
	for time.Now().Before(end) {
		f := files[rng.IntN(len(files))]
		data, _ := os.ReadFile(f)
		for range 1 + rng.IntN(4) {
			data[rng.IntN(len(data))] = byte(rng.Uint32())
		}
		if rng.IntN(4) == 0 {
			i := rng.IntN(len(data))
			j := i + rng.IntN(len(data)-i)
			data = append(data[:j:j], data[i:]...)
		}
		n++
		s := time.Now()
		timer := time.AfterFunc(8*time.Second, func() {
			os.WriteFile("/tmp/pp/hang.bin", data, 0o644)
			panic("hang " + f)
		})
		h, err := ReadHeader(data, Limits{MaxPixels: 1 << 16})
		if err == nil {
			err = d.Decode(data, h, &p)
		}
		timer.Stop()
		if e := time.Since(s); e > time.Second {
			fmt.Println(f, e, h, err)
		}
	}
	fmt.Println(n)
}
