#!/usr/bin/env bash
# Fetches Beam's job server for Flink, with an embedded Flink 1.19, and prints the folder of its jars; prints nothing where there can be none:
#
#   .ci/flink.sh FOLDER
#
# FOLDER gets what .ci/flink/pom.xml names, from Maven, verified against .ci/flink/jars.sha256. Without java (11 or newer) and mvn, and where Maven
# cannot reach what it needs, the tests on Flink are skipped, aloud: what is not there says nothing of tagbeam. A jar that is not the one of the
# list is an error.
set -euo pipefail

folder=$1
here=$(cd "$(dirname "$0")/flink" && pwd)

skip() { printf 'flink: %s; tests on Flink are skipped\n' "$*" >&2; exit 0; }

verified() { [ -d "$1" ] && [ "$(ls "$1" | wc -l)" -eq "$(wc -l < "$here/jars.sha256")" ] && (cd "$1" && sha256sum --quiet --check "$here/jars.sha256" >&2); }

ready() { (cd "$folder/lib" && pwd); exit 0; }

command -v java >/dev/null || skip "there is no java here"
java=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
[ "${java:-0}" -ge 11 ] || skip "java is version ${java:-unknown}, and 11 or newer is needed"
if verified "$folder/lib" 2>/dev/null; then ready; fi
command -v mvn >/dev/null || skip "there is no mvn here to fetch it with"

printf 'flink: fetching %s into %s\n' "$here/pom.xml" "$folder" >&2
mkdir -p "$folder"
fetched=$(mktemp -d "$folder/lib.XXXXXX")
trap 'rm -rf "$fetched"' EXIT
for attempt in 1 2 3; do
  if timeout 300 mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$(cd "$fetched" && pwd)" -DincludeScope=runtime </dev/null >&2; then
    if ! verified "$fetched"; then
      echo "flink: the jars are not those of $here/jars.sha256 (see above)" >&2
      exit 1
    fi
    rm -rf "$folder/lib"
    mv "$fetched" "$folder/lib"
    chmod 755 "$folder/lib"
    ready
  fi
  printf 'flink: attempt %d failed\n' "$attempt" >&2
done
skip "Maven could not fetch what it needs (see above)"
