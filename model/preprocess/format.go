package preprocess

import "bytes"

// format is one kind of image file. Each has a file of its own, format_NAME.go.
type format struct {
	name  string
	magic func(data []byte) bool
	// size reads the pixel size from the header alone, checks what else lim has a bound for, and allocates nothing. io.ErrUnexpectedEOF
	// means that the header is cut off.
	size func(data []byte, lim Limits) (width, height int, err error)
	// decode writes the pixels of an image whose header is h to dst, which has that size. The decoder below trusts the file and not h,
	// so size must not let through a file in which the two can differ.
	decode func(d *Decoder, data []byte, h Header, dst *Pixels) error
}

var formats = []*format{&jpegFormat, &pngFormat, &gifFormat, &webpFormat, &bmpFormat, &tiffFormat}

func formatOf(data []byte) *format {
	for _, f := range formats {
		if f.magic(data) {
			return f
		}
	}
	return nil
}

func formatNamed(name string) *format {
	for _, f := range formats {
		if f.name == name {
			return f
		}
	}
	return nil
}

// unsupported names what the data is, when it can be recognised.
func unsupported(data []byte) *Error {
	if name := recognise(data); name != "" {
		return fail(CodeUnsupportedFormat, Header{}, "%s, which is not read here; convert it to JPEG or PNG", name)
	}
	return fail(CodeUnsupportedFormat, Header{}, "not an image of a known format (it starts with % x); JPEG, PNG, GIF, WebP, BMP and TIFF are read",
		data[:min(len(data), 8)])
}

// foreign are formats that are recognised only to be named: the bytes at the beginning, or from the given offset.
var foreign = []struct {
	name   string
	offset int
	magic  string
}{
	{"heic", 4, "ftyphei"},
	{"heic", 4, "ftyphev"},
	{"heic", 4, "ftypmif1"},
	{"heic", 4, "ftypmsf1"},
	{"avif", 4, "ftypavi"},
	{"camera raw (CR3)", 4, "ftypcrx"},
	{"video (mp4 or mov)", 4, "ftyp"},
	{"jpeg-xl", 0, "\xff\x0a"},
	{"jpeg-xl", 0, "\x00\x00\x00\x0cJXL "},
	{"jpeg2000", 0, "\x00\x00\x00\x0cjP  "},
	{"jpeg2000", 0, "\xff\x4f\xff\x51"},
	{"jpeg-xr", 0, "II\xbc"},
	{"bigtiff", 0, "II+\x00"},
	{"bigtiff", 0, "MM\x00+"},
	{"pdf", 0, "%PDF"},
	{"postscript", 0, "%!PS"},
	{"ico", 0, "\x00\x00\x01\x00"},
	{"cur", 0, "\x00\x00\x02\x00"},
	{"icns", 0, "icns"},
	{"psd", 0, "8BPS"},
	{"qoi", 0, "qoif"},
	{"dds", 0, "DDS "},
	{"openexr", 0, "\x76\x2f\x31\x01"},
	{"radiance hdr", 0, "#?RADIANCE"},
	{"djvu", 0, "AT&TFORM"},
	{"netpbm", 0, "P1\n"}, {"netpbm", 0, "P2\n"}, {"netpbm", 0, "P3\n"},
	{"netpbm", 0, "P4\n"}, {"netpbm", 0, "P5\n"}, {"netpbm", 0, "P6\n"},
	{"video (matroska or webm)", 0, "\x1a\x45\xdf\xa3"},
	{"video (avi)", 8, "AVI "},
	{"zip archive", 0, "PK\x03\x04"},
	{"gzip data", 0, "\x1f\x8b"},
	{"git-lfs pointer (the image itself was not fetched)", 0, "version https://git-lfs"},
}

func recognise(data []byte) string {
	// A general brand of HEIF stands before the one that says which codec: look for it among the compatible ones.
	if ftyp := data[:min(len(data), 64)]; len(ftyp) > 12 && string(ftyp[4:8]) == "ftyp" && bytes.Contains(ftyp[8:], []byte("avif")) {
		return "avif"
	}
	for _, f := range foreign {
		if len(data) >= f.offset && bytes.HasPrefix(data[f.offset:], []byte(f.magic)) {
			return f.name
		}
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 1024)], []byte("\xef\xbb\xbf")), " \t\r\n"))
	switch {
	case bytes.HasPrefix(text, []byte("<svg")), bytes.HasPrefix(text, []byte("<?xml")) && bytes.Contains(text, []byte("<svg")):
		return "svg"
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return "text/html (a page, perhaps an error page, in place of an image)"
	case bytes.HasPrefix(text, []byte("<?xml")):
		return "text/xml"
	}
	return ""
}
