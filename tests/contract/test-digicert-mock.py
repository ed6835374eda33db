#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The DigiCert of the tests is only worth what it refuses: each request here is a good one with one thing wrong, and must be refused
and remembered; the good ones must not."""

import copy
import http.client
import json
import ssl
import sys
import tempfile
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))

# pylint: disable=wrong-import-position
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import digicert_mock
import tap
from digicert_pki import name

KEY = ec.generate_private_key(ec.SECP256R1())
CSR = (x509.CertificateSigningRequestBuilder().subject_name(name("dev-1")).sign(KEY, hashes.SHA256())
       .public_bytes(serialization.Encoding.PEM).decode())
PROFILE = digicert_mock.LIFECYCLE_PROFILE
ISSUE, IOT_ISSUE = ("POST", "/mpki/api/v1/certificate"), ("POST", "/iot/api/v1/certificate")
GOOD = {"profile": {"id": PROFILE}, "seat": {"seat_id": "dev-1"}, "csr": CSR, "delivery_format": "x509", "include_ca_chain": True,
        "attributes": {"subject": {"common_name": "dev-1"}, "extensions": {"san": {"uris": ["urn:dev-1"]}}}}
IOT_GOOD = {"csr": CSR, "enrollment_profile_id": digicert_mock.IOT_PROFILE,
            "certificate_profile_attributes": [{"id": "subject.common_name", "value": "dev-1"}],
            "device_attributes": [{"id": "DEVICE_IDENTIFIER", "value": "dev-1"}]}
MISSING = object()


class World:
    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.mock = digicert_mock.DigicertMock(self.directory.name)
        self.context = ssl.create_default_context(cafile=f"{self.directory.name}/tls.pem")
        return self

    def __exit__(self, *_error):
        self.mock.stop()
        self.directory.cleanup()

    def ask(self, method, path, body=None, data=None, **headers):
        """Returns the status, and what the mock found. @headers: instead of the right ones, with _ for -; MISSING leaves one out"""
        sent = {"x-api-key": digicert_mock.API_KEY, "accept": "application/json", "x-dc-transactionid": str(uuid.uuid4()),
                "user-agent": "brevet/1.0", "host": f"127.0.0.1:{self.mock.port}"}
        data = json.dumps(body).encode() if body is not None else data
        if data is not None:
            sent.update({"content-type": "application/json", "content-length": str(len(data))})
        sent.update({key.replace("_", "-"): value for key, value in headers.items()})
        connection = http.client.HTTPSConnection("127.0.0.1", self.mock.port, context=self.context, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for key, value in sent.items():
            for text in [] if value is MISSING else [value] if isinstance(value, str) else value:
                connection.putheader(key, text)
        connection.endheaders(data)
        status = connection.getresponse().status
        connection.close()
        found, self.mock.violations = self.mock.violations, []
        return status, found


def change(good, path, value):
    """A copy of @good with one member changed: `profile/id`."""
    changed = copy.deepcopy(good)
    *way, last = path.split("/")
    place = changed
    for step in way:
        place = place[step]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return changed


def refuse(world, what, *arguments, **headers):
    status, found = world.ask(*arguments, **headers)
    assert status == 400 and found, f"{what} is accepted: {status}"


def accept(world, wanted, *arguments, **headers):
    status, found = world.ask(*arguments, **headers)
    assert status == wanted and not found, f"{arguments}: {status}, {found}"


def test_what_is_right():
    with World() as world:
        accept(world, 201, *ISSUE, GOOD)
        accept(world, 200, *IOT_ISSUE, IOT_GOOD)
        accept(world, 200, "GET", f"/mpki/api/v1/certificate-search?seat_id=dev-1&profile_id={PROFILE}&status=ISSUED&limit=100&offset=0")
        accept(world, 200, "GET", f"/mpki/api/v2/profile/{PROFILE}")
        accept(world, 200, "GET", "/iot/api/v1/certificate/?serial_number=00")
        serial = world.mock.obey({"do": "report"})["issued"][0]["serial"]
        accept(world, 204, "PUT", f"/mpki/api/v1/certificate/{serial}/revoke", {"revocation_reason": "superseded"})
        accept(world, 204, "PUT", f"/iot/api/v1/certificate/{world.mock.issued[1].id}/revoke", {"reason": "unspecified"})


def test_methods_and_paths():
    with World() as world:
        for method, path in (("PUT", ISSUE[1]), ("GET", ISSUE[1]), ("POST", ISSUE[1] + "/"), ("POST", "/mpki/api/v2/certificate"),
                             ("POST", "/mpki/api/v1/certificate-search"), ("POST", f"/mpki/api/v2/profile/{PROFILE}"),
                             ("DELETE", "/mpki/api/v1/certificate/4A/revoke"), ("POST", "/mpki/api/v1/certificate/4A/revoke"),
                             ("GET", "/mpki/api/v1/hello")):
            refuse(world, f"{method} {path}", method, path, GOOD if method in ("POST", "PUT") else None)
        refuse(world, "a parameter of issue", ISSUE[0], ISSUE[1] + "?dry_run=true", GOOD)
        refuse(world, "a parameter of issue", IOT_ISSUE[0], IOT_ISSUE[1] + "?dry_run=true", IOT_GOOD)


def test_headers():
    with World() as world:
        transaction = str(uuid.uuid4())
        accept(world, 201, *ISSUE, GOOD, x_dc_transactionid=transaction)
        for header, values in {"accept": (MISSING, "*/*", "application/json, text/plain"), "content_type": (MISSING, "text/json"),
                               "user_agent": (MISSING, "curl/8.0"), "host": ("other.example",),
                               "x_dc_transactionid": (MISSING, "", "1", transaction), "x_passcode": ("1234",), "cookie": ("a=b",),
                               "authorization": ("Bearer a",), "idempotency_key": ("a",), "accept_encoding": ("gzip",),
                               "expect": ("100-continue",), "x_dc_devkey": ("a",)}.items():
            for value in values:
                refuse(world, f"{header} “{value}”", *ISSUE, GOOD, **{header: value})
        refuse(world, "a key that is sent twice", *ISSUE, GOOD, x_api_key=[digicert_mock.API_KEY] * 2)
        for key in (MISSING, "", "wrong", digicert_mock.API_KEY + " x"):
            accept(world, 401, *ISSUE, GOOD, x_api_key=key)


def test_members():
    """of the body of a request to issue, each of them"""
    with World() as world:
        for good, where in ((GOOD, ISSUE), (IOT_GOOD, IOT_ISSUE)):
            for member in good:
                refuse(world, f"a request without {member}", *where, change(good, member, MISSING))
                refuse(world, f"{member} that is a number", *where, change(good, member, 17))
            refuse(world, "an unknown member", *where, change(good, "tags", ["brevet"]))
            refuse(world, "a CSR without lines", *where, change(good, "csr", CSR.replace("\n", "")))
            refuse(world, "a CSR that is none", *where, change(good, "csr", CSR.replace("MI", "MX", 1)))
            refuse(world, "a list", *where, [good])
            refuse(world, "no JSON", *where, data=b"{")
            refuse(world, "a member that is there twice", *where, data=json.dumps(good).replace('{"', '{"csr": "", "', 1).encode())
            refuse(world, "no body", *where)
        for member, value in (("profile/id", "36F011B7"), ("profile/name", "Devices"), ("seat/seat_id", ""), ("seat/seat_id", "a b"),
                              ("seat/email", "a@b.example"), ("delivery_format", "PKCS7"), ("include_ca_chain", "true"),
                              ("include_ca_chain", False), ("attributes/subject/common_name", ""), ("attributes/subject/country", "DE"),
                              ("attributes/extensions/san/dns_names", []), ("attributes/extensions/san/uris", "urn:dev-1"),
                              ("attributes/extensions/san/uris", [""]), ("attributes/extensions/usage", {}),
                              ("validity", {"unit": "days", "duration": 30})):
            refuse(world, f"{member}: {value}", *ISSUE, change(GOOD, member, value))
        for member, value in (("enrollment_profile_id", PROFILE), ("certificate_profile_attributes", []),
                              ("certificate_profile_attributes", [{"id": "subject.country", "value": "DE"}]),
                              ("device_attributes", IOT_GOOD["device_attributes"] * 2)):
            refuse(world, f"{member}: {value}", *IOT_ISSUE, change(IOT_GOOD, member, value))
        assert not world.mock.issued, "something was issued"


def test_validity():
    with World() as world:
        world.mock.profile["override_cert_validity_via_api"] = True
        accept(world, 201, *ISSUE, change(GOOD, "validity", {"unit": "days", "duration": 30}))
        for value in ({"unit": "weeks", "duration": 1}, {"unit": "days", "duration": "30"}, {"unit": "days", "duration": 0},
                      {"unit": "days", "duration": True}, {"unit": "days"}, {"unit": "days", "duration": 1, "end": 0}):
            refuse(world, f"validity {value}", *ISSUE, change(GOOD, "validity", value))


def test_other_requests():
    with World() as world:
        search = "/mpki/api/v1/certificate-search"
        for query in ("status=issued", "public_key=a", "limit=0", "limit=1000", "limit=a", "offset=-1", "seat_id=a&seat_id=b"):
            refuse(world, query, "GET", f"{search}?{query}")
        for body in ({}, {"revocation_reason": "keyCompromise"}, {"reason": "superseded"}, {"revocation_reason": "superseded", "comments": ""}):
            refuse(world, f"revoke with {body}", "PUT", "/mpki/api/v1/certificate/4A/revoke", body)
        for body in ({}, {"reason": "superseded"}, {"revocation_reason": "unspecified"}):
            refuse(world, f"revoke with {body}", "PUT", f"/iot/api/v1/certificate/{uuid.uuid4()}/revoke", body)
        for serial in ("4a", "04A", "4A" * 21):
            refuse(world, f"serial number {serial}", "PUT", f"/mpki/api/v1/certificate/{serial}/revoke", {"revocation_reason": "superseded"})
        for body in ({}, {"profile": {}}, {"profile": {"id": "x"}}, {"profile": {"id": PROFILE}, "seat": {"seat_id": "a"}}):
            refuse(world, f"pick-up with {body}", "POST", "/mpki/api/v1/certificate-pickup/1", body)
        refuse(world, "a profile with parameters", "GET", f"/mpki/api/v2/profile/{PROFILE}?a=b")
        refuse(world, "records of no number", "GET", "/iot/api/v1/certificate/")
        refuse(world, "a body that is not wanted", "GET", f"/mpki/api/v2/profile/{PROFILE}", {})


tap.run(tap.collect(globals()))
