#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ceremony of a local CA: a root on its own host, the issuing key on the server. OpenSSL judges what comes out."""

import contextlib
import hashlib
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import termios

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import softhsm
import tap
from ceremony_world import check_root, verify, world, x509
from dps import DPS, command

PASSWORD = "open sesame"


def test_the_whole_ceremony_with_files():
    """Root, request, signature, import: each file is what it should be, and openssl agrees"""
    with world() as here:
        root = here.init()
        check_root(root / "root.pem")
        record = next(root.glob("record-*.txt")).read_text()
        assert record.count(":".join(re.findall("..", here.sha256(root / "root.pem").upper()))) == 1, record
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
        shown = here.on_server("status", "factory").stdout
        assert shown.count(":".join(re.findall("..", fingerprint.upper()))) == 1 and "published as a root" in shown, shown
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
        failed = here.ca("sign", carried, "--directory", root, "--yes", expect=5).stderr
        assert "no password" in failed and "--password-file" in failed, failed
        # What is missing is said before anybody is asked for a password.
        assert "nothing.csr" in here.ca("sign", here.offline / "nothing.csr", "--directory", root, expect=5).stderr
        password.write_text("wrong\n")
        failed = here.ca("sign", carried, "--directory", root, "--yes", "--password-file", password, expect=5).stderr
        assert "password is wrong" in failed and PASSWORD not in failed, failed
        password.write_text(PASSWORD + "\n")
        here.ca("sign", carried, "--directory", root, "--yes", "--password-file", password)


def converse(here, arguments, answers):
    """Runs a command at a terminal: waits for each question, types the answer. Returns its exit code and what was to be seen."""
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


def test_the_next_step_can_be_pasted():
    """It names the configuration, and who has mistyped a name learns that there is no such CA"""
    with world() as here:
        root = here.init()
        unknown = here.on_server("status", "factroy").stdout
        assert "“factroy” has no certificate in the configuration" in unknown, unknown
        done = here.on_server("csr", "factory")
        signed = here.sign(next((here.server / "ca").glob("*.csr")), root)
        for text in (done.stdout, here.on_server("status", "factory").stdout):
            line = re.search(r"brevet-dps (ca import factory FILE.*)$", text, re.M)[1]
            assert line.endswith(f" --config='{here.config}'"), line
        words = shlex.split(line.replace("FILE", str(signed)))
        here.ca(*words[1:], "--root-sha256", here.sha256(root / "root.pem"))


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


tap.run(tap.collect(globals()))
