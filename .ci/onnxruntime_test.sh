#!/usr/bin/env bash
# Tests .ci/onnxruntime.sh with clients that fail or bring the wrong thing; needs no network:
#
#   .ci/onnxruntime_test.sh LIBRARY          LIBRARY is a verified one
set -euo pipefail

library=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
script=$(cd "$(dirname "$0")" && pwd)/onnxruntime.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# clients NAME=BODY...: a PATH with the tools the script needs, and clients that are shell scripts.
clients() {
  rm -rf "$work/path" "$work/out" "$work/cache"
  mkdir -p "$work/path" "$work/out"
  local tool
  for tool in bash env go cut mkdir mktemp cp mv rm dirname basename chmod tar cat sha256sum shasum perl; do
    if command -v $tool >/dev/null; then ln -s "$(command -v $tool)" "$work/path/$tool"; fi
  done
  for tool in "$@"; do
    printf '#!/usr/bin/env bash\n%s\n' "${tool#*=}" >"$work/path/${tool%%=*}"
    chmod +x "$work/path/${tool%%=*}"
  done
}

# expect NAME STATUS PATTERN FILES: runs the script and compares its exit status, a pattern in what it says, and the number of files
# it leaves where the library goes.
expect() {
  local name=$1 want=$2 pattern=$3 files=$4 said status=0 left
  said=$(env PATH="$work/path" XDG_CACHE_HOME="$work/cache" "$script" "$work/out/library" 2>&1) || status=$?
  left=$(find "$work/out" -type f | wc -l)
  if [ "$status" -ne "$want" ] || ! grep -qE -- "$pattern" <<<"$said" || [ "$left" -ne "$files" ]; then
    printf 'FAIL %s: status %s (want %s), %s files (want %s), should say %s; said:\n%s\n' \
      "$name" "$status" "$want" "$left" "$files" "$pattern" "$said" >&2
    failures=$((failures + 1))
  fi
}

cached=$work/cache/tagbeam/onnxruntime/libonnxruntime.so.1.30.0
if [ "$(go env GOOS)" = darwin ]; then cached=${cached%.so.1.30.0}.1.30.0.dylib; fi

clients
expect "no client" 1 "npm or pip, and neither is here" 0

clients npm="echo no network >&2; exit 1" pip="[ \$1 = --version ] || exit 1"
expect "no network" 1 "could not be fetched with npm and pip" 0

clients npm="printf junk >onnxruntime-node-1.30.0.tgz"
expect "npm brings something else" 1 "wrong checksum of npm's" 0

clients python3="while [ \$# -gt 1 ]; do [ \$1 = --dest ] && d=\$2; [ \$1 = --platform ] && p=\$2; shift; done
[ -z \"\${d:-}\" ] || echo junk >\$d/onnxruntime-1.30.0-cp312-cp312-\$p.whl"
expect "pip brings something else" 1 "wrong checksum of PyPI's" 0

clients
cp "$library" "$work/out/library"
expect "there already" 0 "" 1

clients
mkdir -p "$(dirname "$cached")"
cp "$library" "$cached"
expect "from the cache" 0 "from $cached" 1
cmp "$library" "$work/out/library" || failures=$((failures + 1))

clients
mkdir -p "$(dirname "$cached")"
cp "$library" "$cached"
printf x >>"$cached"
expect "damaged cache" 1 "wrong checksum; not used" 0

clients
printf old >"$work/out/library"
expect "another library in its place, no client" 1 "is not ONNX Runtime" 1

[ $failures = 0 ] || exit 1
echo "onnxruntime_test: all passed"
