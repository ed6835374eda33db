#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A translation is complete, and no format in it differs from the original's, which would crash the command.
# Usage: test-translation.sh SOURCE LANGUAGE
set -eu
catalog="$1/po/$2.po"
template=$(mktemp)
trap 'rm -f "$template"' EXIT
xgettext --directory="$1" --files-from="$1/po/POTFILES.in" --from-code=UTF-8 --keyword=_ --keyword=N_ --keyword=g_dngettext:2,3 \
  --output="$template"
msgfmt --check --output-file=/dev/null "$catalog"
msgcmp "$catalog" "$template"
