#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A unit may not be more exposed than this. Usage: unit-security.sh SYSTEMD-ANALYZE THRESHOLD UNIT
set -eu

# systemd-analyze makes this directory where systemd has never run, and gives up where it may not.
if [ ! -d /run/systemd ] && [ ! -w /run ]; then
  echo "systemd-analyze needs /run/systemd, which is not there and cannot be made"
  exit 77
fi
exec "$1" security --offline=true --threshold="$2" --no-pager "$3"
