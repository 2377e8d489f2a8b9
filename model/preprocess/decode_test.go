package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// codeOf returns the code of an *Error, "" for no error, and the text of any other.
func codeOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return err.Error()
}

// sharedData returns a folder of the data that is not part of the project, or skips the test.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("TAGBEAM_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	dir := filepath.Join(root, "data", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no shared data (set TAGBEAM_SHARED to its folder): %v", err)
	}
	return dir
}

// Every odd or hostile file is either pixels of a known size or a row with a stable code. truncated_eoi.jpg lacks nothing but its end
// marker: Pillow refuses it by default ("image file is truncated"), and so do we.
func TestOddFiles(t *testing.T) {
	want := map[string]string{
		"anim.gif":                 "gif 320x240",
		"baseline_420.jpg":         "jpeg 640x480",
		"baseline_422.jpg":         "jpeg 640x480",
		"baseline_444.jpg":         "jpeg 640x480",
		"bomb_header_100k.png":     "png 100000x100000 too_large",
		"bomb_header_16383.webp":   "webp 16383x16383 too_large",
		"bomb_header_65500.jpg":    "jpeg 65500x65500 too_large",
		"bomb_header_65535.gif":    "gif 65535x65535 too_large",
		"bomb_real_20000sq.png":    "png 20000x20000 too_large",
		"cmyk.tiff":                "tiff 640x480",
		"cmyk_adobe_photoshop.jpg": "jpeg 500x333",
		"cmyk_pil.jpg":             "jpeg 640x480",
		"empty.jpg":                " 0x0 empty",
		"exif_orient6.jpg":         "jpeg 640x480",
		"exif_orient8.jpg":         "jpeg 640x480",
		"gray.jpg":                 "jpeg 640x480",
		"gray8.png":                "png 640x480",
		"gray_alpha.png":           "png 640x480",
		"jpeg_named.png":           "jpeg 640x480",
		"lossy.webp":               "webp 640x480",
		"lzw.tiff":                 "tiff 640x480",
		"odd_dims_420.jpg":         "jpeg 479x359",
		"palette.png":              "png 640x480",
		"progressive_420.jpg":      "jpeg 640x480",
		"rgb.bmp":                  "bmp 640x480",
		"rgb.tiff":                 "tiff 640x480",
		"rgb16.png":                "png 640x480",
		"rgb8.png":                 "png 640x480",
		"rgba8.png":                "png 640x480",
		"text.jpg":                 " 0x0 unsupported_format",
		"trailing_garbage.jpg":     "jpeg 640x480",
		"truncated_eoi.jpg":        "jpeg 640x480 truncated",
		"truncated_half.jpg":       "jpeg 640x480 truncated",
	}
	dir := sharedData(t, "odd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(data, Limits{})
		if err == nil {
			var p *Pixels
			if p, err = Decode(data, h); err == nil && (p.Width != h.Width || p.Height != h.Height || len(p.Pix) != 3*int(h.Pixels())) {
				t.Errorf("%s: %d x %d in %d bytes, header %v", e.Name(), p.Width, p.Height, len(p.Pix), h)
			}
		}
		var own *Error
		if errors.As(err, &own) && own.Header != h {
			t.Errorf("%s: the error has header %+v, ReadHeader returned %+v", e.Name(), own.Header, h)
		}
		got[e.Name()] = strings.TrimRight(fmt.Sprintf("%s %dx%d %s", h.Format, h.Width, h.Height, codeOf(err)), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every prefix of a file is an error with a code, never a panic and never an image, except where only a trailer is missing.
func TestPrefixes(t *testing.T) {
	// How many bytes at the end each may lack without harm: of a GIF nothing after the first frame is read.
	for name, harmless := range map[string]int{
		"flat_420_51x45.jpg": 0, "flat_progressive.jpg": 0, "rgb.png": 0, "palette4.png": 0, "whole.gif": 4, "frame.gif": 4,
		"lossy.webp": 0, "lossless.webp": 0, "rgb.bmp": 0, "grey.tiff": 0, "rgba_lzw.tiff": 0,
	} {
		data := readImage(t, name)
		codes := map[string]int{}
		for n := range len(data) {
			_, err := readAndDecode(data[:n])
			code := codeOf(err)
			codes[code]++
			if err == nil && n < len(data)-harmless {
				t.Errorf("%s: an image from %d of %d bytes", name, n, len(data))
				break
			}
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%s: %d bytes: %v is no *Error", name, n, err)
			}
		}
		if codes[CodeTruncated] == 0 {
			t.Errorf("%s: no prefix is %s: %v", name, CodeTruncated, codes)
		}
	}
}

func TestReadHeaderErrors(t *testing.T) {
	patched := func(name string, at int, b ...byte) []byte {
		data := bytes.Clone(readImage(t, name))
		copy(data[at:], b)
		return data
	}
	jpeg := readImage(t, "flat_420_64x64.jpg")
	sof := bytes.Index(jpeg, []byte{0xff, 0xc0})
	png := readImage(t, "rgb.png")
	pngText := slices.Concat(png[:33], []byte("\x00\x00\x00\x20tEXt"), make([]byte, 36), png[33:])
	animated := readImage(t, "animated.webp")
	webpEXIF := append(bytes.Clone(animated), "EXIF\x04\x00\x00\x00abcd"...)
	for _, test := range []struct {
		name string
		data []byte
		lim  Limits
		want string // the whole text
	}{
		{"empty", nil, Limits{}, "empty: the object has 0 bytes"},
		{"bytes", jpeg, Limits{MaxBytes: 100}, fmt.Sprintf("too_large: %d bytes, more than the limit of 100; raise --max-bytes to read it", len(jpeg))},
		{"pixels", jpeg, Limits{MaxPixels: 4095}, "too_large: 64 x 64 pixels, more than the limit of 4095; raise --max-pixels to decode it"},
		{"side", patched("rgb.png", 16, 0, 1, 0, 0, 0, 0, 0, 1), Limits{}, "too_large: 65536 x 1 pixels: a side may have at most 65535, and no flag raises that; cut or scale the image"},
		{"no pixels", patched("rgb.png", 16, 0, 0, 0, 0), Limits{}, "corrupt: the png header claims a size of 0 x 29"},
		{"png without IHDR", patched("rgb.png", 12, 'X'), Limits{}, "corrupt: the png data is damaged: the first chunk is not IHDR"},
		{"heic", []byte("\x00\x00\x00\x18ftypheic"), Limits{}, "unsupported_format: heic, which is not read here; convert it to JPEG or PNG"},
		{"avif", []byte("\x00\x00\x00\x18ftypavif"), Limits{}, "unsupported_format: avif, which is not read here; convert it to JPEG or PNG"},
		{"avif by its second brand", []byte("\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif"), Limits{}, "unsupported_format: avif, which is not read here; convert it to JPEG or PNG"},
		{"heif without avif", []byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00heic"), Limits{}, "unsupported_format: heic, which is not read here; convert it to JPEG or PNG"},
		{"jpeg-xl", []byte("\xff\x0a\x00"), Limits{}, "unsupported_format: jpeg-xl, which is not read here; convert it to JPEG or PNG"},
		{"jpeg2000", []byte("\xff\x4f\xff\x51"), Limits{}, "unsupported_format: jpeg2000, which is not read here; convert it to JPEG or PNG"},
		{"svg", []byte("\xef\xbb\xbf<?xml version='1.0'?>\n<SVG>"), Limits{}, "unsupported_format: svg, which is not read here; convert it to JPEG or PNG"},
		{"xml", []byte("<?xml version='1.0'?><Error>"), Limits{}, "unsupported_format: text/xml, which is not read here; convert it to JPEG or PNG"},
		{"pdf", []byte("%PDF-1.7"), Limits{}, "unsupported_format: pdf, which is not read here; convert it to JPEG or PNG"},
		{"html", []byte("\n<!DOCTYPE html>"), Limits{}, "unsupported_format: text/html (a page, perhaps an error page, in place of an image), which is not read here; convert it to JPEG or PNG"},
		{"ico", []byte("\x00\x00\x01\x00\x01\x00"), Limits{}, "unsupported_format: ico, which is not read here; convert it to JPEG or PNG"},
		{"unknown", []byte("hello, world"), Limits{}, "unsupported_format: not an image of a known format (it starts with 68 65 6c 6c 6f 2c 20 77); JPEG, PNG, GIF, WebP, BMP and TIFF are read"},
		{"webp frames", readImage(t, "animated.webp"), Limits{MaxFrames: 1}, "too_large: more than 1 frames; raise --max-frames to decode the first one"},
		{"jpeg metadata", jpeg, Limits{MaxMetadata: 15}, "too_large: more than 15 bytes of metadata; raise --max-metadata to read it"},
		{"png metadata", pngText, Limits{MaxMetadata: 40}, "too_large: more than 40 bytes of metadata; raise --max-metadata to read it"},
		{"webp metadata", webpEXIF, Limits{MaxMetadata: 11}, "too_large: more than 11 bytes of metadata; raise --max-metadata to read it"},
		{"webp chunk", patched("lossy.webp", 12, 'X'), Limits{}, "corrupt: the webp data is damaged: the first chunk is none of VP8, VP8L and VP8X"},
		{"webp key frame", patched("lossy.webp", 23, 'X'), Limits{}, "corrupt: the webp data is damaged: no key frame"},
		{"webp lossless", patched("lossless.webp", 20, 'X'), Limits{}, "corrupt: the webp data is damaged: no lossless signature"},
		{"old bmp", patched("rgb.bmp", 14, 16), Limits{}, "unsupported_format: a kind of bmp that is not supported: an information header of 16 bytes; convert it to a plain JPEG or PNG"},
		{"tiff directory", patched("grey.tiff", 4, 0xff, 0xff, 0xff, 0x7f), Limits{}, "truncated: the tiff data ends before the image does: unexpected EOF"},
		{"lossless jpeg", patched("flat_420_64x64.jpg", sof+1, 0xc3), Limits{}, "unsupported_format: a kind of jpeg that is not supported: lossless or hierarchical coding; convert it to a plain JPEG or PNG"},
		{"12-bit jpeg", patched("flat_420_64x64.jpg", sof+4, 12), Limits{}, "unsupported_format: a kind of jpeg that is not supported: 12 bits per sample; convert it to a plain JPEG or PNG"},
		{"segment length", patched("flat_420_64x64.jpg", 4, 0, 1), Limits{}, "corrupt: the jpeg data is damaged: a segment (marker 0xe0) of length 1"},
		{"no frame", []byte("\xff\xd8\xff\xd9"), Limits{}, "corrupt: the jpeg data is damaged: no frame header before the image data"},
		{"jpeg components", patched("flat_420_64x64.jpg", sof+9, 2), Limits{}, "unsupported_format: a kind of jpeg that is not supported: 2 components; convert it to a plain JPEG or PNG"},
	} {
		_, err := ReadHeader(test.data, test.lim)
		if err == nil {
			t.Errorf("%s: no error", test.name)
		} else if diff := cmp.Diff(test.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// tiffHeader is a TIFF of one directory whose entries are (tag, type, value).
func tiffHeader(order binary.AppendByteOrder, entries ...[3]uint32) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint16(order.AppendUint32(b, 8), uint16(len(entries)))
	for _, e := range entries {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, uint16(e[0])), uint16(e[1])), 1)
		if e[1] == 3 {
			b = order.AppendUint16(order.AppendUint16(b, uint16(e[2])), 0)
		} else {
			b = order.AppendUint32(b, e[2])
		}
	}
	return append(b, 0, 0, 0, 0)
}

func TestTIFFHeader(t *testing.T) {
	for _, test := range []struct {
		entries [][3]uint32
		want    string
	}{
		{[][3]uint32{{256, 3, 70}, {257, 4, 80}}, "70x80"},
		{[][3]uint32{{256, 4, 100_000}, {257, 4, 100_000}}, "100000x100000 too_large"},
		{[][3]uint32{{256, 3, 70}}, "70x0 corrupt"},
		{[][3]uint32{{256, 3, 70}, {256, 3, 71}}, "0x0 corrupt"},
		{[][3]uint32{{256, 2, 70}}, "0x0 corrupt"},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			h, err := ReadHeader(tiffHeader(order, test.entries...), Limits{})
			if got := strings.TrimRight(fmt.Sprintf("%dx%d %s", h.Width, h.Height, codeOf(err)), " "); got != test.want {
				t.Errorf("%v %v: %s, want %s", order, test.entries, got, test.want)
			}
		}
	}
}

// The header that is checked is the one that is decoded: a file in which they differ is refused.
func TestDecodeChecksSize(t *testing.T) {
	for _, name := range []string{"flat_420_64x64.jpg", "rgb.png", "lossy.webp", "lossless.webp", "rgb.bmp", "grey.tiff", "whole.gif"} {
		data := readImage(t, name)
		h, err := ReadHeader(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		h.Width--
		if _, err := Decode(data, h); codeOf(err) != CodeCorrupt || !errors.Is(err, errSize) {
			t.Errorf("%s: %v, want %s because of the size", name, err, CodeCorrupt)
		}
	}
	if _, err := Decode(nil, Header{Format: "heic", Width: 1, Height: 1}); codeOf(err) != CodeUnsupportedFormat {
		t.Errorf("a header that ReadHeader cannot have made: %v", err)
	}
}

// A progressive JPEG has several scans, whose number is bounded. A file with thousands of them is stopped early.
func TestScans(t *testing.T) {
	data := readImage(t, "flat_progressive.jpg")
	decode := func(data []byte, lim Limits) error {
		h, err := ReadHeader(data, lim)
		if err != nil {
			t.Fatal(err)
		}
		d := Decoder{Limits: lim}
		return d.Decode(data, h, new(Pixels))
	}
	if err := decode(data, Limits{MaxScans: 3}); err == nil || err.Error() != "too_large: more than 3 scans; raise --max-scans to decode it" {
		t.Error(err)
	}
	last := bytes.LastIndex(data, []byte{0xff, 0xda})
	scan := data[last : len(data)-2]
	bomb := slices.Concat(data[:len(data)-2], bytes.Repeat(scan, 5000), data[len(data)-2:])
	if err := decode(bomb, Limits{}); codeOf(err) != CodeTooLarge {
		t.Errorf("5,000 more scans: %v", err)
	}
}

// What a truncated file has is decoded where that is wanted: the beginning equals that of the whole image.
func TestAllowTruncated(t *testing.T) {
	for name, fromBelow := range map[string]bool{
		"tall.png": false, "flat_444_64x64.jpg": false, "lossless.webp": false, "rgb.bmp": true, "whole.gif": false, "grey.tiff": false, "photo_arithmetic.jpg": false, "rle8.bmp": true,
	} {
		data := readImage(t, name)
		want, err := readAndDecode(data)
		if err != nil {
			t.Fatal(err)
		}
		cut := data[:len(data)*4/5]
		h, err := ReadHeader(cut, Limits{})
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := Decode(cut, h); codeOf(err) != CodeTruncated {
			t.Errorf("%s: %v, want %s by default", name, err, CodeTruncated)
		}
		d, got := Decoder{Limits: Limits{AllowTruncated: true}}, new(Pixels)
		if err := d.Decode(cut, h, got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// A tenth of the rows is there in any case.
		y := 0
		if fromBelow {
			y = h.Height * 9 / 10
		}
		for range h.Height / 10 {
			if !bytes.Equal(got.row(y), want.row(y)) {
				t.Errorf("%s: row %d differs from the whole image's", name, y)
				break
			}
			y++
		}
		if bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: nothing is missing: cut more", name)
		}
	}
}

func TestDecodePanicIsCorrupt(t *testing.T) {
	saved := pngFormat.decode
	t.Cleanup(func() { pngFormat.decode = saved })
	pngFormat.decode = func(*Decoder, []byte, Header, *Pixels) error { panic("index out of range") }
	_, err := Decode(nil, Header{Format: "png", Width: 1, Height: 1})
	if want := "corrupt: the png data made the decoder fail: index out of range"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestGIFErrors(t *testing.T) {
	var b bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})
	if err := gif.Encode(&b, frame, nil); err != nil {
		t.Fatal(err)
	}
	outside := bytes.Clone(b.Bytes())
	outside[6] = 3 // the canvas is narrower than its frame
	if _, err := readAndDecode(outside); codeOf(err) != CodeCorrupt {
		t.Errorf("frame outside the canvas: %v", err)
	}
}

func TestErrorUnwraps(t *testing.T) {
	data := readImage(t, "rgb.png")
	data[len(data)/2] ^= 0xff
	_, err := readAndDecode(data)
	var format png.FormatError
	if codeOf(err) != CodeCorrupt || !errors.As(err, &format) {
		t.Errorf("a flipped byte: %v, want %s around a png.FormatError", err, CodeCorrupt)
	}
}

// Colours that are stored multiplied by their alpha, and kinds of pixels that no golden file has.
func TestToRGB(t *testing.T) {
	rect := image.Rect(0, 0, 1, 1)
	for _, test := range []struct {
		img  image.Image
		want []byte
	}{
		{&image.RGBA{Pix: []byte{50, 100, 130, 128}, Stride: 4, Rect: rect}, []byte{99, 199, 255}},
		{&image.RGBA{Pix: []byte{5, 6, 7, 0}, Stride: 4, Rect: rect}, []byte{5, 6, 7}},
		{&image.RGBA64{Pix: []byte{50, 9, 100, 9, 130, 9, 128, 9}, Stride: 8, Rect: rect}, []byte{99, 199, 255}},
		{&image.NRGBA64{Pix: []byte{50, 9, 100, 9, 130, 9, 128, 9}, Stride: 8, Rect: rect}, []byte{50, 100, 130}},
		{&image.CMYK{Pix: []byte{0, 255, 128, 0}, Stride: 4, Rect: rect}, []byte{255, 0, 127}},
		{&image.Paletted{Pix: []byte{1}, Stride: 1, Rect: rect, Palette: color.Palette{color.White, color.Gray{9}}}, []byte{9, 9, 9}},
		{image.NewAlpha(rect), nil},
	} {
		p := Pixels{}
		p.resize(Header{Width: 1, Height: 1})
		err := toRGB(&p, test.img)
		if (err == nil) != (test.want != nil) || err == nil && !bytes.Equal(p.Pix, test.want) {
			t.Errorf("%T: %v %v, want %v", test.img, p.Pix, err, test.want)
		}
	}
}

// A buffer that was larger is used again, and nothing of the earlier image shows.
func TestDecoderReuse(t *testing.T) {
	var d Decoder
	var p Pixels
	for _, name := range []string{"tall.png", "flat_420_64x64.jpg", "dot.png", "lossy.webp", "flat_420_3x19.jpg", "frame.gif"} {
		data := readImage(t, name)
		want, err := readAndDecode(data)
		if err != nil {
			t.Fatal(err)
		}
		h, _ := ReadHeader(data, Limits{})
		if err := d.Decode(data, h, &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*want, p); diff != "" {
			t.Errorf("%s (-fresh +reused):\n%s", name, diff)
		}
	}
}
