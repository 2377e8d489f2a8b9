package preprocess

// MaxSide is the longest side, in pixels, of an image that is decoded, whatever the limits say: what JPEG and GIF can express. It
// bounds the resampler's coefficients, which grow with the side and not with the area.
const MaxSide = 65535

// Limits bound what one image may cost, and say what becomes of a truncated one. A bound that is zero or less takes DefaultLimits' value.
type Limits struct {
	MaxBytes    int64 // of the encoded image
	MaxPixels   int64 // width x height as the header claims them; decoding takes 3 to 18 bytes per pixel, most for a progressive JPEG
	MaxScans    int   // of a JPEG: each costs a pass over the whole image, however few bytes it has; encoders write about ten
	MaxFrames   int   // of an animated WebP; only the first is decoded, but all are listed. Of a GIF the others are not even looked at.
	MaxMetadata int64 // bytes of EXIF, XMP, ICC profiles, comments and text in a JPEG, PNG or WebP, all of which are skipped

	// AllowTruncated makes an image of a file that ends too early, as far as it goes: what is missing of a JPEG is grey or coarse, of other
	// formats black or the palette's first colour. Otherwise such a file is an error, as in Pillow. A file that ends in its header, or in
	// what decoding starts from (a compressed TIFF, the first frame of an animated WebP), is an error in any case.
	AllowTruncated bool
}

// DefaultLimits let a medium-format camera's largest JPEG pass, and not a header that claims 65,500 x 65,500.
var DefaultLimits = Limits{MaxBytes: 64 << 20, MaxPixels: 64_000_000, MaxScans: 200, MaxFrames: 10_000, MaxMetadata: 32 << 20}

func (l Limits) orDefault() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultLimits.MaxBytes
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = DefaultLimits.MaxPixels
	}
	if l.MaxScans <= 0 {
		l.MaxScans = DefaultLimits.MaxScans
	}
	if l.MaxFrames <= 0 {
		l.MaxFrames = DefaultLimits.MaxFrames
	}
	if l.MaxMetadata <= 0 {
		l.MaxMetadata = DefaultLimits.MaxMetadata
	}
	return l
}

func (l Limits) checkMetadata(bytes int64) error {
	if bytes > l.MaxMetadata {
		return tooLarge("more than %d bytes of metadata; raise --max-metadata to read it", l.MaxMetadata)
	}
	return nil
}

// Header is what an image says about itself before it is decoded. Width and Height are pixels as stored: no orientation is applied.
type Header struct {
	Format string // "jpeg", "png", "gif", "webp", "bmp" or "tiff"
	Width  int
	Height int
}

// Pixels returns Width x Height.
func (h Header) Pixels() int64 { return int64(h.Width) * int64(h.Height) }

// ReadHeader finds out the format from the first bytes (a name's extension is never looked at), reads the size from the header and checks
// both against lim, before anything is decoded or allocated. Errors are of type *Error; the Header returned with one, and in it, holds
// what was known by then.
func ReadHeader(data []byte, lim Limits) (Header, error) {
	lim = lim.orDefault()
	if len(data) == 0 {
		return Header{}, fail(CodeEmpty, Header{}, "the object has 0 bytes")
	}
	f := formatOf(data)
	var h Header
	if f != nil {
		h.Format = f.name
	}
	if int64(len(data)) > lim.MaxBytes {
		return h, fail(CodeTooLarge, h, "%d bytes, more than the limit of %d; raise --max-bytes to read it", len(data), lim.MaxBytes)
	}
	if f == nil {
		return h, unsupported(data)
	}
	w, ht, err := f.size(data, lim)
	if err != nil {
		return h, decoderError(h, err)
	}
	h.Width, h.Height = w, ht
	return h, checkSize(h, lim)
}

func checkSize(h Header, lim Limits) error {
	switch {
	case h.Width <= 0 || h.Height <= 0:
		return fail(CodeCorrupt, h, "the %s header claims a size of %d x %d", h.Format, h.Width, h.Height)
	case h.Height > int(lim.MaxPixels)/h.Width:
		return fail(CodeTooLarge, h, "%d x %d pixels, more than the limit of %d; raise --max-pixels to decode it", h.Width, h.Height, lim.MaxPixels)
	case max(h.Width, h.Height) > MaxSide:
		return fail(CodeTooLarge, h, "%d x %d pixels: a side may have at most %d, and no flag raises that; cut or scale the image", h.Width, h.Height, MaxSide)
	}
	return nil
}
