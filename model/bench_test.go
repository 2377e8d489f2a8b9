package model_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/builtin"
	"github.com/tagbeam/tagbeam/model/onnx"
)

// BenchmarkRunner is inference alone, one runner a core, by model and batch; the metric is images a second over all cores.
func BenchmarkRunner(b *testing.B) {
	start(b)
	for _, name := range []string{builtin.Name, "mobilenetv2", "squeezenet", "vit-cifar10"} {
		b.Run("model="+name, func(b *testing.B) {
			folder := builtin.FS()
			if name != builtin.Name {
				folder = os.DirFS(sharedData(b, "models", name))
			}
			bundle, err := model.Load(folder, name, model.Options{Preprocess: "none"})
			if err != nil {
				b.Fatal(err)
			}
			session, err := bundle.Session()
			if err != nil {
				b.Fatal(err)
			}
			for _, batch := range []int{1, 4, 8, 32} {
				b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { benchRunner(b, session, batch) })
			}
		})
	}
}

func benchRunner(b *testing.B, session *onnx.Session, batch int) {
	b.SetParallelism(1)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r, err := session.NewRunner(batch)
		if err != nil {
			b.Error(err)
			return
		}
		defer r.Close()
		for pb.Next() {
			if err := r.Run(batch); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "images/s")
	b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "cores")
}
