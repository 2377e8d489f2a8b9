package model_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/model"
)

func TestParseLabels(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       []string
		err        string
	}{
		{"lines", "a\nb c\nd\n", []string{"a", "b c", "d"}, ""},
		{"windows", "\ufeffa\r\nb\r\n", []string{"a", "b"}, ""},
		{"no newline at the end", "a\nb", []string{"a", "b"}, ""},
		{"synset", "n01440764 tench, Tinca tinca\nn01443537 goldfish\n", []string{"tench, Tinca tinca", "goldfish"}, ""},
		{"not all synsets", "n01440764 tench\ngoldfish\n", []string{"n01440764 tench", "goldfish"}, ""},
		{"synset ids alone", "n01440764\nn01443537\n", []string{"n01440764", "n01443537"}, ""},
		{"list", ` ["a", "b"]`, []string{"a", "b"}, ""},
		{"object", `{"1": "b", "0": "a"}`, []string{"a", "b"}, ""},
		{"nothing", "", nil, ""},
		{"empty line", "a\n\nb\n", nil, "label 1 (line 2) is empty"},
		{"list of numbers", "[1]", nil, "a JSON list of labels"},
		{"broken object", "{", nil, "a JSON object from class number to label"},
		{"gap", `{"0": "a", "2": "c"}`, nil, `"2" is not one of them`},
		{"twice", `{"0": "a", "00": "c"}`, nil, "each once"},
		{"pointer", "version https://git-lfs.github.com/spec/v1\n", nil, "git lfs pull"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := model.ParseLabels([]byte(tt.data))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Lines, a JSON list and a JSON object of the same labels are the same labels.
func TestParseLabelsForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z][a-z ,']{0,8}[a-z]`), 1, 30).Draw(t, "labels")
		byID := map[string]string{}
		for i, l := range labels {
			byID[strconv.Itoa(i)] = l
		}
		list, _ := json.Marshal(labels)
		object, _ := json.Marshal(byID)
		for _, data := range []string{strings.Join(labels, "\n") + "\n", strings.Join(labels, "\r\n"), string(list), string(object)} {
			got, err := model.ParseLabels([]byte(data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(labels, got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", data, diff)
			}
		}
	})
}
