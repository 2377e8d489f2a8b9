#!/usr/bin/env bash
# Makes the built-in model of model/builtin anew, with the Python packages that its training is pinned to:
#
#   .ci/builtin.sh FOLDER [STEP...] [--quick]
#
# FOLDER becomes a virtual environment (0.4 GB) and keeps generated images and weights. --quick tests the recipes and goes through all steps on a
# little data, and writes nothing into the tree: it shows that the training still works. Without python3 (or its venv module) the quick run is skipped, aloud.
set -euo pipefail

folder=$1
shift
cd "$(dirname "$0")/.."
package=model/builtin
requirements=$package/train/requirements.txt
venv=$folder/venv

cannot() {
  case " $* " in *" --quick "*) ;; *) printf 'builtin: %s\n' "$reason" >&2; exit 1 ;; esac
  printf 'builtin: %s; the quick training is skipped\n' "$reason" >&2
  exit 0
}

if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  reason="there is no python3 here"
  command -v python3 >/dev/null || cannot "$@"
  reason="python3 has no venv module here (Debian: apt-get install python3-venv)"
  python3 -c 'import venv, ensurepip' 2>/dev/null || cannot "$@"
  reason="python3 is older than 3.11, which the pinned packages need"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot "$@"
  printf 'builtin: installing %s into %s\n' "$requirements" "$venv" >&2
  mkdir -p "$folder"
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" </dev/null
  cp "$requirements" "$venv/requirements.txt"
fi
folder=$(cd "$folder" && pwd)
# The real photos that the card has numbers of.
if [ -z "${TAGBEAM_SHARED:-}" ] && [ -d ../shared/data ]; then
  TAGBEAM_SHARED=$(cd ../shared && pwd)
  export TAGBEAM_SHARED
fi
cd "$package"
case " $* " in
*" --quick "*) nice -n 5 "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider train ;;
*) set -- --cache "$folder/cache" "$@" ;;
esac
# A long run leaves the machine to whoever works at it.
exec nice -n 5 "$folder/venv/bin/python" -m train "$@"
