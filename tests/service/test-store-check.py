#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet-dps store: what cannot be read is found, and put out of the way of the service without being lost."""

import contextlib
import json
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import DPS, Device, Service, command, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
HEADERS = pathlib.Path(__file__).parent.parent.parent / "core/service"
DAMAGED = b'{"registrationId":"pump-7"'


@contextlib.contextmanager
def world():
    """A service that has issued a certificate and does not run."""
    service = Service()
    try:
        service.start()
        name = next(entry["name"] for entry in service.operate("GET", "/certificateAuthorityStatus").json)
        key = service.enroll("pump-7", clientCertificateIssuancePolicy={"certificateAuthorityName": name})
        reply = Device(service, "pump-7", key).register(clientCertificateCsr=make_csr(WORK, "pump-7")[1].read_text())
        assert reply.status == 200 and reply.json["status"] == "assigned", reply
        service.stop()
        yield service
    finally:
        service.clean_up()


def change(service, statement, *values):
    with contextlib.closing(sqlite3.connect(service.directory / "store/dps.sqlite")) as database:
        database.execute(statement, values)
        database.commit()


def spoil(service, collection, body=DAMAGED):
    change(service, "UPDATE record SET body = ? WHERE collection = ?", body, collection)


def rows(service, collection):
    with contextlib.closing(sqlite3.connect(f"file:{service.directory}/store/dps.sqlite?mode=ro", uri=True)) as database:
        return database.execute("SELECT key, parent, body, updated FROM record WHERE collection = ?", (collection,)).fetchall()


def store(service, *arguments, expect=0):
    return command(DPS, "store", arguments[0], "--config", service.directory / "dps.conf", *arguments[1:], expect=expect)


def check(service, expect=0):
    return json.loads(store(service, "check", "--json", expect=expect).stdout)


def test_every_collection_is_checked():
    defined = set()
    for header in HEADERS.glob("*.h"):
        defined |= set(re.findall(r'#define BREVET_COLLECTION_\w+\s+"([^"]+)"', header.read_text()))
    assert len(defined) >= 18, defined
    with world() as service:
        result = check(service)
    checked = {entry["collection"] for entry in result["collections"]}
    assert checked == defined, checked ^ defined
    assert result["unreadable"] == [] and result["aside"] == []
    assert {entry["collection"]: entry["records"] for entry in result["collections"]}["enrollments"] == 1


def test_what_cannot_be_read_is_listed_while_the_service_runs():
    with world() as service:
        spoil(service, "enrollments")
        service.start()
        result = check(service, expect=3)
        assert [(entry["collection"], entry["key"]) for entry in result["unreadable"]] == [("enrollments", "pump-7")], result
        assert "pump-7" in result["unreadable"][0]["problem"]
        text = store(service, "check", expect=3).stdout
        assert "enrollments 'pump-7'" in text and "brevet-dps store set-aside" in text, text
        for arguments in (("set-aside", "enrollments", "pump-7"), ("set-aside", "--all"), ("bring-back", "enrollments", "pump-7"),
                          ("discard", "enrollments", "pump-7")):
            refused = store(service, *arguments, expect=4)
            assert "in use" in refused.stderr, refused
        service.stop()


def test_set_aside_and_brought_back():
    with world() as service:
        spoil(service, "enrollments")
        before = rows(service, "enrollments")
        told = store(service, "set-aside", "enrollments", "pump-7").stdout
        assert "enrollments pump-7" in told and "cannot register" in told, told
        assert rows(service, "enrollments") == [] and rows(service, "aside-enrollments") == before
        assert [entry["key"] for entry in check(service)["aside"]] == ["pump-7"]
        service.start()
        assert service.operate("GET", "/enrollments/pump-7").status == 404
        service.stop()
        store(service, "bring-back", "enrollments", "pump-7")
        assert rows(service, "enrollments") == before and rows(service, "aside-enrollments") == []
        store(service, "set-aside", "--all")
        assert rows(service, "aside-enrollments") == before
        store(service, "discard", "enrollments", "pump-7")
        assert rows(service, "aside-enrollments") == []
        assert "can be read" in store(service, "set-aside", "--all").stdout


def test_what_counts_devices_is_made_anew_when_it_was_set_aside():
    """Who puts everything aside must not lose the root of a CA that a device uses."""
    with world() as service:
        service.start()
        service.wait_for(lambda: any(key == "/complete" for key, *_ in rows(service, "device-certificates")), "a census")
        service.stop()
        keys = {key for key, *_ in rows(service, "device-certificates")}
        change(service, "UPDATE record SET body = ? WHERE collection = 'device-certificates' AND key LIKE 'pump-7/_%'", b"{")
        assert "made anew from the certificates" in store(service, "set-aside", "--all").stdout
        assert {key for key, *_ in rows(service, "device-certificates")} < keys
        service.start()
        (authority,) = service.operate("GET", "/certificateAuthorityStatus").json
        assert authority["devices"] + authority.get("devicesToCome", 0) == 1 and "unreadableRecords" not in authority, authority
        service.stop()
        assert {key for key, *_ in rows(service, "device-certificates")} == keys
        assert check(service)["unreadable"] == []


def test_nothing_else_is_moved():
    with world() as service:
        everything = rows(service, "enrollments")
        refused = store(service, "set-aside", "enrollments", "pump-7", expect=3)
        assert "can be read" in refused.stderr, refused
        assert "there are: enrollments" in store(service, "set-aside", "pumps", "pump-7", expect=2).stderr
        store(service, "set-aside", "enrollments", "pump-8", expect=1)
        store(service, "bring-back", "enrollments", "pump-7", expect=1)
        store(service, "discard", "enrollments", "pump-7", expect=1)
        store(service, "set-aside", "enrollments", expect=2)
        store(service, "set-aside", "--all", "enrollments", expect=2)
        assert rows(service, "enrollments") == everything
        # Neither of two records of one key is lost.
        spoil(service, "enrollments")
        store(service, "set-aside", "enrollments", "pump-7")
        change(service, "INSERT INTO record SELECT id + 100000, 'enrollments', key, parent, etag, created, updated, body FROM record "
                        "WHERE collection = 'aside-enrollments'")
        both = rows(service, "enrollments"), rows(service, "aside-enrollments")
        assert "lies aside" in store(service, "set-aside", "enrollments", "pump-7", expect=3).stderr
        assert "in its place" in store(service, "bring-back", "enrollments", "pump-7", expect=3).stderr
        assert (rows(service, "enrollments"), rows(service, "aside-enrollments")) == both


def kill(service, kill_at, *arguments):
    drop_in = service.directory / "dps.conf.d/50-test.conf"
    drop_in.write_text(f"[store main]\ntype=killing\ninner=store-sqlite\nkill-at={kill_at}\n")
    done = subprocess.run([DPS, "store", arguments[0], "--config", service.directory / "dps.conf", *arguments[1:]],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == -signal.SIGKILL, done
    drop_in.unlink()


def test_killed_in_the_middle_nothing_is_lost():
    with world() as service:
        spoil(service, "certificates")
        (before,) = rows(service, "certificates")
        kill(service, "aside-certificates:before:1", "set-aside", "--all")
        assert rows(service, "certificates") == [before] and rows(service, "aside-certificates") == []
        kill(service, "aside-certificates:after:1", "set-aside", "certificates", before[0])
        assert rows(service, "certificates") == [] and rows(service, "aside-certificates") == [before]
        kill(service, "certificates:before:1", "bring-back", "certificates", before[0])
        assert rows(service, "certificates") == [] and rows(service, "aside-certificates") == [before]
        kill(service, "certificates:after:1", "bring-back", "certificates", before[0])
        assert rows(service, "certificates") == [before] and rows(service, "aside-certificates") == []


def test_no_store_and_no_configuration():
    with world() as service:
        (service.directory / "dps.conf.d/50-test.conf").write_text("[store main]\ntype=sqlite\nfile=store/none.sqlite\n")
        for words in (("check",), ("set-aside", "--all"), ("bring-back", "journal", "a"), ("discard", "journal", "a")):
            assert "none.sqlite" in store(service, *words, expect=1).stderr, words
        # Whoever only looks, or looks for something, makes none: it would be root's.
        assert not (service.directory / "store/none.sqlite").exists()
    command(DPS, "store", "check", "--config", WORK / "none.conf", expect=5)


if __name__ == "__main__":
    tap.run(tap.collect(globals()))
