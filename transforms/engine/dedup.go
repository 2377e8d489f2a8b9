package engine

import (
	"crypto/sha256"
	"sync"
)

// The same content is inferred once in a job. Which images are copies, and of which one, depends on the listing and on contents alone, never
// on timing:
//
//   - Where the listing tells size and MD5, images that agree in both are copies of the first of them. They are not even fetched, and
//     do not count when batches are cut.
//   - Where it tells no MD5, only images of the same size can be copies. Their bytes are hashed as they are fetched; one that has the
//     content of an earlier one leaves its place in its batch empty, as an image that cannot be decoded does.
//
// A copy shares what follows from the content: the labels, or that it cannot be decoded. When its original was not read (it is
// gone, the store did not answer), was read in another version than the listing's, or made the model fail, the copy is worked on by itself.

// copyOf says that an image has the content of another, an earlier one.
type copyOf struct{ image, original int32 }

// content is what the listing says of an image's content.
type content struct {
	md5  string
	size int64
}

// findCopies sorts the images of a job into originals and copies, as far as the listing tells.
func (j *job) findCopies() {
	images := j.task.Images
	j.order = make([]int32, 0, len(images))
	first := make(map[content]int32, len(images))
	sizes := make(map[int64]int32, len(images)) // -> the number of images without MD5
	for i := range images {
		img := &images[i]
		if img.MD5 != "" && img.Data == nil && img.Problem == "" {
			key := content{img.MD5, img.Size}
			if original, known := first[key]; known {
				j.copies = append(j.copies, copyOf{int32(i), original})
				continue
			}
			first[key] = int32(i)
		} else if size, ok := img.comparable(); ok {
			sizes[size]++
		}
		j.order = append(j.order, int32(i))
	}
	j.twins = newTwins(images, sizes)
}

// comparable says whether the image has to be hashed to find out whether it is a copy, and its size.
func (img *Image) comparable() (size int64, ok bool) {
	if img.Data != nil {
		return int64(len(img.Data)), len(img.Data) > 0
	}
	return img.Size, img.MD5 == "" && img.Problem == "" && img.Size > 0
}

// twins finds copies among the images of one size by their hashes. An image can be told from the earlier ones once those are
// fetched, which does not take a worker: nobody waits for somebody who waits.
type twins struct {
	mu    sync.Mutex
	known *sync.Cond
	group []int32 // by image: its group, -1 for none
	index []int32 // by image: its place in the group
	sizes []twinGroup
	found []copyOf
}

type twinGroup struct {
	members []int32 // ascending
	sums    []hashed
	// first has the place of the first of the members before next that has a content.
	first map[[sha256.Size]byte]int32
	next  int32
}

// hashed is what is known of a member: nothing yet, its hash, or that it could not be read.
type hashed struct {
	done, read bool
	sum        [sha256.Size]byte
}

// newTwins returns nil when no two images have the same size.
func newTwins(images []Image, sizes map[int64]int32) *twins {
	groups := int32(0)
	for size, n := range sizes {
		if n > 1 {
			sizes[size] = groups
			groups++
		} else {
			delete(sizes, size)
		}
	}
	if groups == 0 {
		return nil
	}
	t := &twins{group: make([]int32, len(images)), index: make([]int32, len(images)), sizes: make([]twinGroup, groups)}
	t.known = sync.NewCond(&t.mu)
	for i := range images {
		t.group[i] = -1
		if size, ok := images[i].comparable(); ok {
			if at, ok := sizes[size]; ok {
				g := &t.sizes[at]
				t.group[i], t.index[i] = at, int32(len(g.members))
				g.members = append(g.members, int32(i))
			}
		}
	}
	for i := range t.sizes {
		t.sizes[i].sums = make([]hashed, len(t.sizes[i].members))
	}
	return t
}

// learn hashes what was fetched of an image, if that can make a difference.
func (t *twins) learn(image int32, f *fetched) {
	if t == nil || t.group[image] < 0 {
		return
	}
	h := hashed{done: true, read: f.err == nil}
	if h.read {
		h.sum = sha256.Sum256(f.data)
	}
	t.mu.Lock()
	t.sizes[t.group[image]].sums[t.index[image]] = h
	t.mu.Unlock()
	t.known.Broadcast()
}

// isCopy says whether the image, which is fetched, has the content of an earlier one, and notes it. It waits for the fetches of the
// earlier ones of its size, which were started before its own.
func (t *twins) isCopy(image int32) bool {
	if t == nil || t.group[image] < 0 {
		return false
	}
	g, at := &t.sizes[t.group[image]], t.index[image]
	t.mu.Lock()
	defer t.mu.Unlock()
	if g.first == nil {
		g.first = make(map[[sha256.Size]byte]int32, len(g.sums))
	}
	for g.next < at {
		h := &g.sums[g.next]
		if !h.done {
			t.known.Wait() // meanwhile others may go on with next
			continue
		}
		if _, known := g.first[h.sum]; h.read && !known {
			g.first[h.sum] = g.next
		}
		g.next++
	}
	original, known := g.first[g.sums[at].sum]
	if !known || original >= at || !g.sums[at].read {
		return false
	}
	t.found = append(t.found, copyOf{image, g.members[original]})
	return true
}

// settleCopies gives the copies of a job what became of their originals. It returns those that have to be worked on by themselves.
func (e *Engine) settleCopies(j *job) (rest []int32) {
	if j.ctx.Err() != nil {
		return nil
	}
	settle := func(c copyOf, listed bool) {
		p, o := &j.out[c.image], &j.out[c.original]
		img := &j.task.Images[c.image]
		if !o.ofContent() || listed && o.Read.Version != j.task.Images[c.original].Version {
			rest = append(rest, c.image)
			return
		}
		if listed {
			p.Read.Key, p.Read.Size, p.Read.Version, p.Read.MD5 = img.URI, img.Size, img.Version, img.MD5
		}
		p.Header, p.Top, p.Embedding, p.Failure, p.Copy = o.Header, o.Top, o.Embedding, o.Failure, true
		e.Stats.Images.Add(1)
		e.Stats.Copies.Add(1)
		if p.Failure != nil {
			e.Stats.Failed.Add(1)
		}
	}
	for _, c := range j.copies {
		settle(c, true)
	}
	if j.twins != nil {
		for _, c := range j.twins.found {
			settle(c, false)
		}
	}
	j.copies, j.twins = nil, nil
	return rest
}

// ofContent says whether the prediction follows from the image's bytes and the model.
func (p *Prediction) ofContent() bool {
	return p.Failure == nil || p.Failure.content
}
