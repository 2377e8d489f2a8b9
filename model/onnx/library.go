package onnx

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// MinVersion is the oldest ONNX Runtime that works: onnxruntime_go 1.27 asks for version 24 of its API.
const MinVersion = "1.24"

// disableTelemetry is the environment variable with which ONNX Runtime sends nothing home.
const disableTelemetry = "ORT_DISABLE_TELEMETRY"

var library struct {
	mu   sync.Mutex
	path string // of the library that was started, absolute; empty before
}

// Init starts ONNX Runtime from the shared library at path, once per process. The same path again does nothing; another path is
// an error, because a process can hold one library only. After an error Init may be called again.
func Init(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("ONNX Runtime's library %s: %w", path, err)
	}
	library.mu.Lock()
	defer library.mu.Unlock()
	switch library.path {
	case path:
		return nil
	case "":
	default:
		return fmt.Errorf("ONNX Runtime was started from %s; the process cannot start it from %s as well", library.path, path)
	}
	// Since 1.30 the library reports to its maker over the network, and leaves a log file of that in the temporary folder, unless it is told not to
	// before it starts. Whoever wants that sets the variable to 0.
	if os.Getenv(disableTelemetry) == "" {
		if err := os.Setenv(disableTelemetry, "1"); err != nil {
			return fmt.Errorf("ONNX Runtime's telemetry cannot be turned off: %w", err)
		}
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(); err != nil {
		return explainInit(path, err)
	}
	library.path = path
	return nil
}

// Version is that of the library Init started, "1.30.0", or empty.
func Version() string {
	library.mu.Lock()
	defer library.mu.Unlock()
	if library.path == "" {
		return "" // ort.GetVersion would read a string of a library that is not there
	}
	return ort.GetVersion()
}

// Library is the path of the library Init started, or empty.
func Library() string {
	library.mu.Lock()
	defer library.mu.Unlock()
	return library.path
}

func explainInit(path string, err error) error {
	message := err.Error()
	switch {
	case strings.Contains(message, "Error setting ORT API base"):
		version := "of a version that cannot be told"
		if v := libraryVersion(path); v != "" {
			version = "version " + v
		}
		return fmt.Errorf("ONNX Runtime's library %s is too old: it is %s, and at least %s is needed (`make build` gets one; --onnxruntime or %s name another)",
			path, version, MinVersion, LibraryEnv)
	case strings.Contains(message, "Error looking up OrtGetApiBase"):
		return fmt.Errorf("%s is a shared library, but not ONNX Runtime's: it has no OrtGetApiBase", path)
	case strings.Contains(message, "libstdc++"):
		return fmt.Errorf("ONNX Runtime's library %s needs libstdc++, which this system lacks (Debian: apt-get install libstdc++6): %w", path, err)
	case strings.Contains(message, "Error loading ONNX shared library"):
		return fmt.Errorf("%s cannot be loaded as ONNX Runtime's library (not a shared library, or one for another system): %w", path, dlerror(err))
	}
	return fmt.Errorf("starting ONNX Runtime from %s: %w", path, err)
}

// dlerror is what the dynamic linker said, without the two sentences that onnxruntime_go puts before it.
func dlerror(err error) error {
	if _, said, found := strings.Cut(err.Error(), `": `); found {
		return errors.New(said)
	}
	return err
}

var versionInName = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// libraryVersion tells the version of a library file without loading it: from the symbol version that Microsoft's builds define
// (VERS_1.20.1), or from the file's name behind all symbolic links. Empty when neither tells.
func libraryVersion(path string) string {
	if file, err := elf.Open(path); err == nil {
		defer file.Close()
		versions, _ := file.DynamicVersions()
		for _, v := range versions {
			if number, ok := strings.CutPrefix(v.Name, "VERS_"); ok {
				return number
			}
		}
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	return versionInName.FindString(filepath.Base(real))
}
