package object_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// childEnv makes the test binary write one file and say what came of it: "put" at once, "hang" in the middle of it.
const childEnv = "TAGBEAM_OBJECT_CHILD"

func runChild(mode, key string) {
	if os.Getenv("TAGBEAM_OBJECT_NAMED") != "" {
		object.SetUnnamedFiles(false)
	}
	store, err := object.Open(context.Background(), object.Location{Scheme: object.SchemeFile})
	if err == nil {
		err = store.PutIfAbsent(context.Background(), key, func(w io.Writer) error {
			if _, err := fmt.Fprintf(w, "%d\n", os.Getpid()); err != nil || mode == "put" {
				return err
			}
			fmt.Println("writing")
			io.Copy(io.Discard, os.Stdin) // until killed
			return nil
		})
	}
	switch {
	case err == nil:
		fmt.Println("won")
	case errors.Is(err, object.ErrExists):
		fmt.Println("lost")
	default:
		fmt.Println("failed:", err)
	}
}

func child(mode, key string, named bool) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+mode, "TAGBEAM_OBJECT_KEY="+key)
	if named {
		cmd.Env = append(cmd.Env, "TAGBEAM_OBJECT_NAMED=1")
	}
	cmd.Stderr = os.Stderr
	return cmd
}

func TestFileConformanceNamed(t *testing.T) {
	defer object.SetUnnamedFiles(false)()
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		return open(t, "/"), t.TempDir() + "/"
	})
}

func TestFileConformanceNoHardLinks(t *testing.T) {
	defer object.SetUnnamedFiles(false)()
	defer object.SetLink(func(from, to string) error { return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.EPERM} })()
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		return open(t, "/"), t.TempDir() + "/"
	})
}

func TestFilePutBetweenProcesses(t *testing.T) {
	for _, named := range []bool{false, true} {
		key := filepath.Join(t.TempDir(), "deep", "key")
		var children []*exec.Cmd
		var outputs []*strings.Builder
		for range 4 {
			c := child("put", key, named)
			out := &strings.Builder{}
			c.Stdout = out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			children, outputs = append(children, c), append(outputs, out)
		}
		winner := 0
		for i, c := range children {
			if err := c.Wait(); err != nil {
				t.Fatal(err)
			}
			switch out := strings.TrimSpace(outputs[i].String()); {
			case out == "won" && winner == 0:
				winner = c.Process.Pid
			case out != "lost":
				t.Errorf("named %v: process %d says %q", named, i, out)
			}
		}
		data, err := os.ReadFile(key)
		if err != nil || string(data) != fmt.Sprintln(winner) {
			t.Errorf("named %v: process %d won, the file holds %q, %v", named, winner, data, err)
		}
	}
}

func TestFilePutKilled(t *testing.T) {
	for _, named := range []bool{false, true} {
		dir := t.TempDir()
		c := child("hang", filepath.Join(dir, "key"), named)
		stdin, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		stdout, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "writing\n" {
			t.Fatalf("the child says %q, %v", line, err)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		if got := listFiles(t, dir); len(got) > 0 {
			t.Errorf("named %v: a killed write is listed: %v", named, got)
		}
		left, err := os.ReadDir(dir)
		if err != nil || !named && len(left) > 0 {
			t.Errorf("a killed write left %v, %v", left, err)
		}
		if err := put(t, filepath.Join(dir, "key"), "again"); err != nil {
			t.Errorf("named %v: write after a killed one: %v", named, err)
		}
	}
}

func put(t *testing.T, key, data string) error {
	t.Helper()
	return open(t, "/").PutIfAbsent(t.Context(), key, func(w io.Writer) error {
		_, err := io.WriteString(w, data)
		return err
	})
}

// listFiles gives the keys below a directory, without it; those with a problem with the problem.
func listFiles(t *testing.T, dir string) []string {
	t.Helper()
	got := []string{}
	err := open(t, "/").List(t.Context(), object.ListOptions{Prefix: dir + "/"}, func(info object.Info) error {
		name := strings.TrimPrefix(info.Key, dir+"/")
		if info.Problem != "" {
			name += ": " + info.Problem
		}
		got = append(got, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFileListKinds(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	must(os.MkdirAll(in("real/sub"), 0o755))
	must(os.MkdirAll(in("empty"), 0o755))
	must(os.MkdirAll(in("bad\xff"), 0o755))
	for _, name := range []string{"real/a.jpg", "real/sub/b.jpg", "real.jpg", "raw\xfe.jpg", "bad\xff/c.jpg", ".hidden", ".x.tagbeam-tmp", "visible.tagbeam-tmp"} {
		must(os.WriteFile(in(name), nil, 0o644))
	}
	must(os.Symlink("real/a.jpg", in("link.jpg")))
	must(os.Symlink("real", in("linked")))
	must(os.Symlink("nowhere", in("broken.jpg")))
	must(os.Symlink("self", in("self")))
	must(os.Symlink("..", in("real/sub/up")))
	must(syscall.Mkfifo(in("fifo.jpg"), 0o644))
	must(syscall.Mknod(in("socket.jpg"), syscall.S_IFSOCK|0o644, 0))

	want := []string{
		".hidden",
		`bad\xff/c.jpg: the file name is not valid UTF-8`,
		"broken.jpg: broken symbolic link",
		"link.jpg",
		"linked/a.jpg",
		"linked/sub/b.jpg",
		`raw\xfe.jpg: the file name is not valid UTF-8`,
		"real.jpg",
		"real/a.jpg",
		"real/sub/b.jpg",
		"self: broken symbolic link",
		"visible.tagbeam-tmp",
	}
	if diff := cmp.Diff(want, listFiles(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	store := open(t, "/")
	for _, name := range []string{"fifo.jpg", "socket.jpg", "real", "raw\xfe.jpg"} {
		if _, _, err := store.Read(t.Context(), in(name), 10); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("read %s: %v", name, err)
		}
	}
}

func TestFileListAmbiguous(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"x\xff", `x\xff`} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := open(t, "/").List(t.Context(), object.ListOptions{Prefix: dir + "/"}, func(object.Info) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "rename one") {
		t.Errorf("two directories with one key: %v", err)
	}
}

func TestFileListVanishing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c/d", "e/f", "g"} {
		if err := put(t, filepath.Join(dir, name), ""); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := open(t, "/").List(t.Context(), object.ListOptions{Prefix: dir + "/"}, func(info object.Info) error {
		if len(got) == 0 {
			for _, name := range []string{"b", "e"} {
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
		}
		got = append(got, info.Key[len(dir)+1:])
		return nil
	})
	if diff := cmp.Diff([]string{"a", "c/d", "g"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestFileListPrune(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/x", "b/x", "c"} {
		if err := put(t, filepath.Join(dir, name), ""); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	opts := object.ListOptions{Prefix: dir + "/", Prune: func(d string) bool { return d == dir+"/a/" }}
	err := open(t, "/").List(t.Context(), opts, func(info object.Info) error {
		got = append(got, info.Key[len(dir)+1:])
		return nil
	})
	if diff := cmp.Diff([]string{"b/x", "c"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestFileKeys(t *testing.T) {
	store := open(t, "/")
	for _, key := range []string{"relative", "", "/a/../b", "/a//b", "/a/", "/a\x00", "/a\xff", filepath.Join(t.TempDir(), ".x.tagbeam-tmp")} {
		if err := put(t, key, ""); err == nil {
			t.Errorf("wrote %q", key)
		}
	}
	for _, key := range []string{"relative", ""} {
		if _, err := store.Stat(t.Context(), key); err == nil || errors.Is(err, object.ErrNotFound) {
			t.Errorf("stat %q: %v", key, err)
		}
		if err := store.Delete(t.Context(), key); err == nil {
			t.Errorf("deleted %q", key)
		}
		if err := store.List(t.Context(), object.ListOptions{Prefix: key}, nil); err == nil {
			t.Errorf("listed %q", key)
		}
	}
	if err := store.Delete(t.Context(), t.TempDir()); err == nil {
		t.Error("deleted a directory")
	}
	dir := t.TempDir()
	if err := put(t, dir, ""); err == nil || !strings.Contains(err.Error(), "directory of that name") {
		t.Errorf("write over a directory: %v", err)
	}
	if err := put(t, dir+"/file", ""); err != nil {
		t.Error(err)
	}
	if err := put(t, dir+"/file/below", ""); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("write below a file: %v", err)
	}
}

func TestFileMode(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	for _, unnamed := range []bool{true, false} {
		defer object.SetUnnamedFiles(unnamed)()
		key := filepath.Join(t.TempDir(), "dir", "key")
		if err := put(t, key, ""); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{key: 0o640, filepath.Dir(key): 0o750 | os.ModeDir} {
			if st, err := os.Stat(path); err != nil || st.Mode() != want {
				t.Errorf("%s: mode %v, want %v; %v", path, st.Mode(), want, err)
			}
		}
	}
}

// TestFilePutLostReply: a file server repeats a link whose reply was lost and finds the name taken, by the very file.
func TestFilePutLostReply(t *testing.T) {
	defer object.SetUnnamedFiles(false)()
	defer object.SetLink(func(from, to string) error {
		if err := os.Link(from, to); err != nil {
			return err
		}
		return os.Link(from, to)
	})()
	key := filepath.Join(t.TempDir(), "key")
	if err := put(t, key, "x"); err != nil {
		t.Error(err)
	}
	if err := put(t, key, "y"); !errors.Is(err, object.ErrExists) {
		t.Errorf("second write: %v", err)
	}
}

func TestFileChangesDuringRead(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := put(t, key, "x"); err != nil {
		t.Fatal(err)
	}
	reads, changes := 0, 1
	defer object.SetDuringRead(func(string) {
		if reads++; reads > changes {
			return
		}
		f, err := os.OpenFile(key, os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString("y")
			f.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})()
	store := open(t, "/")
	data, info, err := store.Read(t.Context(), key, 100)
	if err != nil || string(data) != "xy" || info.Size != 2 || reads != 2 {
		t.Errorf("changed once: %q, %+v, %v after %d reads", data, info, err, reads)
	}
	if stat, err := store.Stat(t.Context(), key); err != nil || stat.Version != info.Version {
		t.Errorf("read says version %s, stat %s, %v", info.Version, stat.Version, err)
	}
	reads, changes = 0, 100
	if _, _, err := store.Read(t.Context(), key, 100); !errors.Is(err, object.ErrTransient) || !strings.Contains(err.Error(), "keeps changing") {
		t.Errorf("changed each time: %v", err)
	}
}
