package source

import (
	"path/filepath"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// setExclude keeps the locations that can be met below this pattern. A local folder may be reached under another name than
// the one it is excluded by, through symbolic links: both are resolved and compared.
func (p *pattern) setExclude(locations []object.Location) {
	for _, l := range locations {
		if l.Scheme != p.loc.Scheme || l.Bucket != p.loc.Bucket {
			continue
		}
		p.exclude = append(p.exclude, l.Key)
		if l.Scheme == object.SchemeFile {
			if alias, ok := p.alias(l.Key); ok {
				p.exclude = append(p.exclude, alias)
			}
		}
	}
}

// alias gives the name that an excluded path has below the pattern's first folder.
func (p *pattern) alias(excluded string) (string, bool) {
	base := p.prefix
	if p.single != nil {
		base = p.single.Key
	}
	base = base[:strings.LastIndexByte(base, '/')+1]
	realBase, err := filepath.EvalSymlinks(base)
	if err != nil {
		return "", false
	}
	realExcluded, err := filepath.EvalSymlinks(excluded)
	if err != nil {
		return "", false // it does not exist yet: there is nothing to leave out
	}
	if !within(realExcluded, realBase) {
		return "", false
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(realExcluded, realBase), "/")
	return base + rest, true
}
