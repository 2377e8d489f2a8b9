package preprocess

// #include "webp.h"
import "C"

import (
	"encoding/binary"
	"errors"
	"io"
)

var webpFormat = format{
	name: "webp",
	magic: func(data []byte) bool {
		return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
	},
	size:   webpSize,
	decode: decodeWebP,
}

// webpSize reads the canvas of an extended file, or the frame of a simple one.
func webpSize(data []byte, lim Limits) (int, int, error) {
	if len(data) < 30 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	chunk := data[20:]
	switch string(data[12:16]) {
	case "VP8 ":
		if chunk[3] != 0x9d || chunk[4] != 0x01 || chunk[5] != 0x2a {
			return 0, 0, errors.New("no key frame")
		}
		return int(binary.LittleEndian.Uint16(chunk[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(chunk[8:])) & 0x3fff, nil
	case "VP8L":
		if chunk[0] != 0x2f {
			return 0, 0, errors.New("no lossless signature")
		}
		bits := int(binary.LittleEndian.Uint32(chunk[1:]))
		return bits&0x3fff + 1, bits>>14&0x3fff + 1, nil
	case "VP8X":
		uint24 := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
		return uint24(chunk[4:]) + 1, uint24(chunk[7:]) + 1, checkWebPChunks(data[12:], lim)
	}
	return 0, 0, errors.New("the first chunk is none of VP8, VP8L and VP8X")
}

// checkWebPChunks counts what libwebp will make lists of.
func checkWebPChunks(data []byte, lim Limits) error {
	frames, metadata := 0, int64(0)
	for len(data) >= 8 {
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		size += size & 1
		switch string(data[:4]) {
		case "ANMF":
			if frames++; frames > lim.MaxFrames {
				return tooLarge("more than %d frames; raise --max-frames to decode the first one", lim.MaxFrames)
			}
		case "VP8X", "ANIM", "VP8 ", "VP8L", "ALPH":
		default:
			metadata += size + 8
			if err := lim.checkMetadata(metadata); err != nil {
				return err
			}
		}
		data = data[min(size+8, int64(len(data))):]
	}
	return nil
}

func decodeWebP(d *Decoder, data []byte, h Header, dst *Pixels) error {
	dst.resize(h)
	allowTruncated := C.int(0)
	if d.Limits.AllowTruncated {
		allowTruncated = 1
	}
	switch C.tagbeam_webp_decode(pointer(data), C.size_t(len(data)), C.int(h.Width), C.int(h.Height), allowTruncated, pointer(dst.Pix)) {
	case C.TAGBEAM_WEBP_OK:
		return nil
	case C.TAGBEAM_WEBP_TRUNCATED:
		return io.ErrUnexpectedEOF
	case C.TAGBEAM_WEBP_SIZE:
		return errSize
	case C.TAGBEAM_WEBP_MEMORY:
		return errors.New("libwebp ran out of memory")
	}
	return errors.New("libwebp cannot decode it")
}
