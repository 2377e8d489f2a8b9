package main

import (
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"os"
)

// The tiny network's last layer takes in the mean colours of an image's four quarters.
func TestEmbedding(t *testing.T) {
	t.Parallel()
	for _, graph := range []string{"nchw.onnx", "nhwc.onnx", "softmax.onnx", "logits_features.onnx", "conv1x1.onnx", "batch4.onnx"} {
		j := newJob(t, 6)
		j.model = tinyModel(t, graph)
		writeFile(t, filepath.Join(j.input, "broken.png"), []byte("no image"))
		tagbeam(t, j.args("--embedding")...).want(exitPartial)
		rows := j.rows(t)
		plain := j
		plain.output += "-plain"
		tagbeam(t, plain.args()...).want(exitPartial)
		for i, p := range plain.rows(t) {
			r := rows[i]
			if p.Embedding != nil || r.URI != p.URI || r.Label != p.Label || r.ModelDigest != p.ModelDigest {
				t.Errorf("%s: %+v, without: %+v", graph, r, p)
			}
			if r.Status == "failed" {
				if r.Embedding != nil {
					t.Errorf("%s: an embedding of an image that failed", graph)
				}
				continue
			}
			if math.Abs(float64(*r.Confidence-*p.Confidence)) > 1e-5 {
				t.Errorf("%s: %v, without embedding %v", graph, *r.Confidence, *p.Confidence)
			}
			if len(r.Embedding) != 12 {
				t.Fatalf("%s: %v", graph, r.Embedding)
			}
		}
		same := j
		same.output += "-named"
		tagbeam(t, same.args("--embedding=features")...).want(exitPartial)
		sameRows(t, rows, same.rows(t))
	}
}

// The embedding is what the model's own Python computes.
func TestEmbeddingIsTheTensor(t *testing.T) {
	t.Parallel()
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Skip("TAGBEAM_PYTHON is not set")
	}
	j := newJob(t, 5)
	j.model = tinyModel(t, "logits_features.onnx")
	tagbeam(t, j.args("--embedding")...).want(exitOK)
	script := `
import glob, sys
import numpy as np, onnxruntime, pyarrow.parquet as pq
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[2])
for row in pq.read_table(glob.glob(sys.argv[1] + "/labels/*/*.parquet")[0]).to_pylist():
    pixels = np.asarray(Image.open(row["uri"]).convert("RGB").resize((8, 8), Image.BILINEAR), dtype=np.float32) / 255
    want = session.run(["features"], {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]})[0][0]
    assert np.abs(want - np.array(row["embedding"])).max() < 1e-5, (row["uri"], want, row["embedding"])
print("the same")
`
	out, err := exec.Command(python, "-c", script, j.output, filepath.Join(j.model, "net.onnx")).CombinedOutput()
	if err != nil || string(out) != "the same\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEmbeddingMistakes(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	tagbeam(t, j.args("--embedding=nothing")...).want(exitUsage).says("nothing", "features")
	if len(j.objects(t, "")) > 0 {
		t.Errorf("something was written: %v", j.objects(t, ""))
	}
	// A run with embeddings is not gone on with by a command without.
	tagbeam(t, j.args()...).want(exitOK)
	tagbeam(t, j.args("--embedding")...).want(exitOK).prints("nothing to do")
	tagbeam(t, j.args("--embedding", "--retag")...).want(exitOK)
	for _, r := range j.rows(t) {
		if (r.Embedding != nil) != (r.RunID == 2) {
			t.Errorf("run %d: %v", r.RunID, r.Embedding)
		}
	}
}
