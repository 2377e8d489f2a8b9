package table

import "github.com/parquet-go/parquet-go"

const (
	// rowsPerGroup bounds a row group by rows. parquet-go's own default is unlimited, which buffers a whole file.
	rowsPerGroup = 128 << 10
	// bytesPerGroup bounds a row group by buffered bytes: with embeddings, 128k rows would be most of a gigabyte.
	bytesPerGroup = 128 << 20
	// pageBytes is the size of a page before compression. A reader of the ledger holds one page of each of its columns
	// for every earlier run, so smaller than parquet-go's 256 KiB.
	pageBytes = 128 << 10
	// bloomBits is the number of Bloom filter bits per uri: 1 % false positives, so that looking one image up in a table
	// of thousands of row groups reads one of them.
	bloomBits = 10
	// boundBytes is the length at which the bounds of pages in the index are cut.
	boundBytes = 256

	// countsKey is the key of the Counts in a file's key-value metadata.
	countsKey = "tagbeam.counts"
)

// schema is that of unit files and part files alike.
var schema = parquet.SchemaOf(Row{})

// writerOptions are those of unit files and part files alike.
func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		schema,
		parquet.Compression(&parquet.Zstd),
		parquet.PageBufferSize(pageBytes),
		parquet.DataPageStatistics(true),
	}
}

// partOptions adds what is worth its bytes only in the files that people query.
func partOptions() []parquet.WriterOption {
	return append(writerOptions(),
		// Names have long beginnings in common: bounds cut at parquet-go's 16 bytes would all be the same.
		parquet.ColumnIndexSizeLimit(func([]string) int { return boundBytes }),
		parquet.BloomFilters(parquet.SplitBlockFilter(bloomBits, "uri")),
		// What the rows of a part are sorted by, for readers that make use of it.
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("uri"), parquet.NullsFirst(parquet.Ascending("member")))),
	)
}
