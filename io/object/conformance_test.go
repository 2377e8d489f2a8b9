package object_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		runChild(mode, os.Getenv("TAGBEAM_OBJECT_KEY"))
		return
	}
	object.SetTiming(time.Millisecond, time.Minute)
	code := m.Run()
	object.Close()
	objecttest.StopAzure()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")); err != nil && code == 0 {
		os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

func open(t *testing.T, uri string) object.Store {
	t.Helper()
	loc, err := object.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	store, err := object.Open(t.Context(), loc)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestMemConformance(t *testing.T) {
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		return open(t, "mem://"+strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())), "some/where/"
	})
}

func TestFileConformance(t *testing.T) {
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		return open(t, "/"), t.TempDir() + "/"
	})
}

func TestGSConformance(t *testing.T) {
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		objecttest.StartGS(t, "bucket")
		return open(t, "gs://bucket"), "some/where/"
	})
}

func TestS3Conformance(t *testing.T) {
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		objecttest.StartS3(t, "bucket")
		return open(t, "s3://bucket"), "some/where/"
	})
}

func TestAZConformance(t *testing.T) {
	azure, n := objecttest.StartAzure(t), 0
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		n++
		name := fmt.Sprintf("container%d", n)
		azure.Create(t, name)
		return open(t, "az://"+name), "some/where/"
	})
}
