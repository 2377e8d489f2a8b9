package main

import (
	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/pipeline"
)

// addStoreFlags gives cmd and every command below it the flags that say how stores are reached. Their contexts carry the settings
// (object.SettingsFrom); credentials are never among them: every machine has its own, in its environment.
func addStoreFlags(cmd *cobra.Command) {
	var s object.Settings
	f := cmd.PersistentFlags()
	f.StringVar(&s.S3Endpoint, "s3-endpoint", "", "`URL` of a service that speaks S3 (default: $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, AWS)")
	f.StringVar(&s.S3Region, "s3-region", "", "`REGION` of s3:// buckets (default: $AWS_REGION, AWS's configuration, where AWS says it is)")
	f.StringVar(&s.AzureAccount, "az-account", "", "storage `ACCOUNT` of az:// containers (default: $AZURE_STORAGE_ACCOUNT, or the connection string's)")
	f.StringVar(&s.AzureEndpoint, "az-endpoint", "", "`URL` of the blob service (default: the connection string's, Azure)")
	f.BoolVar(&s.AllowPrivateHosts, "allow-private-hosts", false, "let https uris lead to private, loopback and link-local addresses")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.Validate(); err != nil {
			return &pipeline.UsageError{Err: err}
		}
		cmd.SetContext(object.WithSettings(cmd.Context(), s))
		return nil
	}
}
