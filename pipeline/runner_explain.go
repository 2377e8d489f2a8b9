package pipeline

import "strings"

// explanation is what people meet, by what a runner's error text has in it, and what they can do about it.
type explanation struct {
	has, way string
	final    bool // another attempt would end the same way
}

var explanations = []explanation{
	{"Cannot run program", "the workers do not have this program where the job looks for it: put tagbeam and ONNX Runtime's library at the same path on every task manager, or name its place there with --environment_config /path/to/tagbeam", true},
	{"docker", "the job asked for DOCKER workers, and the task managers cannot start containers: leave --environment_type out (PROCESS), or install Docker there", true},
	{"libonnxruntime", "a worker has no ONNX Runtime that it can use: put libonnxruntime.so beside tagbeam on every worker, or send this machine's along with --onnxruntime FILE", true},
	{"client cancelled", "a worker process ended in the middle of its work: it was killed, or the machine ran out of memory", false},
}

// explain finds what is known of an error text.
func explain(text string) (explanation, bool) {
	for _, e := range explanations {
		if strings.Contains(text, e.has) {
			return e, true
		}
	}
	return explanation{}, false
}

// final says that the job would fail again.
func (e *JobError) final() bool {
	known, _ := explain(e.Text)
	return known.final
}

// explainJob is what went wrong in a job, without the runner's account of the way there, and what to do about it where that is known.
func explainJob(text string) string {
	cause := rootCause(text)
	if known, ok := explain(text); ok {
		return cause + "\n" + known.way
	}
	return cause
}

// rootCause is the innermost cause of an error that went through Beam's Go harness and Java: the text after the last "caused by:", or the message of the
// last "Caused by:" line, without the lines of a stack trace.
func rootCause(text string) string {
	if i := strings.LastIndex(text, "\tcaused by:\n"); i >= 0 {
		text = text[i+len("\tcaused by:\n"):]
	} else if i := strings.LastIndex(text, "Caused by: "); i >= 0 {
		text = text[i+len("Caused by: "):]
	}
	var lines []string
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "at ") || strings.HasPrefix(trimmed, "... ") || strings.HasPrefix(trimmed, "Caused by:") || strings.HasPrefix(trimmed, "Suppressed:") {
			break
		}
		if trimmed != "" {
			lines = append(lines, trimmed)
		}
	}
	return strings.Join(lines, "\n")
}
