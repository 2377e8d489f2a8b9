package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"syscall"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/tagbeam/tagbeam/io/object"
)

// pattern is one input, looked up.
type pattern struct {
	text    string
	loc     object.Location // of the folder or glob; Key as the user gave it
	store   object.Store
	opts    Options
	exclude []string // key prefixes: of folders with a slash at the end, of objects without

	named  *list        // names that are given one by one; the rest is not for them
	single *object.Info // a single object; the rest is for listings
	prefix string       // of all keys that can match
	glob   string       // empty for a folder
	any    bool         // matches are taken whatever they are
	// archives says that there may be archives among the matches, to be looked into.
	archives bool

	count, passed int64 // of the latest Each
}

const supported = "supported are folders, globs, single images, .tar archives, Parquet files and @manifests, as local paths, gs://, s3:// or az://"

// unsupportedSchemes are those of later versions, as opposed to mistyped ones.
var unsupportedSchemes = regexp.MustCompile(`(?i)^(s3a|azblob|abfss?|wasbs?|hdfs)://`)

func openPattern(ctx context.Context, text string, opts Options) (*pattern, error) {
	refuse := func(err error) (*pattern, error) { return nil, &PatternError{Pattern: text, Err: err} }
	switch {
	case text == "":
		return refuse(errors.New("it is empty; " + supported))
	case strings.HasPrefix(text, "@"):
		names, err := openManifest(ctx, text, opts)
		return &pattern{text: text, named: names}, err
	}
	loc, err := object.Parse(text)
	if err != nil && unsupportedSchemes.MatchString(text) {
		err = fmt.Errorf("%s:// is not supported yet; %s", text[:strings.Index(text, "://")], supported)
	}
	if err != nil {
		return refuse(err)
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	p := &pattern{text: text, loc: loc, store: store, opts: opts}
	if loc.Scheme == object.SchemeFile {
		err = p.openLocal(ctx)
	} else {
		err = p.openRemote(ctx)
	}
	if err == nil && (p.single != nil || p.glob != "") && kindOf(loc.Key) == kindCompressed {
		return refuse(errors.New(compressedAdvice))
	}
	if err == nil {
		p.archives = p.single != nil && kindOf(p.single.Key) != kindImage || p.any && archiveExtension.MatchString(p.glob)
		p.setExclude(opts.Exclude)
	}
	return p, err
}

func (p *pattern) openLocal(ctx context.Context) error {
	st, err := os.Stat(p.loc.Key)
	switch {
	case err == nil && st.IsDir():
		p.setFolder()
		return nil
	case err == nil:
		info, err := p.store.Stat(ctx, p.loc.Key)
		if errors.Is(err, object.ErrNotFound) {
			return &PatternError{Pattern: p.text, Err: err}
		}
		p.single = &info
		return err
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ENAMETOOLONG):
		return p.lookupFailed(err)
	case !hasMeta(p.loc.Key):
		return p.notFound("no such file or folder")
	}
	if err := p.setNames(); err != nil {
		return err
	}
	base := p.prefix[:strings.LastIndexByte(p.prefix, '/')+1]
	st, err = os.Stat(base)
	switch {
	case err == nil && st.IsDir():
		return nil
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return p.notFound("there is no folder " + base)
	default:
		return p.lookupFailed(err)
	}
}

func (p *pattern) lookupFailed(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: %w", object.ErrPermission, err)
	}
	return fmt.Errorf("input %q: %w", p.text, err)
}

func (p *pattern) notFound(what string) error {
	return &PatternError{Pattern: p.text, Err: fmt.Errorf("%w: %s", object.ErrNotFound, what)}
}

func (p *pattern) openRemote(ctx context.Context) error {
	key := p.loc.Key
	if key != "" && !strings.HasSuffix(key, "/") {
		info, err := p.store.Stat(ctx, key)
		if err == nil {
			p.single = &info
			return nil
		}
		if !errors.Is(err, object.ErrNotFound) {
			return err
		}
	}
	if hasMeta(key) {
		if err := p.setNames(); err != nil {
			return err
		}
	} else {
		p.setFolder()
	}
	return p.checkBucket(ctx)
}

var errSeen = errors.New("seen one")

// checkBucket lists up to the first object: that a bucket exists cannot be told more cheaply with the right to list alone.
func (p *pattern) checkBucket(ctx context.Context) error {
	err := p.store.List(ctx, object.ListOptions{Prefix: p.prefix}, func(object.Info) error { return errSeen })
	if errors.Is(err, object.ErrNotFound) {
		return p.notFound(fmt.Sprintf("there is no bucket %s://%s", p.loc.Scheme, p.loc.Bucket))
	}
	if err == errSeen {
		return nil
	}
	return err
}

func (p *pattern) setFolder() {
	p.prefix = p.loc.Key
	if p.prefix != "" && !strings.HasSuffix(p.prefix, "/") {
		p.prefix += "/"
	}
}

// literalExtension is that of a last path element that names its extensions: *.dat, img-[0-9].{tif,dat}
var literalExtension = regexp.MustCompile(`\.([A-Za-z0-9]+|\{[A-Za-z0-9]+(,[A-Za-z0-9]+)*\})$`)

// setNames takes a key that does not exist as it stands for a glob, or for the names that its ranges stand for.
func (p *pattern) setNames() error {
	if err := checkBraces(p.loc.Key); err != nil {
		return &PatternError{Pattern: p.text, Err: err}
	}
	if !braceRange.MatchString(p.loc.Key) {
		return p.setGlob()
	}
	if strings.ContainsAny(braceRange.ReplaceAllString(p.loc.Key, ""), metaCharacters) {
		glob, err := braceAlternatives(p.loc.Key)
		if err != nil {
			return &PatternError{Pattern: p.text, Err: err}
		}
		p.loc.Key = glob
		return p.setGlob()
	}
	p.prefix = p.loc.Key[:strings.IndexByte(p.loc.Key, '{')]
	p.named = &list{opts: p.opts, names: func(_ context.Context, fn func(string) error) error {
		return eachBraceName(p.loc.String(), fn)
	}}
	return nil
}

// archiveExtension is that of globs that name archives, among other things maybe.
var archiveExtension = regexp.MustCompile(`(?i)[.{,](tar|parquet)(,[^/]*)?\}?$`)

func (p *pattern) setGlob() error {
	p.glob = p.loc.Key
	if !doublestar.ValidatePattern(p.glob) {
		err := errors.New("malformed glob: a bracket or brace is not closed, or a range is the wrong way round")
		return &PatternError{Pattern: p.text, Err: err}
	}
	p.prefix = p.glob[:strings.IndexAny(p.glob, metaCharacters)]
	p.any = literalExtension.MatchString(path.Base(p.glob))
	return nil
}

const metaCharacters = `*?[{\`

func hasMeta(key string) bool { return strings.ContainsAny(key, `*?[{`) }

// matches says whether a listed key is one the pattern means.
func (p *pattern) matches(key string) bool {
	for _, e := range p.exclude {
		if within(key, e) {
			return false
		}
	}
	return p.glob == "" || doublestar.MatchUnvalidated(p.glob, key)
}

// prune says whether nothing below a directory can match. dir ends in a slash.
func (p *pattern) prune(dir string) bool {
	for _, e := range p.exclude {
		if within(dir, e) {
			return true
		}
	}
	return p.glob != "" && !canDescend(p.glob, dir)
}

// canDescend compares folder by folder: each must match its part of the glob until a ** matches any number of them.
func canDescend(glob, dir string) bool {
	if strings.ContainsAny(glob, `{\`) {
		return true // a slash within braces, or behind a backslash, does not divide
	}
	parts := strings.Split(glob, "/")
	folders := strings.Split(strings.TrimSuffix(dir, "/"), "/")
	for i, folder := range folders {
		if i < len(parts) && parts[i] == "**" {
			return true
		}
		if i >= len(parts)-1 || !doublestar.MatchUnvalidated(parts[i], folder) {
			return false
		}
	}
	return true
}

// within says whether key is the excluded object or below the excluded folder; the empty key is a whole bucket.
func within(key, excluded string) bool {
	if excluded == "" {
		return true
	}
	folder := strings.TrimSuffix(excluded, "/") + "/"
	return key == excluded || strings.HasPrefix(key, folder)
}
