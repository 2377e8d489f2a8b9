package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

var imageExtensions = map[string]bool{
	".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".png": true, ".gif": true, ".webp": true, ".bmp": true, ".dib": true,
	".tif": true, ".tiff": true, ".heic": true, ".heif": true, ".avif": true, ".jxl": true, ".jp2": true,
}

// isImage says whether a listed object is an image, by its name or else by what it holds. Where that takes opening a local
// file, one that cannot be read counts as one: its row then tells why it has no label. One that is gone does not.
func (p *pattern) isImage(ctx context.Context, info object.Info) (bool, error) {
	switch {
	case strings.HasSuffix(info.Key, "/") && info.Size == 0:
		return false, nil // stands for a folder that somebody made in a bucket
	case p.any || imageExtensions[strings.ToLower(path.Ext(info.Key))]:
		return true, nil
	case p.loc.Scheme != object.SchemeFile:
		return isRasterType(info.ContentType), nil
	case info.Problem != "" || info.Size == 0:
		return false, nil
	}
	head, err := readHead(ctx, p.store, info.Key)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return false, nil
	case errors.Is(err, object.ErrPermission):
		return true, nil
	case err != nil:
		return false, err
	}
	return isRasterType(http.DetectContentType(head)) || hasImageSignature(head), nil
}

// isRasterType leaves out drawings, which are text and have no pixels.
func isRasterType(contentType string) bool {
	return strings.HasPrefix(contentType, "image/") && !strings.HasPrefix(contentType, "image/svg")
}

// sniffLength is what http.DetectContentType looks at.
const sniffLength = 512

func readHead(ctx context.Context, store object.Store, key string) ([]byte, error) {
	r, err := store.ReadRange(ctx, key, 0, sniffLength)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// imageSignatures are those that the standard library does not know.
var imageSignatures = [][]byte{
	[]byte("II*\x00"), []byte("MM\x00*"), []byte("II+\x00"), []byte("MM\x00+"), // TIFF, BigTIFF
	[]byte("\x00\x00\x00\x0cJXL \r\n\x87\n"), []byte("\x00\x00\x00\x0cjP  \r\n\x87\n"), // JPEG XL, JPEG 2000
}

// heifBrands are the major brands of HEIF and AVIF files (ISO/IEC 23008-12, annex B; AV1 Image File Format, 8).
var heifBrands = []string{"heic", "heix", "heim", "heis", "mif1", "avif"}

func hasImageSignature(head []byte) bool {
	for _, s := range imageSignatures {
		if bytes.HasPrefix(head, s) {
			return true
		}
	}
	for _, brand := range heifBrands {
		if len(head) >= 12 && string(head[4:12]) == "ftyp"+brand {
			return true
		}
	}
	return false
}
