package object

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// azClient is the process's one client of a storage account.
type azClient struct {
	http      *http.Client
	account   azAccount
	token     azcore.TokenCredential // nil: a key, a signature or nothing
	anonymous bool                   // no credentials were found: public containers only
}

const azLoginHint = "run 'az login', or set AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or a service principal's AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"

// azAccount is a storage account, and what opens it.
type azAccount struct {
	name, endpoint, key, sas string
}

// azuriteKey is that of the account that every Azurite has, by its documentation; it is no secret.
const azuriteKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

// findAZAccount puts together what the settings and the environment say. A key or signature is used only for the account it is of.
func findAZAccount(s Settings) (azAccount, error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), ";") {
		if name, v, ok := strings.Cut(part, "="); ok {
			parts[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(v)
		}
	}
	if parts["usedevelopmentstorage"] == "true" {
		parts["accountname"], parts["accountkey"] = "devstoreaccount1", azuriteKey
		parts["blobendpoint"] = "http://127.0.0.1:10000/devstoreaccount1"
	}
	env := azAccount{name: os.Getenv("AZURE_STORAGE_ACCOUNT"), key: os.Getenv("AZURE_STORAGE_KEY"), sas: strings.TrimPrefix(os.Getenv("AZURE_STORAGE_SAS_TOKEN"), "?")}
	if len(parts) > 0 {
		env = azAccount{name: parts["accountname"], key: parts["accountkey"], sas: strings.TrimPrefix(parts["sharedaccesssignature"], "?"), endpoint: parts["blobendpoint"]}
		if env.name == "" && env.endpoint == "" {
			return azAccount{}, errors.New("AZURE_STORAGE_CONNECTION_STRING names neither an AccountName nor a BlobEndpoint")
		}
	}
	a := env
	if s.AzureAccount != "" && s.AzureAccount != env.name {
		a = azAccount{name: s.AzureAccount}
	}
	a.endpoint = strings.TrimSuffix(cmp.Or(s.AzureEndpoint, a.endpoint), "/")
	if a.endpoint == "" {
		if a.name == "" {
			return azAccount{}, errors.New("no storage account: set AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING, or name it with --az-account")
		}
		a.endpoint = "https://" + a.name + ".blob." + cmp.Or(parts["endpointsuffix"], "core.windows.net")
	}
	return a, nil
}

// azCredentialsTime is how long finding credentials may take.
const azCredentialsTime = 10 * time.Second

func newAZClient(ctx context.Context, account azAccount) (*azClient, error) {
	transport := newTransport()
	transport.base.DisableCompression = true
	c := &azClient{http: &http.Client{Transport: transport}, account: account}
	if account.key != "" || account.sas != "" {
		return c, nil
	}
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, azCredentialsTime)
		defer cancel()
		_, err = cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
	}
	switch {
	case err == nil:
		c.token = cred
	case os.Getenv("AZURE_CLIENT_ID") != "" || os.Getenv("AZURE_TENANT_ID") != "":
		return nil, fmt.Errorf("the credentials that AZURE_CLIENT_ID and AZURE_TENANT_ID name cannot be used: %w; %s", err, azLoginHint)
	default:
		c.anonymous = true
	}
	return c, nil
}

// container opens a container; the library's own retries are off.
func (c *azClient) container(name string) (*container.Client, error) {
	opts := &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: c.http, Retry: policy.RetryOptions{MaxRetries: -1}, Telemetry: policy.TelemetryOptions{Disabled: true},
	}}
	at := c.account.endpoint + "/" + url.PathEscape(name)
	switch {
	case c.account.key != "":
		key, err := container.NewSharedKeyCredential(c.account.name, c.account.key)
		if err != nil {
			return nil, fmt.Errorf("the key of account %s cannot be used: %w", c.account.name, err)
		}
		return container.NewClientWithSharedKeyCredential(at, key, opts)
	case c.token != nil:
		return container.NewClient(at, c.token, opts)
	case c.account.sas != "":
		at += "?" + c.account.sas
	}
	return container.NewClientWithNoCredential(at, opts)
}

// azStatus is the HTTP status of an answer that is an error, 0 where there is none.
func azStatus(err error) int {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return answer.StatusCode
	}
	return 0
}

// explain implements service.
func (c *azContainer) explain(ctx context.Context, op, uri string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ended := cancelled(ctx, op, uri); ended != nil {
		return ended
	}
	e := &Error{Op: op, Object: uri, Kind: transportKind(err), Cause: err}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		e.Cause = failed.Err // the url may hold a signature
	}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		e.Kind = ErrPermission
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return e
	}
	e.Kind, e.Cause = azKind(op, answer), &azAnswer{answer}
	switch {
	case answer.ErrorCode == "ContainerNotFound":
		e.Cause = errors.New("the container does not exist")
	case e.Kind == ErrNotFound && c.client.anonymous:
		e.Cause = fmt.Errorf("or not public, and no Azure credentials were found: %s", azLoginHint)
	case e.Kind == ErrNotFound:
		e.Cause = nil
	case e.Kind == ErrPermission && c.client.anonymous:
		e.Cause = fmt.Errorf("%w; no Azure credentials were found: %s", e.Cause, azLoginHint)
	}
	return e
}

func azKind(op string, answer *azcore.ResponseError) error {
	switch answer.ErrorCode {
	case "BlobAlreadyExists":
		return ErrExists
	case "Md5Mismatch":
		return ErrChecksum
	case "ContainerBeingDeleted", "OperationTimedOut", "ServerBusy", "InternalError":
		return ErrTransient
	case "PublicAccessNotPermitted":
		return ErrPermission
	}
	if answer.StatusCode == http.StatusPreconditionFailed && op == "write" {
		return ErrExists
	}
	return statusKind(answer.StatusCode)
}

// azAnswer prints the service's answer on one line.
type azAnswer struct{ answer *azcore.ResponseError }

func (a *azAnswer) Unwrap() error { return a.answer }

func (a *azAnswer) Error() string {
	message := a.answer.ErrorCode
	if m := xmlMessage.FindStringSubmatch(a.answer.Error()); m != nil {
		message, _, _ = strings.Cut(strings.TrimSpace(m[2]), "\n") // what follows is a request's id
	}
	if message == "" {
		message = http.StatusText(a.answer.StatusCode)
	}
	return fmt.Sprintf("%s (HTTP %d)", strings.TrimSpace(message), a.answer.StatusCode)
}
