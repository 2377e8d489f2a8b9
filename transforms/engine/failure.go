package engine

import (
	"errors"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// Code is a stable error code of a row. Codes of package preprocess (empty, unsupported_format, too_large, truncated, corrupt)
// are used as they are.
type Code = string

const (
	CodeNotFound         Code = "not_found"         // the object vanished between the plan and the fetch
	CodePermissionDenied Code = "permission_denied" // the store refused to read it
	CodeUnavailable      Code = "unavailable"       // the store did not answer, retries included
	CodeChecksumMismatch Code = "checksum_mismatch" // the bytes that arrived are not those the store holds
	CodeReadFailed       Code = "read_failed"       // any other failure to read
	CodeTooLarge         Code = preprocess.CodeTooLarge
	CodeInvalidName      Code = "invalid_name"     // a name that can be listed but not opened
	CodeInferenceFailed  Code = "inference_failed" // the model failed on this image alone
	CodeInvalidOutput    Code = "invalid_output"   // the model answered NaN or infinity
	CodeChanged          Code = source.CodeChanged // the archive is another one than was planned
)

// Failure says why an image has no prediction.
type Failure struct {
	Code    Code
	Message string
	// Retryable failures are tried again by the next run.
	Retryable bool

	header  preprocess.Header // what was known of the image
	content bool              // it follows from the image's bytes: copies fail in the same way
}

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// failureOf classifies an error of fetching, decoding or preprocessing.
func failureOf(err error) *Failure {
	var own *Failure
	var bad *preprocess.Error
	var problem *source.Problem
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &bad):
		return &Failure{Code: bad.Code, Message: bad.Message, header: bad.Header, content: true}
	case errors.As(err, &problem):
		return &Failure{Code: problem.Code, Message: problem.Message, Retryable: problem.Retryable}
	case errors.Is(err, object.ErrTooLarge):
		return &Failure{Code: CodeTooLarge, Message: err.Error() + " (--max-bytes sets the limit)"}
	}
	return &Failure{Code: storeCode(err), Message: err.Error(), Retryable: true}
}

// storeCode is the code of a failure to read. All of them may heal.
func storeCode(err error) Code {
	switch {
	case errors.Is(err, object.ErrNotFound):
		return CodeNotFound
	case errors.Is(err, object.ErrPermission):
		return CodePermissionDenied
	case errors.Is(err, object.ErrChecksum):
		return CodeChecksumMismatch
	case errors.Is(err, object.ErrChanged):
		return CodeChanged
	case errors.Is(err, object.ErrTransient):
		return CodeUnavailable
	}
	return CodeReadFailed
}

func tooLarge(size, limit int64) *Failure {
	return &Failure{Code: CodeTooLarge, Message: fmt.Sprintf("%d bytes, more than the limit of %d (--max-bytes sets it)", size, limit)}
}
