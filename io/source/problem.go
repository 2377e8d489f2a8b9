package source

import (
	"cmp"
	"errors"

	"github.com/tagbeam/tagbeam/io/object"
)

// Codes of problems, as they stand in a row's error_code. Those of images are package preprocess's, those of stores package engine's; these
// are the ones among them that a listing may find, and two of its own.
const (
	CodeEmpty             = "empty"
	CodeCorrupt           = "corrupt"
	CodeTruncated         = "truncated"
	CodeNotFound          = "not_found"
	CodePermissionDenied  = "permission_denied"
	CodeUnavailable       = "unavailable"
	CodeInvalidName       = "invalid_name"
	CodeChanged           = "changed"            // the archive is not the one that was planned
	CodeUnsupportedMember = "unsupported_member" // a link or a sparse file in an archive
	CodeUnsupportedFormat = "unsupported_format"
)

// Problem is why an image cannot be read that was asked for: what becomes its row.
type Problem struct {
	// Code is stable; Message is for people.
	Code, Message string
	// Retryable problems may be gone tomorrow.
	Retryable bool
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Message }

// problemOf says whether an error of one object is that object's own: gone, closed to us, or another one by now. Everything else is the store's.
func problemOf(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, object.ErrNotFound):
		return &Problem{Code: CodeNotFound, Message: err.Error(), Retryable: true}
	case errors.Is(err, object.ErrPermission):
		return &Problem{Code: CodePermissionDenied, Message: err.Error(), Retryable: true}
	case errors.Is(err, object.ErrChanged):
		return &Problem{Code: CodeChanged, Message: err.Error(), Retryable: true}
	case errors.Is(err, object.ErrNoRange):
		return &Problem{Code: CodeUnsupportedFormat, Message: err.Error()}
	}
	return nil
}

// problem is what Problem says, as an error; nil when there is none.
func (item *Item) problem() *Problem {
	if item.Problem == "" {
		return nil
	}
	return &Problem{Code: cmp.Or(item.ProblemCode, CodeInvalidName), Message: item.Problem, Retryable: item.Retryable}
}

// with returns the item with a problem, or as it is.
func (item Item) with(p *Problem) Item {
	if p != nil {
		item.Problem, item.ProblemCode, item.Retryable = p.Message, p.Code, p.Retryable
	}
	return item
}
