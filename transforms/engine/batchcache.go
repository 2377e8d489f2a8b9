package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/tagbeam/tagbeam/model/onnx"
)

// batchCache keeps the batch size that was measured for a model on a kind of machine in a file of the user's cache. There is one file
// for each such pair, so that writers do not meet; it appears whole or not at all.
type batchCache struct {
	file string // empty: the user has no cache
	key  batchKey
}

// batchKey is all that a measurement depends on.
type batchKey struct {
	Model       string `json:"model_digest"`
	CPU         string `json:"cpu"`
	CPUs        int    `json:"cpus"`
	ONNXRuntime string `json:"onnxruntime"`
}

// batchRecord is the content of the file.
type batchRecord struct {
	batchKey
	Batch  int     `json:"batch"`
	Speeds []Speed `json:"measured"`
}

const maxBatchRecord = 64 << 10

// batchRule changes with the rule by which a size is chosen from what was measured: a choice by another rule is not taken.
const batchRule = 3

func cacheOf(c *Classifier, cpus int) batchCache {
	key := batchKey{Model: c.Bundle.Digest, CPU: cpuKind(), CPUs: cpus, ONNXRuntime: onnx.Version()}
	folder, err := os.UserCacheDir()
	if err != nil {
		return batchCache{key: key}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q", batchRule, []any{key.Model, key.CPU, key.CPUs, key.ONNXRuntime}))
	return batchCache{file: filepath.Join(folder, "tagbeam", "batch", hex.EncodeToString(sum[:16])+".json"), key: key}
}

// load returns what was kept, if that can be read and is what we write.
func (c batchCache) load() (batch int, ok bool) {
	if c.file == "" {
		return 0, false
	}
	if info, err := os.Stat(c.file); err != nil || !info.Mode().IsRegular() || info.Size() > maxBatchRecord {
		return 0, false
	}
	data, err := os.ReadFile(c.file)
	if err != nil {
		return 0, false
	}
	var r batchRecord
	if json.Unmarshal(data, &r) != nil || r.batchKey != c.key || !slices.Contains(BatchSizes, r.Batch) {
		return 0, false
	}
	return r.Batch, true
}

// save keeps a choice.
func (c batchCache) save(batch int, speeds []Speed) (err error) {
	if c.file == "" {
		return errors.New("there is no cache folder")
	}
	data, err := json.MarshalIndent(batchRecord{c.key, batch, speeds}, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.file), 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(c.file), ".batch-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(append(data, '\n'))
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), c.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
