package objecttest

import "math/bits"

// Switches runs the programs of a world in every order in which one that could go on is interrupted at most n times. Most mistakes show with one or two
// interruptions (Musuvathi and Qadeer, PLDI 2007), and these are at every place of the programs, where Explore, which is broken off at a limit, has been at
// their ends only. Complete is true when it returns no error. world must make an equal world each time.
func Switches(world func() World, n int) (Exploration, error) {
	var seen Exploration
	var path []fork
	for {
		depth, left := 0, n
		steps, err := once(world(), func(current int, waiting uint32) int {
			if depth == len(path) {
				path = append(path, forkAt(current, waiting, left, depth == 0))
			}
			chosen := path[depth].programs[path[depth].taken]
			if depth > 0 && waiting&(1<<current) != 0 && chosen != current {
				left--
			}
			depth++
			return chosen
		})
		seen.Runs++
		seen.Steps += steps
		if err != nil {
			return seen, err
		}
		for len(path) > 0 && path[len(path)-1].taken+1 == len(path[len(path)-1].programs) {
			path = path[:len(path)-1]
		}
		if len(path) == 0 {
			seen.Complete = true
			return seen, nil
		}
		path[len(path)-1].taken++
	}
}

// fork is a moment of an execution: the programs that may make the next call, and which of them did.
type fork struct {
	programs []int
	taken    int
}

// forkAt has the program that made the last call go on, or, when it has ended or may be interrupted, others.
func forkAt(current int, waiting uint32, left int, first bool) fork {
	goesOn := !first && waiting&(1<<current) != 0
	var f fork
	if goesOn {
		f.programs = append(f.programs, current)
		waiting &^= 1 << current
	}
	if goesOn && left == 0 {
		return f
	}
	for ; waiting != 0; waiting &= waiting - 1 {
		f.programs = append(f.programs, bits.TrailingZeros32(waiting))
	}
	return f
}
