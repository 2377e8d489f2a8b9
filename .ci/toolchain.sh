#!/usr/bin/env bash
# Makes sure that what a build needs is on this machine:
#
#   .ci/toolchain.sh "SYSTEM PACKAGES" ["C LIBRARIES"]
#
# Go has to be there. A C compiler (cgo), and the C libraries by their pkg-config names, are installed with apt-get where they are
# missing and we may: as root, or with a sudo that asks nothing. Elsewhere the one command to run is printed, and we fail.
set -euo pipefail

packages=$1
libraries=${2:-}

say() { printf 'toolchain: %s\n' "$*" >&2; }

if ! command -v go >/dev/null; then
  say "Go is not installed (or not in PATH). tagbeam needs Go $(sed -n 's/^go //p' go.mod) or newer: see go.dev/doc/install"
  exit 1
fi

# missing prints what is missing, and succeeds when something is. It asks for the ability, not for the package: a compiler may come
# from anywhere.
missing() {
  local found=1 compiler library
  compiler=$(go env CC)
  # shellcheck disable=SC2086 # CC may hold arguments
  if ! echo '#include <stdlib.h>
int main(void) { return EXIT_SUCCESS; }' | $compiler -x c -o /dev/null - 2>/dev/null; then
    echo "a working C compiler ($compiler)"
    found=0
  fi
  for library in $libraries; do
    if ! pkg-config --exists "$library" 2>/dev/null; then
      echo "the C library $library (by pkg-config)"
      found=0
    fi
  done
  return $found
}

list=$(missing) || exit 0
say "missing here: ${list//$'\n'/, }"

install="apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages"
if ! command -v apt-get >/dev/null; then
  say "install with this machine's package manager what Debian calls: $packages"
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  as_root=(sh -c)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo -n sh -c)
else
  say "run this once, then try again:
  sudo sh -c '$install'"
  exit 1
fi
say "installing: $packages"
"${as_root[@]}" "$install" </dev/null >&2

if list=$(missing); then
  say "still missing after the installation: ${list//$'\n'/, }"
  exit 1
fi
