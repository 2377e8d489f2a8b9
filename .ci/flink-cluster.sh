#!/usr/bin/env bash
# Fetches Flink 1.19 itself, for a JobManager and TaskManagers in processes of their own, and prints the folder of its jars; prints nothing where
# it cannot be had:
#
#   .ci/flink-cluster.sh FOLDER
#
# It comes from PyPI (230 MB), by the version and checksum of .ci/flink/cluster-requirements.txt.
set -euo pipefail

folder=$1
requirements=$(cd "$(dirname "$0")/flink" && pwd)/cluster-requirements.txt

skip() { printf 'flink-cluster: %s; tests on a Flink cluster are skipped\n' "$*" >&2; exit 0; }

if cmp -s "$requirements" "$folder/requirements.txt"; then (cd "$folder/lib" && pwd); exit 0; fi
command -v python3 >/dev/null || skip "there is no python3 here to fetch it with"
mkdir -p "$folder"
fetched=$(mktemp -d "$folder/fetched.XXXXXX")
trap 'rm -rf "$fetched"' EXIT
printf 'flink-cluster: fetching %s into %s\n' "$requirements" "$folder" >&2
timeout 600 python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --no-binary=:all: -r "$requirements" -d "$fetched" </dev/null >&2 ||
  skip "it could not be fetched (see above)"
tar -xzf "$fetched"/apache-flink-libraries-*.tar.gz -C "$fetched" --wildcards --strip-components=2 '*/deps/lib/flink-dist-*.jar' '*/deps/lib/log4j-*.jar'
rm -rf "$folder/lib"
mv "$fetched/lib" "$folder/lib"
cp "$requirements" "$folder/requirements.txt"
(cd "$folder/lib" && pwd)
