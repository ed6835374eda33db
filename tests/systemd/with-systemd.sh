#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a command on a machine whose process 1 is a real systemd, and which is this machine with a tree laid over it. Nothing of this
# machine is changed: what is written there goes to memory and is gone afterwards. Several may run at once.
#
# Usage: with-systemd.sh STAGE COMMAND [ARGUMENT...]
# STAGE is a directory as "meson install --destdir" makes it. Exit codes: the command's; 77 where this machine does not allow it.
# BREVET_SYSTEMD_TARGET is the unit that must be active before the command runs (default: basic.target).
set -u

skip () {
  echo "1..0 # SKIP $1"
  exit 77
}

if [ -z "${BREVET_NAMESPACE:-}" ]; then
  [ $# -ge 2 ] || { echo "Usage: $0 STAGE COMMAND [ARGUMENT...]" >&2; exit 2; }
  [ "$(id -u)" -eq 0 ] || skip "a machine with systemd is made by root only"
  for tool in systemd-nspawn nsenter unshare pgrep; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
  done
  unshare -m --propagation private true 2>/dev/null || skip "mounting is not allowed here"
  unshare -U true 2>/dev/null || skip "user namespaces, which the units ask for, cannot be made here (nor in any chroot)"
  BREVET_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
unset BREVET_NAMESPACE

stage=$(realpath "$1")
shift
target=${BREVET_SYSTEMD_TARGET:-basic.target}
work=$(mktemp -d)
leader='' container='' groups=()

# Killing systemd-nspawn alone would leave the machine running.
clean_up () {
  trap - EXIT
  [ -z "$leader" ] || kill -KILL "$leader" 2>/dev/null
  [ -z "$container" ] || { [ -n "$leader" ] || kill -KILL "$container" 2>/dev/null; wait "$container" 2>/dev/null; }
  for group in "${groups[@]}"; do
    find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
  umount "$work/root" 2>/dev/null
  umount -l "$work" 2>/dev/null
  rmdir "$work" 2>/dev/null
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT HUP

mount -t tmpfs -o mode=755 tmpfs "$work" 2>/dev/null || skip "mounting is not allowed here"
mkdir "$work/upper" "$work/scratch" "$work/root"
cp -a "$stage/." "$work/upper/" && chown -R root:root "$work/upper" && chmod 755 "$work/upper"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" "$work/root" 2>/dev/null \
  || skip "this kernel has no overlay file system, or does not allow it here"
rm -f "$work/root/.dockerenv"
: >"$work/root/etc/machine-id"
rm -rf "$work/root/run"/*
mkdir -p "$work/root/run"

# A control group of its own in each hierarchy that systemd uses: one, or two where the old one still exists.
for hierarchy in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
  [ "$hierarchy" != /sys/fs/cgroup ] || [ "${#groups[@]}" -eq 0 ] || continue
  [ -e "$hierarchy/cgroup.procs" ] || continue
  mkdir "$hierarchy/brevet-$$" 2>/dev/null || skip "control groups cannot be made here"
  groups+=("$hierarchy/brevet-$$")
done
[ "${#groups[@]}" -gt 0 ] || skip "there are no control groups here"

(
  for group in "${groups[@]}"; do
    echo "$BASHPID" >"$group/cgroup.procs"
  done
  export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
  exec systemd-nspawn --quiet --register=no --keep-unit --link-journal=no --private-network --machine="brevet-$$" -D "$work/root" \
    --console=read-only --boot systemd.unit="$target" systemd.show_status=no
) </dev/null >"$work/console" 2>&1 &
container=$!

inside () {
  nsenter -t "$leader" -a -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# There is nothing to wait for: nobody tells when process 1 of another machine is there, or what it has reached.
for _ in $(seq 600); do
  leader=$(pgrep -P "$container" -x systemd) && inside systemctl is-active -q "$target" 2>/dev/null && break
  if ! kill -0 "$container" 2>/dev/null; then
    sed 's/^/# /' "$work/console"
    skip "systemd-nspawn does not work here"
  fi
  sleep 0.05
done
if [ -z "$leader" ] || ! inside systemctl is-active -q "$target"; then
  sed 's/^/# /' "$work/console"
  echo "Bail out! systemd did not reach $target within 30 seconds"
  exit 99
fi

inside "$@" </dev/null &
wait $!
status=$?
if [ "$status" -ne 0 ]; then
  inside journalctl -b --no-pager -o short-monotonic 2>/dev/null | tail -n 80 | sed 's/^/# /'
fi
exit "$status"
