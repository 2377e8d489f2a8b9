package preprocess

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The codes of an Error. They are written into the label table, so they never change.
const (
	CodeEmpty             = "empty"              // the object has no bytes
	CodeUnsupportedFormat = "unsupported_format" // not an image, or one of a kind that is not decoded
	CodeTooLarge          = "too_large"          // more bytes, pixels, scans, frames or metadata than Limits allow
	CodeTruncated         = "truncated"          // the data ends before the image does
	CodeCorrupt           = "corrupt"            // the data contradicts its format
)

// Error says why an image could not become a tensor. Every failure that the image's bytes cause is an *Error, and it is final: the same
// bytes give the same error again.
type Error struct {
	Code    string
	Header  Header // what was known before the failure; fields that were not are zero
	Message string // for people: what is wrong with the image and, where there is one, the way out
	Err     error  // the decoder's own error, nil where there is none
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns the decoder's own error.
func (e *Error) Unwrap() error { return e.Err }

func fail(code string, h Header, format string, args ...any) *Error {
	return &Error{Code: code, Header: h, Message: fmt.Sprintf(format, args...)}
}

// limitError says that an image exceeds one of Limits that only its decoder can check.
type limitError struct{ message string }

func (e *limitError) Error() string { return e.message }

func tooLarge(format string, args ...any) error { return &limitError{fmt.Sprintf(format, args...)} }

// decoderError turns the error of a decoder into an *Error: an end of data that came too early is truncated, a feature that the decoder
// lacks is unsupported_format, everything else is corrupt.
func decoderError(h Header, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var limit *limitError
	if errors.As(err, &limit) {
		return fail(CodeTooLarge, h, "%s", limit.message)
	}
	e := &Error{Code: CodeCorrupt, Header: h, Err: err}
	switch msg := err.Error(); {
	case isShort(err):
		e.Code = CodeTruncated
		e.Message = fmt.Sprintf("the %s data ends before the image does: %v", h.Format, err)
	// The decoders share no type for it, but all of them, x/image's included, say the word.
	case strings.Contains(msg, "unsupported") || strings.Contains(msg, "not implemented"):
		e.Code = CodeUnsupportedFormat
		e.Message = fmt.Sprintf("a kind of %s that is not supported: %s; convert it to a plain JPEG or PNG", h.Format, strings.TrimPrefix(msg, "unsupported: "))
	default:
		e.Message = fmt.Sprintf("the %s data is damaged: %v", h.Format, err)
	}
	return e
}

// isShort reports whether a decoder ran out of data. image/gif keeps only the text of the error below it, and image/jpeg has a text of its
// own for an end within the entropy-coded data.
func isShort(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return true
	}
	msg := err.Error()
	return strings.HasSuffix(msg, "EOF") || strings.Contains(msg, "not enough") || strings.Contains(msg, "short Huffman data")
}
