package pipeline_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/pipeline"
)

// BenchmarkTag is a whole run, from 512 JPEGs of 500 x 375 in a folder to the published table, by the model that needs no other, on the
// local runners.
func BenchmarkTag(b *testing.B) {
	if _, err := onnx.Find(""); err != nil {
		b.Skip(err)
	}
	const n = 512
	photos := b.TempDir()
	for i := range n {
		if err := os.WriteFile(filepath.Join(photos, fmt.Sprintf("%04d.jpg", i)), photoOf(b, i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for _, runner := range []string{"direct", "prism"} {
		b.Run(runner, func(b *testing.B) {
			o := pipeline.DefaultOptions()
			o.Model.URI, o.Inputs, o.Runner = "builtin", []string{photos}, runner
			tables := b.TempDir()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				o.Output = filepath.Join(tables, fmt.Sprint(i))
				res, err := pipeline.Run(b.Context(), o, pipeline.Observer{})
				if err != nil || res.Runs[0].Manifest.Counts.Failed > 0 || res.Stats.New != n {
					b.Fatalf("%+v, %v", res, err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// photoOf is a JPEG that is none of another i.
func photoOf(b *testing.B, i int) []byte {
	img := image.NewYCbCr(image.Rect(0, 0, 500, 375), image.YCbCrSubsampleRatio420)
	for p := range img.Y {
		x, y := float64(p%img.YStride), float64(p/img.YStride)
		img.Y[p] = uint8(128 + 80*math.Sin(x*y/4000+float64(i)) + 30*math.Sin(x/3))
	}
	for p := range img.Cb {
		c := color.YCbCrModel.Convert(color.RGBA{uint8(p), uint8(i), uint8(p / img.CStride), 255}).(color.YCbCr)
		img.Cb[p], img.Cr[p] = c.Cb, c.Cr
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}
