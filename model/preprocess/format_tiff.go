package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/tiff"
)

var tiffFormat = format{
	name: "tiff",
	magic: func(data []byte) bool {
		return bytes.HasPrefix(data, []byte("II*\x00")) || bytes.HasPrefix(data, []byte("MM\x00*"))
	},
	size:   tiffSize,
	decode: decodeTIFF,
}

// tiffSize reads ImageWidth and ImageLength of the first directory.
func tiffSize(data []byte, _ Limits) (int, int, error) {
	const (
		tagWidth, tagLength = 256, 257
		typeShort, typeLong = 3, 4
	)
	if len(data) < 8 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	first := int(order.Uint32(data[4:]))
	if first+2 > len(data) {
		return 0, 0, io.ErrUnexpectedEOF
	}
	entries := data[first+2:]
	size := map[uint16]int{}
	for n := int(order.Uint16(data[first:])); n > 0; n-- {
		if len(entries) < 12 {
			return 0, 0, io.ErrUnexpectedEOF
		}
		if tag := order.Uint16(entries); tag == tagWidth || tag == tagLength {
			if _, twice := size[tag]; twice {
				return 0, 0, errors.New("two sizes in one directory")
			}
			switch order.Uint16(entries[2:]) {
			case typeShort:
				size[tag] = int(order.Uint16(entries[8:]))
			case typeLong:
				size[tag] = int(order.Uint32(entries[8:]))
			default:
				return 0, 0, errors.New("a size that is not an integer")
			}
		}
		entries = entries[12:]
	}
	return size[tagWidth], size[tagLength], nil
}

// decodeTIFF turns the image as its directory says: Pillow does so when it loads a TIFF, with or without exif_transpose.
func decodeTIFF(d *Decoder, data []byte, h Header, dst *Pixels) error {
	o := tiffMetadata(data).orientation()
	if o == upright {
		return decodeStoredTIFF(d, data, h, dst)
	}
	var stored Pixels
	if err := decodeStoredTIFF(d, data, h, &stored); err != nil {
		return err
	}
	stored.turn(o, dst)
	return nil
}

// tiffMetadata is the file itself, which is what EXIF is made like, and the XMP in it.
func tiffMetadata(data []byte) metadata {
	const tagXMP = 700
	m := metadata{exif: data}
	if value, _, count, order := tiffEntry(data, tagXMP); value != nil && count > 4 {
		if at := int64(order.Uint32(value)); at+int64(count) <= int64(len(data)) {
			m.xmp = data[at : at+int64(count)]
		}
	}
	return m
}

// decodeStoredTIFF decodes the pixels as they are stored.
func decodeStoredTIFF(d *Decoder, data []byte, h Header, dst *Pixels) error {
	data, cmyk := cmykAsAlpha(data)
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil && isShort(err) && d.Limits.AllowTruncated {
		// What is missing of uncompressed strips becomes zeros. A pixel has at most eight bytes.
		img, err = tiff.Decode(bytes.NewReader(append(bytes.Clone(data), make([]byte, 8*h.Pixels())...)))
	}
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	if ink, ok := img.(*image.NRGBA); ok && cmyk {
		eachRow(dst, ink.Pix, ink.Stride, 4, cmykRow)
		return nil
	}
	return toRGB(dst, img)
}

// cmykAsAlpha lets x/image/tiff read CMYK, which it does not know: in a copy of a file of four inks with 8 bits each, it declares them to
// be red, green, blue and alpha, by a directory of its own at the end.
func cmykAsAlpha(data []byte) (out []byte, cmyk bool) {
	const (
		tagPhotometric, tagExtraSamples = 262, 338
		photometricRGB, photometricCMYK = 2, 5
		typeShort, straightAlpha        = 3, 2
	)
	var order binary.AppendByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	get16, get32 := order.(binary.ByteOrder).Uint16, order.(binary.ByteOrder).Uint32
	first := int(get32(data[4:]))
	entries := data[first+2:][:12*int(get16(data[first:]))] // tiffSize has seen them
	directory := []byte{}
	entry := func(tag, value uint16) {
		directory = order.AppendUint32(order.AppendUint16(order.AppendUint16(directory, tag), typeShort), 1)
		directory = order.AppendUint16(order.AppendUint16(directory, value), 0)
	}
	extra := false
	for ; len(entries) > 0; entries = entries[12:] {
		tag := get16(entries)
		if tag >= tagExtraSamples && !extra {
			entry(tagExtraSamples, straightAlpha)
			extra = true
		}
		switch tag {
		case tagExtraSamples:
			return data, false // a fifth sample
		case tagPhotometric:
			cmyk = get16(entries[8:]) == photometricCMYK
			entry(tagPhotometric, photometricRGB)
		default:
			directory = append(directory, entries[:12]...)
		}
	}
	if !cmyk {
		return data, false
	}
	if !extra {
		entry(tagExtraSamples, straightAlpha)
	}
	out = make([]byte, len(data), len(data)+len(directory)+7)
	copy(out, data)
	if len(out)%2 == 1 {
		out = append(out, 0) // a directory begins at an even place
	}
	order.(binary.ByteOrder).PutUint32(out[4:], uint32(len(out)))
	out = order.AppendUint16(out, uint16(len(directory)/12))
	return append(append(out, directory...), 0, 0, 0, 0), true
}
