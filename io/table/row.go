// Package table is the label table: its schema, the unit and part files it is made of, and reading it back as a ledger of
// what has been tagged. It reads and writes bytes; where they are kept is its callers' business.
package table

import "time"

// SchemaRevision is raised when the columns, or what they mean, change. It is part of a run's fingerprint.
const SchemaRevision = 1

// Status values of a row.
const (
	StatusOK        = "ok"
	StatusAbstained = "abstained"
	StatusFailed    = "failed"
)

// Label is one of the best k predictions of an image.
type Label struct {
	LabelID    int32   `parquet:"label_id"`
	Label      string  `parquet:"label,dict"`
	Confidence float32 `parquet:"confidence"`
}

// Row is one row of the label table: one image, tagged or not. A nil pointer, and an empty string in an optional column, is NULL.
type Row struct {
	URI          string    `parquet:"uri,delta"`
	Member       string    `parquet:"member,optional,delta"`
	Version      string    `parquet:"version,delta"`
	MD5          string    `parquet:"md5,optional"`
	Size         *int64    `parquet:"size,optional"`
	Format       string    `parquet:"format,optional,dict"`
	Width        *int32    `parquet:"width,optional"`
	Height       *int32    `parquet:"height,optional"`
	Label        string    `parquet:"label,optional,dict"`
	LabelID      *int32    `parquet:"label_id,optional"`
	Confidence   *float32  `parquet:"confidence,optional"`
	TopK         []Label   `parquet:"top_k,list,optional"`
	Embedding    []float32 `parquet:"embedding,list,optional"`
	Status       string    `parquet:"status,dict"`
	ErrorCode    string    `parquet:"error_code,optional,dict"`
	ErrorMessage string    `parquet:"error_message,optional"`
	Retryable    *bool     `parquet:"retryable,optional"`
	Model        string    `parquet:"model,dict"`
	ModelDigest  string    `parquet:"model_digest,dict"`
	RunID        int64     `parquet:"run_id"`
	TaggedAt     time.Time `parquet:"tagged_at,timestamp(microsecond)"`

	// Copy says that the image has the content of another one in the same unit, whose prediction this is. It is counted, and no column.
	Copy bool `parquet:"-"`
}

// Counts sums up rows. The zero value is ready for use.
type Counts struct {
	Images    int64            `json:"images"`
	OK        int64            `json:"ok"`
	Abstained int64            `json:"abstained"`
	Failed    int64            `json:"failed"`
	Retryable int64            `json:"retryable"`        // of the failed: a next run tries them again
	Copies    int64            `json:"copies,omitempty"` // of the images, those that share another one's prediction
	Errors    map[string]int64 `json:"errors,omitempty"` // by error_code
	Labels    map[string]int64 `json:"labels,omitempty"` // top-1 labels of ok rows
	// LeastSure are the MaxLeastSure rows with the lowest confidence, ok or abstained, the lowest first.
	LeastSure []Unsure `json:"least_sure,omitempty"`
}

// MaxLeastSure is how many rows Counts.LeastSure keeps.
const MaxLeastSure = 5

// Unsure is a row that people may want to look at first.
type Unsure struct {
	URI        string  `json:"uri"`
	Member     string  `json:"member,omitempty"`
	Label      string  `json:"label"`
	Confidence float32 `json:"confidence"`
}
