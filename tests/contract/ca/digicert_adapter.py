# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trust Lifecycle Manager, as digicert_mock.py plays it."""

import datetime
import json
import re
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.utils import CryptographyDeprecationWarning

import digicert_mock
from adapter import Adapter

# It is meant that way.
warnings.simplefilter("ignore", CryptographyDeprecationWarning)

DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


class KitAuthority:
    """An authority of the kit's signer, as the mock has its own."""

    def __init__(self, pem_text, issuer=None):
        self.certificate, self.issuer = x509.load_pem_x509_certificate(pem_text.encode()), issuer

    def path(self):
        return [self.certificate] + (self.issuer.path() if self.issuer else [])


class Entry(digicert_mock.Issued):
    """@issued: what the kit's signer has made"""

    def __init__(self, issued, seat, profile):
        super().__init__(x509.load_der_x509_certificate(issued.der), seat, profile)
        self.issued = issued


class KitMock(digicert_mock.DigicertMock):
    """The mock, with the signatures of the kit."""

    def __init__(self, directory, signer):
        super().__init__(directory)
        self.signer = signer
        self.root = KitAuthority(signer.roots()[0])
        self.issuing = KitAuthority(signer.issuers()[0], self.root)

    def sign(self, scenario, common_name, public_key, seat, profile, lifetime=datetime.timedelta(days=30), uris=()):
        issued = self.signer.sign(common_name, public_key.public_bytes(DER, SPKI), uris)
        entry = Entry(issued, seat, profile)
        self.issued.append(entry)
        return entry

    def show_issued(self, scenario, entry):
        return {"serial_number": "1", "delivery_format": "x509", "certificate": entry.issued.pem}


class LifecycleAdapter(Adapter):
    type = "digicert"
    secrets = (digicert_mock.API_KEY,)
    profile = digicert_mock.LIFECYCLE_PROFILE

    def start(self, directory, signer):
        self.mock = KitMock(directory, signer)
        self.port = self.mock.port
        self.trust = directory / "trust.pem"
        self.trust.write_text("".join(signer.roots() + signer.issuers()), encoding="ascii")

    def stop(self):
        self.mock.stop()

    def settings(self, host, port, ca_file, timeout):
        return {"profile": self.profile, "api-key": digicert_mock.API_KEY, "endpoint": f"https://{host}:{port}", "ca-file": ca_file,
                "timeout": f"{timeout}s"}

    def classify(self, method, path):
        for verb, wanted, pattern, _function in digicert_mock.DigicertMock.ROUTES:
            if method == wanted and re.fullmatch(pattern, path.partition("?")[0]):
                verb = verb.removeprefix("iot-")
                return {"pickup": "poll", "search": "find", "profile": "trust"}.get(verb, verb)
        return "unknown"

    def refusal(self, status, message):
        return json.dumps({"errors": [{"code": "invalid_request", "message": message}]}).encode()

    def answer(self, text):
        return 201, json.dumps({"serial_number": "1", "delivery_format": "x509", "certificate": text}).encode()

    def begin_pending(self):
        self.mock.plan("issue", "pending")

    def decide(self, approved):
        self.mock.obey({"do": "approve" if approved else "reject"})

    def pending_answer(self, ticket):
        return 201, json.dumps({"status": "PENDING", "request_id": ticket}).encode()

    def violations(self):
        with self.mock.lock:
            found = self.mock.violations[:]
            self.mock.violations.clear()
        return found
