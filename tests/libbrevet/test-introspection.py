#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The introspection data describe libbrevet well enough to be used from another language: reads the GIR file.

Usage: test-introspection.py GIR_FILE. It does not load the library, so it works with every sanitizer.
"""

import sys
import xml.etree.ElementTree as xml

NAMES = {'core': 'http://www.gtk.org/introspection/core/1.0', 'c': 'http://www.gtk.org/introspection/c/1.0'}
namespace = xml.parse(sys.argv[1]).getroot().find('core:namespace', NAMES)
complaints = []


def expect(truth, complaint):
    if not truth:
        complaints.append(complaint)


for name in ('Prover', 'Verifier', 'Transport', 'Listener', 'Store', 'CaBackend', 'Handler'):
    expect(namespace.find(f'core:interface[@name="{name}"]', NAMES) is not None, f'the contract {name} is missing')
for name in ('Plugin', 'Registry', 'Config', 'Settings'):
    expect(namespace.find(f'core:class[@name="{name}"]', NAMES) is not None, f'the class {name} is missing')
for name in ('Secret', 'Certificate', 'Chain', 'Csr', 'Key', 'TrustBundle', 'Request', 'Reply', 'Record', 'Batch', 'CaRequest', 'CaOutcome'):
    record = namespace.find(f'core:record[@name="{name}"]', NAMES)
    expect(record is not None and '{http://www.gtk.org/introspection/glib/1.0}get-type' in record.attrib, f'{name} is no boxed type')
expect(namespace.find('core:function[@name="clock_set_source"][@introspectable="0"]', NAMES) is not None, '(skip) is not respected')
method = namespace.find('core:class[@name="Registry"]/core:method[@name="create"]/core:return-value', NAMES)
expect(method is not None and method.get('transfer-ownership') == 'full', 'brevet_registry_create() does not say that it gives a reference away')

for complaint in complaints:
    print(complaint)
sys.exit(1 if complaints else 0)
