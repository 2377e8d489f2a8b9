package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// putObject writes an object to any store.
func putObject(t *testing.T, uri string, data []byte) {
	t.Helper()
	loc, err := object.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	store, err := object.Open(t.Context(), loc)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.PutIfAbsent(t.Context(), loc.Key, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestStores: s3 and az as input, model and output at once, on both local runners, and what is new the next night.
func TestStores(t *testing.T) {
	for scheme, start := range map[string]func(t *testing.T){
		"s3": func(t *testing.T) { objecttest.StartS3(t, "data", "tags") },
		"az": func(t *testing.T) { objecttest.StartAzure(t, "data", "tags") },
	} {
		t.Run(scheme, func(t *testing.T) {
			start(t)
			t.Cleanup(func() { object.Close() })
			local := newJob(t, 6)
			tagbeam(t, local.args()...).want(exitOK)
			want := local.rows(t)
			for i := range 6 {
				putObject(t, fmt.Sprintf("%s://data/photos/%s", scheme, imageName(i)), pngImage(i))
			}
			for name, data := range tinyFiles(t, "nchw.onnx", fiveLabels) {
				putObject(t, scheme+"://data/model/"+name, data)
			}
			for _, runner := range []string{"direct", "prism"} {
				j := job{scheme + "://data/photos", scheme + "://data/model", scheme + "://tags/" + runner}
				tagbeam(t, j.args("--unit-images", "4", "--runner", runner)...).want(exitOK).prints("table      " + j.output + "/labels")
				rows := j.rows(t)
				if len(rows) != len(want) {
					t.Fatalf("%d rows, want %d", len(rows), len(want))
				}
				for i, r := range rows {
					if r.Label != want[i].Label || *r.Confidence != *want[i].Confidence || r.URI != scheme+"://data/photos/"+imageName(i) || !strings.HasPrefix(r.Version, "etag:") || len(r.MD5) != 32 {
						t.Errorf("row %d: %s %s %s md5 %q", i, r.URI, r.Label, r.Version, r.MD5)
					}
				}
				tagbeam(t, j.args("--unit-images", "4", "--runner", runner)...).want(exitOK).prints("nothing to do")
			}
			putObject(t, scheme+"://data/photos/zz new #1.png", pngImage(7))
			j := job{scheme + "://data/photos/**.png", scheme + "://data/model/net.onnx", scheme + "://tags/prism"}
			e := tagbeam(t, j.args("--model-labels", local.model+"/labels.txt", "--preprocess", "unit")...)
			e.want(exitOK)
			tagbeam(t, "model", "inspect", scheme+"://data/model").want(exitOK)
			j = job{scheme + "://nowhere/photos", local.model, t.TempDir()}
			tagbeam(t, j.args()...).want(exitUsage).says(scheme + "://nowhere")
		})
	}
}

// TestStoreFlags: what the flags say goes before the environment, reaches the stages, and never holds a credential.
func TestStoreFlags(t *testing.T) {
	s := objecttest.StartS3(t, "data", "tags")
	t.Cleanup(func() { object.Close() })
	for i := range 3 {
		putObject(t, "s3://data/photos/"+imageName(i), pngImage(i))
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	j := job{"s3://data/photos", newJob(t, 0).model, "s3://tags/flags"}
	for _, runner := range []string{"direct", "prism"} {
		j.output = "s3://tags/" + runner
		tagbeam(t, j.args("--runner", runner, "--s3-endpoint", s.URL, "--s3_region", "us-east-1")...).want(exitOK).prints("images     3 ")
	}
	tagbeam(t, j.args("--s3-endpoint", "http://key:hush@host")...).want(exitUsage).says("must not hold credentials")
	tagbeam(t, "model", "inspect", "s3://data/none", "--s3-endpoint", "nowhere").want(exitUsage).says("--s3-endpoint", "not a URL")
}
