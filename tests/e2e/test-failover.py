#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""DigiCert dies at every point that somebody at the other end of the line can tell apart, and the local CA stands by.

Whatever happens, each device ends with one certificate that it uses and no other that is alive: what DigiCert has issued and nobody
got is adopted or revoked. Each test ends with DigiCert back, and devices that go there again.
"""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from admin import Admin
from certificates import issuer_of, read_assigned, read_certificates, sha256_of, subject_of
from digicert_line import ISSUER, Digicert
from digicert_mock import API_KEY, LIFECYCLE_PROFILE
from dps import PATIENCE, PREVIEW, Device, Service, make_csr
from proxy import HANG

# As many failures in a row open the circuit.
ENOUGH = 6
FEW = 3
# Longer than the pause between two looks at what is not known.
A_WHILE = 200
PATIENT, IMPATIENT = "1h", "2s"

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
digicert = Digicert(SCRATCH.name)
service = Service(journaled=True)
admin = Admin(service)
(service.directory / "keys/digicert.key").write_text(API_KEY + "\n")
LOCAL_ISSUER = subject_of(read_certificates((service.directory / "ca/issuing.pem").read_text())[0])
POLICY = {"certificateAuthorityName": "plant", "standbyCertificateAuthorityName": "spare"}

# By registration id, what each device has ended with.
used = {}
numbers = {}


def configure(patience):
    """@patience: for how long only DigiCert itself can say what it has done."""
    (service.directory / "dps.conf.d/30-authorities.conf").write_text(f"""[service]
ambiguity-patience={patience}

[limits]
requests-per-device=0

[ca plant]
type=digicert
profile={LIFECYCLE_PROFILE}
api-key-file=keys/digicert.key
{digicert.settings(timeout="3s", requests_per_minute=6000)}
[ca spare]
type=local
certificate=ca/issuing.pem
key=ca/issuing.key
""")


def set_patience(patience):
    configure(patience)
    nudge()


def nudge():
    """The service reads its configuration again, and looks after everything that it does now and then anyway."""
    before = service.read_log().count("Reloaded the configuration")
    service.reload()
    service.wait_for_log("Reloaded the configuration", before + 1)


# --- devices ----------------------------------------------------------------------------------------------------------------------


class Customer(Device):
    """A device for which DigiCert plays these scenarios."""

    def __init__(self, registration_id, *scenarios):
        super().__init__(service, registration_id, service.enroll(registration_id, clientCertificateIssuancePolicy=POLICY))
        digicert.plan_for(registration_id, *scenarios)
        _key, csr = make_csr(WORK, registration_id)
        self.csr = csr.read_text()

    def begin(self):
        reply = self.ask("PUT", "/register", PREVIEW, {"registrationId": self.registration_id, "clientCertificateCsr": self.csr})
        assert reply.status == 202, reply
        self.operation = reply.json["operationId"]

    def finish(self):
        """Waits for the certificate; returns its issuer."""
        leaf = read_assigned(self.poll(self.operation))
        used[self.registration_id] = sha256_of(leaf)
        return issuer_of(leaf)


def come(kind, number, *scenarios):
    """So many new devices ask for certificates, all at the same time."""
    first = numbers.get(kind, 0)
    numbers[kind] = first + number
    devices = [Customer(f"{kind}-{first + place}", *scenarios) for place in range(number)]
    for device in devices:
        device.begin()
    return devices


def come_together(kind, scenario):
    """The same, and DigiCert has all of their requests in its hand when it happens."""
    digicert.hold(0)
    devices = come(kind, FEW, scenario)
    digicert.wait(lambda: digicert.asking == FEW, "the requests")
    digicert.hold(None)
    digicert.wait(lambda: digicert.asking == 0, "the end of all requests")
    return devices


def issuers(devices):
    return {device.finish() for device in devices}


# --- the two CAs ------------------------------------------------------------------------------------------------------------------


def show():
    """What an operator is shown of DigiCert."""
    reply = service.operate("GET", "/certificateAuthorityStatus/plant")
    assert reply.status == 200, reply
    return reply.json


def is_up():
    shown = show()
    return shown["state"] == "ok" and shown["circuit"] == "closed"


def recover():
    """DigiCert is back, and whoever comes now gets there."""
    digicert.come_back()
    reply = service.operate("POST", "/certificateAuthorityStatus/plant/check")
    assert reply.status == 200 and reply.json["circuit"] in ("closed", "halfOpen"), reply
    assert issuers(come("after", 1)) == {ISSUER} and is_up()


def settle():
    """Time goes by until nothing is left to be found out or revoked."""
    deadline = time.monotonic() + PATIENCE
    while service.stored("orphans") or service.stored("revocations"):
        assert time.monotonic() < deadline, (service.stored("orphans"), service.stored("revocations"), service.read_log())
        service.journal.seconds_ahead += A_WHILE
        nudge()


def live_at_home(registration_id):
    """What the local CA has issued to a device, and nobody has revoked."""
    return [entry["sha256"] for entry in service.stored("certificates").values()
            if (entry["registrationId"], entry["certificateAuthority"], entry["status"]) == (registration_id, "spare", "issued")]


def check_all():
    """Of each device, one certificate is alive: the one that it uses."""
    for registration_id, sha256 in used.items():
        live = digicert.signed(registration_id, "issued") + live_at_home(registration_id)
        assert live == [sha256], (registration_id, live, sha256)


def counted(kind):
    """Issued and revoked at DigiCert for all devices of a kind."""
    seats = [f"{kind}-{number}" for number in range(numbers[kind])]
    return (sum(len(digicert.signed(seat)) for seat in seats), sum(len(digicert.signed(seat, "revoked")) for seat in seats))


# --- the ways to die --------------------------------------------------------------------------------------------------------------


def test_nobody_needs_the_standby():
    assert issuers(come("plain", FEW)) == {ISSUER}
    assert is_up() and counted("plain") == (FEW, 0)


def test_it_refuses_connections():
    digicert.go_away()
    assert issuers(come("refused", ENOUGH)) == {LOCAL_ISSUER}
    assert not is_up()
    # The circuit is open: nobody has to try any more.
    asked = digicert.proxy.refused
    assert issuers(come("refused", FEW)) == {LOCAL_ISSUER} and digicert.proxy.refused == asked
    assert counted("refused") == (0, 0) and service.stored("orphans") == {}
    recover()


def test_it_accepts_and_never_answers():
    digicert.go_away(HANG)
    assert issuers(come("hung", ENOUGH)) == {LOCAL_ISSUER}
    assert not is_up() and counted("hung") == (0, 0)
    recover()


def test_it_dies_with_the_request_in_its_hand():
    set_patience(IMPATIENT)
    assert issuers(come_together("taken", "closed-gone")) == {LOCAL_ISSUER}
    recover()
    settle()
    assert counted("taken") == (0, 0)


def test_it_dies_with_the_certificate_in_its_hand():
    assert issuers(come_together("kept", "lost-gone")) == {LOCAL_ISSUER}
    recover()
    settle()
    assert counted("kept") == (FEW, FEW)


def test_it_signs_and_never_says_so():
    """The line stays, so what was issued is found before anybody thinks of the standby."""
    assert issuers(come("silent", FEW, "late")) == {ISSUER}
    digicert.obey({"do": "release"})
    settle()
    assert counted("silent") == (FEW, 0)


def test_it_comes_back_while_only_it_can_tell():
    set_patience(PATIENT)
    devices = come_together("adopted", "lost-gone")
    recover()
    assert issuers(devices) == {ISSUER}
    settle()
    assert counted("adopted") == (FEW, 0)


def test_the_service_dies_with_it():
    set_patience(IMPATIENT)
    [device] = come("killed", 1, "late")
    digicert.wait(lambda: device.registration_id in digicert.signatures, "a certificate")
    service.kill()
    digicert.go_away()
    service.start()
    device.connection = service.connect()
    assert device.finish() == LOCAL_ISSUER
    recover()
    settle()
    assert counted("killed") == (1, 1)


def test_it_does_not_know_us_any_more():
    assert issuers(come("unknown", FEW, "401")) == {LOCAL_ISSUER}
    assert counted("unknown") == (0, 0)
    recover()


def test_it_stumbles_and_gets_up():
    assert issuers(come("stumbling", FEW, "500")) <= {ISSUER, LOCAL_ISSUER}
    recover()
    settle()


def test_it_says_too_many_to_all_of_them():
    """That is no reason to turn away from it."""
    assert issuers(come("many", FEW, "429")) == {ISSUER}
    assert is_up() and counted("many") == (FEW, 0)


def test_each_device_has_one_certificate_and_uses_it():
    settle()
    check_all()
    assert digicert.violations == [] and API_KEY not in service.read_log()
    service.stop()


configure(PATIENT)
service.start()
try:
    tap.run(tap.collect(dict(globals())))
finally:
    service.clean_up()
    digicert.stop()
