package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	// hostRequests is how many requests are made of one host at once: a polite number, and enough to hide latency.
	hostRequests = 8
	// httpConnect is how long a connection may take to be made, and once more for its TLS.
	httpConnect = 10 * time.Second
	// httpSlowest is the least number of bytes a second that an answer may bring, its first minute aside.
	httpSlowest = 10 << 10
	// maxRedirects is how many redirects are followed.
	maxRedirects = 5
)

var (
	errPrivateHost = errors.New("is not an address of the public internet")
	errRedirect    = errors.New("the redirect is not followed")
)

// newHTTPClient makes the client of web servers. They are not trusted, and neither are the names that lead to them: unless
// private hosts are allowed, the address of every connection is checked as it is made, after names are resolved and redirects
// followed.
func newHTTPClient(allowPrivate bool) *http.Client {
	t := newTransport()
	t.slowest = httpSlowest
	dialer := &net.Dialer{Timeout: httpConnect}
	if !allowPrivate {
		dialer.Control = refusePrivate
		t.base.Proxy = nil // through a proxy, addresses could not be checked
	}
	t.base.DialContext = dialer.DialContext
	t.base.TLSHandshakeTimeout = httpConnect
	t.base.DisableCompression = true
	t.base.MaxIdleConns = 512
	t.base.MaxIdleConnsPerHost = hostRequests
	t.base.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{Transport: &hostLimit{base: t, hosts: map[string]*hostSlots{}}, CheckRedirect: checkRedirect}
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: it is number %d", errRedirect, len(via))
	case req.URL.Scheme != "https" && via[0].URL.Scheme == "https":
		return fmt.Errorf("%w: it leads from https to %s", errRedirect, req.URL.Scheme)
	case req.URL.User != nil:
		return fmt.Errorf("%w: it holds a password", errRedirect)
	}
	req.Header.Del("Referer")
	return nil
}

// refusePrivate is the Control of a net.Dialer: address is the one that is about to be connected to.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if addr := at.Addr(); !isPublic(addr) {
		return fmt.Errorf("%s %w; --allow-private-hosts allows it", addr, errPrivateHost)
	}
	return nil
}

// notPublic are the ranges of IANA's special-purpose registries (RFC 6890 and its updates) that netip has no name for, and the
// address under which Azure's hosts serve their virtual machines.
var notPublic = func() (prefixes []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	return prefixes
}()

// embedding are the IPv6 ranges that lead to the IPv4 address they hold, which begins at the given byte: NAT64 and 6to4.
var embedding = map[netip.Prefix]int{
	netip.MustParsePrefix("64:ff9b::/96"): 12,
	netip.MustParsePrefix("2002::/16"):    2,
}

func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsGlobalUnicast() || addr.IsPrivate() { // loopback, link-local, multicast and unspecified addresses are not global unicast
		return false
	}
	for _, p := range notPublic {
		if p.Contains(addr) {
			return false
		}
	}
	for p, at := range embedding {
		if p.Contains(addr) {
			b := addr.As16()
			return isPublic(netip.AddrFrom4([4]byte(b[at : at+4])))
		}
	}
	return true
}

func noSuchHost(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// hostLimit lets only hostRequests requests of a host be under way at once, from the request to the end of its body.
type hostLimit struct {
	base stallTransport

	mu    sync.Mutex
	hosts map[string]*hostSlots
}

// hostSlots are those of one host; it is forgotten when nobody uses or waits for one.
type hostSlots struct {
	slots chan struct{}
	users int
}

// RoundTrip implements http.RoundTripper.
func (l *hostLimit) RoundTrip(req *http.Request) (*http.Response, error) {
	release, err := l.acquire(req.Context(), req.URL.Host)
	if err != nil {
		return nil, err
	}
	resp, err := l.base.RoundTrip(req)
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &slotBody{resp.Body, sync.OnceFunc(release)}
	return resp, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (l *hostLimit) CloseIdleConnections() { l.base.CloseIdleConnections() }

func (l *hostLimit) acquire(ctx context.Context, host string) (release func(), err error) {
	l.mu.Lock()
	h := l.hosts[host]
	if h == nil {
		h = &hostSlots{slots: make(chan struct{}, hostRequests)}
		l.hosts[host] = h
	}
	h.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(l.hosts, host)
		}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}

// slotBody gives its slot back at its end.
type slotBody struct {
	io.ReadCloser
	release func()
}

func (b *slotBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *slotBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
