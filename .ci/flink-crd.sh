#!/usr/bin/env bash
# Fetches the API of Flink's Kubernetes operator, in which the schema of FlinkDeployment lies, and prints the jar; prints nothing where there is no
# mvn, or Maven cannot reach it:
#
#   .ci/flink-crd.sh FOLDER
set -euo pipefail

version=1.10.0
sha256=b1f44814e17514fa8395c61b329a3ee9087123a5bda5b21fe1a495d5182c30b6

folder=$1
skip() { printf 'flink-crd: %s; the manifest of FlinkDeployment is not checked against its schema\n' "$*" >&2; exit 0; }

jar=flink-kubernetes-operator-api-$version.jar
if [ ! -f "$folder/$jar" ]; then
  command -v mvn >/dev/null || skip "there is no mvn here to fetch it with"
  mkdir -p "$folder"
  fetched=$(mktemp -d "$folder/fetched.XXXXXX")
  trap 'rm -rf "$fetched"' EXIT
  timeout 300 mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact="org.apache.flink:flink-kubernetes-operator-api:$version" -DoutputDirectory="$(cd "$fetched" && pwd)" </dev/null >&2 || skip "it could not be fetched (see above)"
  printf '%s  %s\n' "$sha256" "$fetched/$jar" | sha256sum --quiet --check >&2
  mv "$fetched/$jar" "$folder/$jar"
fi
(cd "$folder" && printf '%s/%s\n' "$PWD" "$jar")
