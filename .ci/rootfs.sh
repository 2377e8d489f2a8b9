#!/usr/bin/env bash
# Makes the root file system of our image (see Dockerfile) with debootstrap, where no image can be built or pulled:
#
#   .ci/rootfs.sh make DIR [TAGBEAM] [LIBRARY]    default: bin/tagbeam, bin/libonnxruntime.so
#   .ci/rootfs.sh run DIR [--bind FOLDER]... [--] ARGUMENTS...
#
# `make` takes Debian's release and packages from the Dockerfile, and the mirror from this machine's apt. The base system is kept in
# .cache/rootfs for the next time. The shells are taken out of it: none is needed. `run` starts the image's entry point as a container would: as
# the image's user, on a root that is mounted read-only, with an empty /tmp and the folders of --bind at the same path. The network is the
# host's, since workers speak to their runner. It is the same process in the end, so signals reach it, and its mounts go with it.
# Both need root on Linux for amd64, and leave to mount; where something is missing here, debootstrap or its mirror included, they say what and end
# with status 77.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
say() { printf 'rootfs: %s\n' "$*" >&2; }
skip() { say "SKIPPED: $*"; exit 77; }

# arg NAME: the value of an ARG of the Dockerfile.
arg() {
  local value
  value=$(sed -n "s/^ARG $1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$here/Dockerfile")
  [ -n "$value" ] || { say "the Dockerfile has no ARG $1"; exit 1; }
  printf '%s\n' "$value"
}

# What the last stage of the Dockerfile says.
entry_point=$(sed -n 's/^ENTRYPOINT \["\(.*\)"\]$/\1/p' "$here/Dockerfile")
user=$(sed -n 's/^USER //p' "$here/Dockerfile")

make_rootfs() {
  local dir=$1 tagbeam=${2:-$here/bin/tagbeam} library=${3:-$here/bin/libonnxruntime.so} release packages mirror base sum
  release=$(arg DEBIAN)
  packages=$(arg RUNTIME_PACKAGES)
  sum=$(sha256sum "$library" | cut -d' ' -f1)
  case " $(arg ONNXRUNTIME_SHA256) " in
  *" $sum "*) ;;
  *) say "$library has sha256 $sum, which the Dockerfile does not know; run make build"; exit 1 ;;
  esac
  base=$here/.cache/rootfs/$(printf '%s' "$release $packages $(uname -m)" | sha256sum | cut -c1-16).tar
  if [ ! -f "$base" ]; then
    command -v debootstrap >/dev/null || skip "debootstrap is not installed (apt-get install debootstrap)"
    mirror=$({ apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Component: main' 2>/dev/null || true; } | awk -v release="$release" '$2 == release && !found { print $1; found = 1 }')
    [ -n "$mirror" ] || skip "apt on this machine knows no mirror of Debian $release"
    say "debootstrap of Debian $release with $packages"
    mkdir -p "$(dirname "$base")"
    work=$(mktemp -d "$here/.cache/rootfs/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    debootstrap --variant=minbase --include="${packages// /,}" "$release" "$work/root" "$mirror" >"$work/log" 2>&1 </dev/null || { tail -n 20 "$work/log" >&2; skip "debootstrap cannot make Debian $release here (see above)"; }
    rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
    tar -C "$work/root" -cf "$work/base.tar" .
    mv "$work/base.tar" "$base"
  fi
  mkdir -p "$dir"
  [ -z "$(ls -A "$dir")" ] || { say "$dir is not empty"; exit 1; }
  tar -C "$dir" -xf "$base"
  install -D -m 755 "$tagbeam" "$dir$entry_point"
  install -m 755 "$library" "$dir$(dirname "$entry_point")/libonnxruntime.so"
  arg PASSWD >>"$dir/etc/passwd"
  touch "$dir/etc/hosts" "$dir/etc/resolv.conf"
  mkdir -p "$dir/opt/apache/beam"
  ln -s "$entry_point" "$dir/opt/apache/beam/boot"
  # No shell is needed, and so there is none: what starts one fails here, not in somebody's image.
  rm -f "$dir"/bin/sh "$dir"/bin/bash "$dir"/bin/dash "$dir"/bin/rbash
  say "$dir is Debian $release with $packages, tagbeam and ONNX Runtime"
}

run_rootfs() {
  local dir binds=()
  dir=$(cd "$1" && pwd) && shift
  while [ $# -gt 0 ]; do
    case $1 in
    --bind) binds+=("$2"); shift 2 ;;
    --) shift; break ;;
    *) break ;;
    esac
  done
  local folder
  for folder in "${binds[@]}"; do mkdir -p "$dir$folder"; done
  mkdir -p "$dir/tmp"
  export dir user entry_point
  # A mount namespace of its own: whatever is mounted here is gone with the process, however it ends.
  exec unshare --mount --propagation private bash -c '
    set -euo pipefail
    mount --bind "$dir" "$dir"
    mount -t tmpfs -o mode=1777 tmpfs "$dir/tmp"
    count=$1; shift
    for ((i = 0; i < count; i++)); do mkdir -p "$dir$1"; mount --bind "$1" "$dir$1"; shift; done
    mount -t proc -o ro proc "$dir/proc"
    mount --bind /dev "$dir/dev"
    # As a container has them: a runner is found by its name, if only localhost.
    for file in hosts resolv.conf; do if [ -f "/etc/$file" ]; then mount --bind -o ro "/etc/$file" "$dir/etc/$file"; fi; done
    mount -o remount,bind,ro "$dir"
    export TMPDIR=/tmp HOME=/nonexistent PATH=/usr/local/bin:/usr/bin:/bin
    unset TAGBEAM_ONNXRUNTIME LD_LIBRARY_PATH OLDPWD
    PATH=$PATH:/usr/sbin:/sbin exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$dir" "$entry_point" "$@"' - "${#binds[@]}" "${binds[@]}" "$@"
}

[ "$(uname -sm)" = 'Linux x86_64' ] || skip "the image is for Linux on amd64, and this is $(uname -sm)"
[ "$(id -u)" = 0 ] || skip "only root may make and enter a root file system"
for tool in unshare setpriv chroot; do command -v "$tool" >/dev/null || skip "there is no $tool here"; done
unshare --mount --propagation private mount -t tmpfs tmpfs /mnt 2>/dev/null || skip "root may not mount here (a container without CAP_SYS_ADMIN?)"
case ${1:-} in
make) [ $# -ge 2 ] || { say "which DIR?"; exit 1; }; shift; make_rootfs "$@" ;;
run) [ $# -ge 2 ] || { say "which DIR?"; exit 1; }; shift; run_rootfs "$@" ;;
*) say "usage: $0 make DIR [TAGBEAM] [LIBRARY] | run DIR [--bind FOLDER]... [--] ARGUMENTS..."; exit 1 ;;
esac
