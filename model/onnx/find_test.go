package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// touch makes an empty file and its folders.
func touch(t *testing.T, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	const so = "libonnxruntime.so"
	for _, tt := range []struct {
		name  string
		files []string // relative to a temporary folder
		set   func(f *finder, root string)
		goos  string
		want  string // relative too
	}{
		{name: "beside the program", files: []string{"app/" + so, "app/libonnxruntime.so.1.30.0", "cache/tagbeam/onnxruntime/" + so, "sys/" + so}, want: "app/" + so},
		{name: "highest version", files: []string{"app/libonnxruntime.so.1.9.0", "app/libonnxruntime.so.1.30.0", "app/libonnxruntime.so.1"}, want: "app/libonnxruntime.so.1.30.0"},
		{name: "lib beside bin", files: []string{"lib/" + so, "cache/tagbeam/onnxruntime/" + so}, want: "lib/" + so},
		{name: "cache", files: []string{"cache/tagbeam/onnxruntime/libonnxruntime.so.1.28.0", "sys/" + so}, want: "cache/tagbeam/onnxruntime/libonnxruntime.so.1.28.0"},
		{name: "linker path", files: []string{"ld/" + so, "sys/" + so}, want: "ld/" + so},
		{name: "linker configuration", files: []string{"conf/" + so, "sys/" + so}, want: "conf/" + so},
		{name: "system", files: []string{"sys/" + so}, want: "sys/" + so},
		{name: "a folder of that name is no library", files: []string{"app/" + so + "/x", "sys/" + so}, want: "sys/" + so},
		{name: "under go test", files: []string{"src/go.mod", "src/bin/" + so, "src/deep/er/x"},
			set: func(f *finder, root string) { f.executable = filepath.Join(root, "app", "onnx.test") }, want: "src/bin/" + so},
		{name: "under go run", files: []string{"src/go.mod", "src/bin/" + so, "src/deep/er/x"},
			set: func(f *finder, root string) {
				f.executable = filepath.Join(root, "go-build123", "b001", "exe", "tagbeam")
			}, want: "src/bin/" + so},
		{name: "a program ignores the folder it is started in", files: []string{"src/go.mod", "src/bin/" + so, "src/deep/er/x", "sys/" + so}, want: "sys/" + so},
		{name: "no module", files: []string{"bin/" + so, "src/deep/er/x", "sys/" + so},
			set: func(f *finder, root string) { f.executable = filepath.Join(root, "app", "onnx.test") }, want: "sys/" + so},
		{name: "no cache folder", files: []string{"tagbeam/onnxruntime/" + so, "sys/" + so}, set: func(f *finder, root string) { f.cache = "" }, want: "sys/" + so},
		{name: "macOS", files: []string{"app/" + so, "app/libonnxruntime.1.30.0.dylib", "app/libonnxruntime.1.9.0.dylib"}, goos: "darwin", want: "app/libonnxruntime.1.30.0.dylib"},
		{name: "macOS, plain", files: []string{"app/libonnxruntime.dylib", "app/libonnxruntime.1.30.0.dylib"}, goos: "darwin", want: "app/libonnxruntime.dylib"},
		{name: "environment", files: []string{"mine.so", "app/" + so}, set: func(f *finder, root string) { f.env = filepath.Join(root, "mine.so") }, want: "mine.so"},
		{name: "environment names a folder", files: []string{"my/" + so, "app/" + so}, set: func(f *finder, root string) { f.env = filepath.Join(root, "my") }, want: "my/" + so},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, name := range tt.files {
				touch(t, root, name)
			}
			conf := touch(t, root, "etc", "x.conf")
			if err := os.WriteFile(conf, []byte("# a comment\n\ninclude x\n"+filepath.Join(root, "conf")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			f := finder{goos: "linux", executable: filepath.Join(root, "app", "tagbeam"), cache: filepath.Join(root, "cache"), workDir: filepath.Join(root, "src", "deep", "er"),
				linkerPath: filepath.Join(root, "ld") + string(filepath.ListSeparator), linkerConf: filepath.Join(root, "etc"), systemDirs: []string{filepath.Join(root, "sys")}}
			if tt.goos != "" {
				f.goos = tt.goos
			}
			if tt.set != nil {
				tt.set(&f, root)
			}
			got, err := f.find("")
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(root, tt.want); got != want {
				t.Errorf("found %s, want %s", got, want)
			}
		})
	}
}

func TestFindNothing(t *testing.T) {
	root := t.TempDir()
	f := finder{goos: "linux", executable: filepath.Join(root, "app", "tagbeam"), cache: filepath.Join(root, "cache"), systemDirs: []string{filepath.Join(root, "sys")}}
	_, err := f.find("")
	if err == nil {
		t.Fatal("found a library where there is none")
	}
	for _, want := range []string{filepath.Join(root, "app"), filepath.Join(root, "lib"), filepath.Join(root, "cache", "tagbeam", "onnxruntime"), filepath.Join(root, "sys"),
		"make build", "--onnxruntime", "TAGBEAM_ONNXRUNTIME"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %s", err, want)
		}
	}
}

// Somebody who names a library wants that one or an error.
func TestFindExplicitMissing(t *testing.T) {
	root := t.TempDir()
	touch(t, root, "app", "libonnxruntime.so")
	nowhere, empty, notADir := filepath.Join(root, "nowhere.so"), filepath.Join(root, "empty"), filepath.Join(root, "app", "libonnxruntime.so", "x")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ explicit, env, want string }{
		{nowhere, "", "--onnxruntime names " + nowhere + ", which does not exist"},
		{"", nowhere, "TAGBEAM_ONNXRUNTIME names " + nowhere + ", which does not exist"},
		{empty, "", "--onnxruntime names the folder " + empty},
		{notADir, "", "--onnxruntime names " + notADir + ": "},
	} {
		f := finder{goos: "linux", executable: filepath.Join(root, "app", "tagbeam"), env: tt.env}
		if _, err := f.find(tt.explicit); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("explicit %q, environment %q: error %v, want one with %q", tt.explicit, tt.env, err, tt.want)
		}
	}
	f := finder{goos: "linux", env: nowhere}
	if got, err := f.find(filepath.Join(root, "app")); err != nil || got != filepath.Join(root, "app", "libonnxruntime.so") {
		t.Errorf("the flag does not go before the environment: %s, %v", got, err)
	}
}
