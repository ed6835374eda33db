#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody at DigiCert has to approve a certificate, and that takes days: the service's clock is moved, not waited for."""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from certificates import issuer_of, read_assigned
from digicert_line import ISSUER, Digicert
from digicert_mock import API_KEY, LIFECYCLE_PROFILE
from dps import PATIENCE, PREVIEW, Device, Service, make_csr

HOUR = 3600
DAY = 24 * HOUR
ISSUED, RESUMED = "Assigned", "Resuming an issuance that a restart interrupted"

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
digicert = Digicert(SCRATCH.name)
service = Service(journaled=True)
(service.directory / "keys/digicert.key").write_text(API_KEY + "\n")
(service.directory / "dps.conf.d/30-digicert.conf").write_text(
    f"[limits]\nrequests-per-device=0\n\n[ca plant]\ntype=digicert\nprofile={LIFECYCLE_PROFILE}\napi-key-file=keys/digicert.key\n"
    f"{digicert.settings()}")


class Patient(Device):
    """A device that asks for a certificate which nobody approves at once."""

    def __init__(self, registration_id):
        super().__init__(service, registration_id, service.enroll(registration_id, clientCertificateIssuancePolicy={
            "certificateAuthorityName": "plant"}))
        _key, csr = make_csr(WORK, registration_id)
        self.csr = csr.read_text()
        digicert.plan_for(registration_id, "pending")
        self.operation = self.begin()
        service.wait_for(self.ticket, "the ticket")

    def begin(self):
        reply = self.ask("PUT", "/register", PREVIEW, {"registrationId": self.registration_id, "clientCertificateCsr": self.csr})
        assert reply.status == 202, reply
        return reply.json["operationId"]

    def ticket(self):
        return next((entry["ticket"] for entry in service.stored("journal").values()
                     if "ticket" in entry and entry["registrationId"] == self.registration_id), None)

    def reconnect(self):
        self.connection.close()
        self.connection = service.connect()

    def looks_until(self, condition):
        """Asks what has become of it, and is told to wait, until something has happened behind it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            happened = condition()
            reply = self.ask("GET", f"/operations/{self.operation}", PREVIEW)
            assert reply.status == 202 and reply.json["status"] == "assigning", reply
            if happened:
                return
            assert time.monotonic() < deadline, service.read_log()


def let_pass(seconds, *devices):
    """So much time goes by, and the service is started anew, which is when it asks at once for what is still open."""
    service.stop()
    service.journal.seconds_ahead += seconds
    service.start()
    for device in devices:
        device.reconnect()


def test_a_request_is_approved_after_two_days():
    device = Patient("approved")
    ticket = device.ticket()
    for number, pause in enumerate((2 * HOUR, 9 * HOUR, 37 * HOUR), 1):
        let_pass(pause, device)
        device.looks_until(lambda: digicert.count("pickup") == number)  # pylint: disable=cell-var-from-loop
        assert device.ticket() == ticket
    digicert.obey({"do": "approve"})
    let_pass(HOUR, device)
    assert issuer_of(read_assigned(device.poll(device.operation))) == ISSUER
    assert digicert.count("issue") == 1 and digicert.count("pickup") == 4 and len(digicert.signed()) == 1
    assert service.stored("journal") == {}
    assert len(service.journal.find(BREVET_OPERATION=device.operation, MESSAGE=RESUMED)) == 4


def test_a_request_is_rejected_after_hours():
    device = Patient("rejected")
    asked = digicert.count("pickup")
    digicert.obey({"do": "reject"})
    let_pass(5 * HOUR, device)
    reply = device.poll(device.operation)
    assert reply.status == 200 and reply.json["status"] == "failed", reply
    assert b"DigiCert" not in reply.raw and b"REJECTED" not in reply.raw, reply
    assert digicert.count("issue", "rejected") == 1 and digicert.count("pickup") == asked + 1 and digicert.signed("rejected") == []
    # Whoever asks again, is asked for again.
    device.operation = device.begin()
    assert device.poll(device.operation).json["status"] == "assigned"
    assert digicert.count("issue", "rejected") == 2


def test_a_request_is_approved_in_the_last_hours_of_its_seven_days():
    device = Patient("late")
    asked = digicert.count("pickup")
    let_pass(7 * DAY - 2 * HOUR, device)
    device.looks_until(lambda: digicert.count("pickup") > asked)
    digicert.obey({"do": "approve"})
    let_pass(HOUR, device)
    assert issuer_of(read_assigned(device.poll(device.operation))) == ISSUER
    assert digicert.count("issue", "late") == 1 and len(digicert.signed("late")) == 1


def test_a_request_that_nobody_decides_is_given_up_after_seven_days():
    device = Patient("forgotten")
    asked = digicert.count("pickup")
    let_pass(7 * DAY - HOUR, device)
    device.looks_until(lambda: digicert.count("pickup") > asked)
    let_pass(2 * HOUR, device)
    reply = device.poll(device.operation)
    assert reply.status == 200 and reply.json["status"] == "failed", reply
    assert digicert.count("issue", "forgotten") == 1 and digicert.count("pickup") <= asked + 2
    assert digicert.signed("forgotten") == []
    assert service.stored("journal") == {}


def test_nothing_was_asked_that_is_not_documented():
    assert digicert.violations == [], digicert.violations
    service.stop()


service.start()
try:
    tap.run(tap.collect(dict(globals())))
finally:
    service.clean_up()
    digicert.stop()
