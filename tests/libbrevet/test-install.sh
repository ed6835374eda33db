#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs into an empty directory, looks whether everything is at its conventional place, and builds and runs a plugin against what
# was installed, as somebody outside of this tree would.
# Usage: test-install.sh BUILD_DIRECTORY SOURCE_DIRECTORY PREFIX LIBDIR OPEN_STORE INTROSPECTION(true|false) PLUGIN...
set -eu

build=$1 source=$2 prefix=$3 libdir=$4 open_store=$5 introspection=$6
shift 6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
number=0

ok () { number=$((number + 1)); echo "ok $number - $1"; }
fail () { number=$((number + 1)); echo "not ok $number - $1"; echo "1..$number"; exit 1; }
expect () { [ -e "$root$1" ] || fail "$1 is not installed"; }

meson install -C "$build" --no-rebuild --quiet --destdir "$root" >"$work/log" 2>&1 || { sed 's/^/# /' "$work/log"; fail 'meson install'; }
ok 'meson install'

for plugin; do
  expect "$libdir/brevet/plugins/$plugin/$plugin.plugin"
  expect "$libdir/brevet/plugins/$plugin/lib$plugin.so"
done
expect "$libdir/pkgconfig/brevet-0.pc"
expect "$prefix/include/brevet-0/brevet.h"
expect "$prefix/bin/brevet"
expect "$prefix/bin/brevet-dps"
expect "$prefix/share/locale/de/LC_MESSAGES/brevet.mo"
expect "$prefix/lib/systemd/catalog/brevet.catalog"
expect "$prefix/share/dbus-1/interfaces/org.brevet.Agent1.xml"
expect "$prefix/share/dbus-1/system.d/org.brevet.Agent1.conf"
expect "$prefix/share/dbus-1/system-services/org.brevet.Agent1.service"
if [ "$introspection" = true ]; then
  expect "$prefix/share/gir-1.0/Brevet-0.gir"
  expect "$libdir/girepository-1.0/Brevet-0.typelib"
fi
ok 'everything is at its conventional place'

# The .pc file says where things will be; here they are below $root.
mkdir "$work/pkgconfig"
sed "s|^prefix=.*|prefix=$root$prefix|" "$root$libdir/pkgconfig/brevet-0.pc" >"$work/pkgconfig/brevet-0.pc"
PKG_CONFIG_PATH="$work/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export PKG_CONFIG_PATH
flags=$(pkg-config --cflags --libs brevet-0 libpeas-1.0) || fail 'pkg-config knows brevet-0'
[ "$(pkg-config --variable=plugindir brevet-0)" = "$libdir/brevet/plugins" ] || fail 'pkg-config names the directory of plugins'
number_of_contracts=$(sed -n 's/^#define BREVET_PLUGIN_ABI //p' "$root$prefix/include/brevet-0/brevet-registry.h")
[ "$(pkg-config --variable=plugin_abi brevet-0)" = "$number_of_contracts" ] || fail 'pkg-config names the version of the contracts'
ok 'pkg-config'

for header in "$root$prefix"/include/brevet-0/*.h; do
  echo "#include <$(basename "$header")>" >"$work/alone.c"
  # shellcheck disable=SC2086
  ${CC:-cc} -fsyntax-only -Wall -Werror $flags "$work/alone.c" || fail "$(basename "$header") can be included alone"
done
ok 'each header can be included alone'

mkdir "$work/plugins"
cp "$source/out-of-tree/store-nothing.plugin" "$work/plugins"
# shellcheck disable=SC2086
${CC:-cc} -Wall -Werror -Wno-unused-function -fPIC -shared -o "$work/plugins/libstore-nothing.so" "$source/out-of-tree/store-nothing.c" $flags \
  || fail 'a plugin outside of the tree can be built'
said=$(BREVET_PLUGIN_PATH="$work/plugins" "$open_store" store-nothing)
[ "$said" = 'state keeps nothing' ] || { echo "# $said"; fail 'a plugin outside of the tree can be used'; }
ok 'a plugin outside of the tree can be built and used'

# The plugin of the tutorial, with the build that it tells about.
name='the plugin of the tutorial can be built and used outside of the tree'
if ! command -v meson >/dev/null || ! pkg-config --exists 'libsoup-3.0 >= 3.2'; then
  ok "$name # SKIP it needs meson and libsoup"
else
  { meson setup --werror "$work/example" "$source/../../docs/examples/ca-example" && meson compile -C "$work/example"; } >"$work/log" 2>&1 \
    || { sed 's/^/# /' "$work/log"; fail "$name"; }
  printf '[ca example]\ntype=example\naddress=https://ca.example:8443\ntoken=0123\n' >"$work/ca.conf"
  said=$("$build/tests/contract/ca/ca-call" --plugin-directory "$work/example" --settings "$work/ca.conf" open) || fail "$name"
  case $said in
    *'"identity":"example CA, ca.example:8443"'*) ok "$name" ;;
    *) echo "# $said"; fail "$name" ;;
  esac
fi
echo "1..$number"
