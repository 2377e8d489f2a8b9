package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInspect: what a model is, for people and for programs.
func TestInspect(t *testing.T) {
	t.Parallel()
	model := tinyModel(t, "nchw.onnx")
	e := tagbeam(t, "model", "inspect", model).want(exitOK).prints("tiny", "image", "[batch, 3, 8, 8]", "logits", "ant", "resize", "sha256:")
	if e.stderr != "" {
		t.Errorf("it complains\n%s", e)
	}
	e = tagbeam(t, "model", "inspect", "--json", model).want(exitOK)
	var fields map[string]any
	if err := json.Unmarshal([]byte(e.stdout), &fields); err != nil {
		t.Fatalf("%v\n%s", err, e)
	}
	for _, name := range []string{"name", "digest", "input", "output", "labels", "preprocess", "graph", "warnings"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no field %q\n%s", name, e)
		}
	}
	// The digest is the one in the table.
	j := newJob(t, 1)
	j.model = model
	tagbeam(t, j.args()...).want(exitOK)
	if digest := j.rows(t)[0].ModelDigest; fields["digest"] != digest {
		t.Errorf("inspect says digest %v, the table %s", fields["digest"], digest)
	}
	tagbeam(t, "model", "inspect", tinyModel(t, "dynamic_quant.onnx")).want(exitOK).prints("slow")
	bare := filepath.Join("..", "..", "testdata", "models", "nchw.onnx")
	tagbeam(t, "model", "inspect", bare, "--preprocess", "unit", "--model-labels", filepath.Join(model, "labels.txt")).want(exitOK).prints("[batch, 3, 8, 8]")
}

// TestInspectRefuses: a model that cannot classify is refused by inspect and by tag with the same words.
func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	change := func(graph, name, content string) string {
		dir := tinyModel(t, graph)
		if content == "" {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			return dir
		}
		writeFile(t, filepath.Join(dir, name), []byte(content))
		return dir
	}
	graph := readFile(t, filepath.Join("..", "..", "testdata", "models", "nchw.onnx"))
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
	huggingFace := t.TempDir()
	writeFile(t, filepath.Join(huggingFace, "model.onnx"), graph)
	writeFile(t, filepath.Join(huggingFace, "config.json"), []byte(`{"id2label": {"0": "ant", "1": "bee", "2": "cat", "3": "dog", "4": "elk"}}`))
	writeFile(t, filepath.Join(huggingFace, "preprocessor_config.json"), []byte(`{"image_processor_type": "MagicImageProcessor"}`))
	for _, tc := range []struct {
		name, model string
		code        int
		says        []string
	}{
		{"output of three dimensions", tinyModel(t, "rank3.onnx"), exitUsage, []string{"[batch, 4, 5]"}},
		{"input that is no image", tinyModel(t, "rank2.onnx"), exitUsage, []string{"[batch, 12]"}},
		{"too few labels", tinyModel(t, "nchw.onnx", "ant", "bee"), exitUsage, []string{"2", "5", "labels"}},
		{"too many labels", tinyModel(t, "nchw.onnx", "a", "b", "c", "d", "e", "f"), exitUsage, []string{"6", "5", "labels"}},
		{"no labels", change("nchw.onnx", "labels.txt", ""), exitUsage, []string{"labels.txt"}},
		{"unknown image processor", huggingFace, exitUsage, []string{"MagicImageProcessor"}},
		{"Git LFS pointer", change("nchw.onnx", "net.onnx", pointer), exitUsage, []string{"Git LFS", "git lfs pull"}},
		{"truncated file", change("nchw.onnx", "net.onnx", string(graph[:len(graph)/2])), exitUsage, []string{"net.onnx"}},
		{"not a model", change("nchw.onnx", "net.onnx", "hello"), exitUsage, []string{"net.onnx"}},
		{"unknown key", change("nchw.onnx", "tagbeam.json", `{"modle": "x"}`), exitUsage, []string{"tagbeam.json", "modle"}},
		{"missing", "/no/such/model", exitUsage, []string{"/no/such/model"}},
		{"custom operator", tinyModel(t, "custom_op.onnx"), exitFailed, []string{"Whiten"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inspect := tagbeam(t, "model", "inspect", tc.model).want(tc.code).says(tc.says...)
			j := newJob(t, 1)
			j.model = tc.model
			tag := tagbeam(t, j.args()...).want(tc.code).says(tc.says...)
			if tc.code == exitUsage && lastLine(inspect.stderr) != lastLine(tag.stderr) {
				t.Errorf("inspect and tag say different things:\n%s%s", inspect, tag)
			}
			if _, err := os.Stat(j.output); !os.IsNotExist(err) && tc.code == exitUsage {
				t.Errorf("it left something at OUTPUT: %v", err)
			}
		})
	}
	good := tinyModel(t, "nchw.onnx")
	tagbeam(t, "model", "inspect", good, "--onnxruntime", "/no/such.so").want(exitUsage).says("--onnxruntime", "/no/such.so")
	tagbeam(t, "model", "inspect", "a", "b").want(exitUsage).says("MODEL")
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
