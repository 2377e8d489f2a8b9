#!/usr/bin/env bash
# Makes the Python that tests read our tables with, and prints its path; prints nothing where there can be none:
#
#   .ci/python.sh FOLDER
#
# FOLDER becomes a virtual environment with the packages of .ci/requirements.txt. Without python3 (or without its venv module) the
# tests that need it are skipped, aloud. A failed installation is a skip too, save in CI (CI=true), where it would hide lost tests.
set -euo pipefail

folder=$1
requirements=$(dirname "$0")/requirements.txt

skip() { printf 'python: %s; tests against other Parquet readers, Pillow and onnxruntime are skipped\n' "$*" >&2; exit 0; }

ready() { echo "$(cd "$folder/bin" && pwd)/python"; exit 0; }

if cmp -s "$requirements" "$folder/requirements.txt" && "$folder/bin/python" -c 'import pyarrow' 2>/dev/null; then ready; fi
command -v python3 >/dev/null || skip "there is no python3 here"
python3 -c 'import venv, ensurepip' 2>/dev/null || skip "python3 has no venv module here (Debian: apt-get install python3-venv)"

printf 'python: installing %s into %s\n' "$requirements" "$folder" >&2
mkdir -p "$(dirname "$folder")"
if python3 -m venv --clear "$folder" >&2 &&
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --only-binary=:all: -r "$requirements" </dev/null >&2; then
  cp "$requirements" "$folder/requirements.txt"
  ready
fi
if [ "${CI:-}" = true ]; then
  echo "python: the packages of $requirements could not be installed (see above)" >&2
  exit 1
fi
skip "the packages of $requirements could not be installed (see above)"
