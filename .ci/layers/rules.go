package main

// A layer is a folder and what is below it, down to the next layer.
type layer struct {
	// Folder is relative to the module's root.
	Folder string
	// May are the other layers it may import.
	May []string
}

// layers from the top down. A folder belongs to the longest Folder that holds it; Go files outside all of them are a violation.
var layers = []layer{
	{"pipeline/tagbeam", []string{"pipeline", "transforms", "transforms/engine", "model", "io"}},
	{"pipeline", []string{"transforms", "transforms/engine", "model", "io"}},
	{"transforms", []string{"transforms/engine", "model", "io"}},
	{"transforms/engine", []string{"model", "io"}},
	{"model", nil},
	{"io", nil},
}

// A reserve is a kind of third-party library that few folders may import.
type reserve struct {
	// Kind is the library in words.
	Kind string
	// Modules are import path prefixes, whole elements.
	Modules []string
	// Folders may import it, with what is below them; Except may not, though it is below one of them.
	Folders, Except []string
}

var reserves = []reserve{
	{
		Kind:    "Apache Beam",
		Modules: []string{"github.com/apache/beam"},
		Folders: []string{"pipeline", "transforms"},
		Except:  []string{"transforms/engine"},
	},
	{
		Kind: "a storage client",
		Modules: []string{
			"cloud.google.com/go/storage",
			"gocloud.dev",
			"github.com/aws/aws-sdk-go",
			"github.com/aws/aws-sdk-go-v2",
			"github.com/minio/minio-go",
			"github.com/Azure/azure-sdk-for-go",
		},
		Folders: []string{"io/object"},
	},
	{
		Kind:    "ONNX Runtime",
		Modules: []string{"github.com/yalue/onnxruntime_go"},
		Folders: []string{"model/onnx"},
	},
	{
		Kind:    "a Parquet library",
		Modules: []string{"github.com/parquet-go/parquet-go", "github.com/apache/arrow", "github.com/apache/arrow-go"},
		Folders: []string{"io/table", "io/source"},
	},
}
