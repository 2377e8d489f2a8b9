package table

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// Mistake is an image that a model took for something else, or could not look at.
type Mistake struct {
	URI    string `parquet:"uri,delta"`
	Member string `parquet:"member,optional,delta"`
	// Class is the image's own, Label the one it was taken for, with Confidence; both are NULL for an image that failed.
	Class      string   `parquet:"class,dict"`
	Label      string   `parquet:"label,optional,dict"`
	Confidence *float32 `parquet:"confidence,optional"`
	// ClassConfidence is that of the image's own class, NULL when it is not among the best of the row.
	ClassConfidence *float32 `parquet:"class_confidence,optional"`
	TopK            []Label  `parquet:"top_k,list,optional"`
	ErrorCode       string   `parquet:"error_code,optional,dict"`
	ErrorMessage    string   `parquet:"error_message,optional"`
}

// MistakeWriter writes mistakes as a Parquet file.
type MistakeWriter struct {
	w *parquet.GenericWriter[Mistake]
}

// NewMistakeWriter returns a writer to w.
func NewMistakeWriter(w io.Writer) *MistakeWriter {
	return &MistakeWriter{parquet.NewGenericWriter[Mistake](w, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowsPerGroup))}
}

// Write adds one. (One at a time: see columns.go for what parquet-go makes of many.)
func (w *MistakeWriter) Write(m Mistake) error {
	if _, err := w.w.Write([]Mistake{m}); err != nil {
		return fmt.Errorf("write the errors: %w", err)
	}
	return nil
}

// Close writes what is left and the footer.
func (w *MistakeWriter) Close() error {
	if err := w.w.Close(); err != nil {
		return fmt.Errorf("write the errors: %w", err)
	}
	return nil
}
