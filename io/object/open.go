package object

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// stores is the process-wide registry: one Store per bucket, one client of each service for all of them.
var stores = struct {
	sync.Mutex
	open         map[Location]Store
	gs           map[string]*gsClient  // by the emulator's host; "" is the real service
	http         map[bool]*http.Client // by whether private hosts are allowed
	s3           map[s3Place]*s3Client
	s3Buckets    map[s3Place]*bucket
	az           map[azAccount]*azClient
	azContainers map[azPlace]*bucket
}{open: map[Location]Store{}, gs: map[string]*gsClient{}, http: map[bool]*http.Client{}, s3: map[s3Place]*s3Client{}, s3Buckets: map[s3Place]*bucket{},
	az: map[azAccount]*azClient{}, azContainers: map[azPlace]*bucket{}}

// s3Place is where a service is, or a bucket of it.
type s3Place struct{ endpoint, region, bucket string }

// azPlace is a container of an account.
type azPlace struct {
	azAccount
	container string
}

// Open returns the store that holds loc; loc.Key does not matter. Stores are made once per process and shared, so opening
// again is cheap, and callers never close them. Opening makes no request: a bucket that does not exist shows with the first
// use. How a store is reached may be told by WithSettings.
func Open(ctx context.Context, loc Location) (Store, error) {
	id := Location{Scheme: loc.Scheme, Bucket: loc.Bucket}
	stores.Lock()
	defer stores.Unlock()
	switch loc.Scheme {
	case SchemeFile:
		return fileStore{}, nil
	case SchemeMem:
		return openMem(id), nil
	case SchemeGS:
		client, err := openGSClient(ctx)
		if err != nil {
			return nil, err
		}
		if s, ok := stores.open[id].(*gsStore); ok && s.client == client {
			return s, nil
		}
		s := &gsStore{client: client, name: loc.Bucket, bucket: client.Bucket(loc.Bucket)}
		stores.open[id] = s
		return s, nil
	case SchemeAZ:
		return openAZ(ctx, loc.Bucket)
	case SchemeS3:
		return openS3(ctx, loc.Bucket)
	case SchemeHTTP, SchemeHTTPS:
		return newHTTPStore(openHTTPClient(SettingsFrom(ctx)), id), nil // not kept: there are as many hosts as a manifest names
	default:
		return nil, fmt.Errorf("open %v: unknown scheme %q; known are az, file, gs, http, https, mem and s3", loc, loc.Scheme)
	}
}

// OpenMem returns the process-wide memory store of that name, empty at first.
func OpenMem(name string) *Mem {
	stores.Lock()
	defer stores.Unlock()
	return openMem(Location{Scheme: SchemeMem, Bucket: name})
}

func openMem(id Location) *Mem {
	if s, ok := stores.open[id]; ok {
		return s.(*Mem)
	}
	s := newMem(id.Bucket)
	stores.open[id] = s
	return s
}

func openS3(ctx context.Context, name string) (Store, error) {
	s := SettingsFrom(ctx)
	place := s3Place{endpoint: s3Endpoint(s), region: s.S3Region}
	client, ok := stores.s3[place]
	if !ok {
		var err error
		if client, err = newS3Client(ctx, s); err != nil {
			return nil, fmt.Errorf("open S3: %w", err)
		}
		stores.s3[place] = client
	}
	place.bucket = name
	b, ok := stores.s3Buckets[place]
	if !ok {
		b = newBucket(&s3Bucket{client: client, name: name})
		stores.s3Buckets[place] = b
	}
	return b, nil
}

func openAZ(ctx context.Context, name string) (Store, error) {
	account, err := findAZAccount(SettingsFrom(ctx))
	if err != nil {
		return nil, fmt.Errorf("open Azure Blob Storage: %w", err)
	}
	client, ok := stores.az[account]
	if !ok {
		if client, err = newAZClient(ctx, account); err != nil {
			return nil, fmt.Errorf("open Azure Blob Storage: %w", err)
		}
		stores.az[account] = client
	}
	place := azPlace{account, name}
	b, ok := stores.azContainers[place]
	if !ok {
		blobs, err := client.container(name)
		if err != nil {
			return nil, fmt.Errorf("open Azure Blob Storage: %w", err)
		}
		b = newBucket(&azContainer{client: client, name: name, blobs: blobs})
		stores.azContainers[place] = b
	}
	return b, nil
}

func openHTTPClient(s Settings) *http.Client {
	c, ok := stores.http[s.AllowPrivateHosts]
	if !ok {
		c = newHTTPClient(s.AllowPrivateHosts)
		stores.http[s.AllowPrivateHosts] = c
	}
	return c
}

// Close forgets every store, memory stores with their contents, and closes the clients' connections. It is for tests; no
// store may be in use.
func Close() error {
	stores.Lock()
	defer stores.Unlock()
	var first error
	for _, c := range stores.gs {
		if err := c.close(); err != nil && first == nil {
			first = err
		}
	}
	for _, c := range stores.http {
		c.CloseIdleConnections()
	}
	for _, c := range stores.az {
		c.http.CloseIdleConnections()
	}
	for _, c := range stores.s3 {
		c.http.CloseIdleConnections()
	}
	clear(stores.az)
	clear(stores.azContainers)
	clear(stores.gs)
	clear(stores.s3)
	clear(stores.s3Buckets)
	clear(stores.http)
	clear(stores.open)
	return first
}
