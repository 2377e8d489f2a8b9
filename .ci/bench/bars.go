package main

import "fmt"

// Bar is what is asked of a ratio, and what was measured.
type Bar struct {
	Name string `json:"name"`
	// AtLeast or AtMost is the bar; 0: none.
	AtLeast  float64 `json:"at_least,omitempty"`
	AtMost   float64 `json:"at_most,omitempty"`
	Measured Spread  `json:"measured"`
	// Skipped says why nothing was measured.
	Skipped string `json:"skipped,omitempty"`
	Verdict string `json:"verdict"` // met, not met or not measured
}

func (b Bar) judged() Bar {
	m := b.Measured
	switch {
	case m.Rounds == 0:
		b.Verdict = "not measured"
	case b.AtLeast > 0 && m.Median < b.AtLeast || b.AtMost > 0 && m.Median > b.AtMost:
		b.Verdict = "not met"
	default:
		b.Verdict = "met"
	}
	return b
}

func (b Bar) asked() string {
	switch {
	case b.AtLeast > 0 && b.AtMost > 0:
		return fmt.Sprintf("%g to %g", b.AtLeast, b.AtMost)
	case b.AtMost > 0:
		return fmt.Sprintf("at most %g", b.AtMost)
	}
	return fmt.Sprintf("at least %g", b.AtLeast)
}

// Names of contestants; those of peers are their names in peers.go.
const (
	nameInfer      = "ONNX Runtime alone"
	namePreprocess = "preprocessing alone"
	nameTag        = "tagbeam tag"
	namePrism      = "tagbeam tag, prism"
)

// asked is a bar before it is measured.
type asked struct {
	name            string
	experiment      string
	contestants     []string
	atLeast, atMost float64
	of              func(f ...figures) rounds // of the contestants
}

func timesAsFast(f ...figures) rounds { return f[0].rate.per(f[1].rate) }

func timesThePeer(model, peer string, atLeast float64) asked {
	return asked{model + ": times as fast as " + peer, model, []string{nameTag, peer}, atLeast, 0, timesAsFast}
}

var allBars = []asked{
	{"mobilenetv2: of the ceiling 1/(1/a + 1/b)", partMobile, []string{nameTag, nameInfer, namePreprocess}, .95, 0,
		func(f ...figures) rounds { return f[0].rate.per(ceiling(f[1].rate, f[2].rate)) }},
	timesThePeer(partMobile, peerScript, 1.5),
	timesThePeer(partMobile, peerBeam, 2.1),
	timesThePeer(partMobile, peerRay, 4),
	timesThePeer(partSqueeze, peerScript, 1.4),
	timesThePeer(partViT, peerScript, 5),
	{"mobilenetv2: peak RSS, of that of " + peerScript, partMobile, []string{nameTag, peerScript}, 0, .6,
		func(f ...figures) rounds { return f[0].rss.per(f[1].rss) }},
	{"peak RSS at ten times as many photos", partMemory, []string{nameTag}, 0, 1.1,
		func(f ...figures) rounds { return f[0].rss.per(f[0].small) }},
	{"mobilenetv2: 16 images, whole process, seconds", partMobile, []string{nameTag}, 0, .5,
		func(f ...figures) rounds { return f[0].start }},
	{"mobilenetv2: rate on prism, of that on direct", partMobile, []string{namePrism, nameTag}, .95, 1.05, timesAsFast},
}

// ceiling is the rate of both halves one after the other.
func ceiling(infer, preprocess rounds) rounds {
	return infer.with(preprocess, func(a, b float64) float64 { return 1 / (1/a + 1/b) })
}

// bars judges what the samples say.
func (r *Report) bars() (bars []Bar) {
	for _, p := range r.Pillow {
		if p.AtLeast > 0 {
			bars = append(bars, Bar{Name: "JPEG to tensor, " + p.Photos + " photos: times as fast as Pillow + numpy", AtLeast: p.AtLeast, Measured: p.Times}.judged())
		}
	}
	if why := r.Skipped[partPillow]; why != "" {
		bars = append(bars, Bar{Name: "JPEG to tensor: times as fast as Pillow + numpy", AtLeast: 1.7, Skipped: why}.judged())
	}
	for _, a := range allBars {
		b := Bar{Name: a.name, AtLeast: a.atLeast, AtMost: a.atMost}
		if e := r.experiment(a.experiment); e != nil {
			var f []figures
			for _, c := range a.contestants {
				f = append(f, e.figures(r.Samples, c))
			}
			b.Measured = a.of(f...).spread()
		}
		if b.Measured.Rounds == 0 {
			b.Skipped = r.whyNot(a.experiment, a.contestants...)
		}
		bars = append(bars, b.judged())
	}
	return bars
}
