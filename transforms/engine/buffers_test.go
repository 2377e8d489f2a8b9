package engine

import "testing"

func TestBufferClasses(t *testing.T) {
	want := 0
	for n := 1; n < 1<<20; n++ {
		class, size := bufferClass(n)
		if size < n || n > smallestBuffer && size-n > n/4+1 {
			t.Fatalf("%d bytes get a buffer of %d", n, size)
		}
		if class != want && class != want+1 {
			t.Fatalf("class %d comes after %d", class, want)
		}
		want = class
		if again, same := bufferClass(size); again != class || same != size {
			t.Fatalf("%d bytes are class %d of %d, a full one is class %d of %d", n, class, size, again, same)
		}
	}
	if class, _ := bufferClass(64 << 20); class != maxBufferClass {
		t.Errorf("64 MiB are class %d", class)
	}
}

func TestBufferPoolKeepsNoMoreThanItsLimit(t *testing.T) {
	p := newBufferPool(100 << 10)
	a, b, c := p.get(64<<10), p.get(60<<10), p.get(30<<10)
	for _, x := range []*buffer{a, b, c, p.get(100 << 20)} {
		p.put(x)
	}
	if p.held != 96<<10 {
		t.Errorf("%d bytes are held", p.held)
	}
	if p.get(63<<10) != a || p.get(61<<10) == b || p.get(32<<10) != c {
		t.Error("what was held is not used again")
	}
	if p.held != 0 {
		t.Errorf("%d bytes are still held", p.held)
	}
	p.put(a)
	if n := testing.AllocsPerRun(100, func() { p.put(p.get(62 << 10)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
