package engine

import "sync/atomic"

// Stats counts what an engine has done since it was started. It is for people who watch; the table's own counts are exact.
type Stats struct {
	Images atomic.Int64 // predictions made, failed ones included
	Failed atomic.Int64
	Bytes  atomic.Int64 // encoded images fetched

	Copies   atomic.Int64 // of the images, those that took another one's prediction
	Batches  atomic.Int64 // batches given to the model
	Fetchers atomic.Int64 // the number of reads at once that was found useful last
	Peak     atomic.Int64 // the most workers decoding or inferring at once
	busy     atomic.Int64
}

// begin counts a worker among those at work until end.
func (s *Stats) begin() {
	n := s.busy.Add(1)
	for peak := s.Peak.Load(); n > peak && !s.Peak.CompareAndSwap(peak, n); {
		peak = s.Peak.Load()
	}
}

func (s *Stats) end() { s.busy.Add(-1) }

// Adopt counts images that somebody else has tagged.
func (s *Stats) Adopt(images, failed int64) {
	s.Images.Add(images)
	s.Failed.Add(failed)
}
