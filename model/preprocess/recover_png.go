package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// recoverPNG makes a whole PNG out of one that ends too early: rows that are missing, or not whole, become zeros (black, or the first
// colour of the palette), as in Pillow. Its size was checked before.
func recoverPNG(data []byte) ([]byte, error) {
	const signature = 8
	out, compressed := bytes.Clone(data[:signature]), []byte{}
	for rest := data[signature:]; len(rest) >= 8; {
		size := min(int64(binary.BigEndian.Uint32(rest)), int64(len(rest)-8))
		body := rest[8 : 8+size]
		switch name := string(rest[4:8]); {
		case name == "IDAT":
			compressed = append(compressed, body...)
		case name != "IEND" && len(compressed) == 0:
			out = appendPNGChunk(out, name, body)
		}
		rest = rest[min(size+12, int64(len(rest))):]
	}
	passes, err := pngPasses(data[signature+8:])
	if err != nil {
		return nil, err
	}
	size := 0
	for _, p := range passes {
		size += p.rows * p.bytes
	}
	pixels := make([]byte, size)
	at := inflate(pixels, compressed)
	for _, p := range passes {
		if at < p.rows*p.bytes {
			clear(pixels[len(pixels)-size:][at/p.bytes*p.bytes:])
			break
		}
		at -= p.rows * p.bytes
		size -= p.rows * p.bytes
	}
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.NoCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(pixels); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return appendPNGChunk(appendPNGChunk(out, "IDAT", b.Bytes()), "IEND", nil), nil
}

func appendPNGChunk(out []byte, name string, body []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	start := len(out)
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}

// inflate fills dst as far as the data goes, and returns how far that is.
func inflate(dst, data []byte) int {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return 0
	}
	n, _ := io.ReadFull(r, dst) // that it ends early is why we are here
	return n
}

// pngPass is a part of an interlaced image, or the whole of another.
type pngPass struct{ rows, bytes int }

// pngPasses returns the passes of an image by the content of its IHDR; see "Interlacing and pass extraction" in the specification.
func pngPasses(ihdr []byte) (passes []pngPass, err error) {
	width, height := int(binary.BigEndian.Uint32(ihdr)), int(binary.BigEndian.Uint32(ihdr[4:]))
	samples, ok := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[ihdr[9]]
	if !ok {
		return nil, errors.New("an unknown colour type")
	}
	bits := samples * int(ihdr[8])
	add := func(w, h int) {
		if w > 0 && h > 0 {
			passes = append(passes, pngPass{h, 1 + (w*bits+7)/8})
		}
	}
	if ihdr[12] == 0 {
		add(width, height)
		return passes, nil
	}
	for _, p := range [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		add((width-p[0]+p[2]-1)/p[2], (height-p[1]+p[3]-1)/p[3])
	}
	return passes, nil
}
