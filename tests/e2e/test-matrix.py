#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every attestation, for one device and for a group, on every way to the service, with a certificate and without: brevetd is the
device, brevet-dps the service, and one row of the table below one device."""

import base64
import collections
import contextlib
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import pki
import swtpm
import tap
from agent import CERTIFICATE, NAME, TRUST_BUNDLE, Agent, Bus
from dps import Service, command
from softhsm import Tokens

BREVET = os.environ["BREVET"]
ASSIGNED, ISSUED = "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a06", "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a08"
HUB = "hub.example.net"
# How many devices are on their way while one is looked at.
AHEAD = 3

SERVICE = Service(mqtt={}, journaled=True)


class Case:
    """One row on its way: the device's directory, how it is enrolled, and its brevetd."""

    def __init__(self, row, number):
        self.row = row
        self.number = number
        self.registration_id = f"matrix-{number}"
        self.group = f"group-{number}" if row.credential.group else None
        self.members = {"trustBundleId": "matrix-roots", **(enrollments.ISSUE if row.certificate else {})}
        self.environment = {}
        self.ends = contextlib.ExitStack()

    def begin(self):
        self.bus = Bus()
        self.ends.callback(self.bus.remove)
        self.agent = Agent(SERVICE, self.bus, self.registration_id, attestation={})
        self.ends.callback(self.agent.clean_up)
        self.agent.groups["attestation main"] = self.row.credential.enroll(self)
        if not self.row.certificate:
            self.agent.configure("identity main", certificate="none")
        self.agent.groups["transport main"] = {"host": "localhost", "ca-file": SERVICE.directory / "tls/ca.pem", **WAYS[self.row.way]()}
        self.agent.configure()
        self.agent.spawn(**self.environment)

    def enroll(self, attestation):
        """The device alone, or its group."""
        if self.group is not None:
            enrollments.put_group(SERVICE, self.group, attestation, **self.members)
        else:
            enrollments.put_individual(SERVICE, self.registration_id, attestation, **self.members)

    def enroll_with_keys(self):
        return enrollments.symmetric_keys(SERVICE, self.group or self.registration_id, self.group is not None, **self.members)

    def write(self, name, text):
        path = self.agent.scratch / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path


# --- what devices prove themselves with -------------------------------------------------------------------------------------------


class SymmetricKey:
    mechanism = "symmetricKey"

    def __init__(self, slot="primaryKey", group=False, derives=False):
        self.slot, self.group, self.derives = slot, group, derives
        self.says = re.compile(("key derived from the group's " if group else "") + ("primary" if slot == "primaryKey" else "secondary"))

    def enroll(self, case):
        key = case.enroll_with_keys()[self.slot]
        if self.derives:
            case.write("group.key", key)
            return {"type": "symmetric-key", "group-key-file": "group.key"}
        case.write("device.key", enrollments.sas_token.derive_key(key, case.registration_id) if self.group else key)
        return {"type": "symmetric-key", "key-file": "device.key"}


KEYS = {
    "a symmetric key": SymmetricKey(),
    "the secondary symmetric key": SymmetricKey("secondaryKey"),
    "a key derived from its group's": SymmetricKey(group=True),
    "a key derived from its group's secondary key": SymmetricKey("secondaryKey", group=True),
    "its group's key, from which it derives its own": SymmetricKey(group=True, derives=True),
}

class Certified:
    """A certificate and its key.

    @sent: how many intermediates the device sends with it; the authority above them is what its group knows
    @above: how many authorities are between that and the root
    @referred: whether the group has it by its name, as a verified CA certificate
    """

    mechanism = "x509"

    def __init__(self, group=True, slot="primary", sent=0, above=0, referred=False, in_token=False, spelling=str):
        self.group, self.slot, self.sent, self.depth, self.referred = group, slot, sent, sent + above, referred
        self.in_token, self.spelling = in_token, spelling
        self.says = re.compile("verified CA certificate" if referred else
                               f"signed by the group's {slot} certificate" if group else f"^{slot} certificate$")

    def attest(self, case, leaf, authority):
        if self.referred:
            slots = {"primary": f"another-{case.number}"}
            enrollments.put_authority(SERVICE, slots["primary"], pki.make_root("Another"))
            slots[self.slot] = f"ca-{case.number}"
            enrollments.put_authority(SERVICE, slots[self.slot], authority)
            return enrollments.x509_references(**slots)
        slots = {"primary": pki.make_root("Another") if self.group else pki.make_leaf("another")}
        slots[self.slot] = authority if self.group else leaf
        return enrollments.x509("signingCertificates" if self.group else "clientCertificates", **slots)

    def enroll(self, case):
        # From the nearest up to the root. Each row has its own: the groups of two rows must not compete for a device.
        authorities = [pki.make_root(f"Root {case.number}")]
        for level in range(self.depth):
            authorities.insert(0, pki.make_intermediate(f"Authority {case.number}.{level}", authorities[0]))
        settings, key = self.make_key(case)
        leaf = pki.make_leaf(self.spelling(case.registration_id), authorities[0], key=key)
        case.enroll(self.attest(case, leaf, authorities[self.sent]))
        leaf.write(case.agent.scratch, "onboarding", *authorities[:self.sent])
        return {"type": "x509", "certificate": "onboarding.pem", **settings}

    def make_key(self, case):
        """The settings that say where it is, and its public half, or None where it is made together with the certificate."""
        if not self.in_token:
            return {"key": "onboarding.key"}, None
        tokens = case.ends.enter_context(Tokens("onboarding"))
        case.environment = {"SOFTHSM2_CONF": tokens.environment["SOFTHSM2_CONF"]}
        case.agent.groups["pkcs11"] = {"module": tokens.plain_module}
        public = tokens.make_key("onboarding", "device")
        uri = "pkcs11:token=onboarding;object=device;type=private"
        return {"key": uri, "key-password-file": tokens.pin_file}, pki.PublicHalf(public)


CERTIFICATES = {
    "a certificate": Certified(group=False),
    "the secondary certificate": Certified(group=False, slot="secondary", sent=1),
    "a certificate that spells its device otherwise": Certified(group=False, spelling=str.upper),
    "a certificate with its key in a token": Certified(group=False, in_token=True),
    "a certificate of its group's root": Certified(),
    "one of an intermediate of its group's root": Certified(sent=1),
    "one of the second intermediate of its group's secondary root": Certified(slot="secondary", sent=2),
    "one of its group's intermediate": Certified(above=1),
    "one of an intermediate below its group's": Certified(sent=1, above=1),
    "one of the second intermediate below its group's": Certified(sent=2, above=1),
    "one that leads to a verified CA certificate": Certified(referred=True, sent=1),
    "one that leads to a second verified CA certificate": Certified(referred=True, slot="secondary", sent=1, above=1),
    "one of a group, with its key in a token": Certified(sent=1, in_token=True),
}



class InTpm:
    """A TPM, which is real but for its being a process."""

    mechanism, group = "tpm", False
    says = re.compile("^key in the TPM$")

    def enroll(self, case):
        swtpm.find_tools()
        tpm = case.ends.enter_context(swtpm.Tpm())
        key = base64.b64encode(tpm.make_endorsement_key()).decode()
        case.enroll(enrollments.tpm(key))
        return {"type": "tpm", "tcti": tpm.tcti}


TPMS = {"a TPM": InTpm()}

CREDENTIALS = {**KEYS, **CERTIFICATES, **TPMS}

# --- the ways to the service ------------------------------------------------------------------------------------------------------

WAYS = {
    "HTTPS": lambda: {"type": "https", "port": SERVICE.port},
    "MQTT": lambda: {"type": "mqtt", "port": SERVICE.mqtt_port},
    "MQTT over WebSocket": lambda: {"type": "mqtt", "ways": f"websocket:{SERVICE.port}"},
}

Row = collections.namedtuple("Row", "name credential way certificate")


def rows(name, ways=("HTTPS", "MQTT"), certificates=(True, False)):
    return [Row(f"{name}, {way}, {'a certificate' if certificate else 'no certificate'}", CREDENTIALS[name], way, certificate)
            for way in ways for certificate in certificates]


TABLE = [
    *rows("a symmetric key"),
    *rows("a key derived from its group's"),
    *rows("the secondary symmetric key", ["HTTPS"], [True]),
    *rows("a key derived from its group's secondary key", ["MQTT"], [True]),
    *rows("its group's key, from which it derives its own", ["MQTT over WebSocket"]),
    *rows("a symmetric key", ["MQTT over WebSocket"]),
    *rows("a certificate"),
    *rows("one of an intermediate of its group's root"),
    *rows("the secondary certificate", ["HTTPS"], [True]),
    *rows("a certificate that spells its device otherwise", ["MQTT"], [True]),
    *rows("a certificate with its key in a token", certificates=[True]),
    *rows("a certificate of its group's root", ["MQTT"], [True]),
    *rows("one of the second intermediate of its group's secondary root", ["HTTPS"], [True]),
    *rows("one of its group's intermediate", ["HTTPS"], [True]),
    *rows("one of an intermediate below its group's", ["MQTT over WebSocket"]),
    *rows("one of the second intermediate below its group's", ["MQTT"], [True]),
    *rows("one that leads to a verified CA certificate"),
    *rows("one that leads to a second verified CA certificate", ["MQTT over WebSocket"], [True]),
    *rows("a TPM", ["HTTPS"]),
    *rows("one of a group, with its key in a token", ["MQTT"], [True]),
]

# --- what is looked at ------------------------------------------------------------------------------------------------------------


def look_at_device(case):
    """Provisioned, where and as whom."""
    case.agent.wait(lambda: case.bus.owners.get(NAME), "brevetd's name on the bus")
    now = case.agent.wait_for("an end", lambda now: now["State"] in ("provisioned", "refused", "backing-off"))
    assert now["State"] == "provisioned", now
    assert (now["AssignedHub"], now["RegistrationId"], now["DeviceId"]) == (HUB, case.registration_id, case.registration_id), now
    assert now["LastErrorText"] == "", now
    return now


def look_at_certificate(case, now):
    """Made by the service's authority for this device and nobody else, valid now, with a key that is not the credential's."""
    if not case.row.certificate:
        assert now["Sha256"] == "" and CERTIFICATE not in case.agent.read_installed(), now
        return
    assert case.agent.installed() == now["Sha256"], now
    path = case.write("installed.pem", case.agent.read_installed()[CERTIFICATE])
    printed = command("openssl", "x509", "-in", path, "-noout", "-subject", "-issuer", "-nameopt", "RFC2253", "-ext", "extendedKeyUsage",
                      "-checkend", 3600).stdout
    assert f"subject=CN={case.registration_id}\n" in printed and "TLS Web Client Authentication" in printed, printed
    authority = command("openssl", "x509", "-in", SERVICE.directory / "ca/issuing.pem", "-noout", "-subject", "-nameopt", "RFC2253").stdout
    assert authority.replace("subject=", "issuer=") in printed, (printed, authority)
    onboarding = case.agent.scratch / "onboarding.pem"
    if onboarding.exists():
        keys = [command("openssl", "x509", "-in", certificate, "-noout", "-pubkey").stdout for certificate in (path, onboarding)]
        assert keys[0] != keys[1], "the issued certificate has the key of the credential"


def look_at_trust(case):
    root = (SERVICE.directory / "ca/root.pem").read_text()
    assert root in case.agent.read_installed()[TRUST_BUNDLE], case.agent.read_installed()


def look_at_record(case):
    """What the service remembers of the device."""
    record = SERVICE.stored("registrations")[case.registration_id]
    assert (record["enrollmentId"], record["enrollmentIsGroup"]) == (case.group or case.registration_id, case.group is not None), record
    assert record["state"]["status"] == "assigned" and record["state"]["assignedHub"] == HUB, record
    assert case.row.credential.mechanism in record["state"], record


def look_at_status(case):
    """What somebody at the device is told."""
    printed = command(BREVET, "status", "--bus", "session", "main", env=case.bus.environment).stdout
    assert "provisioned" in printed and HUB in printed and case.registration_id in printed, printed


def look_at_journal(case, times=1):
    """What the operator finds in the journal when he searches for the device: one record for each registration, always with the
    credential that it came with, and never with the certificate that it was given."""
    wanted = {"MESSAGE_ID": ISSUED if case.row.certificate else ASSIGNED, "BREVET_REGISTRATION": case.registration_id}
    SERVICE.wait_for(lambda: len(SERVICE.journal.find(**wanted)) >= times, f"{times} records of {case.registration_id}")
    records = SERVICE.journal.find(**wanted)
    assert len(records) == times, [record for record in SERVICE.journal.records if case.registration_id in str(record)]
    record = records[-1]
    assert record["BREVET_ENROLLMENT"] == (case.group or case.registration_id), record
    assert record["BREVET_MECHANISM"] == case.row.credential.mechanism, record
    assert case.row.credential.says.search(record["BREVET_CREDENTIAL"]), record


def look_at_renewal(case, before):
    """The credential is good for more than the first time."""
    case.agent.act("Renew" if case.row.certificate else "Reprovision")
    now = case.agent.wait_for_generation(before["Generation"] + 1)
    assert now["State"] == "provisioned" and now["LastErrorText"] == "", now
    look_at_certificate(case, now)
    look_at_journal(case, times=2)
    assert now["Sha256"] != before["Sha256"] or not case.row.certificate, now


def look_at(case):
    now = look_at_device(case)
    look_at_certificate(case, now)
    look_at_trust(case)
    look_at_record(case)
    look_at_status(case)
    look_at_journal(case)
    look_at_renewal(case, now)
    case.agent.stop()


# --- the rows as cases of a test --------------------------------------------------------------------------------------------------


class Convoy:
    """Begins rows ahead of the one that is looked at: a device mostly waits."""

    def __init__(self, table):
        self.table = table
        self.under_way = {}
        self.failures = {}
        self.begun = 0

    def take(self, number):
        while self.begun < min(number + 1 + AHEAD, len(self.table)):
            case = Case(self.table[self.begun], self.begun)
            try:
                case.begin()
            except Exception as failure:  # of that row, which says so when its turn comes
                self.failures[self.begun] = failure
            self.under_way[self.begun] = case
            self.begun += 1
        if number in self.failures:
            raise self.failures[number]
        return self.under_way[number]

    def leave(self, number):
        if number in self.under_way:
            self.under_way.pop(number).ends.close()

    def end(self):
        for number in list(self.under_way):
            self.leave(number)

    def cases(self):
        for number, row in enumerate(self.table):
            def case(number=number):
                try:
                    look_at(self.take(number))
                finally:
                    self.leave(number)

            case.__name__ = row.name
            yield case


def test_the_service_starts():
    SERVICE.start()
    root = (SERVICE.directory / "ca/root.pem").read_text()
    enrollments.succeed(SERVICE.operate("PUT", "/trustBundles/matrix-roots", {"certificates": [{"certificate": root}]}))


def test_no_group_of_tpms():
    """A cell that stays empty: each TPM is known by its own key, so there is nothing that a group could have in common."""
    reply = SERVICE.operate("PUT", "/enrollmentGroups/tpms", {"enrollmentGroupId": "tpms", "attestation": enrollments.tpm("AToAAQAL")})
    assert reply.status == 400 and "individual enrollments only" in reply.json["message"], reply


def test_no_tpm_over_mqtt():
    """Another one: the device says so itself, before it asks anybody, and keeps its distance between the attempts."""
    case = Case(Row("", TPMS["a TPM"], "MQTT", True), len(TABLE))
    with case.ends:
        case.begin()
        case.agent.wait(lambda: case.bus.owners.get(NAME), "brevetd's name on the bus")
        now = case.agent.wait_for("a cause", lambda now: now["Failures"] >= 2 and now["State"] == "backing-off")
        assert "type=https" in now["Cause"] and now["NextAttempt"] > 0, now
        assert not SERVICE.journal.find(BREVET_REGISTRATION=case.registration_id), SERVICE.journal.records
        case.agent.stop()


def test_the_service_stops():
    SERVICE.stop()


def main():
    # For whoever looks for a mistake: a regular expression of the rows that are wanted.
    wanted = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    convoy = Convoy([row for row in TABLE if wanted.search(row.name)])
    try:
        tap.run([test_the_service_starts, *convoy.cases(), test_no_group_of_tpms, test_no_tpm_over_mqtt, test_the_service_stops])
    finally:
        convoy.end()
        SERVICE.clean_up()


main()
