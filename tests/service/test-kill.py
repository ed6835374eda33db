#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet-dps is killed at every point at which it writes, and once between: no certificate may be lost, and none issued in vain."""

import contextlib
import http.client
import json
import pathlib
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import PATIENCE, PREVIEW, Device, Service, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "scripted"}}
CUT_OFF = (ConnectionError, http.client.HTTPException, ssl.SSLError)

# Where the process dies: the storage's orders, and the CA's script.
NEVER, SIGNS = "", "issue"
POINTS = {
    "before the intent is written": ("journal:before:1", SIGNS),
    "after the intent is written": ("journal:after:1", SIGNS),
    "after the CA has signed": (NEVER, "kill-signed"),
    "before the result is written": ("certificates:before:1", SIGNS),
    "after the result is written": ("certificates:after:1", SIGNS),
    "before the delivery is written": ("operations:before:3", SIGNS),
    "after the delivery is written": ("operations:after:3", SIGNS),
}
DELIVERED = ("before the delivery is written", "after the delivery is written")


class World:
    """A service with a storage that kills it and a CA with a memory of its own."""

    def __init__(self, capabilities):
        self.service = Service()
        self.capabilities = capabilities
        self.ledger = self.service.scratch / "ledger"
        self.ledger.touch()
        self.configure()

    def configure(self, kill_at=NEVER, script=SIGNS, more=""):
        store = f"type=killing\ninner=store-sqlite\nkill-at={kill_at}" if kill_at else "type=sqlite"
        (self.service.directory / "dps.conf.d/50-test.conf").write_text(
            f"[store main]\n{store}\n[ca scripted]\ntype=scripted\ncertificate=ca/root.pem\nkey=ca/root.key\nledger={self.ledger}\n"
            f"capabilities={self.capabilities}\nscript={script}\n{more}")

    def calls(self, verb):
        return [line.split() for line in self.ledger.read_text().splitlines() if line.startswith(verb + " ")]

    def records(self, collection):
        """What lies in the storage; only while the service does not run."""
        with contextlib.closing(sqlite3.connect(self.service.directory / "store/dps.sqlite")) as database:
            rows = database.execute("SELECT body FROM record WHERE collection = ?", (collection,)).fetchall()
        return [json.loads(body) for (body,) in rows]

    def expect_death(self):
        status = self.service.process.wait(PATIENCE)
        assert status == -signal.SIGKILL, f"{status}\n{self.service.read_log()}"
        self.service.process.stdout.close()
        self.service.log.close()
        self.service.process = None


@contextlib.contextmanager
def world(capabilities):
    made = World(capabilities)
    try:
        yield made
    finally:
        made.service.clean_up()


def fingerprint(pem):
    return subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip().split("=")[1].replace(":", "").lower()


def provision(service, registration_id, key, csr):
    reply = Device(service, registration_id, key).register(clientCertificateCsr=csr)
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    return fingerprint(reply.json["registrationState"]["issuedClientCertificate"])


def provision_until_death(here, key, csr):
    """Returns the operation and the certificate, as far as the device has heard of them."""
    device = Device(here.service, "pump-1", key)
    operation = certificate = None
    try:
        reply = device.ask("PUT", "/register", PREVIEW, {"registrationId": "pump-1", "clientCertificateCsr": csr})
        operation = reply.json["operationId"]
        final = device.poll(operation)
        certificate = fingerprint(final.json["registrationState"]["issuedClientCertificate"])
    except CUT_OFF:
        pass
    here.expect_death()
    return operation, certificate


def finish_without_device(here):
    """What an interrupted process owes to the next one: it needs nobody to ask for it."""
    here.service.start()
    if here.records_before["journal"]:
        here.service.wait_for_log("and issued its certificate", here.issued_before + 1)
    here.service.stop()
    assert here.records("journal") == [], here.service.read_log()


def check_inventory(here):
    inventory = {record["sha256"] for record in here.records("certificates")}
    signed = here.calls("signed")
    orphans = [line for line in signed if line[3] not in inventory]
    if here.capabilities:
        assert not orphans, (orphans, here.service.read_log())
    # Nothing but a later attempt of the same operation may have taken a certificate's place.
    for orphan in orphans:
        assert any(line[3] in inventory and line[1] != orphan[1] and line[2] == orphan[2] for line in signed), signed
    assert inventory <= {line[3] for line in signed}
    assert here.records("journal") == []


def kill_and_recover(capabilities, point):
    kill_at, script = POINTS[point]
    with world(capabilities) as here:
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        here.service.stop()
        csr = make_csr(WORK, "pump-1")[1].read_text()
        here.configure(kill_at, script)
        here.service.start()
        operation, received = provision_until_death(here, key, csr)
        assert (received is not None) == (point in DELIVERED), (point, received)
        here.configure()
        here.records_before = {name: here.records(name) for name in ("journal", "operations", "registrations")}
        here.issued_before = here.service.read_log().count("and issued its certificate")
        if point == "before the intent is written":
            assert not any(here.records_before.values()) and here.calls("issue") == []
        finish_without_device(here)
        check_inventory(here)
        signed = here.calls("signed")

        here.service.start()
        # A look fetches the certificate; where the device has it already, it does not look.
        looks = operation is not None and point not in DELIVERED
        if looks:
            state = Device(here.service, "pump-1", key).poll(operation).json
            assert state["operationId"] == operation and state["status"] == "assigned", state
            assert fingerprint(state["registrationState"]["issuedClientCertificate"]) in {line[3] for line in signed}
            here.service.stop()
            here.service.start()
        again = provision(here.service, "pump-1", key, csr)
        here.service.stop()
        check_inventory(here)
        check_answers(here, point, received, signed, again, looks)


def check_answers(here, point, received, signed, again, looked):
    """What was signed before the device came back, and what after."""
    since = len(here.calls("signed")) - len(signed)
    if point == "before the intent is written":
        assert signed == [] and since == 1
    elif point == "before the delivery is written":
        # That the device has it was forgotten: it gets it once more.
        assert again == received and since == 0
    elif point == "after the delivery is written":
        assert again != received and since == 1
    else:
        assert since == (1 if looked else 0) and (looked or again == signed[-1][3])
    if here.capabilities and point != "before the intent is written":
        assert len(signed) == 1, signed


def never_fetched(capabilities, point):
    """The device comes back with the same CSR, and there is a certificate that it never got."""
    kill_at, script = POINTS[point]
    with world(capabilities) as here:
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        here.service.stop()
        csr = make_csr(WORK, "pump-1")[1].read_text()
        here.configure(kill_at, script)
        here.service.start()
        provision_until_death(here, key, csr)
        here.configure()
        here.service.start()
        got = provision(here.service, "pump-1", key, csr)
        here.service.stop()
        signed = here.calls("signed")
        assert got == signed[-1][3]
        assert len({line[1] for line in here.calls("issue")}) <= 2
        if capabilities:
            assert len(signed) == 1, signed
        check_inventory(here)
        assert len(here.records("operations")) == 1


def case(function, name, *arguments):
    def run():
        function(*arguments)

    run.__name__ = f"test_{name}".replace(" ", "_")
    return run


def test_a_stricter_policy_does_not_strand_what_was_begun():
    with world("idempotent") as here:
        here.configure(script="kill-signed")
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        csr = make_csr(WORK, "pump-1")[1].read_text()
        provision_until_death(here, key, csr)
        here.configure(more="[csr]\nkey-types=p384\n")
        here.service.start()
        here.service.wait_for_log("and issued its certificate")
        here.service.stop()
        check_inventory(here)


def test_a_ticket_survives():
    with world("pending") as here:
        here.configure(script="pending", more="polls=kill-signed\n")
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        csr = make_csr(WORK, "pump-1")[1].read_text()
        operation, _ = provision_until_death(here, key, csr)
        here.configure(script="auth", more="polls=issue\n")
        here.service.start()
        reply = Device(here.service, "pump-1", key).poll(operation)
        assert reply.json["status"] == "assigned", reply
        here.service.stop()
        assert len(here.calls("issue")) == 1 and here.records("journal") == []


def refused_certificate(capabilities, when):
    """The CA signed for a wrong key, and the process dies around the moment at which that and the next attempt are written."""
    with world(capabilities) as here:
        here.configure(f"journal:{when}:2", "wrong-key;issue")
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        csr = make_csr(WORK, "pump-1")[1].read_text()
        provision_until_death(here, key, csr)
        here.configure()
        here.records_before = {"journal": here.records("journal")}
        here.issued_before = 0
        finish_without_device(here)
        check_inventory(here)
        assert sorted(record["status"] for record in here.records("certificates")) == ["issued", "refused"]
        assert len(here.calls("signed")) == 2


# --- the name stands for another CA when the process comes back -------------------------------------------------------------------

# What the CA does before the process is killed, which is when this is written into the journal, and would do after.
BEFORE_SWAP = {
    "with a ticket": ("pending", "polls=issue"),
    "with an unknown attempt": ("ambiguous-issued", "finds=look"),
    "with nothing asked": ("unavailable:600", "finds=auth"),
}


def die_and_swap(here, script, answers, swapped):
    here.service.start()
    key = here.service.enroll("pump-1", **ISSUE)
    here.service.stop()
    csr = make_csr(WORK, "pump-1")[1].read_text()
    here.configure("journal:after:2", script, f"identity=one\n{answers}\n")
    here.service.start()
    provision_until_death(here, key, csr)
    (entry,) = here.records("journal")
    here.configure(script=swapped, more="identity=two\npolls=auth\nfinds=auth\n")
    return entry


def swapped_while_dead(point):
    script, answers = BEFORE_SWAP[point]
    certain = point == "with nothing asked"
    with world("find;revoke;pending") as here:
        entry = die_and_swap(here, script, answers, "issue" if certain else "auth")
        assert entry["identity"] == "one" and entry["sent"] != certain, entry
        here.service.start()
        here.service.wait_for_log("and issued its certificate")
        here.service.stop()
        (issued,) = here.records("certificates")
        assert issued["identity"] == ("two" if certain else "one"), issued
        assert len(here.calls("issue")) == (2 if certain else 1) and len(here.calls("signed")) == 1
        if certain:
            assert here.calls("find") == []
        check_inventory(here)


def test_an_earlier_ca_that_nobody_knows_any_more():
    with world("find;revoke;pending") as here:
        entry = die_and_swap(here, *BEFORE_SWAP["with a ticket"], "issue")
        assert "ticket" in entry
        with contextlib.closing(sqlite3.connect(here.service.directory / "store/dps.sqlite")) as database:
            assert database.execute("DELETE FROM record WHERE collection = 'ca-versions'").rowcount > 0
            database.commit()
        here.service.start()
        here.service.wait_for_log("is not known any more; the one of this name now is asked anew")
        here.service.wait_for_log("and issued its certificate")
        here.service.stop()
        (issued,) = here.records("certificates")
        (orphan,) = here.records("orphans")
        assert issued["identity"] == "two" and orphan["identity"] == "one" and orphan["ticket"] == entry["ticket"], (issued, orphan)
        assert here.calls("poll") == [] and len(here.calls("issue")) == 2 and here.records("journal") == []


# --- two certificate authorities: whatever dies, the device gets one certificate --------------------------------------------------

BOTH = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "scripted", "standbyCertificateAuthorityName": "standby"}}

# What the primary does until the process is killed, and where that is.
DEATHS = {
    "after the intent is written": ("journal:after:1", "script=issue"),
    "before it issues": (NEVER, "script=kill"),
    "after it has issued": (NEVER, "script=kill-signed"),
    "while it is searched": (NEVER, "script=ambiguous-issued\nfinds=kill"),
    "while it is polled": (NEVER, "script=pending\npolls=kill"),
    "while it says what is to be trusted": (NEVER, "script=issue\ntrusts=kill-signed"),
    "before the result is written": ("certificates:before:1", "script=issue"),
    "after the result is written": ("certificates:after:1", "script=issue"),
}
BACK = "script=issue\npolls=issue"
GONE = "script=unavailable\nfinds=unavailable\npolls=unavailable\ntrusts=unavailable"


def configure_both(here, kill_at, primary, patience):
    second = here.service.scratch / "second"
    second.touch()
    store = f"type=killing\ninner=store-sqlite\nkill-at={kill_at}" if kill_at else "type=sqlite"
    keys = "type=scripted\ncertificate=ca/root.pem\nkey=ca/root.key\ncapabilities=find;revoke;pending\n"
    (here.service.directory / "dps.conf.d/50-test.conf").write_text(
        f"[service]\nambiguity-patience={patience}\n[store main]\n{store}\n[ca scripted]\n{keys}ledger={here.ledger}\n{primary}\n"
        f"[ca standby]\n{keys}ledger={second}\n")
    return second


def count_signed(ledger):
    return sum(line.startswith("signed ") for line in ledger.read_text().splitlines())


def dies_with_a_standby(point, afterwards):
    kill_at, primary = DEATHS[point]
    with world("") as here:
        configure_both(here, NEVER, BACK, "1h")
        here.service.start()
        key = here.service.enroll("pump-1", **BOTH)
        here.service.stop()
        csr = make_csr(WORK, "pump-1")[1].read_text()
        second = configure_both(here, kill_at, primary, "1h")
        here.service.start()
        operation, _ = provision_until_death(here, key, csr)
        unfinished = len(here.records("journal")) > 0
        pending = point == "while it is polled"
        configure_both(here, NEVER, afterwards, "2s")
        here.service.start()
        if unfinished and not (pending and afterwards is GONE):
            here.service.wait_for_log("and issued its certificate", 1)
        here.service.stop()
        issued = [record for record in here.records("certificates") if record["status"] == "issued"]
        if not unfinished:
            assert len(issued) == 1 and count_signed(second) == 0
        elif pending and afterwards is GONE:
            # Its ticket is the primary's, and it may be back tomorrow.
            assert not issued and count_signed(second) == 0 and len(here.records("journal")) == 1
        elif afterwards is GONE:
            (orphan,) = here.records("orphans")
            assert len(issued) == 1 and count_signed(second) == 1, here.service.read_log()
            assert issued[0]["certificateAuthority"] == "standby" and orphan["certificateAuthority"] == "scripted", (issued, orphan)
        else:
            assert len(issued) == 1 and len(here.calls("signed")) == 1 and count_signed(second) == 0, here.service.read_log()
            assert here.records("orphans") == [] and here.records("journal") == []


def test_superseded_operations_are_resumed_too():
    with world("pending") as here:
        here.configure(script="pending", more="polls=pending\n")
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        operations = []
        for _ in range(2):
            csr = make_csr(WORK, "pump-1")[1].read_text()
            reply = Device(here.service, "pump-1", key).ask("PUT", "/register", PREVIEW, {"clientCertificateCsr": csr})
            operations.append(reply.json["operationId"])
        here.service.kill()
        assert len(here.records("journal")) == 2 and operations[0] != operations[1]
        # With or without a ticket in the journal, as far as each had come.
        here.configure(more="polls=issue\n")
        here.service.start()
        here.service.wait_for_log("and issued its certificate", 2)
        here.service.stop()
        check_inventory(here)
        assert len(here.records("certificates")) == 2
        (registration,) = here.records("registrations")
        assert registration["operationId"] == operations[1] and registration["state"]["status"] == "assigned", registration


def test_an_orderly_stop_keeps_what_is_under_way():
    with world("pending") as here:
        here.configure(script="pending", more="polls=pending\n")
        here.service.start()
        key = here.service.enroll("pump-1", **ISSUE)
        csr = make_csr(WORK, "pump-1")[1].read_text()
        device = Device(here.service, "pump-1", key)
        operation = device.ask("PUT", "/register", PREVIEW, {"clientCertificateCsr": csr}).json["operationId"]
        here.service.stop()
        # Once more, with an issuance that was taken up.
        here.service.start()
        here.service.stop()
        here.configure(more="polls=issue\n")
        here.service.start()
        reply = Device(here.service, "pump-1", key).poll(operation)
        assert reply.json["status"] == "assigned", reply
        here.service.stop()
        check_inventory(here)


CAPABILITIES = ("idempotent", "find", "")
CASES = [case(kill_and_recover, f"killed {point}, with a CA that has {capabilities or 'nothing'}", capabilities, point)
         for capabilities in CAPABILITIES for point in POINTS]
CASES += [case(never_fetched, f"never fetched, killed {point}, with a CA that has {capabilities or 'nothing'}", capabilities, point)
          for capabilities in CAPABILITIES for point in POINTS if point not in (*DELIVERED, "before the intent is written")]
CASES += [case(refused_certificate, f"refused certificate, killed {when} it is written, with a CA that has {capabilities}",
               capabilities, when) for capabilities in ("idempotent", "find") for when in ("before", "after")]

CASES += [case(swapped_while_dead, f"swapped while dead, {point}", point) for point in BEFORE_SWAP]
CASES += [case(dies_with_a_standby, f"with a standby, killed {point}, the primary is {word}", point, afterwards)
          for point in DEATHS for word, afterwards in (("back", BACK), ("gone", GONE))]

tap.run(CASES + tap.collect(dict(globals())))
