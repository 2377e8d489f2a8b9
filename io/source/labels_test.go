package source_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/source/sourcetest"
)

// labelled is every image of the inputs as "name=class" or "name=class/split", name being what is behind root.
func labelled(t *testing.T, root string, inputs []string, source_ source.Options, opts source.LabelOptions) ([]string, error) {
	t.Helper()
	set, err := source.Open(t.Context(), inputs, source_)
	if err != nil {
		return nil, err
	}
	labels, err := source.OpenLabels(t.Context(), inputs, source_, opts)
	if err != nil {
		return nil, err
	}
	var got []string
	err = set.Each(t.Context(), func(item source.Item) error {
		l, err := labels.Of(t.Context(), item)
		text := strings.TrimPrefix(item.URI, root+"/")
		if item.Member != "" {
			text += "#" + item.Member
		}
		text += "=" + l.Class
		if l.Split != "" {
			text += "/" + l.Split
		}
		got = append(got, text)
		return err
	})
	return got, err
}

// folderOf writes files below a new folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

type labelledRow struct {
	Image []byte `parquet:"image"`
	Label int64  `parquet:"label"`
	Kind  string `parquet:"kind,optional"`
	Split string `parquet:"split"`
}

func TestLabels(t *testing.T) {
	t.Parallel()
	rows := []labelledRow{{[]byte("1"), 1, "x", "train"}, {[]byte("2"), 0, "", "val"}, {[]byte("3"), -1, "z", "test"}}
	plain := sourcetest.Parquet(t, rows)
	named := sourcetest.Parquet(t, rows, parquet.KeyValueMetadata("huggingface",
		`{"info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}`))
	manifestRows := sourcetest.Parquet(t, []struct {
		Path string `parquet:"path"`
		Cls  int32  `parquet:"cls"`
	}{{"a/1.jpg", 7}})
	root := folderOf(t, map[string]string{
		"a/1.jpg": "", "a/2.jpg": "", "b/c/3.jpg": "", "4.jpg": "",
		"list.csv":        "uri,label,split\na/1.jpg,ant ,train\n./b/c/3.jpg,\"bee, big\",valid\n4.jpg,ant,\n",
		"list.tsv":        "uri\tclass\na/1.jpg\tant\n",
		"list.jsonl":      `{"uri": "a/1.jpg", "category": 3, "fold": "TEST"}` + "\n" + `"a/2.jpg"` + "\n",
		"list.parquet":    string(manifestRows),
		"zipped.csv.gz":   gzipped("uri,label\na/1.jpg,ant\n"),
		"other.csv":       "uri,species\na/1.jpg,ant\n",
		"names.txt":       "a/1.jpg\n",
		"twice.csv":       "uri,label\na/1.jpg,ant\na/../a/1.jpg,bee\n",
		"splits.csv":      "uri,label,split\na/1.jpg,ant,third\n",
		"plain.parquet":   string(plain),
		"named.parquet":   string(named),
		"shard.tar":       string(tarBytes(t, file{name: "s/1.jpg", data: "x"}, file{name: "s/1.cls", data: "3\n"}, file{name: "s/2.jpg", data: "x"}, file{name: "3.jpg", data: "x"}, file{name: "./s/1.jpg", data: "x"})),
		"repeated.tar":    string(tarBytes(t, file{name: "1.jpg", data: "x"}, file{name: "1.cls", data: "3"}, file{name: "1.jpg", data: "y"})),
		"cut.tar":         string(tarBytes(t, file{name: "1.jpg", data: "x"}, file{name: "1.cls", data: "3"}, file{name: "2.jpg", data: "x"}, file{name: "2.cls", data: "4"})[:2560]),
		"linked.tar":      string(tarBytes(t, file{name: "1.jpg", data: "x"}, file{name: "1.cls", Header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: "x"}})),
		"not-classes.tar": string(tarBytes(t, file{name: "1.jpg", data: "x"}, file{name: "1.cls", data: strings.Repeat("x", 2000)})),
	})
	at := func(name string) string { return filepath.Join(root, name) }
	for _, test := range []struct {
		inputs []string
		opts   source.LabelOptions
		want   []string
		fails  string
	}{
		{inputs: []string{at("a"), at("b"), at("4.jpg")}, want: []string{"4.jpg=" + filepath.Base(root), "a/1.jpg=a", "a/2.jpg=a", "b/c/3.jpg=c"}},
		{inputs: []string{"@" + at("list.csv")}, want: []string{"4.jpg=ant", "a/1.jpg=ant/train", "b/c/3.jpg=bee, big/validation"}},
		{inputs: []string{"@" + at("list.csv"), at("a")}, want: []string{"4.jpg=ant", "a/1.jpg=ant/train", "a/2.jpg=a", "b/c/3.jpg=bee, big/validation"}},
		{inputs: []string{"@" + at("list.tsv")}, want: []string{"a/1.jpg=ant"}},
		{inputs: []string{"@" + at("list.jsonl")}, want: []string{"a/1.jpg=3/test", "a/2.jpg=a"}},
		{inputs: []string{"@" + at("list.parquet")}, want: []string{"a/1.jpg=7"}},
		{inputs: []string{"@" + at("zipped.csv.gz")}, want: []string{"a/1.jpg=ant"}},
		{inputs: []string{"@" + at("names.txt")}, want: []string{"a/1.jpg=a"}},
		{inputs: []string{"@" + at("other.csv")}, want: []string{"a/1.jpg=a"}},
		{inputs: []string{"@" + at("other.csv")}, opts: source.LabelOptions{Column: "species"}, want: []string{"a/1.jpg=ant"}},
		{inputs: []string{"@" + at("names.txt")}, opts: source.LabelOptions{Column: "species"}, fails: `no column "species" (--label-column)`},
		{inputs: []string{"@" + at("list.csv")}, opts: source.LabelOptions{Column: "species"}, fails: `no column "species" (--label-column)`},
		{inputs: []string{"@" + at("list.csv")}, opts: source.LabelOptions{SplitColumn: "part"}, fails: `no column "part" (--split-column)`},
		{inputs: []string{"@" + at("twice.csv")}, fails: `as "ant" and as "bee"`},
		{inputs: []string{"@" + at("splits.csv")}, fails: `split "third" is not known: train, validation or test`},
		{inputs: []string{at("plain.parquet")}, want: []string{"plain.parquet#0000000000=1/train", "plain.parquet#0000000001=0/validation", "plain.parquet#0000000002=-1/test"}},
		{inputs: []string{at("named.parquet")}, want: []string{"named.parquet#0000000000=dog/train", "named.parquet#0000000001=cat/validation", "named.parquet#0000000002=/test"}},
		{inputs: []string{at("named.parquet")}, opts: source.LabelOptions{Column: "kind"}, want: []string{"named.parquet#0000000000=x/train", "named.parquet#0000000001=/validation", "named.parquet#0000000002=z/test"}},
		{inputs: []string{at("named.parquet")}, opts: source.LabelOptions{Column: "none"}, fails: `no column "none" (--label-column)`},
		{inputs: []string{at("shard.tar")}, want: []string{"shard.tar#./s/1.jpg=s", "shard.tar#3.jpg=", "shard.tar#s/1.jpg=3", "shard.tar#s/2.jpg=s"}},
		{inputs: []string{at("repeated.tar")}, want: []string{"repeated.tar#1.jpg=3", "repeated.tar#1.jpg#2=3"}},
		{inputs: []string{at("linked.tar")}, want: []string{"linked.tar#1.jpg="}},
		{inputs: []string{at("not-classes.tar")}, fails: "it is no name of a class"},
	} {
		got, err := labelled(t, root, test.inputs, source.Options{ImageColumn: imageColumn(test.inputs)}, test.opts)
		switch {
		case test.fails != "":
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%q %+v: %v, want %q", test.inputs, test.opts, err, test.fails)
			}
		case err != nil:
			t.Errorf("%q %+v: %v", test.inputs, test.opts, err)
		default:
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%q %+v (-want +got):\n%s", test.inputs, test.opts, diff)
			}
		}
	}
	// Of an archive that is cut off, the labels before the cut count.
	got, err := labelled(t, root, []string{at("cut.tar")}, source.Options{}, source.LabelOptions{})
	if err != nil || !slices.Contains(got, "cut.tar#1.jpg=3") {
		t.Errorf("%q, %v", got, err)
	}
}

func imageColumn(inputs []string) string {
	if strings.HasSuffix(inputs[0], ".parquet") && !strings.HasPrefix(inputs[0], "@") {
		return "image"
	}
	return ""
}

// Mistakes of a command are told from a store's.
func TestLabelMistakes(t *testing.T) {
	t.Parallel()
	root := folderOf(t, map[string]string{"a.csv": "uri,label,split\na.jpg,x,third\n"})
	_, err := source.OpenLabels(t.Context(), []string{"@" + filepath.Join(root, "a.csv")}, source.Options{}, source.LabelOptions{})
	if !errors.As(err, new(*source.PatternError)) {
		t.Errorf("%v", err)
	}
	if _, err := source.OpenLabels(t.Context(), []string{"@" + filepath.Join(root, "b.csv")}, source.Options{}, source.LabelOptions{}); !errors.As(err, new(*source.PatternError)) {
		t.Errorf("%v", err)
	}
}

func TestEmptyFolders(t *testing.T) {
	t.Parallel()
	root := folderOf(t, map[string]string{"ants/1.jpg": "", "wasps/notes.txt": "", ".git/x": ""})
	found := func(name string) bool { return name == "ants" }
	if diff := cmp.Diff([]string{filepath.Join(root, "wasps")}, source.EmptyFolders(root, found)); diff != "" {
		t.Error(diff)
	}
	if got := source.EmptyFolders(filepath.Join(root, "*"), found); got != nil {
		t.Errorf("%q", got)
	}
	if got := source.EmptyFolders("gs://bucket/x", found); got != nil {
		t.Errorf("%q", got)
	}
}

func TestLabelsOfBuckets(t *testing.T) {
	labels, err := source.OpenLabels(t.Context(), nil, source.Options{}, source.LabelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"gs://bucket/ants/1.jpg": "ants", "gs://bucket/1.jpg": "", "s3://b/a//1.jpg": "a", "/ants/1.jpg": "ants", "/1.jpg": "", "https://host/ants/1.jpg": "ants",
	} {
		if l, err := labels.Of(t.Context(), source.Item{URI: uri}); err != nil || l.Class != want {
			t.Errorf("%s: %q, %v, want %q", uri, l.Class, err, want)
		}
	}
}
