#!/usr/bin/env bash
# Puts ONNX Runtime's shared library where the program looks for it:
#
#   .ci/onnxruntime.sh FILE [OS/ARCH]        OS/ARCH as Go names them; default: this machine's
#
# The library comes from its maker's packages on npm (onnxruntime-node) or PyPI (onnxruntime), fetched with npm or, failing that,
# pip. Version and checksums are pinned below. Nothing is used before its checksum is verified, and FILE appears whole or not at
# all. It is kept in ${XDG_CACHE_HOME:-~/.cache}/tagbeam/onnxruntime for the next clone; FILE and that copy are verified too, each
# time. To do without a download, put a library with one of the checksums below at FILE yourself.
set -euo pipefail

version=1.30.0

say() { printf 'onnxruntime: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ $# -ge 1 ] && [ $# -le 2 ] || die "usage: $0 FILE [OS/ARCH]"
target=$1
platform=${2:-$(go env GOOS)/$(go env GOARCH)}

# The npm tarball holds all platforms; a wheel holds one, and is the one of CPython 3.12 whichever Python asks for it: the library
# inside does not depend on it. The two makers' builds differ (npm's can use WebGPU), so each has a checksum of its own.
cached_name=libonnxruntime.so.$version
npm_archive_sha256=6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75
case $platform in
linux/amd64)
  npm_member=package/bin/napi-v6/linux/x64/libonnxruntime.so.1
  npm_sha256=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23
  wheel_platform=manylinux_2_28_x86_64
  wheel_archive_sha256=fa688e7891a6aa206636fe7372e27ee75fd17713289f6b4fc7b190e0a7de9328
  wheel_member=onnxruntime/capi/libonnxruntime.so.$version
  wheel_sha256=c902c70b3003c0e99fada202f37478c515ae9bba7944c2b2abd0017bae0c82ed
  ;;
linux/arm64)
  npm_member=package/bin/napi-v6/linux/arm64/libonnxruntime.so.1
  npm_sha256=1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76
  wheel_platform=manylinux_2_28_aarch64
  wheel_archive_sha256=6c32a000d5139a38ba9349030b0032e3331acb559d596b22738d9d2b343a2b83
  wheel_member=onnxruntime/capi/libonnxruntime.so.$version
  wheel_sha256=8a218e1e446880131115c368ec7005969a5022af9a15a26173de648fef0b7789
  ;;
darwin/arm64)
  cached_name=libonnxruntime.$version.dylib
  npm_member=package/bin/napi-v6/darwin/arm64/libonnxruntime.$version.dylib
  npm_sha256=685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d
  wheel_platform=macosx_14_0_arm64
  wheel_archive_sha256=001ed726c9bd5e2bc92faade7d37d889e9606a350b7d5529f0227df2e3bb57fd
  wheel_member=onnxruntime/capi/libonnxruntime.$version.dylib
  wheel_sha256=b46713ea6a25a5227541c21001f6422c1ccdeaecc369aa026a61b752520325c3
  ;;
*)
  die "no ONNX Runtime $version is pinned for $platform; there is one for linux/amd64, linux/arm64 and darwin/arm64"
  ;;
esac

sha256() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1" | cut -d' ' -f1
  else
    shasum -a 256 "$1" | cut -d' ' -f1
  fi
}

# is_library FILE: whether it is one of the two pinned builds.
is_library() {
  [ -f "$1" ] || return 1
  local sum
  sum=$(sha256 "$1")
  [ "$sum" = "$npm_sha256" ] || [ "$sum" = "$wheel_sha256" ]
}

# verify FILE SHA256 WHAT: ends the script when they do not match, for then the package is not the one that was pinned.
verify() {
  local sum
  sum=$(sha256 "$1")
  [ "$sum" = "$2" ] || die "wrong checksum of $3, nothing was installed:
  expected sha256 $2
  got      sha256 $sum
Somebody between here and the package's maker has changed it (a mirror or proxy, perhaps), or the pin in $0 is wrong."
}

# place FROM TO: a copy that is there whole or not at all, however many of us do it at once.
partial=""
place() {
  mkdir -p "$(dirname "$2")" && partial=$(mktemp "$2.XXXXXX") || return 1
  cp "$1" "$partial" && chmod 755 "$partial" && mv -f "$partial" "$2"
}

pip_command() {
  local pip
  for pip in "python3 -m pip" pip3 pip; do
    if $pip --version >/dev/null 2>&1; then
      echo "$pip"
      return 0
    fi
  done
  return 1
}

# fetch_npm and fetch_pip leave the verified library at $work/library, or fail when the client could not fetch the archive.
fetch_npm() {
  say "fetching onnxruntime-node $version with npm (113 MB)"
  mkdir "$work/npm"
  (cd "$work/npm" && npm pack --ignore-scripts --loglevel=error "onnxruntime-node@$version" </dev/null >/dev/null) || return 1
  local archive="$work/npm/onnxruntime-node-$version.tgz"
  verify "$archive" "$npm_archive_sha256" "npm's onnxruntime-node-$version.tgz"
  tar -xzf "$archive" -O "$npm_member" >"$work/library" || die "could not take $npm_member out of $archive"
  verify "$work/library" "$npm_sha256" "$npm_member in npm's onnxruntime-node-$version.tgz"
}

fetch_pip() {
  local pip=$1 python archive
  say "fetching the onnxruntime $version wheel with $pip (24 MB)"
  mkdir "$work/pip"
  $pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
    --implementation cp --python-version 3.12 --abi cp312 --platform "$wheel_platform" \
    --dest "$work/pip" "onnxruntime==$version" </dev/null >&2 || return 1
  archive="$work/pip/onnxruntime-$version-cp312-cp312-$wheel_platform.whl"
  verify "$archive" "$wheel_archive_sha256" "PyPI's ${archive##*/}"
  # A wheel is a zip, and where there is pip there is a Python that reads it; unzip may be missing.
  python=$(command -v python3 || command -v python) || die "pip is there, but no python3 to open the wheel with"
  "$python" -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as library, open(sys.argv[3], "wb") as out:
    shutil.copyfileobj(library, out)' "$archive" "$wheel_member" "$work/library" ||
    die "could not take $wheel_member out of $archive"
  verify "$work/library" "$wheel_sha256" "$wheel_member in PyPI's ${archive##*/}"
}

fetch() {
  local pip clients=""
  if command -v npm >/dev/null; then
    clients=npm
    fetch_npm && return 0
    say "npm could not fetch it"
  fi
  if pip=$(pip_command); then
    clients="${clients:+$clients and }$pip"
    fetch_pip "$pip" && return 0
    say "$pip could not fetch it"
  fi
  if [ -z "$clients" ]; then
    say "ONNX Runtime $version is fetched with npm or pip, and neither is here. Install one of them,"
  else
    say "ONNX Runtime $version could not be fetched with $clients (see above). Check the network and the client's configuration,"
  fi
  die "or put $npm_member of npm's onnxruntime-node $version, or
$wheel_member of PyPI's onnxruntime $version, at $target yourself."
}

if is_library "$target"; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work" ${partial:+"$partial"}' EXIT
[ ! -e "$target" ] || say "$target is not ONNX Runtime $version for $platform (checksum); replacing it"

cache_home=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
cached=${cache_home:+$cache_home/tagbeam/onnxruntime}
# The library of this machine's own platform lies where the program looks too, by the name it looks for.
[ "$platform" = "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" ] || cached=${cached:+$cached/${platform/\//-}}
cached=${cached:+$cached/$cached_name}
if [ -n "$cached" ] && [ -e "$cached" ]; then
  if is_library "$cached"; then
    place "$cached" "$target" || die "could not write $target"
    say "$target is ONNX Runtime $version for $platform, from $cached"
    exit 0
  fi
  say "$cached has a wrong checksum; not used"
fi

fetch
place "$work/library" "$target" || die "could not write $target"
say "$target is ONNX Runtime $version for $platform"
# The cache saves the next clone a download; that it cannot be written is no reason to fail.
if [ -n "$cached" ] && ! place "$work/library" "$cached" 2>/dev/null; then
  say "could not keep a copy at $cached"
fi
