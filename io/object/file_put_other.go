//go:build !linux

package object

import "errors"

func createTemporary(dir string) (*temporary, error) { return createNamed(dir) }

func (t *temporary) publish(key string) error { return t.publishNamed(key) }

// renameNoReplace has no portable equivalent.
func renameNoReplace(string, string) error { return errors.ErrUnsupported }
