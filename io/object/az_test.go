package object_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

func TestAZAccount(t *testing.T) {
	const connection = "DefaultEndpointsProtocol=https;AccountName=theirs;AccountKey=a2V5;EndpointSuffix=core.example.net"
	for _, test := range []struct {
		name     string
		env      map[string]string
		settings object.Settings
		want     object.AZAccount
		err      string
	}{
		{"nothing", nil, object.Settings{}, object.AZAccount{}, "set AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING, or name it with --az-account"},
		{"account and key", map[string]string{"AZURE_STORAGE_ACCOUNT": "mine", "AZURE_STORAGE_KEY": "k"}, object.Settings{},
			object.AZAccount{Name: "mine", Endpoint: "https://mine.blob.core.windows.net", Key: "k"}, ""},
		{"signature", map[string]string{"AZURE_STORAGE_ACCOUNT": "mine", "AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=2"}, object.Settings{},
			object.AZAccount{Name: "mine", Endpoint: "https://mine.blob.core.windows.net", SAS: "sv=1&sig=2"}, ""},
		{"connection string", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": connection}, object.Settings{},
			object.AZAccount{Name: "theirs", Endpoint: "https://theirs.blob.core.example.net", Key: "a2V5"}, ""},
		{"signature in it", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "BlobEndpoint=https://x.example/;SharedAccessSignature=sv=1&sig=2"}, object.Settings{},
			object.AZAccount{Endpoint: "https://x.example", SAS: "sv=1&sig=2"}, ""},
		{"Azurite", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}, object.Settings{AzureEndpoint: "http://host:1/devstoreaccount1/"},
			object.AZAccount{Name: "devstoreaccount1", Endpoint: "http://host:1/devstoreaccount1", Key: object.AzuriteKey}, ""},
		{"useless", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=a2V5"}, object.Settings{}, object.AZAccount{}, "neither an AccountName nor a BlobEndpoint"},
		{"flag of the same account", map[string]string{"AZURE_STORAGE_ACCOUNT": "mine", "AZURE_STORAGE_KEY": "k"}, object.Settings{AzureAccount: "mine"},
			object.AZAccount{Name: "mine", Endpoint: "https://mine.blob.core.windows.net", Key: "k"}, ""},
		{"flag of another account", map[string]string{"AZURE_STORAGE_ACCOUNT": "mine", "AZURE_STORAGE_KEY": "k"}, object.Settings{AzureAccount: "other"},
			object.AZAccount{Name: "other", Endpoint: "https://other.blob.core.windows.net"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range []string{"AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"} {
				t.Setenv(name, test.env[name])
			}
			got, err := object.FindAZAccount(test.settings)
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestAZSignatures: requests carry the signature, and no error shows it.
func TestAZSignatures(t *testing.T) {
	var signed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("sig") == "hush" {
			signed.Add(1)
		}
		if r.URL.Path == "/bucket/broken" {
			panic(http.ErrAbortHandler)
		}
		objecttest.AzureError(w, http.StatusForbidden, "AuthenticationFailed")
	}))
	defer server.Close()
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", "BlobEndpoint="+server.URL+";SharedAccessSignature=sv=1&sig=hush")
	store := open(t, "az://bucket")
	for key, want := range map[string]error{"refused": object.ErrPermission, "broken": object.ErrTransient} {
		if _, _, err := store.Read(t.Context(), key, 10); !errors.Is(err, want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if signed.Load() < 2 {
		t.Errorf("%d requests were signed", signed.Load())
	}
}

// TestAZBadCredentials: a key that is none is found out before the first request, and does not show.
func TestAZBadCredentials(t *testing.T) {
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", "")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "mine")
	t.Setenv("AZURE_STORAGE_KEY", "not base64!")
	_, err := object.Open(t.Context(), object.Location{Scheme: "az", Bucket: "bucket"})
	if err == nil || !strings.Contains(err.Error(), "the key of account mine") || strings.Contains(err.Error(), "base64!") {
		t.Error(err)
	}
}

// TestAZBackslash: Azure would take another name for it.
func TestAZBackslash(t *testing.T) {
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1")
	store := open(t, "az://bucket")
	if err := putText(t.Context(), store, `a\b`, "x"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, _, err := store.Read(t.Context(), `a\b`, 10); !errors.Is(err, object.ErrNotFound) {
		t.Error(err)
	}
	if err := store.Delete(t.Context(), `a\b`); err != nil {
		t.Error(err)
	}
}
