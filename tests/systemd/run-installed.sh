#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the tree and runs a test of this directory on a machine that it is installed on.
# Usage: run-installed.sh SOURCE BUILD TEST.py
set -euo pipefail

source=$1 build=$2 test=$3
here=$source/tests/systemd
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 143' TERM

# Before the minute that a build may take: is it of use?
mkdir "$stage/nothing"
status=0
"$here/with-systemd.sh" "$stage/nothing" true || status=$?
# Meson reads in the output that it was skipped, and takes any code for an error beside that.
[ "$status" -ne 77 ] || exit 0
[ "$status" -eq 0 ] || exit "$status"
rmdir "$stage/nothing"

"$here/installed-tree.sh" "$source" "$build" "$stage"
mkdir -p "$stage/usr/lib/brevet-tests"
cp "$here"/*.py "$source"/tests/fixtures/*.py "$stage/usr/lib/brevet-tests"
"$here/with-systemd.sh" "$stage" env BREVET_DPS=/usr/bin/brevet-dps /usr/bin/python3 -B "/usr/lib/brevet-tests/$test" &
trap 'kill -TERM $!; wait $!; exit 143' TERM
wait $!
