package engine

import "sync/atomic"

// Stats counts what an engine has done since it was started. It is for people who watch; the table's own counts are exact.
type Stats struct {
	Images atomic.Int64 // predictions made, failed ones included
	Failed atomic.Int64
	Bytes  atomic.Int64 // encoded images fetched
}

// Adopt counts images that somebody else has tagged.
func (s *Stats) Adopt(images, failed int64) {
	s.Images.Add(images)
	s.Failed.Add(failed)
}
