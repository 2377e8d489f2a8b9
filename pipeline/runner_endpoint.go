package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// answerWithin is how long a service may take to answer before it counts as not answering.
const answerWithin = 10 * time.Second

const startJobServer = "start Beam's job server for Flink and name its port, usually 8099 (README, On Flink: java ... FlinkJobServerDriver --flink-master=HOST:8081)"

// connect opens a connection to the Beam job service at endpoint and makes sure that it is one. Its errors say what is there instead, and what
// to start.
func connect(ctx context.Context, endpoint string) (*grpc.ClientConn, error) {
	if err := checkListening(ctx, endpoint); err != nil {
		return nil, err
	}
	cc, err := dial(endpoint)
	if err != nil {
		return nil, usage("--endpoint %s: %w", endpoint, err)
	}
	if err := checkJobService(ctx, cc, endpoint); err != nil {
		cc.Close()
		return nil, err
	}
	return cc, nil
}

// checkAddress refuses what is no HOST:PORT.
func checkAddress(endpoint string) error {
	if endpoint == "" {
		return usage("no --endpoint: HOST:PORT of a Beam job service; %s", startJobServer)
	}
	if _, port, err := net.SplitHostPort(endpoint); err != nil || port == "" || strings.Contains(endpoint, "/") {
		return usage("--endpoint %s: it is HOST:PORT, without http:// and path: that of a Beam job service; %s", endpoint, startJobServer)
	}
	return nil
}

func dial(endpoint string) (*grpc.ClientConn, error) {
	// passthrough: the resolver of the system decides what HOST is, as for everything else.
	return grpc.NewClient("passthrough:///"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
}

// checkListening says why nothing answers at all.
func checkListening(ctx context.Context, endpoint string) error {
	dialer := net.Dialer{Timeout: answerWithin}
	c, err := dialer.DialContext(ctx, "tcp", endpoint)
	if err == nil {
		return c.Close()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return usage("--endpoint %s: there is no host of that name (%w)", endpoint, dns)
	case errors.Is(err, syscall.ECONNREFUSED):
		return usage("--endpoint %s: nothing listens there: %s", endpoint, startJobServer)
	case isTimeout(err):
		return usage("--endpoint %s: no answer within %v: is the host up, and does a firewall let the port through?", endpoint, answerWithin)
	}
	return usage("--endpoint %s: %w", endpoint, err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// checkJobService asks something that only a job service answers.
func checkJobService(ctx context.Context, cc *grpc.ClientConn, endpoint string) error {
	asked, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := jobpb.NewJobServiceClient(cc).GetJobs(asked, &jobpb.GetJobsRequest{})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch code := status.Code(err); code {
	case codes.OK:
		return nil
	case codes.Unimplemented:
		// "Method not found" is Java's for an unknown service, "unknown service" Go's; a service that is there may lack this method.
		if m := status.Convert(err).Message(); !strings.HasPrefix(m, "Method not found") && !strings.Contains(m, "unknown service") && !strings.Contains(m, "HTTP status") {
			return nil
		}
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unknown, codes.Internal:
	default:
		return nil
	}
	if what := whatHTTP(ctx, endpoint); what != "" {
		return usage("--endpoint %s: %s", endpoint, what)
	}
	switch status.Code(err) {
	case codes.Unimplemented:
		return usage("--endpoint %s: a gRPC service listens there, but no Beam job service (Beam's job server opens two more ports, for artifacts and for expansion): take the port that its log calls JobService, usually 8099", endpoint)
	case codes.DeadlineExceeded:
		return usage("--endpoint %s: something listens there and does not answer a gRPC call within %v: it is no Beam job service, or one that hangs; %s", endpoint, answerWithin, startJobServer)
	}
	return usage("--endpoint %s: what listens there does not speak gRPC without TLS, as a Beam job service does (%s); %s", endpoint, status.Convert(err).Message(), startJobServer)
}

// whatHTTP says what the HTTP server at endpoint is, or nothing when there is none.
func whatHTTP(ctx context.Context, endpoint string) string {
	if version := flinkVersion(ctx, "http://"+endpoint); version != "" {
		return fmt.Sprintf("that is the REST port of Flink %s, not a Beam job service. Start Beam's job server beside it (with --flink-master=%s) and name the job server's port, usually 8099: README, On Flink", version, endpoint)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/", nil)
	if err != nil {
		return ""
	}
	resp, err := restClient.Do(req)
	if err != nil {
		return ""
	}
	resp.Body.Close()
	if resp.ProtoMajor != 1 {
		return ""
	}
	server := resp.Header.Get("Server")
	if server != "" {
		server = " (" + server + ")"
	}
	return fmt.Sprintf("an HTTP server%s listens there, not a Beam job service, which speaks gRPC; %s", server, startJobServer)
}

// flinkVersion asks a server for what only Flink's REST interface answers.
func flinkVersion(ctx context.Context, base string) string {
	var config struct {
		Version string `json:"flink-version"`
	}
	if err := getJSON(ctx, base+"/config", &config); err != nil {
		return ""
	}
	return config.Version
}

// restClient takes no detours: Flink's REST interface answers by itself.
var restClient = &http.Client{Timeout: answerWithin}

func getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := restClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, strings.TrimSpace(string(data[:min(len(data), 300)])))
	}
	return json.Unmarshal(data, into)
}
