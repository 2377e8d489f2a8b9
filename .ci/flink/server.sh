#!/usr/bin/env bash
# Runs Beam's job server for Flink until interrupted:
#
#   .ci/flink/server.sh JARS [--flink-master=HOST:8081] [FLAG...]
#
# JARS is the folder that .ci/flink.sh prints. Without --flink-master a Flink is embedded in it, which lives as long as each job. What it writes is in
# a temporary folder, and goes with it.
set -euo pipefail

jars=$1
shift
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tagbeam-flink.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
# Beam's runner and core first: a jar further on holds older copies of some of their classes.
first=$(ls "$jars"/beam-runners-*.jar "$jars"/beam-sdks-java-core-*.jar | tr '\n' ':')
rest=$(ls "$jars"/*.jar | grep -v -E '/beam-(runners|sdks-java-core)-' | tr '\n' ':')
java -Djava.io.tmpdir="$tmp" -cp "$first$rest" org.apache.beam.runners.flink.FlinkJobServerDriver \
  --job-host=localhost --expansion-port=-1 --artifacts-dir="$tmp/staging" --flink-master='[local]' "$@" &
server=$!
trap 'kill "$server" 2>/dev/null || true' INT TERM
wait "$server" || true
wait "$server" 2>/dev/null || true
