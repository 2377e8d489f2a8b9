#!/usr/bin/env bash
# Installs Azurite, the emulator of Azure Blob Storage that tests of az:// speak to, and prints its path; prints nothing where there can
# be none:
#
#   .ci/azurite.sh FOLDER
#
# FOLDER gets the packages of .ci/azurite/package-lock.json, by version and checksum. Without node and npm those tests are skipped, aloud. A
# failed installation is a skip too, save in CI (CI=true), where it would hide lost tests.
set -euo pipefail

folder=$1
lock=$(dirname "$0")/azurite

skip() { printf 'azurite: %s; tests against Azure Blob Storage are skipped\n' "$*" >&2; exit 0; }

ready() { echo "$(cd "$folder/node_modules/.bin" && pwd)/azurite-blob"; exit 0; }

command -v node >/dev/null && command -v npm >/dev/null || skip "there is no node with npm here"
if cmp -s "$lock/package-lock.json" "$folder/installed.json" && [ -x "$folder/node_modules/.bin/azurite-blob" ]; then ready; fi

printf 'azurite: installing %s into %s\n' "$lock/package-lock.json" "$folder" >&2
mkdir -p "$folder"
cp "$lock/package.json" "$lock/package-lock.json" "$folder"
if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent </dev/null >&2); then
  cp "$lock/package-lock.json" "$folder/installed.json"
  ready
fi
if [ "${CI:-}" = true ]; then
  echo "azurite: it could not be installed (see above)" >&2
  exit 1
fi
skip "it could not be installed (see above)"
