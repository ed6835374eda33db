#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the source tree against the rules of docs/architecture.md and docs/hacking.md that a compiler does not see.

Usage: check-tree.py CHECK ROOT with one of the checks below, or check-tree.py self-test.
"""

import re
import sys
import tempfile
from pathlib import Path

STANDARD_C = {
    'assert.h', 'ctype.h', 'errno.h', 'inttypes.h', 'limits.h', 'locale.h', 'math.h', 'signal.h', 'stdarg.h', 'stdbool.h', 'stddef.h',
    'stdint.h', 'stdio.h', 'stdlib.h', 'string.h', 'time.h',
}
SYSTEM = ('unistd.h', 'fcntl.h', 'ftw.h', 'poll.h', 'pwd.h', 'termios.h', 'sys/', 'netinet/', 'arpa/')
# Outside libraries by the beginning of their headers' names.
LIBRARIES = {
    'glib': ('glib.h', 'glib/', 'glib-object.h', 'glib-unix.h', 'gmodule.h'),
    'gio': ('gio/',),
    'gnutls': ('gnutls/',),
    'p11-kit': ('p11-kit/',),
    'json-glib': ('json-glib/',),
    'libpeas': ('libpeas/',),
    'systemd': ('systemd/',),
    'libsoup': ('libsoup/',),
    'sqlite': ('sqlite3.h',),
    'wslay': ('wslay/',),
    'tss2': ('tss2/',),
    'libgcrypt': ('gcrypt.h',),
    'libtasn1': ('libtasn1.h',),
}
# What each room may know, beside itself and the C library: other rooms, outside libraries, and the system's calls.
ROOMS = {
    'core/libbrevet': ([], ['glib', 'gio', 'gnutls', 'p11-kit', 'json-glib'], True),
    'core/wire': (['core/libbrevet'], ['glib', 'gnutls', 'json-glib'], False),
    'core/gate': (['core/libbrevet'], ['glib', 'gio', 'gnutls', 'wslay'], True),
    'core/mqtt': (['core/libbrevet'], ['glib', 'gio'], False),
    'core/network': (['core/libbrevet'], ['glib', 'gio', 'gnutls'], True),
    'core/command': (['core/libbrevet'], ['glib', 'gio'], True),
    'core/client': (['core/libbrevet', 'core/wire', 'core/mqtt', 'core/network'], ['glib', 'gio', 'json-glib'], False),
    'core/bus': (['core/libbrevet'], ['glib', 'gio'], False),
    'core/agent': (['core/libbrevet', 'core/wire', 'core/mqtt', 'core/network', 'core/client', 'core/bus', 'core/command'],
                   ['glib', 'gio', 'json-glib', 'gnutls'], True),
    'core/service': (['core/libbrevet', 'core/wire', 'core/command'], ['glib', 'gio', 'gnutls', 'json-glib'], True),
    'core/cli': (['core/libbrevet', 'core/wire', 'core/mqtt', 'core/network', 'core/client', 'core/command', 'core/bus'],
                 ['glib', 'gio', 'json-glib'], True),
}
# Pure functions get the time as an argument, and do nothing that can wait.
WIRE_FORBIDDEN = re.compile(r'\b(brevet_clock_now\w*|brevet_clock_monotonic|g_get_real_time|g_get_monotonic_time|g_date_time_new_now\w*'
                            r'|time|fopen|open|socket|g_file_\w+|g_socket_\w+) \(')
WIDTH = 132
# Plugins that run the service inside of their process; no other one knows it.
EMBEDDING = ('transport-in-process',)
# Certificate authorities that are asked over HTTPS, in JSON: they are clients of the network, and read JSON as strictly as the service does.
REMOTE_AUTHORITIES = ('ca-digicert',)
PLUGIN_LIBRARIES = ['glib', 'gio', 'gnutls', 'json-glib']
P11_KIT_FILES = ('brevet-token-facts.c', 'brevet-token-modules.c')
# What a plugin needs beside its one outside library, because GnuTLS cannot do it.
PLUGIN_CRYPTOGRAPHY = {'attestation-tpm': ['libgcrypt']}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.DOTALL)
# The program would look up another text than the one that was extracted.
CUT = re.compile(r'(?<![\w"])N?_\s*\((?:\s*"(?:[^"\\]|\\.)*")+\s+[A-Za-z_]\w*')
MARKED = re.compile(r'(?<![\w"])(?:_|N_|C_|NC_|ngettext|g_dngettext)\s*\(\s*"')


def sources(root, *folders):
    for folder in folders:
        yield from sorted(path for path in (root / folder).rglob('*.[ch]'))


def library_of(name):
    return next((library for library, prefixes in LIBRARIES.items() if name.startswith(prefixes)), None)


def room_rules(root, path):
    """Room of a file, and what it may know."""
    parts = path.relative_to(root).parts
    room = '/'.join(parts[:2])
    if parts[0] != 'plugins':
        return room, *ROOMS.get(room, ([], [], False))
    kind = parts[1].split('-')[0]
    known = ['core/libbrevet']
    if kind in ('attestation', 'transport'):
        known.append('core/wire')
    if kind == 'transport':
        known += ['core/gate', 'core/mqtt', 'core/network']
    if parts[1] in REMOTE_AUTHORITIES:
        known += ['core/network', 'core/wire']
    if parts[1] in EMBEDDING:
        known.append('core/service')
    return room, known, PLUGIN_LIBRARIES + PLUGIN_CRYPTOGRAPHY.get(parts[1], []), True


def may_know_libpeas(path):
    return path.name == 'brevet-registry.c' or path.name.endswith('-plugin.c')


def check_rooms(root):
    """Rooms include only what they may know."""
    # Made from the D-Bus XML by the build.
    home = {'brevet-bus-generated.h': {'core/bus'}}
    for path in sources(root, 'core', 'plugins'):
        if path.suffix == '.h':
            home.setdefault(path.name, set()).add('/'.join(path.relative_to(root).parts[:2]))

    foreign = {}
    for path in sources(root, 'core', 'plugins'):
        room, rooms, libraries, system = room_rules(root, path)
        text = path.read_text(encoding='utf-8')
        for name in INCLUDE.findall(text):
            where = f'{path.relative_to(root)}: #include {name}'
            library = library_of(name)
            if library == 'libpeas':
                if not may_know_libpeas(path):
                    yield f'{where}: only the registry and the entry files of plugins may know libpeas'
            elif library == 'p11-kit' and room == 'core/libbrevet' and path.name not in P11_KIT_FILES:
                yield f'{where}: what GnuTLS does not tell of tokens is asked in {" and ".join(P11_KIT_FILES)} alone'
            elif library is not None:
                if library in libraries:
                    continue
                if not room.startswith('plugins/'):
                    yield f'{where}: {room} must not know {library}'
                elif foreign.setdefault(room, library) != library:
                    yield f'{where}: a plugin may know one outside library, and {room} knows {foreign[room]} already'
            elif name in home:
                if not home[name] & {room, *rooms}:
                    yield f'{where}: {room} must not know {", ".join(sorted(home[name]))}'
            elif name.startswith(SYSTEM):
                if not system:
                    yield f'{where}: {room} must not call the system'
            elif name not in STANDARD_C:
                yield f'{where}: unknown; add its library to check-tree.py if {room} may know it'
        if room == 'core/wire':
            for match in WIRE_FORBIDDEN.finditer(COMMENT.sub('', text)):
                yield f'{path.relative_to(root)}: {match.group(1)}() does input, output or looks at the clock'


def check_names(root):
    """Core knows no plugin by name."""
    plugins = [folder.name for folder in (root / 'plugins').iterdir() if folder.is_dir()]
    for path in sources(root, 'core'):
        text = COMMENT.sub('', path.read_text(encoding='utf-8'))
        for plugin in plugins:
            if f'"{plugin}"' in text:
                yield f'{path.relative_to(root)}: names the plugin {plugin}; configuration supplies such names'


def check_tests(root):
    """Every C file and every test script below tests/ is in a meson.build, or built by a test script that is."""
    tests = root / 'tests'
    for path in sorted([*tests.rglob('*.c'), *tests.rglob('test-*.py'), *tests.rglob('test-*.sh'), *tests.rglob('check-*.py')]):
        stem = re.sub(r'^(test|fuzz)-', '', path.stem)
        folder = path.parent
        builds = ''
        while folder != root:
            if (folder / 'meson.build').exists():
                builds += (folder / 'meson.build').read_text(encoding='utf-8')
            builds += ''.join(script.read_text(encoding='utf-8') for script in folder.glob('test-*.sh'))
            folder = folder.parent
        if path.name not in builds and f"'{stem}'" not in builds and f"'{path.stem}'" not in builds:
            yield f'{path.relative_to(root)}: is in no meson.build, so nobody runs it'


def check_headers(root):
    """Public headers are installed, and part of brevet.h."""
    folder = root / 'core/libbrevet'
    build = (folder / 'meson.build').read_text(encoding='utf-8')
    whole = (folder / 'brevet.h').read_text(encoding='utf-8')
    for path in sorted(folder.glob('*.h')):
        public = not path.name.endswith('-private.h') and 'BREVET_API' in path.read_text(encoding='utf-8')
        if public and f"'{path.name}'" not in build:
            yield f'{path.relative_to(root)}: exports symbols and is not installed; add it to meson.build'
        if public and path.name not in ('brevet-macros.h',) and f'"{path.name}"' not in whole:
            yield f'{path.relative_to(root)}: exports symbols and is not in brevet.h'


def check_abi(root):
    """Every plugin, and the example of one, is for the contracts of this tree."""
    header = (root / 'core/libbrevet/brevet-registry.h').read_text(encoding='utf-8')
    number = re.search(r'#define BREVET_PLUGIN_ABI (\d+)', header).group(1)
    for path in sorted([*root.glob('plugins/**/*.plugin*'), *root.glob('tests/**/*.plugin*'), *root.glob('docs/**/*.plugin'),
                        root / 'docs/hacking.md']):
        if path.exists() and set(re.findall(r'^ *X-Brevet-Abi=(.*)$', path.read_text(encoding='utf-8'), re.MULTILINE)) != {number}:
            yield f'{path.relative_to(root)}: does not say X-Brevet-Abi={number}'


def check_licenses(root):
    """Every source file says its licence in the first line, or in the second behind #!."""
    for path in sorted([*sources(root, 'core', 'plugins', 'tests', 'docs'), *root.glob('tests/**/*.py'), *root.glob('tests/**/*.sh'),
                        *root.glob('docs/**/*.py')]):
        if 'SPDX-License-Identifier: LGPL-2.1-or-later' not in '\n'.join(path.read_text(encoding='utf-8').split('\n')[:2]):
            yield f'{path.relative_to(root)}: begins without “SPDX-License-Identifier: LGPL-2.1-or-later”'


def user_visible(text):
    """Strings of a command's source that a user sees and that are not marked: arguments of g_print() with words, and option texts."""
    text = COMMENT.sub('', text)
    for match in re.finditer(r'\bg_print(?:err)? \(\s*("(?:[^"\\]|\\.)*")', text):
        plain = re.sub(r'%[-+ #0*\d.]*(?:" *G_\w+ *")?[a-z]+|\\.', ' ', match.group(1))
        if re.search(r'[A-Za-z]{3,} [A-Za-z]{2,}', plain):
            yield match.group(1)
    for match in re.finditer(r'G_OPTION_ARG_\w+,\s*[^,]+,\s*("(?:[^"\\]|\\.)*")', text):
        yield match.group(1)


def check_translations(root):
    """POTFILES.in lists exactly the files with marked strings, and commands mark what users see."""
    listed = [line.strip() for line in (root / 'po/POTFILES.in').read_text(encoding='utf-8').splitlines()
              if line.strip() and not line.startswith('#')]
    for name in listed:
        if not (root / name).exists():
            yield f'po/POTFILES.in: {name} does not exist'
    if listed != sorted(set(listed)):
        yield 'po/POTFILES.in: keep the names sorted, each once'
    for path in sources(root, 'core', 'plugins'):
        name = str(path.relative_to(root))
        text = path.read_text(encoding='utf-8')
        if MARKED.search(COMMENT.sub('', text)) and name not in listed:
            yield f'{name}: has translatable strings and is not in po/POTFILES.in'
        elif not MARKED.search(COMMENT.sub('', text)) and name in listed:
            yield f'{name}: is in po/POTFILES.in and has no translatable string'
        for match in CUT.finditer(COMMENT.sub('', text)):
            yield f'{name}: {match.group(0)} is cut off where the macro begins; translate whole sentences'
        if path.suffix == '.c' and name.startswith(('core/cli/', 'core/command/', 'core/service/')):
            for string in user_visible(text):
                yield f'{name}: users see {string}; mark it with _() or N_()'


def check_width(root):
    """No line of C is longer than the window of docs/hacking.md."""
    for path in sources(root, 'core', 'plugins', 'tests', 'docs'):
        for number, line in enumerate(path.read_text(encoding='utf-8').split('\n'), 1):
            if len(line) > WIDTH:
                yield f'{path.relative_to(root)}:{number}: {len(line)} columns; break it at {WIDTH}'


def check_excerpts(root):
    """What a page shows as code of a file stands in that file, and a page that shows some shows no other C."""
    for page in sorted(root.glob('docs/*.md')):
        text = page.read_text(encoding='utf-8')
        if '<!-- from ' not in text:
            continue
        for name, language, code in re.findall(r'(?:<!-- from (\S+) -->\n)?^```(\w+)\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
            if not name:
                if language == 'c':
                    yield f'{page.relative_to(root)}: says not from which file this is: {code.splitlines()[0]}'
                continue
            source = next(iter(sorted((root / 'docs/examples').glob(f'*/{name}'))), page.parent / name)
            if not source.exists() or code.rstrip('\n') not in source.read_text(encoding='utf-8'):
                yield f'{page.relative_to(root)}: this is not in {name}: {code.splitlines()[0]}'


CHECKS = {
    'rooms': check_rooms,
    'names': check_names,
    'tests': check_tests,
    'headers': check_headers,
    'abi': check_abi,
    'excerpts': check_excerpts,
    'licenses': check_licenses,
    'translations': check_translations,
    'width': check_width,
}

# One violation per rule, and what the complaint must say.
PLANTED = [
    ('rooms', {'core/wire/a.c': '#include <sys/socket.h>'}, 'must not call the system'),
    ('rooms', {'core/wire/a.c': 'x = brevet_clock_now ();'}, 'looks at the clock'),
    ('rooms', {'core/gate/a.c': '#include <json-glib/json-glib.h>'}, 'must not know json-glib'),
    ('rooms', {'core/service/a.c': '#include "brevet-gate.h"', 'core/gate/brevet-gate.h': ''}, 'must not know core/gate'),
    ('rooms', {'core/libbrevet/a.c': '#include <libpeas/peas.h>'}, 'may know libpeas'),
    ('rooms', {'plugins/ca-x/a.c': '#include "brevet-etag.h"', 'core/wire/brevet-etag.h': ''}, 'must not know core/wire'),
    ('rooms', {'plugins/ca-x/a.c': '#include "brevet-network-peer.h"', 'core/network/brevet-network-peer.h': ''},
     'must not know core/network'),
    ('rooms', {'plugins/transport-x/a.c': '#include "service.h"', 'core/service/service.h': ''}, 'must not know core/service'),
    ('rooms', {'plugins/ca-x/a.c': '#include "b.h"', 'plugins/ca-y/b.h': ''}, 'must not know plugins/ca-y'),
    ('rooms', {'plugins/ca-x/a.c': '#include <sqlite3.h>\n#include <libsoup/soup.h>'}, 'one outside library'),
    ('rooms', {'core/cli/a.c': '#include <curl/curl.h>'}, 'unknown'),
    ('names', {'core/service/a.c': 'x = "ca-x";', 'plugins/ca-x/a.c': ''}, 'names the plugin ca-x'),
    ('tests', {'tests/wire/test-a.c': '', 'tests/wire/meson.build': "'b'"}, 'nobody runs it'),
    ('headers', {'core/libbrevet/a.h': 'BREVET_API', 'core/libbrevet/brevet.h': '', 'core/libbrevet/meson.build': ''},
     'not installed'),
    ('abi', {'core/libbrevet/brevet-registry.h': '#define BREVET_PLUGIN_ABI 7\n', 'plugins/ca-x/ca-x.plugin.in': 'X-Brevet-Abi=6'}, 'Abi=7'),
    ('excerpts', {'docs/a.md': '<!-- from b.c -->\n```c\nint b;\n```\n', 'docs/examples/x/b.c': 'int c;\n'}, 'not in b.c'),
    ('excerpts', {'docs/a.md': '<!-- from b.c -->\n```c\nint b;\n```\n```c\nint d;\n```\n', 'docs/examples/x/b.c': 'int b;\n'}, 'which file'),
    ('licenses', {'core/wire/a.c': 'int a;'}, 'SPDX'),
    ('translations', {'core/cli/a.c': 'x = _("Hello");', 'po/POTFILES.in': ''}, 'not in po/POTFILES.in'),
    ('translations', {'po/POTFILES.in': 'core/gone.c'}, 'does not exist'),
    ('translations', {'core/cli/a.c': 'x = N_("See " DIRECTORY "/a");', 'po/POTFILES.in': 'core/cli/a.c'}, 'cut off'),
    ('width', {'core/wire/a.c': '/* ' + 130 * '“' + ' */'}, '136 columns'),
    ('translations', {'core/cli/a.c': 'g_print ("Hello there %s\\n", x);', 'po/POTFILES.in': ''}, 'mark it'),
    ('translations', {'core/cli/a.c': '{ "x", 0, 0, G_OPTION_ARG_NONE, &x, "Do it", NULL }', 'po/POTFILES.in': ''}, 'mark it'),
]


def self_test():
    failures = []
    for check, files, expected in PLANTED:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            for folder in ('core', 'plugins', 'tests'):
                (root / folder).mkdir()
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding='utf-8')
            complaints = list(CHECKS[check](root))
            if not any(expected in complaint for complaint in complaints):
                failures.append(f'{check} overlooks {files}: {complaints}')
    return failures


def main():
    if sys.argv[1:] == ['self-test']:
        complaints = self_test()
    elif len(sys.argv) == 3 and sys.argv[1] in CHECKS:
        complaints = list(CHECKS[sys.argv[1]](Path(sys.argv[2]).resolve()))
    else:
        sys.exit(f'Usage: check-tree.py {"|".join(CHECKS)} ROOT, or check-tree.py self-test')
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)


main()
