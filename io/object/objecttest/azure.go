package objecttest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Azure is an Azurite, in a process that the tests of a binary share, behind a server in this one.
type Azure struct {
	// URL is the endpoint of its account.
	URL string

	next  http.Handler
	mu    sync.Mutex
	fault Fault
}

// Azurite's account, by its documentation.
const (
	azuriteAccount = "devstoreaccount1"
	azuriteKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// StartAzure gives an emulator with empty containers of these names and points the az adapter at it
// (AZURE_STORAGE_CONNECTION_STRING), until the test ends. Where TAGBEAM_AZURITE does not name the emulator's program (`make test`
// installs it), the test is skipped.
func StartAzure(t testing.TB, containers ...string) *Azure {
	t.Helper()
	program := os.Getenv("TAGBEAM_AZURITE")
	if program == "" {
		t.Skip("skipped: TAGBEAM_AZURITE does not name Azurite, the emulator of Azure Blob Storage (make test installs it where there is npm)")
	}
	target, err := azurite(program)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	// The emulator ends idle connections, also one on which a request is under way, which is then sent twice.
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	a := &Azure{next: proxy}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.URL = server.URL + "/" + azuriteAccount
	for _, name := range containers {
		a.Create(t, name)
	}
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", a.connection())
	return a
}

func (a *Azure) connection() string {
	return fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s;", azuriteAccount, azuriteKey, a.URL)
}

// Create makes a container, until the test ends.
func (a *Azure) Create(t testing.TB, name string) {
	t.Helper()
	c, err := container.NewClientFromConnectionString(a.connection(), name, nil)
	if err == nil {
		_, err = c.Create(context.Background(), nil)
	}
	// It is ours when the client asked twice; what another test left would fail that test, whose clean-up deletes it.
	if err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Inject(nil)
		if _, err := c.Delete(context.Background(), nil); err != nil {
			t.Error(err)
		}
	})
}

var azuriteListens = regexp.MustCompile(`listen[a-z]* (?:at|on) (http://[0-9.]+:[1-9][0-9]*)`)

// emulated is the Azurite of this process; its containers are in memory.
var emulated struct {
	sync.Mutex
	at    *url.URL
	stop  io.Closer
	ended chan struct{}
}

// azurite starts the process, if that has not been done. It ends with StopAzure, and when this process ends, however it does: a shell ends it
// when its standard input closes.
func azurite(program string) (*url.URL, error) {
	emulated.Lock()
	defer emulated.Unlock()
	if emulated.at != nil {
		return emulated.at, nil
	}
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("TAGBEAM_AZURITE: %w", err)
	}
	cmd := exec.Command("sh", "-c", `"$@" & cat >/dev/null; kill $!; wait $!`, "sh",
		program, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	emulated.stop, emulated.ended = stdin, make(chan struct{})
	go func() {
		defer close(emulated.ended)
		cmd.Wait()
		in.Close()
	}()
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := azuriteListens.FindStringSubmatch(lines.Text()); m != nil {
			go io.Copy(io.Discard, out)
			emulated.at, err = url.Parse(m[1])
			return emulated.at, err
		}
	}
	return nil, fmt.Errorf("%s does not start:\n%s", program, said.String())
}

// StopAzure ends the emulator's process, if there is one.
func StopAzure() {
	emulated.Lock()
	defer emulated.Unlock()
	if emulated.at == nil {
		return
	}
	emulated.stop.Close()
	<-emulated.ended
	emulated.at = nil
}

// Inject lets f stand before the service; nil takes it away.
func (a *Azure) Inject(f Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = f
}

// ServeHTTP implements http.Handler.
func (a *Azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	f := a.fault
	a.mu.Unlock()
	if f != nil {
		f(w, r, a.next)
		return
	}
	a.next.ServeHTTP(w, r)
}

// AzureError answers as Azure does.
func AzureError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-ms-error-code", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>the message of %s`+"\nRequestId:1</Message></Error>", code, code)
}
