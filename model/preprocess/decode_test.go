package preprocess

import "errors"

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
