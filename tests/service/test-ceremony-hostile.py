#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ceremony of a local CA with what must not get in: foreign names, false certificates, wrong inputs."""

import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from ceremony_world import snapshot, world, x509
from dps import command, make_csr


def test_names_in_a_foreign_root_do_not_reach_the_terminal_raw():
    """What somebody else has written into a certificate is shown, and does nothing"""
    with world() as here:
        root = here.init("root", "--path-length", "2")
        command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                here.offline / "x.key", "-out", here.offline / "x.pem", "-subj",
                "/CN=Other\x1b[2J/O=Some\x1b[31mbody\nSubject: CN=Friend", "-days", "400",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        shown = here.ca("sign", "--cross", here.offline / "x.pem", "--directory", root, "--yes").stdout
        assert "Somebody" not in shown and "\\x1b[31mbody" in shown and "\x1b" not in shown, shown
        assert not re.search("^Subject: CN=Friend", shown, re.M), shown
        records = "".join(path.read_text() for path in root.glob("record-*.txt"))
        assert "\\x1b[31mbody" in records and "\nSubject: CN=Friend" not in records, records


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
        for subject in ("", "x" * 65):
            assert "--subject" in here.ca("init", "--directory", here.offline / "x", "--subject", subject, expect=2).stderr
            assert "--subject" in here.on_server("csr", "factory", "--subject", subject, expect=2).stderr
            for command in (("init", "--directory", here.offline / "x"), ("sign", here.offline / "x.csr")):
                assert "--organization" in here.ca(*command, "--organization", subject, expect=2).stderr
        for command in (("csr", "no/name"), ("import", "no/name", here.offline / "x"), ("rotate", "no/name"), ("status", "no/name")):
            assert "no/name" in here.on_server(*command, expect=2).stderr
        empty = here.scratch / "empty"
        empty.write_text("")
        assert "empty" in here.ca("init", "--directory", here.offline / "x", "--password-file", empty, expect=5).stderr
        assert not (here.offline / "x").exists()
        root = here.init()
        before = snapshot(root)
        assert "not an empty directory" in here.ca("init", "--directory", root, expect=3).stderr
        assert snapshot(root) == before
        assert "no certificate request" in here.ca("sign", empty, "--directory", root, "--yes", expect=1).stderr
        assert "No key" in here.on_server("import", "factory", root / "root.pem", "--yes", expect=5).stderr
        assert "begin with" in here.on_server("rotate", "factory", expect=5).stderr
        csr = here.csr()
        assert "root.key" in here.ca("sign", csr, "--directory", here.offline, "--yes", "--out", here.scratch / "out.pem",
                                     expect=5).stderr
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


tap.run(tap.collect(globals()))
