#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the programs as a distribution would, without sanitizers and for /usr, and installs them into an empty directory.
# The build is kept below BUILD and only brought up to date the next time.
#
# Usage: installed-tree.sh SOURCE BUILD STAGE
set -euo pipefail

source=$1 build=$2/installed-tree stage=$3
mkdir -p "$build"
exec 9>"$build/lock"
flock 9

log=$build/log
options=(--prefix=/usr --sysconfdir=/etc --localstatedir=/var --buildtype=debug -Dtests=false -Dintrospection=disabled -Dsystemd=enabled)
build_and_install () {
  { [ -f "$build/tree/build.ninja" ] || env -u CFLAGS -u LDFLAGS meson setup "$build/tree" "$source" "${options[@]}"; } \
    && ninja -C "$build/tree" \
    && meson install -C "$build/tree" --no-rebuild --quiet --destdir "$stage"
}

if ! build_and_install >"$log" 2>&1 9>&- </dev/null; then
  sed 's/^/# /' "$log"
  echo "Bail out! The programs could not be built and installed"
  exit 99
fi
