#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet-dps is killed at every step of a revocation: what an operator has revoked is revoked, and the CA is told."""

import contextlib
import http.client
import pathlib
import signal
import ssl
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import PATIENCE, Device, Service, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "scripted"}}
CUT_OFF = (ConnectionError, http.client.HTTPException, ssl.SSLError)

# Longer than a record is taken for.
LATER = 400


class World:
    """A service whose storage or CA kills it, and a device that has its certificate."""

    def __init__(self):
        self.service = Service(journaled=True)
        self.ledger = self.service.scratch / "ledger"
        self.ledger.touch()
        self.configure()
        self.service.start()
        key = self.service.enroll("pump-1", **ISSUE)
        reply = Device(self.service, "pump-1", key).register(clientCertificateCsr=make_csr(WORK, "pump-1")[1].read_text())
        assert reply.status == 200 and reply.json["status"] == "assigned", reply
        self.certificate = self.service.operate("GET", "/issuedCertificates").json[0]["id"]
        self.service.stop()

    def configure(self, kill_at="", revokes="revoke"):
        store = f"type=killing\ninner=store-sqlite\nkill-at={kill_at}" if kill_at else "type=sqlite"
        (self.service.directory / "dps.conf.d/50-test.conf").write_text(
            f"[store main]\n{store}\n[ca scripted]\ntype=scripted\ncertificate=ca/root.pem\nkey=ca/root.key\nledger={self.ledger}\n"
            f"capabilities=revoke\nrevokes={revokes}\n")

    def revoke(self):
        return self.service.operate("POST", f"/issuedCertificates/{self.certificate}/revoke", {"reason": "keyCompromise"})

    def told(self):
        return [line.split()[2:] for line in self.ledger.read_text().splitlines() if line.startswith("revoke ")]

    def expect_death(self):
        status = self.service.process.wait(PATIENCE)
        assert status == -signal.SIGKILL, f"{status}\n{self.service.read_log()}"
        self.service.process.stdout.close()
        self.service.log.close()
        self.service.process = None


def kill_and_recover(kill_at="", revokes="revoke", times=1, is_known=True):
    """Dies at a point; the next process owes the rest to nobody who asks for it."""
    here = World()
    try:
        here.configure(kill_at, revokes)
        here.service.start()
        with contextlib.suppress(*CUT_OFF):
            here.revoke()
        here.expect_death()
        here.configure()
        here.service.journal.seconds_ahead = LATER
        here.service.start()
        if not is_known:
            assert here.service.operate("GET", f"/issuedCertificates/{here.certificate}").json["status"] == "issued"
            assert here.told() == []
            assert here.revoke().status == 200
        here.service.wait_for_log("“scripted” has revoked a certificate of pump-1")
        again = here.revoke()
        assert again.status == 200 and again.json["revocation"]["reason"] == "keyCompromise", again
        here.service.stop()
        assert here.service.stored("revocations") == {}
        assert [record["status"] for record in here.service.stored("certificates").values()] == ["revoked"]
        assert len(here.told()) == times and len(set(map(tuple, here.told()))) == 1, here.told()
    finally:
        here.service.clean_up()


def test_a_clock_that_was_ahead():
    """What was put off while the clock was wrong does not wait until that time comes"""
    here = World()
    try:
        here.configure(revokes="auth")
        here.service.journal.seconds_ahead = 40 * 86400
        here.service.start()
        assert here.revoke().status == 200
        here.service.wait_for_log("fails, and is tried again")
        here.service.stop()
        here.configure()
        here.service.journal.seconds_ahead = 0
        here.service.start()
        here.service.wait_for_log("“scripted” has revoked a certificate of pump-1")
        here.service.stop()
        assert here.service.stored("revocations") == {}
    finally:
        here.service.clean_up()


def test_before_it_is_written():
    kill_and_recover("revocations:before:1", is_known=False)


def test_after_it_is_written():
    kill_and_recover("revocations:after:1")


def test_before_it_is_taken_up():
    kill_and_recover("revocations:before:2")


def test_after_it_is_taken_up():
    kill_and_recover("revocations:after:2")


def test_when_the_authority_is_asked():
    kill_and_recover(revokes="kill")


def test_when_the_authority_has_done_it():
    kill_and_recover(revokes="kill-revoked", times=2)


tap.run(tap.collect(dict(globals())))
