#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an operator sees and does with certificate authorities, trust bundles and issued certificates: brevet admin."""

import contextlib
import json
import os
import pathlib
import pty
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import PATIENCE, Device, Service, command, free_port, make_csr

BREVET = os.environ["BREVET"]
SECRET = "01abcdef_not-to-be-seen-4711"


class World:
    def __init__(self):
        self.service = Service()
        # What is made of the API alone is asked where nobody answers.
        (self.service.directory / "dps.conf.d/30-ca.conf").write_text(f"[plugin ca-digicert]\nendpoint=https://localhost:{free_port()}\n")
        self.service.start()
        self.ca = self.service.facts["certificateAuthority"]
        self.path = self.service.scratch
        self.connection = self.path / "connection"
        self.connection.write_text(f"HostName=localhost:{self.service.port};SharedAccessKeyName=provisioningserviceowner;"
                                   f"SharedAccessKey={self.service.operator_key}\n")

    def line(self, *words):
        return [str(word) for word in (BREVET, "admin", *words, "--connection-string-file", self.connection,
                                       "--ca-file", self.service.directory / "tls/ca.pem")]

    def run(self, *words, expect=0, stdin=None):
        done = subprocess.run(self.line(*words), input=stdin if stdin is not None else "", capture_output=True, text=True,
                              timeout=PATIENCE, env=dict(os.environ, LANGUAGE="C"))
        assert done.returncode == expect, f"{words} ended with {done.returncode}, not {expect}\n{done.stdout}\n{done.stderr}"
        assert self.service.operator_key not in done.stdout + done.stderr, done
        assert SECRET not in done.stdout + done.stderr, done
        return done

    def status(self, *words):
        return json.loads(self.run("ca", "status", "--json", *words).stdout)

    def provision(self, registration_id, bundle=None, authority=None):
        """A device with a certificate of the configured CA or of another one, which it has fetched."""
        policy = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": authority or self.ca}}
        if bundle is not None:
            policy["trustBundleId"] = bundle
        key = self.service.enroll(registration_id, **policy)
        _, csr = make_csr(self.path, registration_id)
        reply = Device(self.service, registration_id, key).register(clientCertificateCsr=csr.read_text())
        assert reply.status == 200, reply
        return reply.json["registrationState"]


world = World()


def test_status_says_how_the_authority_is_once_it_was_checked():
    status = world.status(world.ca, "--check")
    assert status["name"] == world.ca and status["state"] == "ok" and status["circuit"] == "closed", status
    assert status["checkedAt"] and status["expires"], status
    shown = world.run("ca", "status", world.ca).stdout
    for words in (world.ca, "well", "Expires", "in flight", "Devices"):
        assert words in shown, (words, shown)
    table = world.run("ca", "status", "--check").stdout
    assert "IN FLIGHT" in table and world.ca in table and "well" in table, table


def test_trust_bundle_that_follows_an_authority_shows_who_has_it():
    world.run("trust-bundle", "create", "plant", expect=2)
    shown = world.run("trust-bundle", "create", "plant", "--ca", world.ca).stdout
    assert "plant" in shown and "current" in shown, shown
    done = world.run("trust-bundle", "create", "plant", "--ca", world.ca, expect=3)
    assert "“plant” exists already" in done.stderr, done.stderr
    world.provision("pump-1", "plant")
    everything = world.status()
    bundle = next(each for each in everything["trustBundles"] if each["id"] == "plant")
    assert bundle["certificateAuthorities"] == [world.ca], bundle
    table = world.run("ca", "status").stdout
    assert "TRUST BUNDLE" in table and "CARRIES" in table and "plant" in table, table
    assert world.run("trust-bundle", "show", "plant").stdout.startswith("TRUST BUNDLE")


def test_authority_is_created_with_a_key_that_nobody_sees_and_deleted():
    key = world.path / "api.key"
    key.write_text(SECRET + "\n")
    world.run("ca", "create", "cloud", "--profile", "p", expect=2)
    done = world.run("ca", "create", "cloud", "--type", "NoSuchAuthority", expect=1)
    assert "NoSuchAuthority" in done.stderr and "DigiCertCertificateAuthority, " in done.stderr, done.stderr
    arguments = ["--type", "DigiCertCertificateAuthority", "--profile", "4f9e6b0e-7c53-4a2f-9d39-0d0f7d0b1a11", "--api-key-file"]
    shown = world.run("ca", "create", "cloud", *arguments, key).stdout
    assert "DigiCertCertificateAuthority" in shown and "4f9e6b0e" in shown, shown
    done = world.run("ca", "create", "cloud", *arguments, "-", expect=3, stdin=SECRET)
    assert "“cloud” exists already" in done.stderr, done.stderr
    world.run("ca", "create", "cloud", *arguments, "-", "--replace", stdin=SECRET)
    etag = json.loads(world.run("ca", "show", "cloud", "--json").stdout)["etag"]
    done = world.run("ca", "create", "cloud", *arguments, key, "--if-match", '"another"', expect=3)
    assert "412" in done.stderr, done.stderr
    assert "cloud" in world.run("ca", "list").stdout
    assert SECRET not in json.dumps(world.service.stored("certificateAuthorities")), "the key is stored in plain text"
    world.run("ca", "delete", "cloud", "--if-match", '"another"', expect=3)
    world.run("ca", "delete", "cloud", "--if-match", etag)
    world.run("ca", "show", "cloud", expect=1)
    done = world.run("ca", "create", "cloud", *arguments, world.path / "missing", expect=5)
    assert "missing" in done.stderr, done.stderr


def test_what_an_authority_was_before_leaves_the_table_readable():
    world.run("ca", "create", "moved", "--type", "LocalCertificateAuthority")
    world.provision("mover", authority="moved")
    identity = world.status("moved")["identity"]
    key = world.path / "another.key"
    key.write_text(SECRET + "\n")
    world.run("ca", "create", "moved", "--replace", "--type", "DigiCertCertificateAuthority",
              "--profile", "4f9e6b0e-7c53-4a2f-9d39-0d0f7d0b1a11", "--api-key-file", key)
    # It may be down by now, which the exit code says.
    table, whole = (subprocess.run(world.line("ca", "status", *name), capture_output=True, text=True, timeout=PATIENCE, check=False,
                                   env=dict(os.environ, LANGUAGE="C")).stdout for name in ((), ("moved",)))
    row = next(line for line in table.splitlines() if "earlier:" in line)
    assert "…" in row and len(row) < 132 and row.split()[1] == identity.split()[0], table
    assert identity in whole, whole
    world.run("ca", "create", "moved", "--replace", "--type", "LocalCertificateAuthority")


def test_issued_certificates_are_listed_shown_and_revoked():
    world.provision("pump-2")
    listed = json.loads(world.run("issued", "list", "pump-2", "--json").stdout)
    assert listed["registrationId"] == "pump-2" and listed["status"] == "issued", listed
    assert listed["certificateAuthorityName"] == world.ca, listed
    assert "pump-2" in world.run("issued", "list").stdout
    assert world.run("issued", "list", "nobody").stdout == ""
    done = world.run("issued", "revoke", listed["id"], expect=2)
    assert "--yes" in done.stderr, done.stderr
    done = world.run("issued", "revoke", listed["id"], "--yes", "--reason", "boredom", expect=2)
    assert "boredom" in done.stderr, done.stderr
    assert json.loads(world.run("issued", "show", listed["id"], "--json").stdout)["status"] == "issued"
    shown = world.run("issued", "revoke", listed["id"], "--yes", "--reason", "Key-compromise", "--comment", "stolen").stdout
    assert "revoked (keyCompromise)" in shown and "stolen" in shown, shown
    assert "revoked" in world.run("issued", "show", listed["id"]).stdout
    world.run("issued", "revoke", listed["id"], "--yes", "--reason", "key_compromise")
    done = world.run("issued", "revoke", listed["id"], "--yes", "--reason", "superseded", expect=3)
    assert "409" in done.stderr, done.stderr
    world.run("issued", "show", "AB:CD", expect=1)


def test_list_of_issued_certificates_goes_on_over_its_pages():
    key = world.service.enroll("pump-9", clientCertificateIssuancePolicy={"certificateAuthorityName": world.ca})
    # Another request than before never joins the operation that has just ended.
    for directory in ("one", "two"):
        (world.path / directory).mkdir()
    requests = [make_csr(world.path / directory, "pump-9")[1].read_text() for directory in ("one", "two")]
    serials = set()
    for turn in range(102):
        reply = Device(world.service, "pump-9", key).register(clientCertificateCsr=requests[turn % 2])
        serials.add(reply.json["registrationState"]["issuedClientCertificate"])
    everything = [json.loads(line)["id"] for line in world.run("issued", "list", "pump-9", "--json").stdout.splitlines()]
    assert len(everything) == len(set(everything)) == len(serials) > 100, (len(everything), len(serials))


def test_person_is_asked_before_a_certificate_is_revoked():
    world.provision("pump-3")
    identifier = json.loads(world.run("issued", "list", "pump-3", "--json").stdout)["id"]
    for answer, status in (("n\n", "issued"), ("y\n", "revoked")):
        master, slave = pty.openpty()
        process = subprocess.Popen(world.line("issued", "revoke", identifier), stdin=slave, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=dict(os.environ, LANGUAGE="C"))
        os.close(slave)
        os.write(master, answer.encode())
        _, errors = process.communicate(timeout=PATIENCE)
        os.close(master)
        assert "Revoke the certificate" in errors, errors
        assert process.returncode == (0 if status == "revoked" else 1), (process.returncode, errors)
        assert json.loads(world.run("issued", "show", identifier, "--json").stdout)["status"] == status


def test_authority_that_is_down_is_seen_in_the_exit_code():
    world.run("ca", "create", "away", "--type", "DigiCertCertificateAuthority", "--profile", "4f9e6b0e-7c53-4a2f-9d39-0d0f7d0b1a11",
              "--api-key-file", "-", stdin=SECRET)
    done = subprocess.run(world.line("ca", "status", "away", "--check"), capture_output=True, text=True, timeout=PATIENCE,
                          env=dict(os.environ, LANGUAGE="C"))
    assert done.returncode == 1 and "down" in done.stdout, done
    done = subprocess.run(world.line("ca", "status"), capture_output=True, text=True, timeout=PATIENCE,
                          env=dict(os.environ, LANGUAGE="C"))
    assert done.returncode == 1 and "away" in done.stdout and "down" in done.stdout, done
    world.run("ca", "delete", "away")


def spoil(*records):
    """Puts records there that nobody can read; without any, takes them out again."""
    world.service.stop()
    with contextlib.closing(sqlite3.connect(world.service.directory / "store/dps.sqlite")) as database:
        database.execute("DELETE FROM record WHERE etag = 'spoilt'")
        for number, (collection, key) in enumerate(records):
            database.execute("INSERT INTO record (id, collection, key, etag, created, updated, body) "
                             "VALUES (?, ?, ?, 'spoilt', 1, 1, X'7B')", (10**9 + number, collection, key))
        database.commit()
    world.service.start()


def test_what_the_service_cannot_read_is_said():
    spoil(("journal", "a"), ("journal", "b"), ("trust-bundles", "c"), ("certificates", "d"), ("certificates", "e"))
    try:
        assert world.status(world.ca)["unreadableRecords"] == 2
        assert all(entry["unreadableRecords"] == 2 for entry in world.status()["trustBundles"])
        for words in (("ca", "status"), ("ca", "status", world.ca), ("trust-bundle", "show", "plant")):
            shown = world.run(*words)
            assert shown.stdout.count("Warning: records that the service cannot read: 2") == 1, shown.stdout
        assert "1 record of the service cannot be read" in world.run("ca", "status").stderr
        for words in (("issued", "list"), ("issued", "list", "--json")):
            shown = world.run(*words)
            assert "2 records of the service cannot be read" in shown.stderr and "Warning" not in shown.stdout, shown
    finally:
        spoil()
    shown = world.run("ca", "status")
    assert "Warning" not in shown.stdout + shown.stderr, shown


def test_service_that_is_not_trusted_is_answered_with_the_option():
    line = [word for word in world.line("ca", "list") if word != "--ca-file" and not word.endswith("tls/ca.pem")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, env=dict(os.environ, LANGUAGE="C"))
    assert done.returncode == 5 and "--ca-file" in done.stderr, done


def test_help_names_the_commands():
    for words, text in ((["admin", "ca"], "status"), (["admin", "issued"], "revoke"), (["admin", "trust-bundle"], "create"),
                        (["admin", "ca", "status"], "--check")):
        done = command(BREVET, "help", *words, env=dict(os.environ, LANGUAGE="C"))
        assert text in done.stdout, (words, done.stdout)


try:
    tap.run(tap.collect(globals()))
finally:
    world.service.clean_up()
