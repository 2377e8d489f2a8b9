package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// imagePatience is how long a registry may take.
const imagePatience = 30 * time.Second

// EntryPoint is the program in the image that Beam's runners start: tagbeam is its own boot program.
const EntryPoint = "/usr/local/bin/tagbeam"

// checkImage looks an image up in its registry: it has to be there, for the workers' processor, and start tagbeam. That we may not see it is
// only a warning, because it is the workers that must.
func checkImage(ctx context.Context, image, arch string) (warning string, err error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return "", usage("--%s %s: no name of an image: %w", flagImage, image, err)
	}
	ctx, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	desc, err := remote.Get(ref, remote.WithContext(ctx), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}),
		remote.WithAuthFromKeychain(authn.NewMultiKeychain(google.Keychain, authn.DefaultKeychain)))
	if err != nil {
		return imageMissing(image, err)
	}
	img, err := desc.Image()
	if err != nil {
		return "", usage("--%s %s: there is none for linux/%s: %w", flagImage, image, arch, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("--%s %s: read its configuration: %w", flagImage, image, err)
	}
	if config.OS != "linux" || config.Architecture != arch {
		return "", usage("--%s %s: it is for %s/%s, and the workers are linux/%s", flagImage, image, config.OS, config.Architecture, arch)
	}
	if entry := config.Config.Entrypoint; len(entry) == 0 || path.Base(entry[0]) != path.Base(EntryPoint) && path.Base(entry[0]) != "boot" {
		return "", usage("--%s %s: its entry point is %q, neither tagbeam nor Beam's boot: make it with our Dockerfile", flagImage, image, entry)
	}
	return "", nil
}

// imageMissing tells an image that is not there from one that we may not look at.
func imageMissing(image string, err error) (warning string, _ error) {
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return "", usage("--%s %s: the registry has no such image: build it with our Dockerfile and push it there", flagImage, image)
	}
	return fmt.Sprintf("--%s %s could not be looked at from here (%v): whether it is there shows when the workers start", flagImage, image, err), nil
}
