package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/table"
)

// TestWebManifest: images that a manifest names on a web server; without the flag none on a private address is asked for.
func TestWebManifest(t *testing.T) {
	folder := imageFolder(t, 4)
	asked := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		http.FileServer(http.Dir(folder)).ServeHTTP(w, r)
	}))
	defer server.Close()
	list := filepath.Join(t.TempDir(), "list.txt")
	lines := []string{server.URL + "/gone.png"}
	for i := range 4 {
		lines = append(lines, server.URL+"/"+imageName(i))
	}
	if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	j := job{"@" + list, tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	tagbeam(t, j.args()...).want(exitPartial).prints("permission_denied 5")
	if len(asked) > 0 {
		t.Errorf("asked for %s", <-asked)
	}
	tagbeam(t, j.args("--allow-private-hosts")...).want(exitPartial).prints("ok         4", "not_found 1")
	ok := 0
	for _, r := range j.rows(t) {
		if r.RunID == 2 && r.Status == table.StatusOK && strings.HasPrefix(r.Version, "mtime:") && strings.HasPrefix(r.URI, server.URL+"/img-") {
			ok++
		}
	}
	if ok != 4 {
		t.Errorf("%d images of the web server are tagged, want 4", ok)
	}
	tagbeam(t, j.args("--allow-private-hosts")...).want(exitPartial).prints("skipped    4", "not_found 1")
}
