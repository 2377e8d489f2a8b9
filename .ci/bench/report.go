package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Report is all that was measured, and what follows from it. Its field names are a contract.
type Report struct {
	Version     string            `json:"version"`
	Machine     string            `json:"machine"`
	CPUs        int               `json:"cpus"`
	Began       time.Time         `json:"began"`
	Seconds     float64           `json:"seconds"`
	Rounds      int               `json:"rounds"`
	Experiments []*experiment     `json:"experiments"`
	Samples     []Sample          `json:"samples"`
	Pillow      []PillowRow       `json:"pillow,omitempty"`
	Bars        []Bar             `json:"bars"`
	Results     []Result          `json:"results"`
	Skipped     map[string]string `json:"skipped"` // parts and peers, with the reason

	file  string
	began time.Time
}

// Result is what the samples of one contestant say.
type Result struct {
	Experiment string `json:"experiment"`
	Contestant string `json:"contestant"`
	Rate       Spread `json:"images_per_second"`
	CPU        Spread `json:"cpu_ms_per_image"`
	RSS        Spread `json:"peak_rss_bytes"`
	PSS        Spread `json:"peak_pss_bytes"`
	Start      Spread `json:"start_seconds"`
	// Times is how many times as fast tagbeam is.
	Times Spread `json:"tagbeam_is_times"`
}

func newReport(file string) *Report {
	version, _ := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	now := time.Now()
	return &Report{
		Version: strings.TrimSpace(string(version)), Machine: cpuModel(), CPUs: runtime.GOMAXPROCS(0),
		Began: now.UTC().Truncate(time.Second), Skipped: map[string]string{}, file: file, began: now,
	}
}

func reportFile(given, work, name string) string {
	if given != "" {
		return given
	}
	return filepath.Join(work, name)
}

func loadReport(file string) (*Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Report{file: file}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// keep adds a sample and saves, so that little is lost of a measurement that is cut off.
func (r *Report) keep(s Sample) {
	r.Samples = append(r.Samples, s)
	line := fmt.Sprintf("%.2f s, %.2f CPU s, %.0f MB", s.Seconds, s.CPUSeconds, float64(s.PeakRSS)/1e6)
	if s.Error != "" {
		line = s.Error
	}
	fmt.Fprintf(os.Stderr, "bench: %4.1f min  round %d  %-11s  %-24s %7d images  %s\n", time.Since(r.began).Minutes(), s.Round+1, s.Experiment, s.Contestant, s.Images, line)
	r.finish()
	if err := r.save(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

func (r *Report) save() error { return saveJSON(r.file, r) }

// saveJSON writes the file whole or not at all.
func saveJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".partial", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".partial", file)
}

// finish computes what follows from the samples.
func (r *Report) finish() {
	r.Seconds = time.Since(r.began).Seconds()
	r.Results = nil
	for _, e := range r.Experiments {
		ours := e.figures(r.Samples, nameTag)
		for _, name := range e.names(r.Samples) {
			f := e.figures(r.Samples, name)
			r.Results = append(r.Results, Result{
				Experiment: e.Name, Contestant: name, Rate: f.rate.spread(), CPU: f.cpu.spread(), RSS: f.rss.spread(), PSS: f.pss.spread(),
				Start: f.start.spread(), Times: ours.rate.per(f.rate).spread(),
			})
		}
	}
	r.Bars = r.bars()
}

func (r *Report) experiment(name string) *experiment {
	for _, e := range r.Experiments {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// whyNot says why an experiment or one of its contestants has no figures.
func (r *Report) whyNot(experiment string, contestants ...string) string {
	for _, name := range append([]string{experiment}, contestants...) {
		if why := r.Skipped[name]; why != "" {
			return name + ": " + why
		}
	}
	for _, s := range r.Samples {
		if s.Experiment == experiment && s.Error != "" && slices.Contains(contestants, s.Contestant) {
			return s.Contestant + ": " + s.Error
		}
	}
	if r.experiment(experiment) == nil {
		return "not asked for"
	}
	return "the measurement ended before"
}

// markdown is the whole report for people.
func (r *Report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs, tagbeam %s, %s, %d rounds. Medians, with minimum and maximum. Rates are between two numbers of images, so that starting counts nowhere; "+
		"memory is that of all processes of a command together.\n", r.Machine, r.CPUs, r.Version, r.Began.Format(time.DateOnly), r.Rounds)
	for _, e := range r.Experiments {
		var rows [][]string
		for _, s := range r.Results {
			if s.Experiment == e.Name {
				rows = append(rows, []string{s.Contestant, s.Rate.text(0), s.CPU.text(2), s.RSS.scaled(1e-6).text(0), s.Start.text(2), s.Times.text(2)})
			}
		}
		if len(rows) == 0 {
			continue
		}
		title := e.Title
		if e.Batch > 0 {
			title += fmt.Sprintf(", %d at once", e.Batch)
		}
		if e.PeerBatch > 0 {
			title += fmt.Sprintf("; peers %d", e.PeerBatch)
		}
		fmt.Fprintf(&b, "\n%s", markdownTable([]string{title, "images/s", "CPU ms per image", "peak RSS, MB", fmt.Sprintf("%d images, s", e.Sizes[0]), "tagbeam is × as fast"}, rows))
	}
	if len(r.Pillow) > 0 {
		var rows [][]string
		for _, p := range r.Pillow {
			rows = append(rows, []string{p.Photos, fmt.Sprintf("%.2f", p.Ours), fmt.Sprintf("%.2f", p.Pillow), p.Times.text(2)})
		}
		fmt.Fprintf(&b, "\n%s", markdownTable([]string{"JPEG to 3x224x224, CPU ms per image", "tagbeam", "Pillow + numpy", "times"}, rows))
	}
	var rows [][]string
	for _, bar := range r.Bars {
		rows = append(rows, []string{bar.Name, bar.asked(), bar.Measured.text(2), bar.Verdict})
	}
	if len(rows) > 0 {
		fmt.Fprintf(&b, "\n%s", markdownTable([]string{"bar", "asked", "measured", ""}, rows))
	}
	var notes []string
	for _, bar := range r.Bars {
		if bar.Skipped != "" {
			notes = append(notes, fmt.Sprintf("- not measured: %s (%s)\n", bar.Name, strings.ReplaceAll(bar.Skipped, "\n", " ")))
		}
	}
	if disturbed := r.disturbance(); disturbed > .05 {
		notes = append(notes, fmt.Sprintf("- others used up to %.0f %% of a CPU while a command ran: measure again on a quieter machine\n", 100*disturbed))
	}
	if len(notes) > 0 {
		fmt.Fprintf(&b, "\n%s", strings.Join(notes, ""))
	}
	return b.String()
}

// disturbance is the largest number of CPUs that others used during a command of some length.
func (r *Report) disturbance() (most float64) {
	for _, s := range r.Samples {
		if s.Seconds > 2 {
			most = max(most, s.OtherCPUSeconds/s.Seconds)
		}
	}
	return most
}

func markdownTable(header []string, rows [][]string) string {
	widths := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	line := func(row []string, fill string) {
		for i, cell := range row {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
	}
	line(header, " ")
	line(make([]string, len(header)), "-")
	for _, row := range rows {
		line(row, " ")
	}
	return b.String()
}

// writeBetween replaces what stands between <!-- name: begin --> and <!-- name: end --> in a file.
func writeBetween(file, name, text string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+": begin -->", "<!-- "+name+": end -->"
	before, rest, found := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no %s ... %s", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+text+end+after), 0o644)
}
