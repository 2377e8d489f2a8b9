package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// chunkJSONBytes is the amount of JSON at which a chunk is closed: it is held in memory, compressed, until it is written.
const chunkJSONBytes = 64 << 20

// chunkWriter writes the items of a plan as chunks: JSON lines in zstd frames, each of which can be read on its own. A chunk is written when
// it is full, so a plan of nothing writes nothing.
type chunkWriter struct {
	put         func(name string, data []byte) error
	attempt     string
	unitImages  int
	unitBytes   int64
	chunkImages int

	lines  bytes.Buffer // the open frame
	images int          // of the open frame
	bytes  int64        // of its images, as listed

	body       []byte // the frames of the open chunk
	bodyJSON   int
	bodyImages int
	frames     []ChunkUnit

	chunks []Chunk // those written; their units are single frames
}

// frames compresses and decompresses frames, for everybody in the process at once.
var frames = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err) // without options there is nothing to be wrong
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		panic(err)
	}
	return encoder, decoder
})

func (w *chunkWriter) add(item source.Item) error {
	for _, s := range []string{item.URI, item.Member} {
		// JSON would replace the bytes that are not UTF-8, and so name another object.
		if !utf8.ValidString(s) {
			return fmt.Errorf("plan: the name %q is not valid UTF-8", s)
		}
	}
	if w.images > 0 && (w.images >= w.unitImages || w.bytes+item.Size > w.unitBytes) {
		if err := w.closeFrame(); err != nil {
			return err
		}
	}
	lines := json.NewEncoder(&w.lines)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(item); err != nil {
		return fmt.Errorf("plan %s: %w", item.URI, err)
	}
	w.images++
	w.bytes += item.Size
	return nil
}

// close writes what is open and returns the chunks, with frames grouped so that there are about maxUnits units.
func (w *chunkWriter) close(maxUnits int) ([]Chunk, error) {
	if err := w.closeFrame(); err != nil {
		return nil, err
	}
	if err := w.closeChunk(); err != nil {
		return nil, err
	}
	n := 0
	for _, c := range w.chunks {
		n += len(c.Units)
	}
	each := (n + maxUnits - 1) / maxUnits
	if each > 1 {
		for i, c := range w.chunks {
			w.chunks[i].Units = grouped(c.Units, each)
		}
	}
	return w.chunks, nil
}

func (w *chunkWriter) closeFrame() error {
	if w.images == 0 {
		return nil
	}
	start := len(w.body)
	encoder, _ := frames()
	w.body = encoder.EncodeAll(w.lines.Bytes(), w.body)
	w.frames = append(w.frames, ChunkUnit{Offset: int64(start), Length: int64(len(w.body) - start), Images: w.images})
	w.bodyJSON += w.lines.Len()
	w.bodyImages += w.images
	w.lines.Reset()
	w.images, w.bytes = 0, 0
	if w.bodyJSON >= chunkJSONBytes || w.bodyImages >= w.chunkImages {
		return w.closeChunk()
	}
	return nil
}

func (w *chunkWriter) closeChunk() error {
	if len(w.frames) == 0 {
		return nil
	}
	name := chunkName(w.attempt, len(w.chunks))
	// Noted before it is written: a write that failed may have left it there all the same.
	w.chunks = append(w.chunks, Chunk{Name: name, Units: w.frames})
	if err := w.put(name, w.body); err != nil {
		return fmt.Errorf("write plan chunk %s: %w", name, err)
	}
	w.body, w.frames = w.body[:0], nil
	w.bodyJSON, w.bodyImages = 0, 0
	return nil
}

// grouped joins each n consecutive frames of a chunk into one unit.
func grouped(frames []ChunkUnit, n int) []ChunkUnit {
	units := make([]ChunkUnit, 0, (len(frames)+n-1)/n)
	for len(frames) > 0 {
		u := frames[0]
		for _, f := range frames[1:min(n, len(frames))] {
			u.Length += f.Length
			u.Images += f.Images
		}
		units = append(units, u)
		frames = frames[min(n, len(frames)):]
	}
	return units
}

// errDamaged says that the bytes that came are not those of a plan chunk: frames have checksums. Either what is stored is damaged, or reading it again
// helps.
var errDamaged = errors.New("the plan is damaged")

// Items returns the images of a unit. It reads the unit's slice of its chunk. When the run has been closed meanwhile, and its chunks are
// cleaned away, the error is ErrClosed.
func (o *Output) Items(ctx context.Context, runID int64, u Unit) ([]source.Item, error) {
	items, err := o.items(ctx, runID, u)
	if errors.Is(err, object.ErrNotFound) {
		err = o.orClosed(ctx, runID, err)
	}
	if err != nil {
		return nil, fmt.Errorf("images of unit %d of run %d: %w", u.Index, runID, err)
	}
	return items, nil
}

func (o *Output) items(ctx context.Context, runID int64, u Unit) ([]source.Item, error) {
	body, err := o.readRange(ctx, runFolder(runID)+u.Chunk, u.Offset, u.Length)
	if err != nil {
		return nil, err
	}
	damaged := func(err error) error {
		return fmt.Errorf("%s, bytes %d to %d: %w: %w", o.name(runFolder(runID)+u.Chunk), u.Offset, u.Offset+u.Length, errDamaged, err)
	}
	_, decoder := frames()
	text, err := decoder.DecodeAll(body, nil)
	if err != nil {
		return nil, damaged(err)
	}
	items := make([]source.Item, 0, u.Images)
	lines := json.NewDecoder(bytes.NewReader(text))
	for {
		var item source.Item
		err := lines.Decode(&item)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, damaged(err)
		}
		items = append(items, item)
	}
	if len(items) != u.Images {
		return nil, damaged(fmt.Errorf("%d images, planned are %d", len(items), u.Images))
	}
	return items, nil
}

func (o *Output) readRange(ctx context.Context, path string, offset, length int64) ([]byte, error) {
	body, err := o.store.ReadRange(ctx, o.key(path), offset, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data := make([]byte, length)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("%s, bytes %d to %d: %w", o.name(path), offset, offset+length, err)
	}
	return data, nil
}
