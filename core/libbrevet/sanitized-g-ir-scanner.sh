#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# g-ir-scanner for builds with sanitizers. The program that it links must set up the sanitizer before any library's constructor
# runs: that of libpeas hangs otherwise. Meson's own way, -lasan, is too late for that.
export LDFLAGS="$LDFLAGS -fsanitize=address"
export ASAN_OPTIONS="detect_leaks=0:$ASAN_OPTIONS"
exec g-ir-scanner "$@"
