#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ceremony of a local CA: a root on its own host, the issuing key on the server, roll-overs. OpenSSL judges what comes out."""

import contextlib
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import softhsm
import tap
from dps import DPS, Device, Service, command, make_csr
from preload import preload

PASSWORD = "open sesame"


def snapshot(directory):
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in directory.rglob("*") if path.is_file()}


class World:
    """A host without network, and a server with a configuration that has no CA yet."""

    def __init__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="brevet-ceremony-"))
        self.offline = self.scratch / "offline"
        self.offline.mkdir()
        self.server = self.scratch / "server"
        (self.server / "ca").mkdir(parents=True)
        self.config = self.server / "dps.conf"
        self.config.write_text("[service]\nid-scope=0ne00000001\n")
        self.environment = dict(os.environ)

    def ca(self, verb, *arguments, expect=0, environment=None):
        return command(DPS, "ca", verb, *arguments, expect=expect, env=environment or self.environment)

    def on_server(self, verb, *arguments, **options):
        return self.ca(verb, *arguments, "--config", self.config, **options)

    def init(self, name="root", *options, **more):
        self.ca("init", "--directory", self.offline / name, "--subject", f"Test {name}", "--operator", "Ada", *options, **more)
        return self.offline / name

    def csr(self, *options):
        done = self.on_server("csr", "factory", *options)
        return pathlib.Path(re.search(r"^Request: (.*)$", done.stdout, re.M)[1])

    def rotate(self, *options):
        done = self.on_server("rotate", "factory", *options)
        return pathlib.Path(re.search(r"^Request: (.*)$", done.stdout, re.M)[1])

    def sign(self, csr, root, *options):
        """Carries the request over, signs it, and carries the result back."""
        carried = self.offline / csr.name
        shutil.copy(csr, carried)
        self.ca("sign", carried, "--directory", root, "--yes", *options)
        return carried.with_suffix(".pem")

    def status(self):
        return json.loads(self.on_server("status", "factory", "--json").stdout)

    def sha256(self, path):
        return hashlib.sha256(self.der(path)).hexdigest()

    def der(self, path):
        return subprocess.run(["openssl", "x509", "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout

    def settings(self):
        """What is in force for the CA: its drop-in."""
        text = (self.server / "dps.conf.d/50-ca-factory.conf").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))

    def set_up(self, *csr_options):
        root = self.init()
        signed = self.sign(self.csr(*csr_options), root)
        self.on_server("import", "factory", signed, "--root-sha256", self.sha256(root / "root.pem"))
        return root


@contextlib.contextmanager
def world():
    here = World()
    try:
        yield here
    finally:
        shutil.rmtree(here.scratch)


def x509(path, *options):
    return command("openssl", "x509", "-in", path, "-noout", *options).stdout


def verify(root, certificate, *untrusted):
    return command("openssl", "verify", "-x509_strict", "-CAfile", root, *(x for path in untrusted for x in ("-untrusted", path)),
                   certificate).stdout


def check_root(path, subject="Test root", years=20):
    text = x509(path, "-text")
    assert f"Subject: CN = {subject}" in text and f"Issuer: CN = {subject}" in text, text
    assert "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:1\n" in text, text
    assert "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n" in text, text
    assert "ecdsa-with-SHA384" in text and "NIST CURVE: P-384" in text, text
    assert "X509v3 Subject Key Identifier" in text, text
    verify(path, path)
    command("openssl", "x509", "-in", path, "-noout", "-checkend", (years * 365 - 1) * 86400)


def test_the_whole_ceremony_with_files():
    """Root, request, signature, import: each file is what it should be, and openssl agrees"""
    with world() as here:
        root = here.init()
        check_root(root / "root.pem")
        assert (root / "root.key").stat().st_mode & 0o777 == 0o600
        assert root.stat().st_mode & 0o777 == 0o700
        csr = here.csr()
        assert not (here.server / "dps.conf.d").exists()
        assert "self-signature verify OK" in command("openssl", "req", "-in", csr, "-noout", "-verify").stderr
        assert csr.with_suffix(".key").stat().st_mode & 0o777 == 0o600
        assert here.csr() == csr, "asked again, there is another request"
        signed = here.sign(csr, root, "--operator", "Grace")
        text = x509(signed, "-text")
        assert "CA:TRUE, pathlen:0\n" in text and "Certificate Sign, CRL Sign\n" in text and "Issuer: CN = Test root" in text, text
        verify(root / "root.pem", signed)
        fingerprint = here.sha256(root / "root.pem")
        record = next(path for path in root.glob("record-*.txt") if "issuing" in path.read_text()).read_text()
        assert "Grace" in record and ":".join(re.findall("..", fingerprint.upper())) in record, record
        assert hashlib.sha256(here.der(signed)).hexdigest().upper() in record.replace(":", ""), record
        here.on_server("import", "factory", signed, "--root-sha256", fingerprint)
        assert here.settings()["certificate"] == str(csr.with_suffix(".pem"))
        assert here.settings()["key"] == str(csr.with_suffix(".key"))
        status = here.status()
        assert [one["sha256"] for one in status["chain"]] == [here.sha256(signed), fingerprint], status
        assert [one["sha256"] for one in status["trust"]] == [fingerprint], status
        assert "next" not in status and "request" not in status, status
        shown = here.ca("status", "--directory", root).stdout
        assert "Test root" in shown and shown.count("Record: ") == 2, shown


def test_a_password_protects_the_root():
    """An encrypted key opens with its password, and with no other"""
    with world() as here:
        password = here.scratch / "password"
        password.write_text(PASSWORD + "\n")
        root = here.init("root", "--password-file", password)
        assert "ENCRYPTED PRIVATE KEY" in (root / "root.key").read_text()
        csr = here.csr()
        carried = here.offline / csr.name
        shutil.copy(csr, carried)
        assert "no password" in here.ca("sign", carried, "--directory", root, "--yes", expect=5).stderr
        password.write_text("wrong\n")
        failed = here.ca("sign", carried, "--directory", root, "--yes", "--password-file", password, expect=5).stderr
        assert "password is wrong" in failed and PASSWORD not in failed, failed
        password.write_text(PASSWORD + "\n")
        here.ca("sign", carried, "--directory", root, "--yes", "--password-file", password)


def converse(here, arguments, answers):
    """Runs a command at a terminal: waits for each question, and types the answer. Returns its exit code and what was to be seen."""
    terminal, other = pty.openpty()
    process = subprocess.Popen([str(argument) for argument in (DPS, "ca", *arguments)], stdin=other, stdout=other, stderr=other,
                               env=here.environment, start_new_session=True)
    os.close(other)
    seen = b""
    for question, answer in answers:
        while question not in seen:
            assert select.select([terminal], [], [], 60)[0], f"{question} never came: {seen}"
            seen += os.read(terminal, 4096)
        seen = seen.split(question, 1)[1]
        os.write(terminal, answer.encode() + b"\n")
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], 60)[0] and (chunk := os.read(terminal, 4096)):
            seen += chunk
    os.close(terminal)
    return process.wait(60), seen.decode()


def test_passwords_are_typed_unseen():
    """A password is asked for twice when it is new, once when it is needed, and never shown"""
    with world() as here:
        root = here.offline / "root"
        init = ("init", "--directory", root, "--encrypt")
        code, seen = converse(here, init, [(b"key: ", PASSWORD), (b"more: ", "something else")])
        assert code == 3 and "differ" in seen and not root.exists(), (code, seen)
        code, seen = converse(here, init, [(b"key: ", PASSWORD), (b"more: ", PASSWORD)])
        assert code == 0 and PASSWORD not in seen, (code, seen)
        csr = here.csr()
        sign = ("sign", csr, "--directory", root, "--out", here.offline / "signed.pem")
        code, seen = converse(here, sign, [(b"key: ", PASSWORD), (b"Type yes: ", "no")])
        assert code == 3 and PASSWORD not in seen and not (here.offline / "signed.pem").exists(), (code, seen)
        code, seen = converse(here, sign, [(b"key: ", PASSWORD), (b"Type yes: ", "yes")])
        assert code == 0 and (here.offline / "signed.pem").exists(), (code, seen)
        arguments = ("import", "factory", here.offline / "signed.pem", "--config", here.config)
        code, seen = converse(here, arguments, [(b"Type yes: ", "yes")])
        assert code == 0 and here.settings(), (code, seen)


def test_an_interrupted_question_leaves_the_terminal_as_it_was():
    """Nobody has to type blindly after an interrupted command"""
    with world() as here:
        terminal, other = pty.openpty()
        process = subprocess.Popen([DPS, "ca", "init", "--directory", str(here.offline / "root"), "--encrypt"], stdin=other,
                                   stdout=other, stderr=other, env=here.environment, start_new_session=True)
        seen = b""
        while b"key: " not in seen:
            assert select.select([terminal], [], [], 60)[0], seen
            seen += os.read(terminal, 4096)
        assert not termios.tcgetattr(other)[3] & termios.ECHO
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM and not (here.offline / "root").exists()
        assert termios.tcgetattr(other)[3] & termios.ECHO
        os.close(terminal)
        os.close(other)


def test_root_makes_files_for_the_service():
    """What root makes in the directory of the service's user belongs to that user"""
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with world() as here:
        nobody = 65534
        for path in (here.scratch, here.server):
            path.chmod(0o755)
        os.chown(here.server / "ca", nobody, nobody)
        os.chown(here.config, 0, nobody)
        here.config.chmod(0o640)
        root = here.init()
        csr = here.csr()
        assert csr.with_suffix(".key").stat().st_uid == nobody and csr.with_suffix(".key").stat().st_mode & 0o777 == 0o600
        here.on_server("import", "factory", here.sign(csr, root), "--yes")
        for path in (here.server / "ca").iterdir():
            assert path.stat().st_uid == nobody, path
        drop_in = here.server / "dps.conf.d/50-ca-factory.conf"
        status = drop_in.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, nobody, 0o640), status


def test_keys_in_tokens():
    """Root and issuing key are made in tokens and never leave them"""
    with world() as here, softhsm.Tokens("root", "issuing") as tokens:
        here.environment = tokens.environment
        here.config.write_text(f"[service]\nid-scope=0ne00000001\n[pkcs11]\nmodule={tokens.plain_module}\n")
        module = ("--module", tokens.plain_module, "--password-file", tokens.pin_file)
        root = here.init("root", "--token", "pkcs11:token=root", *module)
        check_root(root / "root.pem")
        assert not (root / "root.key").exists() and "pin" not in (root / "root.uri").read_text()
        csr = here.csr("--token", "pkcs11:token=issuing", "--password-file", tokens.pin_file)
        signed = here.sign(csr, root, *module)
        verify(root / "root.pem", signed)
        here.on_server("import", "factory", signed, "--root-sha256", here.sha256(root / "root.pem"))
        assert here.settings()["key"].startswith("pkcs11:") and "1234" not in here.settings()["key"], here.settings()
        assert here.settings()["key-password-file"] == str(tokens.pin_file)
        assert not list((here.server / "ca").glob("*.key"))
        first = here.settings()
        second = here.rotate()
        assert here.status()["request"] == str(second)
        here.on_server("import", "factory", here.sign(second, root, *module))
        assert here.settings()["key"].startswith("pkcs11:") and here.settings()["key"] != first["key"]
        assert not list((here.server / "ca").glob("*.key"))


def test_the_issuing_key_rolls_over():
    """A new key under new names; the old files stay as they are"""
    with world() as here:
        root = here.set_up()
        before, old = snapshot(here.server / "ca"), here.settings()
        csr = here.rotate()
        assert here.settings() == old, "the switch came too early"
        assert here.rotate() == csr
        here.on_server("import", "factory", here.sign(csr, root))
        new = here.settings()
        assert new["certificate"] != old["certificate"] and new["key"] != old["key"], new
        after = snapshot(here.server / "ca")
        for path, digest in before.items():
            assert path.suffix == ".ceremony" or after[path] == digest, path
        status = here.status()
        assert status["replacedCertificate"] == old["certificate"] and "replacedUntil" in status, status
        assert x509(new["certificate"], "-subject") != x509(old["certificate"], "-subject")
        verify(root / "root.pem", new["certificate"])


def test_the_root_rolls_over():
    """Publish, wait, switch, retire; nothing goes too early"""
    with world() as here:
        old_root = here.set_up()
        new_root = here.init("next")
        old, new = here.sha256(old_root / "root.pem"), here.sha256(new_root / "root.pem")
        # Switching without publishing first is refused.
        signed = here.sign(here.rotate(), new_root)
        before = snapshot(here.server)
        refused = here.on_server("import", "factory", signed, "--root-sha256", new, "--force", expect=3)
        assert "not published" in refused.stderr and snapshot(here.server) == before, refused.stderr
        wrong = here.on_server("rotate", "factory", "--root", new_root / "root.pem", "--root-sha256", old, expect=3)
        assert "fingerprint" in wrong.stderr and snapshot(here.server) == before, wrong.stderr
        csr = here.rotate("--root", new_root / "root.pem", "--root-sha256", new)
        assert csr.with_suffix(".pem").name == signed.name
        assert [one["sha256"] for one in here.status()["trust"]] == [old, new]
        assert here.status()["rootRollOver"] == "published"
        assert here.rotate("--root", new_root / "root.pem", "--root-sha256", new) == csr
        # Nobody has looked whether the devices know it.
        before = snapshot(here.server)
        refused = here.on_server("import", "factory", signed, expect=3)
        assert "--census" in refused.stderr and snapshot(here.server) == before, refused.stderr
        refused = here.on_server("rotate", "factory", "--retire", expect=3)
        assert "has to sign first" in refused.stderr and snapshot(here.server) == before, refused.stderr
        census = here.scratch / "census.json"
        versions = [{"etag": "a", "devices": 4, "isCurrent": True, "certificates": [{"sha256": old}, {"sha256": new}]},
                    {"etag": "b", "devices": 2, "isCurrent": False, "certificates": [{"sha256": old}]}]
        bundle = {"id": "fleet", "certificateAuthorities": ["factory"], "versions": versions, "devicesWithout": 1}
        census.write_text(json.dumps(bundle))
        refused = here.on_server("import", "factory", signed, "--census", census, expect=3)
        assert "3 devices" in refused.stderr and snapshot(here.server) == before, refused.stderr
        census.write_text("{}")
        refused = here.on_server("import", "factory", signed, "--census", census, expect=5)
        assert "trust bundle that follows" in refused.stderr and snapshot(here.server) == before, refused.stderr
        ready = {**bundle, "versions": versions[:1], "devicesWithout": 0}
        census.write_text(json.dumps({"trustBundles": [ready, {**bundle, "certificateAuthorities": ["another"]}]}))
        here.on_server("import", "factory", signed, "--census", census)
        assert here.status()["rootRollOver"] == "switched"
        assert [one["sha256"] for one in here.status()["trust"]] == [old, new]
        verify(new_root / "root.pem", here.settings()["certificate"])
        refused = here.on_server("rotate", "factory", "--retire", expect=3)
        assert "until" in refused.stderr, refused.stderr
        census.write_text(json.dumps({"name": "factory", "devices": 3, "earlierVersions": [{"devices": 2}]}))
        refused = here.on_server("rotate", "factory", "--retire", "--census", census, expect=3)
        assert "2 devices" in refused.stderr, refused.stderr
        census.write_text(json.dumps({"name": "factory", "devices": 5, "earlierVersions": [{"devices": 0}]}))
        here.on_server("rotate", "factory", "--retire", "--census", census)
        assert [one["sha256"] for one in here.status()["trust"]] == [new]
        assert "rootRollOver" not in here.status()


def test_a_root_that_has_not_signed_can_be_exchanged():
    """Whoever published the wrong root, or one that cannot sign any more, publishes another one"""
    with world() as here:
        first = here.set_up()
        lost, right = here.init("lost"), here.init("right")
        before = snapshot(here.server)
        refused = here.on_server("rotate", "factory", "--root", first / "root.pem", "--yes", expect=3)
        assert "is the root of [ca factory] already" in refused.stderr and snapshot(here.server) == before, refused.stderr
        csr = here.rotate("--root", lost / "root.pem", "--yes")
        assert here.rotate("--root", right / "root.pem", "--yes") == csr
        published = [one["sha256"] for one in here.status()["trust"]]
        assert published == [here.sha256(root / "root.pem") for root in (first, right)], published
        here.on_server("import", "factory", here.sign(csr, right), "--force")
        before = snapshot(here.server)
        for root in (right, lost):
            refused = here.on_server("rotate", "factory", "--root", root / "root.pem", "--yes", expect=3)
            assert "signs already" in refused.stderr and snapshot(here.server) == before, refused.stderr
        here.on_server("rotate", "factory", "--retire", "--force")
        assert [one["sha256"] for one in here.status()["trust"]] == [here.sha256(right / "root.pem")]


def test_a_wrong_key_can_be_given_up():
    """A mistake about the key is not for ever: neither one that makes none, nor one that makes a wrong one"""
    with world() as here:
        failed = here.on_server("csr", "factory", "--token", "pkcs11:token=nowhere", "--password-file", "/dev/null", expect=None)
        assert failed.returncode not in (0, 2), failed
        wrong = here.csr("--key-type", "rsa")
        assert wrong.with_suffix(".key").exists() and here.csr() == wrong
        failed = here.on_server("csr", "factory", "--anew", "--token", "pkcs11:token=nowhere", "--password-file", "/dev/null",
                                expect=None)
        assert failed.returncode not in (0, 2) and here.csr() == wrong, failed
        right = here.csr("--anew")
        assert right != wrong and here.csr() == right and wrong.with_suffix(".key").exists()
        root = here.init()
        refused = here.on_server("import", "factory", here.sign(wrong, root), "--yes", expect=3)
        assert "another key" in refused.stderr, refused.stderr
        here.on_server("import", "factory", here.sign(right, root), "--yes")


def test_a_cross_certificate_bridges_the_roll_over():
    """Who knows the old root alone can follow to certificates below the new one"""
    with world() as here:
        old_root = here.init("root", "--path-length", "2")
        here.on_server("import", "factory", here.sign(here.csr(), old_root), "--root-sha256", here.sha256(old_root / "root.pem"))
        new_root = here.init("next")
        shutil.copy(new_root / "root.pem", here.offline / "next.pem")
        here.ca("sign", "--cross", here.offline / "next.pem", "--directory", old_root, "--yes")
        cross = here.offline / "next-cross.pem"
        csr = here.rotate("--root", new_root / "root.pem", "--root-sha256", here.sha256(new_root / "root.pem"))
        signed = here.sign(csr, new_root)
        other = here.on_server("import", "factory", signed, "--force", "--cross", old_root / "root.pem", expect=3)
        assert "is not the root" in other.stderr, other.stderr
        forced = here.on_server("import", "factory", signed, "--force", "--cross", cross)
        assert "Warning" in forced.stderr, forced.stderr
        chain = here.settings()["certificate"]
        verify(old_root / "root.pem", chain, chain)
        verify(new_root / "root.pem", chain, chain)
        here.on_server("rotate", "factory", "--retire", "--force")
        assert [one["sha256"] for one in here.status()["trust"]] == [here.sha256(new_root / "root.pem")]
        assert here.status()["chain"][1]["issuer"] == "CN=Test next", here.status()


def test_names_in_a_foreign_root_do_not_reach_the_terminal_raw():
    """What somebody else has written into a certificate is shown, and does nothing"""
    with world() as here:
        root = here.init("root", "--path-length", "2")
        command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", here.offline / "x.key",
                "-out", here.offline / "x.pem", "-subj", "/CN=Other\x1b[2J/O=Some\x1b[31mbody\nSubject: CN=Friend", "-days", "400",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        shown = here.ca("sign", "--cross", here.offline / "x.pem", "--directory", root, "--yes").stdout
        assert "Somebody" not in shown and "\\x1b[31mbody" in shown and "\x1b" not in shown, shown
        assert not re.search("^Subject: CN=Friend", shown, re.M), shown
        records = "".join(path.read_text() for path in root.glob("record-*.txt"))
        assert "\\x1b[31mbody" in records and "\nSubject: CN=Friend" not in records, records


def test_a_short_root_signs_no_cross_certificate():
    """A root that allows one CA below it says so instead of signing what nobody could verify"""
    with world() as here:
        old_root, new_root = here.init(), here.init("next")
        refused = here.ca("sign", "--cross", new_root / "root.pem", "--directory", old_root, "--yes", "--out",
                          here.offline / "cross.pem", expect=3)
        assert "path length" in refused.stderr and not (here.offline / "cross.pem").exists(), refused.stderr


def openssl_ca(here, csr, name, *extensions, days=1000, key="p256", digest="-sha256"):
    """A chain as somebody else's CA would make it."""
    directory = here.scratch / name
    directory.mkdir()
    root_key, root, leaf = directory / "root.key", directory / "root.pem", directory / "leaf.pem"
    kind = ["rsa:1024"] if key == "rsa1024" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command("openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", root_key, "-subj", "/CN=Other root", "-days", "3650",
            "-out", root, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    (directory / "extensions").write_text("\n".join(extensions) + "\n")
    command("openssl", "x509", "-req", "-in", csr, "-CA", root, "-CAkey", root_key, "-days", days, digest, "-extfile",
            directory / "extensions", "-out", leaf)
    both = directory / "chain.pem"
    both.write_text(leaf.read_text() + root.read_text())
    return both, root


GOOD = ("basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign")


def test_import_refuses():
    """Whatever is wrong with what came back is said, and nothing is changed"""
    with world() as here:
        csr = here.csr()
        other = here.scratch / "other"
        other.mkdir()
        _, other_csr = make_csr(other, "stranger")
        good, root = openssl_ca(here, csr, "good", *GOOD)
        alone = here.scratch / "alone.pem"
        alone.write_bytes(command("openssl", "x509", "-in", good).stdout.encode())
        swapped = here.scratch / "swapped.pem"
        swapped.write_text(alone.read_text() + openssl_ca(here, csr, "second", *GOOD)[1].read_text())
        garbage = here.scratch / "garbage.pem"
        garbage.write_text("hello\n")
        cases = [
            (openssl_ca(here, other_csr, "stranger", *GOOD)[0], "another key"),
            (openssl_ca(here, csr, "leaf", "basicConstraints=critical,CA:FALSE")[0], "no CA:TRUE"),
            (openssl_ca(here, csr, "long", "basicConstraints=critical,CA:TRUE", GOOD[1])[0], "path length of 0"),
            (openssl_ca(here, csr, "no-crl", GOOD[0], "keyUsage=critical,keyCertSign")[0], "cRLSign"),
            (openssl_ca(here, csr, "no-sign", GOOD[0], "keyUsage=critical,cRLSign")[0], "keyCertSign"),
            (openssl_ca(here, csr, "past", *GOOD, days=-1)[0], "expired"),
            (openssl_ca(here, csr, "sha1", *GOOD, digest="-sha1")[0], "too weak"),
            (openssl_ca(here, csr, "weak", *GOOD, key="rsa1024")[0], "too weak"),
            (alone, "stands alone"),
            (garbage, "garbage.pem"),
            (here.scratch / "nowhere.pem", "nowhere.pem"),
        ]
        before = snapshot(here.server)
        for path, says in cases:
            done = here.on_server("import", "factory", path, "--yes", expect=None)
            assert done.returncode in (1, 3, 5), (path, done)
            assert says in done.stderr, (path, done.stderr)
            assert snapshot(here.server) == before, path
        done = here.on_server("import", "factory", swapped, "--yes", expect=3)
        assert snapshot(here.server) == before, done.stderr
        done = here.on_server("import", "factory", good, "--root-sha256", "00" * 32, expect=3)
        assert "fingerprint" in done.stderr and snapshot(here.server) == before, done.stderr
        done = here.on_server("import", "factory", good, expect=3)
        assert "--yes" in done.stderr and "Other root" in done.stdout and snapshot(here.server) == before, done
        here.on_server("import", "factory", good, "--root-sha256", x509(root, "-fingerprint", "-sha256").split("=")[1].strip())


def test_wrong_inputs():
    """Each command says what is wrong and changes nothing"""
    with world() as here:
        assert "p999" in here.ca("init", "--directory", here.offline / "x", "--key-type", "p999", expect=2).stderr
        assert "--years" in here.ca("init", "--directory", here.offline / "x", "--years", "0", expect=2).stderr
        assert "--token" in here.ca("init", "--directory", here.offline / "x", "--token", "nonsense", expect=2).stderr
        empty = here.scratch / "empty"
        empty.write_text("")
        assert "empty" in here.ca("init", "--directory", here.offline / "x", "--password-file", empty, expect=5).stderr
        assert not (here.offline / "x").exists()
        root = here.init()
        before = snapshot(root)
        assert "not an empty directory" in here.ca("init", "--directory", root, expect=3).stderr
        assert snapshot(root) == before
        assert "root.key" in here.ca("sign", empty, "--directory", here.offline, "--yes", expect=5).stderr
        assert "no certificate request" in here.ca("sign", empty, "--directory", root, "--yes", expect=1).stderr
        assert "No key" in here.on_server("import", "factory", root / "root.pem", "--yes", expect=5).stderr
        assert "begin with" in here.on_server("rotate", "factory", expect=5).stderr
        csr = here.csr()
        carried = here.offline / "request.csr"
        tampered = bytearray(csr.read_bytes())
        place = tampered.index(b"\n") + 60
        tampered[place] = ord("A") if tampered[place] != ord("A") else ord("B")
        carried.write_bytes(tampered)
        here.ca("sign", carried, "--directory", root, "--yes", expect=1)
        shutil.copy(csr, carried)
        assert "--yes" in here.ca("sign", carried, "--directory", root, expect=3).stderr
        assert not carried.with_suffix(".pem").exists() and snapshot(root) == before
        here.ca("sign", carried, "--directory", root, "--yes")
        assert "exists" in here.ca("sign", carried, "--directory", root, "--yes", expect=3).stderr
        here.config.write_text("[service]\nid-scope=0ne00000001\n[ca factory]\ntype=elsewhere\n")
        assert "type=elsewhere" in here.on_server("csr", "factory", expect=5).stderr


def test_another_file_says_otherwise():
    """A drop-in that is read later wins, so the import is undone and says which line is in the way"""
    with world() as here:
        root = here.set_up()
        csr = here.rotate()
        (here.server / "dps.conf.d/90-mine.conf").write_text(f"[ca factory]\ncertificate={here.settings()['certificate']}\n")
        old = here.settings()
        failed = here.on_server("import", "factory", here.sign(csr, root), expect=5)
        assert "read after" in failed.stderr and here.settings() == old, failed.stderr


class Control:
    """A page that tells the program when to die (fault-shim.c)."""

    def __init__(self, here, directory=None):
        self.path = here.scratch / "fault"
        self.path.write_bytes(bytes(16))
        self.environment = {**here.environment, **preload(os.environ["BREVET_FAULT_SHIM"]), "BREVET_FAULT_CONTROL": str(self.path),
                            "BREVET_FAULT_DIRECTORY": str(directory or here.server),
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"}

    def kill_at(self, call):
        self.path.write_bytes(struct.pack("4i", 0, call, 1, 0))

    def fill_disk_at(self, call):
        self.path.write_bytes(struct.pack("4i", 0, call, 3, 0))

    @property
    def calls(self):
        return struct.unpack("4i", self.path.read_bytes())[0]

    @property
    def happened(self):
        return struct.unpack("4i", self.path.read_bytes())[3] > 0


def usable(here, root):
    """Whatever the configuration names is there, belongs together and verifies."""
    settings = here.settings()
    verify(root / "root.pem", settings["certificate"])
    public = command("openssl", "pkey", "-in", settings["key"], "-pubout").stdout
    assert public == x509(settings["certificate"], "-pubkey"), settings
    return settings


def kill_everywhere(here, root, verb, *arguments):
    """Kills a command at each call that writes, one after the other, always from the same beginning. After each death the CA works,
    and the command, given again, ends what was begun."""
    control = Control(here)
    beginning = here.scratch / "beginning"
    shutil.copytree(here.server, beginning)
    old = usable(here, root)
    call = 1
    while True:
        control.kill_at(call)
        done = here.on_server(verb, "factory", *arguments, expect=None, environment=control.environment)
        if done.returncode == 0:
            shutil.rmtree(beginning)
            return call - 1
        assert done.returncode == -9, (call, done)
        after = usable(here, root)
        assert after == old or verb == "import", (call, after)
        again = here.on_server(verb, "factory", *arguments, expect=None)
        assert again.returncode == 0 or (after != old and "No key" in again.stderr), (call, again)
        check_ended(here, root, verb, old, call)
        shutil.rmtree(here.server)
        shutil.copytree(beginning, here.server)
        call += 1


def check_ended(here, root, verb, old, call):
    now, status = usable(here, root), here.status()
    if verb == "rotate":
        assert now == old and pathlib.Path(status["request"]).exists(), (call, status)
    else:
        assert now["certificate"] != old["certificate"] and status["replacedCertificate"] == old["certificate"], (call, status)
        assert "request" not in status, (call, status)


def test_a_full_disk_leaves_no_key_of_a_root_in_the_token():
    """And none whose name nobody knows, if the command is killed"""
    with world() as here, softhsm.Tokens("root") as tokens:
        here.environment = tokens.environment
        control = Control(here, here.offline)
        options = ("--token", "pkcs11:token=root", "--module", tokens.plain_module, "--password-file", tokens.pin_file)

        def start_again():
            for label in tokens.labels("root"):
                tokens.delete_key("root", label)
            for path in here.offline.iterdir():
                shutil.rmtree(path)

        for call in range(1, 100):
            control.fill_disk_at(call)
            full = here.ca("init", "--directory", here.offline / "root", *options, expect=None, environment=control.environment)
            labels = tokens.labels("root")
            assert len(labels) == (here.offline / "root").exists() and full.returncode != -9, (call, full, labels)
            if not control.happened:
                break
            start_again()
            control.kill_at(call)
            killed = here.ca("init", "--directory", here.offline / "root", *options, expect=None, environment=control.environment)
            assert killed.returncode == -9, (call, killed)
            left = "".join(path.read_text() for path in here.offline.rglob("root.uri"))
            assert all(label in left for label in tokens.labels("root")), (call, left, tokens.labels("root"))
            start_again()
        assert call > 15, call


def test_killed_anywhere():
    """A roll-over that is killed at any call that writes leaves a CA that works, and goes on when it is given again"""
    with world() as here:
        root = here.set_up()
        assert kill_everywhere(here, root, "rotate") > 5
        signed = here.sign(here.rotate(), root)
        assert kill_everywhere(here, root, "import", signed) > 5


class Fleet:
    """A service of `brevet-dps init`, whose root's key is beside the issuing one, and devices that register."""

    def __init__(self, service):
        self.service = service
        self.directory = service.directory
        self.config = self.directory / "dps.conf"
        self.count = 0

    def ca(self, verb, *arguments, expect=0):
        return command(DPS, "ca", verb, "local", *arguments, "--config", self.config, expect=expect)

    def provision(self, **members):
        self.count += 1
        name = f"device-{self.count}"
        policy = {"certificateAuthorityName": "local"}
        return self.register(name, self.service.enroll(name, clientCertificateIssuancePolicy=policy, **members))

    def register(self, name, key):
        _, csr = make_csr(self.service.scratch, name)
        body = "".join(csr.read_text().splitlines()[1:-1])
        reply = Device(self.service, name, key).register(clientCertificateCsr=body)
        assert reply.status == 200 and reply.json["status"] == "assigned", reply
        return reply.json["registrationState"]["issuedClientCertificate"]

    def chain(self, issued):
        path = self.service.scratch / f"chain-{self.count}.pem"
        parts = issued if isinstance(issued, list) else [issued]
        path.write_text("".join(part if "BEGIN" in part else
                                f"-----BEGIN CERTIFICATE-----\n{part}\n-----END CERTIFICATE-----\n" for part in parts))
        return path

    def issuer(self, chain):
        return x509(chain, "-issuer").strip()

    def census(self):
        """What the service knows of its devices, as `brevet admin ca status --json` prints it."""
        replies = [self.service.operate("GET", path) for path in ("/certificateAuthorityStatus/local", "/trustBundleStatus/fleet")]
        assert all(reply.status == 200 for reply in replies), replies
        return json.dumps({"certificateAuthorities": [replies[0].json], "trustBundles": [replies[1].json]})

    def write_census(self):
        path = self.service.scratch / "census.json"
        path.write_text(self.census())
        return path

    def until(self, condition, what):
        """Asks on: there is nothing to wait for but the service's own work in the background."""
        for _ in range(600):
            if condition():
                return
        raise AssertionError(f"{what}\n{self.census()}\n{self.service.read_log()}")

    def key_of(self, chain):
        """The key identifier of who has signed the first certificate."""
        text = x509(chain, "-ext", "authorityKeyIdentifier")
        return re.search(r"((?:[0-9A-F]{2}:){19}[0-9A-F]{2})", text)[1].replace(":", "").lower()

    def fetch_crl(self, name):
        """Lists are made in the background: 503 says that one is on its way."""
        for _ in range(2000):
            reply = self.service.ask("GET", f"/crl/{name}.crl")
            if reply.status == 200:
                path = self.service.scratch / f"{name}.crl"
                path.write_bytes(reply.raw)
                return path
            assert reply.status in (404, 503), reply
        raise AssertionError(f"{name}: {reply}\n{self.service.read_log()}")

    def issuer_of(self, crl):
        command("openssl", "crl", "-in", crl, "-inform", "DER", "-noout", "-text")
        return command("openssl", "crl", "-in", crl, "-inform", "DER", "-noout", "-issuer").stdout.strip().removeprefix("issuer=")


def test_the_issuing_key_rolls_over_in_a_running_service():
    """Devices register before, during and after; all certificates verify against the same root"""
    service = Service()
    try:
        service.start()
        fleet = Fleet(service)
        root = fleet.directory / "ca/root.pem"
        first = fleet.chain(fleet.provision())
        done = fleet.ca("rotate")
        assert "laboratory" in done.stdout, done.stdout
        between = fleet.chain(fleet.provision())
        assert fleet.issuer(between) == fleet.issuer(first), "it switched before it was told to"
        service.reload()
        deadline = 200
        while True:
            last = fleet.chain(fleet.provision())
            if fleet.issuer(last) != fleet.issuer(first):
                break
            deadline -= 1
            assert deadline > 0, service.read_log()
        for chain in (first, between, last):
            verify(root, chain, chain)
        # The key that was before is still there for the service: it signs its revocation lists.
        versions = [version for version in service.stored("ca-versions").values() if version["name"] == "local"]
        assert len({version["identity"] for version in versions}) == 2, versions
        # Both keys have a list, and the name leads to that of the key which signs now.
        lists = {key: fleet.fetch_crl(f"local-{key}") for key in (fleet.key_of(first), fleet.key_of(last))}
        assert fleet.issuer_of(lists[fleet.key_of(first)]) == fleet.issuer(first).removeprefix("issuer="), lists
        assert fleet.issuer_of(fleet.fetch_crl("local")) == fleet.issuer(last).removeprefix("issuer=")
        service.stop()
        service.start()
        verify(root, fleet.chain(fleet.provision()), last)
        service.stop()
    finally:
        service.clean_up()


def test_the_root_rolls_over_in_a_running_service():
    """The switch waits until the last device has the new root, and the end until the last one has moved"""
    service = Service()
    try:
        service.start()
        fleet = Fleet(service)
        made = service.operate("PUT", "/trustBundles/fleet", {"certificates": [], "certificateAuthorities": ["local"]},
                               {"If-Match": "*"})
        assert made.status == 200, made
        policy = {"certificateAuthorityName": "local"}
        key = service.enroll("pump", clientCertificateIssuancePolicy=policy, trustBundleId="fleet")
        first = fleet.chain(fleet.register("pump", key))
        offline = service.scratch / "offline"
        command(DPS, "ca", "init", "--directory", offline, "--subject", "Next root")
        done = fleet.ca("rotate", "--root", offline / "root.pem", "--yes")
        csr = pathlib.Path(re.search(r"^Request: (.*)$", done.stdout, re.M)[1])
        signed = service.scratch / "signed.pem"
        command(DPS, "ca", "sign", csr, "--directory", offline, "--out", signed, "--yes")
        service.reload()
        fleet.until(lambda: "Next root" in fleet.census(), "the bundle never got the new root")
        refused = fleet.ca("import", signed, "--census", fleet.write_census(), expect=3)
        assert "1 devices have no trust bundle" in refused.stderr, refused.stderr
        # It registers again, below the old root, and gets the bundle with both.
        assert fleet.issuer(fleet.chain(fleet.register("pump", key))) == fleet.issuer(first)
        fleet.until(lambda: fleet.ca("import", signed, "--census", fleet.write_census(), expect=None).returncode == 0,
                    "the device has the bundle, and the import is refused")
        service.reload()
        fleet.until(lambda: fleet.issuer(fleet.chain(fleet.register("pump", key))) == "issuer=CN = " + csr.stem + " issuing CA",
                    "the new CA never signed")
        last = fleet.chain(fleet.register("pump", key))
        verify(offline / "root.pem", last, last)
        fleet.until(lambda: fleet.ca("rotate", "--retire", "--census", fleet.write_census(), expect=None).returncode == 0,
                    "everybody has moved, and the old root cannot be retired")
        service.reload()
        verify(offline / "root.pem", fleet.chain(fleet.provision()), last)
        service.stop()
    finally:
        service.clean_up()


tap.run(tap.collect(globals()))
