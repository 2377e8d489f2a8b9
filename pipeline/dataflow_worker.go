package pipeline

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// WorkerBinary is a program that a runner starts as a worker.
type WorkerBinary struct {
	Path string
	Size int64
	// Arch is the processor it is for, as Go names it.
	Arch string
	// GLIBC is the newest version of the C library's symbols that it needs, "2.34"; empty when that cannot be told.
	GLIBC string
}

// imageGLIBC is the C library of the image that our Dockerfile makes.
const imageGLIBC = "2.36"

// armMachines are the families of machine types with Arm processors.
var armMachines = []string{"t2a", "c4a", "n4a"}

// findWorker is the program to stage: path (the value of --worker_binary), or else the one that runs. machine is the workers' machine type.
func findWorker(path, machine string) (WorkerBinary, error) {
	how := "--worker_binary " + path
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return WorkerBinary{}, err
		}
		if runtime.GOOS != "linux" {
			return WorkerBinary{}, usage("this program is for %s/%s and Dataflow's workers are linux: build tagbeam there (CGO_ENABLED=1), or take it out of the image, and give --worker_binary FILE", runtime.GOOS, runtime.GOARCH)
		}
		path, how = self, "this program ("+self+")"
	}
	b, err := readWorker(path)
	if err != nil {
		return b, usage("%s cannot be a worker: %w", how, err)
	}
	family, _, _ := strings.Cut(machine, "-")
	want := "amd64"
	if slices.Contains(armMachines, family) {
		want = "arm64"
	}
	if b.Arch != want {
		of := "Dataflow's"
		if machine != "" {
			of = "a " + machine + "'s"
		}
		return b, usage("%s is for linux/%s, and %s processor is linux/%s: give --worker_binary FILE, built for that", how, b.Arch, of, want)
	}
	return b, nil
}

// readWorker reads what kind of program a file is. It has to be ours, for Linux, and linked with C: without, it cannot decode as it promises,
// nor load ONNX Runtime. (Beam builds a worker without C when it is given none.)
func readWorker(path string) (WorkerBinary, error) {
	b := WorkerBinary{Path: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return b, errors.New("there is no such file")
	case err != nil:
		return b, err
	case !info.Mode().IsRegular():
		return b, errors.New("it is no file")
	}
	b.Size = info.Size()
	f, err := elf.Open(path)
	if err != nil {
		return b, fmt.Errorf("it is no Linux program (ELF): %w", err)
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return b, fmt.Errorf("it is no program but an ELF file of type %v", f.Type)
	}
	switch f.Machine {
	case elf.EM_X86_64:
		b.Arch = "amd64"
	case elf.EM_AARCH64:
		b.Arch = "arm64"
	default:
		return b, fmt.Errorf("it is for the processor %v", f.Machine)
	}
	build, err := buildinfo.ReadFile(path)
	if err != nil {
		return b, fmt.Errorf("it is no Go program: %w", err)
	}
	if !isOurs(build.Path, build.Main.Path) {
		return b, fmt.Errorf("it is another program (%s)", build.Path)
	}
	if libs, err := f.ImportedLibraries(); err != nil || len(libs) == 0 {
		return b, errors.New("it is built without cgo, and can neither decode JPEG and WebP nor load ONNX Runtime: build it with CGO_ENABLED=1 and a C compiler")
	}
	b.GLIBC = neededGLIBC(f)
	return b, nil
}

// isOurs says whether a program is tagbeam, another program around this package, or a test of it: its module is the one of this program.
func isOurs(pkg, module string) bool {
	self, err := buildinfo.ReadFile("/proc/self/exe")
	if err != nil {
		return true // not on Linux: nothing to compare with
	}
	return module == self.Main.Path || strings.TrimSuffix(pkg, ".test") == strings.TrimSuffix(self.Path, ".test")
}

// neededGLIBC is the highest GLIBC_x.y that a program's symbols ask for.
func neededGLIBC(f *elf.File) string {
	needs, err := f.DynamicVersionNeeds()
	if err != nil {
		return ""
	}
	best := ""
	for _, lib := range needs {
		for _, dep := range lib.Needs {
			if v, ok := strings.CutPrefix(dep.Dep, "GLIBC_"); ok && newerVersion(v, best) {
				best = v
			}
		}
	}
	return best
}

// newerVersion says whether a is a version above b; what is no version ("PRIVATE") is above none.
func newerVersion(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range as {
		x, err := strconv.Atoi(as[i])
		if err != nil {
			return false
		}
		y := -1
		if i < len(bs) {
			if n, err := strconv.Atoi(bs[i]); err == nil {
				y = n
			}
		}
		if x != y {
			return x > y
		}
	}
	return false
}
