#!/usr/bin/env bash
# Checks what is tracked by git: no file over 1.5 MB, and at the top level only the names agreed on.
set -euo pipefail

limit=1500000
agreed='pipeline|transforms|model|io|testdata|go\.mod|go\.sum|Makefile|README\.md|LICENSE|CHANGELOG\.md|Dockerfile|\..+'

tracked=$(git ls-files) || { echo "tree: not a git checkout, cannot tell what is tracked" >&2; exit 1; }
status=0

while IFS= read -r -d '' file; do
  [ -f "$file" ] || continue
  size=$(wc -c <"$file")
  if [ "$size" -gt $limit ]; then
    echo "tree: $file has $size bytes, more than the $limit a tracked file may have" >&2
    status=1
  fi
done < <(git ls-files -z)

if strangers=$(cut -d/ -f1 <<<"$tracked" | sort -u | grep -vxE "$agreed"); then
  echo "tree: not among the names agreed on for the top level: ${strangers//$'\n'/, }" >&2
  status=1
fi
exit $status
