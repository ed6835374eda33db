#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a service keeps its state there is no room, nothing may be written, or the key of its secrets is gone: it says so, loses nothing,
and goes on by itself."""

import contextlib
import ctypes
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import PATIENCE, PREVIEW, Device, Service, command, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}
PLAIN = "01d2c6a7e5b84f3c_in-plain-text"
OBJECT = {"certificateAuthorityType": "DigiCertCertificateAuthority", "profileName": "36f011b7-5fa1-4c6d-83f3-ee59c4d54bb0"}
CLONE_NEWNS = 0x20000
FAILED, NOT_CONFIGURED = 1, 5


class Stored(Service):
    """@size: of the file system for the store alone; None for none of its own."""

    def __init__(self, size=None):
        if size is not None and not MAY_MOUNT:
            raise tap.Skip("Not allowed to mount file systems")
        super().__init__(journaled=True)
        self.store = self.directory / "store"
        self.mounts = 0
        (self.directory / "dps.conf.d/30-digicert.conf").write_text("[plugin ca-digicert]\nendpoint=https://127.0.0.1:1\n")
        if size is not None:
            self.mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs")

    def mount(self, *options):
        command("mount", *options, self.store)
        self.mounts += 1

    def unmount(self):
        command("umount", self.store)
        self.mounts -= 1

    def fill(self):
        with contextlib.suppress(OSError), open(self.store / "filler", "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def make_room(self):
        (self.store / "filler").unlink()

    def allow_files(self, number):
        command("mount", "-o", f"remount,nr_inodes={1 + number}", self.store)

    def put_object(self, name="plant", **members):
        return self.operate("PUT", f"/certificateAuthorities/{name}", {**OBJECT, "apiKey": PLAIN, **members})

    def register(self, registration_id, key):
        _key, csr = make_csr(WORK, registration_id)
        return Device(self, registration_id, key).register(clientCertificateCsr=csr.read_text())

    def start_in_vain(self, status):
        """Returns what it says."""
        done = subprocess.run([os.environ["BREVET_DPS"], "run", "--config", self.directory / "dps.conf"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == status, done
        return done.stderr

    def write_plain(self, name="plant"):
        """As a former version of brevet has stored it."""
        with contextlib.closing(sqlite3.connect(self.store / "dps.sqlite")) as database:
            body = {"name": name, **OBJECT, "apiKey": PLAIN}
            database.execute("UPDATE record SET body = ? WHERE collection = 'certificate-authorities' AND key = ?",
                             (json.dumps(body).encode(), name))
            database.commit()

    def is_written_down(self, text):
        return any(text.encode() in path.read_bytes() for path in self.store.iterdir() if path.name != "filler")


@contextlib.contextmanager
def stored(size=None):
    service = Stored(size)
    try:
        yield service
    finally:
        if service.process is not None:
            service.kill()
        for _ in range(service.mounts):
            command("umount", service.store)
        service.clean_up()


def assert_unavailable(reply):
    assert reply.status == 503 and 2 <= int(reply.headers["retry-after"]) <= 59, reply
    assert b"/" not in reply.raw, reply


def test_a_full_disk():
    with stored("3m") as service:
        service.start()
        keys = [service.enroll(f"pump-{number}", **ISSUE) for number in range(2)]
        assert service.register("pump-0", keys[0]).json["status"] == "assigned"
        (issued,) = service.operate("GET", "/issuedCertificates", version="2021-10-01").json
        service.fill()
        device = Device(service, "pump-1", keys[1])
        assert_unavailable(device.ask("PUT", "/register", PREVIEW, {"registrationId": "pump-1"}))
        assert_unavailable(service.put_object())
        assert_unavailable(service.operate("PUT", "/trustBundles/roots", {"certificateAuthorities": ["local"]}))
        revoke = f"/issuedCertificates/{issued['id']}/revoke"
        assert_unavailable(service.operate("POST", revoke, {"reason": "keyCompromise"}, version="2021-10-01"))
        # What can be read is.
        assert Device(service, "pump-0", keys[0]).ask("POST", "", PREVIEW, {"registrationId": "pump-0"}).status == 200
        assert [path.name for path in service.store.iterdir() if "secrets" in path.name] == []
        assert "disk full; make room" in service.read_log() and "No space left on device; make room" in service.read_log()
        service.make_room()
        assert service.register("pump-1", keys[1]).json["status"] == "assigned"
        assert service.put_object().status == 200
        assert service.operate("POST", revoke, {"reason": "keyCompromise"}, version="2021-10-01").status == 200
        service.stop()


def test_a_start_on_a_full_disk():
    """A key that a former version has stored in plain text waits for room, and is then overwritten while the service runs"""
    with stored("3m") as service:
        service.start()
        key = service.enroll("pump-0", **ISSUE)
        assert service.put_object().status == 200
        service.stop()
        service.write_plain()
        (service.store / "secrets.key").unlink()
        service.fill()
        assert "disk full; make room" in service.start_in_vain(FAILED)
        # There is room for the database, its lock and the two files that it has while it is open, and none for a key.
        service.make_room()
        service.allow_files(4)
        service.start()
        service.wait_for_log("stays in the store as it is")
        service.allow_files(100)
        assert service.register("pump-0", key).json["status"] == "assigned"
        service.wait_for_log("are sealed now")
        assert not service.is_written_down(PLAIN)
        assert "apiKey" not in service.stored("certificate-authorities")["plant"]
        service.stop()


def test_a_disk_that_must_not_be_written():
    with stored("3m") as service:
        service.start()
        key = service.enroll("pump-0", **ISSUE)
        service.stop()
        service.mount("--bind", service.store)
        command("mount", "-o", "remount,bind,ro", service.store)
        words = service.start_in_vain(NOT_CONFIGURED)
        assert "Read-only file system" in words and str(service.store) in words, words
        service.unmount()
        service.start()
        assert service.register("pump-0", key).json["status"] == "assigned"
        service.stop()


def test_a_key_that_is_gone_is_written_again():
    with stored() as service:
        service.start()
        assert service.put_object().status == 200
        file = service.store / "secrets.key"
        key = file.read_bytes()
        service.stop()
        service.start()
        file.unlink()
        service.wait_for_log("was gone, and has been written again")
        assert file.read_bytes() == key and file.stat().st_mode & 0o777 == 0o600
        # A reload, which would begin without it, does not wait for that.
        file.unlink()
        service.reload()
        service.wait_for_log("Reloaded the configuration")
        assert file.read_bytes() == key
        assert "cannot be opened" not in service.read_log()
        service.stop()


def test_a_key_that_another_one_has_replaced_is_told_before_it_is_missed():
    with stored() as service:
        service.start()
        assert service.put_object().status == 200
        service.stop()
        service.start()
        file = service.store / "secrets.key"
        file.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
        service.wait_for_log("put it back as one of its lines")
        assert file.read_text().startswith("AAEC")
        service.stop()


libc = ctypes.CDLL(None, use_errno=True)
MAY_MOUNT = os.geteuid() == 0 and libc.unshare(CLONE_NEWNS) == 0 and \
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL, check=False).returncode == 0

tap.run(tap.collect(dict(globals())))
