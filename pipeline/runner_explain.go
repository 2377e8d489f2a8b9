package pipeline

import (
	"fmt"
	"regexp"
	"strings"
)

// explanation is what people can do about an error that they meet.
type explanation struct {
	way   string
	final bool // another attempt would end the same way
}

// noProgram is what Java says of a program that is not there, or must not be run: nothing but the error's number.
var noProgram = regexp.MustCompile(`error=(2|13), `)

// explain finds what is known of an error text.
func explain(text string) (explanation, bool) {
	switch {
	case noProgram.MatchString(text) && environmentType() == envDocker:
		return explanation{"the job asked for DOCKER workers, and a task manager cannot run docker: leave --environment_type out (PROCESS), or install Docker there", true}, true
	case noProgram.MatchString(text):
		return explanation{fmt.Sprintf("a task manager cannot run %s, the program that workers are: put tagbeam and libonnxruntime.so at that path on every one of them, or name their place there with --environment_config /path/to/tagbeam", workerProgram()), true}, true
	case strings.Contains(text, "libonnxruntime"):
		return explanation{"a worker has no ONNX Runtime that it can use: put libonnxruntime.so beside tagbeam on every worker, or send this machine's along with --onnxruntime FILE", true}, true
	case strings.Contains(text, "client cancelled"):
		return explanation{"a worker process ended in the middle of its work: it was killed, or the machine ran out of memory", false}, true
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
