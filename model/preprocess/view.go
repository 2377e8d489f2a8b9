package preprocess

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// corners are the values of Crop.Corner.
var corners = []string{"top-left", "top-right", "bottom-left", "bottom-right"}

// corner is where a crop begins on one axis, of which far is the name of the further end: at one of the ends when there is room to choose.
func corner(name, far string, margin, centre int) int {
	switch {
	case margin <= 0:
		return centre
	case strings.Contains(name, far):
		return margin
	}
	return 0
}

// mirrored is the word for Mirror in a view.
const mirrored = "mirrored"

// Views are the views of an image that augmentation takes besides the usual one, after Krizhevsky et al., "ImageNet Classification with Deep
// Convolutional Neural Networks" (2012): mirrored; the four corners; the four corners mirrored. With both that is ten with the centre.
func Views(flip, crop bool) (views []string) {
	if flip {
		views = append(views, mirrored)
	}
	if crop {
		views = append(views, corners...)
	}
	if flip && crop {
		for _, c := range corners {
			views = append(views, c+" "+mirrored)
		}
	}
	return views
}

// cornerMargin is how much larger than the crop the image should be, so that its corners differ from its centre: 256 pixels for 224.
const cornerMargin = 256. / 224

// View is the preprocessing of another view of the image: "" (as it is), or one of Views. For corners an image that would be resized to hardly
// more than what the model sees is resized to 8/7 of that.
func (s Spec) View(view string) (Spec, error) {
	s = s.clone()
	place, mirror := strings.CutSuffix(view, mirrored)
	s.Mirror = s.Mirror != mirror
	place = strings.TrimSpace(place)
	if place == "" {
		return s, nil
	}
	if !slices.Contains(corners, place) {
		return s, fmt.Errorf("view %q is not known: one of %q", view, Views(true, true))
	}
	width, height, err := s.outputSize()
	if err != nil {
		return s, err
	}
	if s.Crop == nil {
		s.Crop = &Crop{Width: width, Height: height, Rounding: roundHalfEven}
	}
	s.Crop.Corner = place
	if r := s.Resize; r != nil {
		larger := func(side int) int { return int(math.Round(float64(side) * cornerMargin)) }
		if r.Mode == modeShortestEdge {
			r.Size = max(r.Size, larger(max(width, height)))
		} else {
			r.Width, r.Height = max(r.Width, larger(width)), max(r.Height, larger(height))
		}
	}
	return s, nil
}

// mirror turns a tensor around in place.
func (w *Worker) mirror(tensor []byte) {
	f := &w.program.format
	pixel := f.Type.Size()
	if f.Layout == layoutNHWC {
		pixel *= 3
	}
	row := f.Width * pixel
	var held [12]byte // three float32
	for ; len(tensor) >= row; tensor = tensor[row:] {
		for a, b := 0, row-pixel; a < b; a, b = a+pixel, b-pixel {
			left, right := tensor[a:a+pixel], tensor[b:b+pixel]
			copy(held[:], left)
			copy(left, right)
			copy(right, held[:pixel])
		}
	}
}
