package onnx

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// LibraryEnv is the environment variable that names ONNX Runtime's shared library.
const LibraryEnv = "TAGBEAM_ONNXRUNTIME"

// Find returns the path of ONNX Runtime's shared library. In this order: explicit (the value of --onnxruntime) or else the
// environment's TAGBEAM_ONNXRUNTIME, and when one of these is given, nothing else is looked at; beside the program, in its ../lib; in the
// user's cache (tagbeam/onnxruntime); under `go test` and `go run` in the module's bin/; in the system's library folders. When there
// is none the error lists every place that was looked at.
func Find(explicit string) (path string, err error) {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	cache, _ := os.UserCacheDir() // no HOME: no cache to look in
	wd, _ := os.Getwd()
	return finder{
		goos: runtime.GOOS, env: os.Getenv(LibraryEnv), executable: exe, cache: cache, workDir: wd,
		linkerPath: os.Getenv("LD_LIBRARY_PATH"), linkerConf: "/etc/ld.so.conf.d",
		systemDirs: []string{"/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib"},
	}.find(explicit)
}

// finder is Find with its surroundings given.
type finder struct {
	goos       string
	env        string
	executable string
	cache      string // the user's cache folder, or empty
	workDir    string
	linkerPath string   // LD_LIBRARY_PATH
	linkerConf string   // folder of the dynamic linker's *.conf
	systemDirs []string // the folders the dynamic linker looks in by default
}

func (f finder) find(explicit string) (string, error) {
	if explicit != "" {
		return named(explicit, "--onnxruntime")
	}
	if f.env != "" {
		return named(f.env, LibraryEnv)
	}
	dirs := f.dirs()
	for _, dir := range dirs {
		if path := f.libraryIn(dir); path != "" {
			return path, nil
		}
	}
	return "", fmt.Errorf("ONNX Runtime's library (%s) was not found; looked in:\n  %s\nways out: run `make build` (it puts the library beside the program), "+
		"give --onnxruntime FILE, or set %s=FILE", f.names()[0], strings.Join(dirs, "\n  "), LibraryEnv)
}

// named takes a path that somebody gave: a file, or a folder with the library in it.
func named(path, by string) (string, error) {
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s names %s, which does not exist", by, path)
	}
	if err != nil {
		return "", fmt.Errorf("%s names %s: %w", by, path, err)
	}
	if st.IsDir() {
		f := finder{goos: runtime.GOOS}
		if found := f.libraryIn(path); found != "" {
			return found, nil
		}
		return "", fmt.Errorf("%s names the folder %s, which has no %s in it", by, path, f.names()[0])
	}
	// dlopen takes a name without a slash for a system library.
	return filepath.Abs(path)
}

func (f finder) dirs() []string {
	beside := filepath.Dir(f.executable)
	dirs := []string{beside, filepath.Join(beside, "..", "lib")}
	if f.cache != "" {
		dirs = append(dirs, filepath.Join(f.cache, "tagbeam", "onnxruntime"))
	}
	if root := f.moduleRoot(); root != "" {
		dirs = append(dirs, filepath.Join(root, "bin"))
	}
	dirs = append(dirs, filepath.SplitList(f.linkerPath)...)
	dirs = append(dirs, f.configuredDirs()...)
	dirs = append(dirs, f.systemDirs...)
	return slices.DeleteFunc(dirs, func(d string) bool { return d == "" })
}

// moduleRoot is the folder of go.mod at or above the working directory when the program is one that the go command built to throw
// away, and empty otherwise: an installed program must not load whatever lies in the folder it is started in.
func (f finder) moduleRoot() string {
	thrownAway := strings.HasSuffix(f.executable, ".test") || strings.Contains(filepath.ToSlash(f.executable), "/go-build")
	if !thrownAway || f.workDir == "" {
		return ""
	}
	for dir := f.workDir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// configuredDirs reads the folders that the dynamic linker's configuration adds to the defaults.
func (f finder) configuredDirs() []string {
	files, _ := filepath.Glob(filepath.Join(f.linkerConf, "*.conf"))
	var dirs []string
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if line := strings.TrimSpace(lines.Text()); filepath.IsAbs(line) {
				dirs = append(dirs, line)
			}
		}
		file.Close()
	}
	return dirs
}

// names are the library's file names, the plain one first; the second is a pattern.
func (f finder) names() [2]string {
	if f.goos == "darwin" {
		return [2]string{"libonnxruntime.dylib", "libonnxruntime.1*.dylib"}
	}
	return [2]string{"libonnxruntime.so", "libonnxruntime.so.1*"}
}

// libraryIn returns the library in a folder, the plain name before the highest version, or "".
func (f finder) libraryIn(dir string) string {
	names := f.names()
	if st, err := os.Stat(filepath.Join(dir, names[0])); err == nil && !st.IsDir() {
		return filepath.Join(dir, names[0])
	}
	found, _ := filepath.Glob(filepath.Join(dir, names[1]))
	if len(found) == 0 {
		return ""
	}
	return slices.MaxFunc(found, func(a, b string) int { return slices.Compare(versionNumbers(a), versionNumbers(b)) })
}

// versionNumbers are the numbers of a version in a file name: libonnxruntime.so.1.30.0 has 1, 30, 0.
func versionNumbers(path string) []int {
	var numbers []int
	for word := range strings.FieldsFuncSeq(filepath.Base(path), func(r rune) bool { return r < '0' || r > '9' }) {
		n := 0
		for _, d := range word {
			n = min(n*10+int(d-'0'), 1<<30)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// LibraryName is the plain file name of ONNX Runtime's library on Linux, where workers are.
const LibraryName = "libonnxruntime.so"
