package engine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inMemoryFile returns the path of a file with this content that is nobody's to clean up: it is gone with the process.
func inMemoryFile(name string, content []byte) (string, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("a file in memory for %s: %w", name, err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.Write(content); err != nil {
		file.Close()
		return "", fmt.Errorf("a file in memory for %s: %w", name, err)
	}
	memoryFiles = append(memoryFiles, file)
	return fmt.Sprintf("/proc/self/fd/%d", fd), nil
}

// memoryFiles are not closed before the process ends.
var memoryFiles []*os.File
