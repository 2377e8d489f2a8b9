package source

import (
	"context"
	"sync"
)

// inOrder calls work for each input of produce, up to parallel at once, and consume for each result, in the order of the inputs. The first
// error ends it. Results that are not consumed any more are given to discard.
func inOrder[In, Out any](
	ctx context.Context, parallel int,
	produce func(ctx context.Context, emit func(In) error) error,
	work func(context.Context, In) (Out, error),
	consume func(Out) error,
	discard func(Out),
) error {
	type result struct {
		out Out
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	var producer sync.WaitGroup
	// What is in the channel is at work or done; one more is being consumed.
	queue := make(chan chan result, max(1, parallel-1))
	var produced error
	producer.Go(func() {
		defer close(queue)
		produced = produce(ctx, func(in In) error {
			r := make(chan result, 1)
			select {
			case queue <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
			go func() {
				out, err := work(ctx, in)
				r <- result{out, err}
			}()
			return nil
		})
	})
	defer producer.Wait()
	defer func() {
		cancel()
		for r := range queue {
			if res := <-r; res.err == nil {
				discard(res.out)
			}
		}
	}()
	for r := range queue {
		res := <-r
		if res.err != nil {
			return res.err
		}
		if err := consume(res.out); err != nil {
			return err
		}
	}
	return produced // set before queue was closed
}
