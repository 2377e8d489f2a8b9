// Package builtin is the model that tagbeam uses when none is named: it tells kinds of images apart (photo, document, screenshot, graphic, code,
// blank). It is a model folder like any other, embedded, with its card; train/ made it, on generated images only.
package builtin

import (
	"embed"
	"io/fs"
)

// Name is what the model is called by --model and in the table's model column.
const Name = "builtin"

//go:embed model.onnx tagbeam.json labels.txt MODEL_CARD.md
var files embed.FS

//go:embed MODEL_CARD.md
var card string

// FS is the model's folder, for model.Load.
func FS() fs.FS { return files }

// Card is the model card, in Markdown: what the model is for, its numbers, and what it fails on.
func Card() string { return card }
