#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices get certificates from DigiCert, as digicert_mock.py plays it, through a service that dies and a DigiCert that misbehaves.

Each test counts what DigiCert was asked: a certificate too much is a failure.
"""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from digicert_mock import API_KEY, LIFECYCLE_PROFILE, DigicertMock
from dps import PATIENCE, PREVIEW, Device, Service, command, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
mock = DigicertMock(SCRATCH.name)
service = Service()
(service.directory / "keys/digicert.key").write_text(API_KEY + "\n")
(service.directory / "dps.conf.d/30-digicert.conf").write_text(f"""[limits]
requests-per-device=0

[ca plant]
type=digicert
profile={LIFECYCLE_PROFILE}
api-key-file=keys/digicert.key
endpoint=https://127.0.0.1:{mock.port}
ca-file={WORK}/tls.pem
""")


def begin(registration_id, authority="plant"):
    """Enrolls a device and has it register; returns it with the id of the operation."""
    key = service.enroll(registration_id, clientCertificateIssuancePolicy={"certificateAuthorityName": authority})
    _key, csr = make_csr(WORK, registration_id)
    device = Device(service, registration_id, key)
    reply = device.ask("PUT", "/register", PREVIEW, {"registrationId": registration_id, "clientCertificateCsr": csr.read_text()})
    assert reply.status == 202, reply
    return device, reply.json["operationId"]


def check_assigned(reply, registration_id):
    """The certificate is for the device's key and leads to DigiCert's root."""
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    path = WORK / f"{registration_id}.pem"
    path.write_text(reply.json["registrationState"]["issuedClientCertificate"])
    command("openssl", "verify", "-purpose", "sslclient", "-CAfile", WORK / "root.pem", "-untrusted", path, path)
    ours = command("openssl", "pkey", "-in", WORK / f"{registration_id}.key", "-pubout").stdout
    assert command("openssl", "x509", "-in", path, "-noout", "-pubkey").stdout == ours
    assert API_KEY.encode() not in reply.raw


def check_failed(reply, unspoken):
    assert reply.status == 200 and reply.json["status"] == "failed", reply
    assert unspoken not in reply.raw and b"DigiCert" not in reply.raw, reply


def asked(seat):
    """What DigiCert was asked since the last time, and the certificates of a seat."""
    report = mock.obey({"do": "report"})
    operations = [call["operation"] for call in report["calls"] if call["operation"] != "profile"]
    return operations, [entry for entry in report["issued"] if entry["seat"] == seat]


def ask_until(device, operation, condition):
    """The device polls, and has to wait, until something has happened behind it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert device.ask("GET", f"/operations/{operation}", PREVIEW).status == 202
        assert time.monotonic() < deadline, service.read_log()


def test_a_device_gets_a_certificate():
    device, operation = begin("plain-1")
    check_assigned(device.poll(operation), "plain-1")
    assert asked("plain-1")[0] == ["issue"]


def test_a_lost_answer_is_found_and_not_asked_for_again():
    for scenario in ("lost", "cut", "504", "garbage"):
        mock.plan("issue", scenario)
        device, operation = begin(f"lost-{scenario}")
        check_assigned(device.poll(operation), f"lost-{scenario}")
        operations, issued = asked(f"lost-{scenario}")
        assert operations == ["issue", "search"] and len(issued) == 1, (operations, issued)


def test_a_pending_request_survives_a_restart():
    mock.plan("issue", "pending")
    device, operation = begin("pending-1")
    ask_until(device, operation, lambda: any("ticket" in entry for entry in service.stored("journal").values()))
    service.kill()
    mock.obey({"do": "approve"})
    service.start()
    device = Device(service, "pending-1", device.key)
    check_assigned(device.poll(operation), "pending-1")
    operations, issued = asked("pending-1")
    assert operations == ["issue", "pickup"] and len(issued) == 1, (operations, issued)


def test_what_was_picked_up_and_lost_on_the_way_is_found():
    mock.plan("issue", "pending")
    mock.plan("pickup", "lost")
    device, operation = begin("pending-2")
    ask_until(device, operation, lambda: any("ticket" in entry for entry in service.stored("journal").values()))
    service.kill()
    mock.obey({"do": "approve"})
    service.start()
    device = Device(service, "pending-2", device.key)
    check_assigned(device.poll(operation), "pending-2")
    operations, issued = asked("pending-2")
    assert operations == ["issue", "pickup", "pickup", "search"] and len(issued) == 1, (operations, issued)


def test_a_service_that_dies_while_it_asks_finds_what_was_issued():
    mock.plan("issue", "late")
    device, operation = begin("killed-1")
    ask_until(device, operation, lambda: any(entry.seat == "killed-1" for entry in mock.issued))
    service.kill()
    service.start()
    mock.obey({"do": "release"})
    device = Device(service, "killed-1", device.key)
    check_assigned(device.poll(operation), "killed-1")
    operations, issued = asked("killed-1")
    assert operations == ["issue", "search"] and len(issued) == 1, (operations, issued)


def test_a_certificate_for_another_key_is_revoked_and_asked_for_again():
    mock.plan("issue", "wrong-key")
    device, operation = begin("wrong-1")
    check_assigned(device.poll(operation), "wrong-1")
    # It is told while the device gets the other one.
    service.wait_for(lambda: not service.stored("revocations"), "the revocation")
    operations, issued = asked("wrong-1")
    assert sorted(operations) == ["issue", "issue", "revoke"], operations
    assert [(entry["status"], entry["reason"]) for entry in issued] == [("revoked", "superseded"), ("issued", None)], issued


def test_a_certificate_of_another_device_stays_valid():
    device, operation = begin("owner-1")
    check_assigned(device.poll(operation), "owner-1")
    mock.plan("issue", "somebody-elses", "somebody-elses")
    device, operation = begin("mistaken-1")
    check_failed(device.poll(operation), b"owner-1")
    service.wait_for(lambda: "was issued to somebody before" in service.read_log() and not service.stored("revocations"), "the end")
    operations, issued = asked("owner-1")
    assert operations == ["issue"] * 3 and [entry["status"] for entry in issued] == ["issued"], (operations, issued)


def test_a_refusal_is_told_to_the_operator_and_not_to_the_device():
    mock.plan("issue", "403")
    device, operation = begin("refused-1")
    check_failed(device.poll(operation), b"access_denied")
    assert "access_denied, “The service user may not use this profile”" in service.read_log()
    assert asked("refused-1") == (["issue"], [])


def test_an_object_of_the_api_leads_to_the_group_and_its_endpoint():
    body = {"certificateAuthorityType": "DigiCertCertificateAuthority", "apiKey": "somebody-elses", "profileName": "plant"}
    reply = service.operate("PUT", "/certificateAuthorities/myca1", body)
    assert reply.status == 400 and b"apiKey" in reply.raw and b"somebody-elses" not in reply.raw, reply
    del body["apiKey"]
    reply = service.operate("PUT", "/certificateAuthorities/myca1", body)
    assert reply.status == 200, reply
    device, operation = begin("object-1", "myca1")
    check_assigned(device.poll(operation), "object-1")
    assert asked("object-1")[0] == ["issue"]


def test_nothing_was_asked_that_is_not_documented_and_no_key_was_told():
    assert mock.violations == [], mock.violations
    assert API_KEY not in service.read_log() and "somebody-elses" not in service.read_log()


service.start()
try:
    tap.run(tap.collect(dict(globals())))
finally:
    service.clean_up()
    mock.stop()
