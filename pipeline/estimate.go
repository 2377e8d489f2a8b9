package pipeline

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"time"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// estimateFor is how long EstimateRate measures, at least.
const estimateFor = time.Second

// estimateBatch is the number of images inferred at once for the estimate, at most.
const estimateBatch = 8

// EstimateRate measures how many images a second this machine tags with the model, reading not included: it classifies one made-up
// 640 x 480 JPEG again and again. how says so for people.
func EstimateRate(ctx context.Context, o Options) (imagesPerSecond float64, how string, err error) {
	c, err := engine.LoadClassifier(ctx, o.Model)
	if err != nil {
		return 0, "", err
	}
	photo, err := madeUpPhoto()
	if err != nil {
		return 0, "", err
	}
	e := engine.Shared(o.engine())
	// Small batches: decoding is most of the work where the model's own are large, and one round of those would take seconds.
	task := engine.Task{Classifier: c, Batch: min(c.BatchSize(o.Batch), estimateBatch), TopK: o.TopK, Limits: preprocess.DefaultLimits}
	for range e.CPU() * task.Batch {
		task.Images = append(task.Images, engine.Image{Item: source.Item{URI: "estimate"}, Data: photo})
	}
	if _, err := e.Run(ctx, task); err != nil { // the first batch pays for memory
		return 0, "", err
	}
	images, began := 0, time.Now()
	for time.Since(began) < estimateFor {
		if _, err := e.Run(ctx, task); err != nil {
			return 0, "", err
		}
		images += len(task.Images)
	}
	return float64(images) / time.Since(began).Seconds(), "measured here, now, on a 640 x 480 JPEG in memory", nil
}

// madeUpPhoto is a JPEG about as hard to decode as a photo of its size: smooth areas with some noise.
func madeUpPhoto() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	rnd := rand.New(rand.NewPCG(1, 2))
	for y := range 480 {
		for x := range 640 {
			n := uint8(rnd.IntN(24))
			img.SetRGBA(x, y, color.RGBA{uint8(x*200/640) + n, uint8(y*200/480) + n, uint8((x+y)*200/1120) + n, 255})
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90})
	return b.Bytes(), err
}
