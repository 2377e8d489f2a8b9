package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
)

// orientation is how the camera was held: EXIF's tag 0x0112. 1 is upright; 0, and what EXIF does not define, count as 1.
type orientation int

const upright orientation = 1

// orientationTag is the tag, in EXIF and in TIFF itself.
const orientationTag = 0x0112

// orientationOf reads the orientation where Pillow's ImageOps.exif_transpose finds it: in the EXIF of a JPEG, PNG or WebP, and where that has
// none, in the XMP. A TIFF is upright here, because decoding has turned it (see decodeTIFF). EXIF that cannot be read says nothing (Pillow
// raises an error there).
func orientationOf(format string, data []byte) orientation {
	var m metadata
	switch format {
	case jpegFormat.name:
		m = jpegMetadata(data)
	case pngFormat.name:
		m = pngMetadata(data)
	case webpFormat.name:
		m = webpMetadata(data)
	}
	return m.orientation()
}

// metadata are the parts of a file that can say how it is to be turned.
type metadata struct{ exif, xmp []byte }

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

func (m metadata) orientation() orientation {
	exif := m.exif
	for range 2 { // Pillow takes away as many
		exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	}
	if o, ok := tiffOrientation(exif); ok {
		return o
	}
	if found := xmpOrientation.FindSubmatch(m.xmp); found != nil {
		return orientation(found[1][0] - '0').orUpright()
	}
	return upright
}

func (o orientation) orUpright() orientation {
	if o < 1 || o > 8 {
		return upright
	}
	return o
}

// tiffOrientation looks for the tag in the first directory of a TIFF, which is what EXIF is, too. ok tells whether it is there.
func tiffOrientation(data []byte) (o orientation, ok bool) {
	value, kind, count, order := tiffEntry(data, orientationTag)
	if value == nil {
		return upright, false
	}
	if count != 1 {
		return upright, true
	}
	switch kind { // those that Pillow makes a number of
	case 3, 8: // SHORT, SSHORT
		o = orientation(order.Uint16(value))
	case 4, 9, 13: // LONG, SLONG, IFD
		o = orientation(int32(order.Uint32(value)))
	case 6: // SBYTE
		o = orientation(value[0])
	}
	return o.orUpright(), true
}

// tiffEntry returns the last entry of a tag in the first directory: the four bytes that hold its value or its place, its type and its
// count. value is nil where there is none.
func tiffEntry(data []byte, tag uint16) (value []byte, kind uint16, count uint32, order binary.ByteOrder) {
	order = binary.LittleEndian
	switch {
	case len(data) < 8:
		return nil, 0, 0, order
	case string(data[:2]) == "MM":
		order = binary.BigEndian
	case string(data[:2]) != "II":
		return nil, 0, 0, order
	}
	first := int64(order.Uint32(data[4:]))
	if first+2 > int64(len(data)) {
		return nil, 0, 0, order
	}
	entries := data[first+2:]
	for n := order.Uint16(data[first:]); n > 0 && len(entries) >= 12; n-- {
		if order.Uint16(entries) == tag {
			value, kind, count = entries[8:12], order.Uint16(entries[2:]), order.Uint32(entries[4:])
		}
		entries = entries[12:]
	}
	return value, kind, count, order
}

// jpegMetadata reads the application segments before the first scan; several segments of EXIF are one.
func jpegMetadata(data []byte) (m metadata) {
	const xmp = "http://ns.adobe.com/xap/1.0/\x00"
	for p := 2; p+4 <= len(data); {
		if data[p] != 0xff {
			p++ // libjpeg, too, skips stray bytes
			continue
		}
		marker := data[p+1]
		switch {
		case marker == 0xff:
			p++
			continue
		case marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8:
			p += 2
			continue
		case marker == 0xd9 || marker == 0xda:
			return m
		}
		end := p + 2 + int(binary.BigEndian.Uint16(data[p+2:]))
		if end < p+4 || end > len(data) {
			return m
		}
		if segment := data[p+4 : end]; marker == 0xe1 {
			switch {
			case bytes.HasPrefix(segment, []byte("Exif\x00\x00")) && m.exif == nil:
				m.exif = segment
			case bytes.HasPrefix(segment, []byte("Exif\x00\x00")):
				m.exif = append(bytes.Clone(m.exif), segment[6:]...)
			case bytes.HasPrefix(segment, []byte(xmp)):
				m.xmp = segment[len(xmp):]
			}
		}
		p = end
	}
	return m
}

// pngMetadata reads the chunks of the whole file: EXIF may stand after the pixels.
func pngMetadata(data []byte) (m metadata) {
	var raw []byte // EXIF as ImageMagick once wrote it
	for data = data[min(8, len(data)):]; len(data) >= 12; {
		size := int64(binary.BigEndian.Uint32(data))
		if size+12 > int64(len(data)) {
			break
		}
		chunk := data[8 : 8+size]
		switch string(data[4:8]) {
		case "eXIf":
			m.exif = chunk
		case "tEXt", "zTXt", "iTXt":
			switch keyword, text := pngText(string(data[4:8]), chunk); keyword {
			case "Raw profile type exif":
				raw = text
			case "XML:com.adobe.xmp":
				m.xmp = text
			}
		}
		data = data[size+12:]
	}
	if m.exif == nil && raw != nil {
		m.exif = rawProfile(raw)
	}
	return m
}

// maxMetadataText bounds what a compressed text of a PNG may become.
const maxMetadataText = 1 << 20

// pngText reads one of the three kinds of text chunks.
func pngText(kind string, chunk []byte) (keyword string, text []byte) {
	word, text, _ := bytes.Cut(chunk, []byte{0})
	compressed := kind == "zTXt"
	if kind == "iTXt" {
		if len(text) < 2 {
			return "", nil
		}
		compressed = text[0] != 0
		_, text, _ = bytes.Cut(text[2:], []byte{0}) // the language
		_, text, _ = bytes.Cut(text, []byte{0})     // the keyword in it
	} else if compressed && len(text) > 0 {
		text = text[1:]
	}
	if compressed {
		r, err := zlib.NewReader(bytes.NewReader(text))
		if err != nil {
			return "", nil
		}
		if text, err = io.ReadAll(io.LimitReader(r, maxMetadataText)); err != nil {
			return "", nil
		}
	}
	return string(word), text
}

// rawProfile takes three lines away ("", "exif" and the length) and reads the rest as hexadecimal digits.
func rawProfile(text []byte) []byte {
	lines := bytes.SplitN(text, []byte("\n"), 4)
	if len(lines) < 4 {
		return nil
	}
	digits := bytes.ReplaceAll(lines[3], []byte("\n"), nil)
	exif := make([]byte, len(digits)/2)
	n, _ := hex.Decode(exif, digits) // as far as it goes
	return exif[:n]
}

// webpMetadata reads the chunks of an extended file.
func webpMetadata(data []byte) (m metadata) {
	for data = data[min(12, len(data)):]; len(data) >= 8; {
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		if size+8 > int64(len(data)) {
			break
		}
		switch string(data[:4]) {
		case "EXIF":
			m.exif = data[8 : 8+size]
		case "XMP ":
			m.xmp = data[8 : 8+size]
		}
		data = data[min(size+8+size&1, int64(len(data))):]
	}
	return m
}

// size returns the sides of a width x height image after turn.
func (o orientation) size(width, height int) (int, int) {
	if o >= 5 && o <= 8 {
		return height, width
	}
	return width, height
}

// turnTile is how many rows are turned together, so that what they read stays in the cache.
const turnTile = 16

// turn writes p, stored with orientation o, upright to dst: the transpositions of ImageOps.exif_transpose.
func (p *Pixels) turn(o orientation, dst *Pixels) {
	w, h := p.Width, p.Height
	outW, outH := o.size(w, h)
	dst.resize(Header{Width: outW, Height: outH})
	// The pixel at (x, y) comes from pixel start + x*dx + y*dy of p.
	var start, dx, dy int
	switch o {
	case 2:
		start, dx, dy = w-1, -1, w
	case 3:
		start, dx, dy = w*h-1, -1, -w
	case 4:
		start, dx, dy = w*(h-1), 1, -w
	case 5:
		start, dx, dy = 0, w, 1
	case 6:
		start, dx, dy = w*(h-1), -w, 1
	case 7:
		start, dx, dy = w*h-1, -w, -1
	case 8:
		start, dx, dy = w-1, w, -1
	default:
		start, dx, dy = 0, 1, w
	}
	for top := 0; top < outH; top += turnTile {
		for left := 0; left < outW; left += turnTile {
			for y := top; y < min(top+turnTile, outH); y++ {
				from := start + left*dx + y*dy
				row := dst.row(y)
				for x := left; x < min(left+turnTile, outW); x++ {
					out, in := row[3*x:3*x+3:3*x+3], p.Pix[3*from:3*from+3:3*from+3]
					out[0], out[1], out[2] = in[0], in[1], in[2]
					from += dx
				}
			}
		}
	}
}
