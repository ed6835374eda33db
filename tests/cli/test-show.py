#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and scripts notice of brevet show."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import tap
from device import FRESH, GOOD, brevet, colours, device


def openssl(*words, text=None):
    return subprocess.run(["openssl", *(str(word) for word in words)], input=text, capture_output=True, text=True, check=True).stdout


def make_certificates():
    """A root, and a certificate that it has issued."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        for name in ("root", "leaf"):
            openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", path / f"{name}.key")
        openssl("req", "-x509", "-new", "-key", path / "root.key", "-out", path / "root.pem", "-subj", "/CN=Test Root", "-days", 10)
        request = openssl("req", "-new", "-key", path / "leaf.key", "-subj", "/CN=pump-07")
        (path / "leaf.csr").write_text(request)
        leaf = openssl("x509", "-req", "-in", path / "leaf.csr", "-CA", path / "root.pem", "-CAkey", path / "root.key",
                       "-CAcreateserial", "-days", 2)
        return (path / "root.pem").read_text(), leaf


ROOT, LEAF = make_certificates()


def key_file(text):
    return text.replace("\n", "\\n")


FULL = {**GOOD, "@GetCertificate": key_file(LEAF + ROOT), "@GetTrustBundle": key_file("some words\n" + ROOT),
        "TrustBundleProblems": "CN=Old is expired"}


def digest(pem):
    return openssl("x509", "-noout", "-fingerprint", "-sha256", text=pem).strip().split("=")[1].replace(":", "").lower()


def test_pem_and_nothing_else():
    with device({"main": FULL}) as (on, _):
        done = brevet(on, "show", "certificate")
        assert done.stdout == LEAF + ROOT and done.stderr == "", done
        assert brevet(on, "show", "trust-bundle", "main").stdout == ROOT
        # A terminal gets the same.
        assert colours(on, "show", "certificate").replace("\r\n", "\n") == LEAF + ROOT


def test_text():
    with device({"main": FULL}) as (on, _):
        text = brevet(on, "show", "certificate", "--text").stdout
        for fact in ("Certificate 1 of 2\n", "Certificate 2 of 2\n", "CN=pump-07", "CN=Test Root", digest(LEAF), digest(ROOT)):
            assert fact in text, f"{fact} is missing:\n{text}"
        assert [line.split()[-1] for line in text.splitlines() if line.startswith("  CA ")] == ["no", "yes"], text
        assert "BEGIN" not in text and re.search("Expires +in (9|10) days", text), text
        text = brevet(on, "show", "trust-bundle", "--text").stdout
        assert digest(ROOT) in text and digest(LEAF) not in text and "CN=Old is expired" in text, text


def test_identity():
    with device({"main": FULL}) as (on, _):
        text = brevet(on, "show", "identity").stdout
        for fact in (GOOD["KeyLocation"], GOOD["CertificateLocation"], GOOD["TrustBundleLocation"], '"17"', GOOD["Sha256"], "0ne00000001",
                     "dps.example.net", "pump-07-device", "CN=Old is expired"):
            assert fact in text, f"{fact} is missing:\n{text}"
        assert json.loads(brevet(on, "show", "identity", "--json").stdout) == \
            json.loads(brevet(on, "status", "--json").stdout)["identities"][0]


def test_json():
    with device({"main": FULL}) as (on, _):
        document = json.loads(brevet(on, "show", "certificate", "--json").stdout)
        leaf, root = document["certificates"]
        assert document["name"] == "main" and document["file"] == GOOD["CertificateLocation"]
        assert leaf["subject"] == "CN=pump-07" and leaf["issuer"] == root["subject"] == "CN=Test Root"
        assert leaf["pem"] == LEAF and leaf["sha256"] == digest(LEAF) and (leaf["ca"], root["ca"]) == (False, True)
        assert leaf["notAfter"].endswith("Z") and leaf["notBefore"] < leaf["notAfter"] and leaf["serialNumber"]
        document = json.loads(brevet(on, "show", "trust-bundle", "--json").stdout)
        assert document["etag"] == '"17"' and document["problems"] == ["CN=Old is expired"]
        assert [entry["pem"] for entry in document["certificates"]] == [ROOT]


def test_what_there_is_not():
    with device({"main": FRESH}) as (on, _):
        for what in ("certificate", "trust-bundle"):
            for option in ((), ("--text",), ("--json",)):
                done = brevet(on, "show", what, *option, expect=1)
                assert done.stderr == "brevet: main has none yet\n" and done.stdout == "", done
        assert "unprovisioned" in brevet(on, "show", "identity").stdout


def test_nonsense_is_not_handed_on():
    with device({"main": {**GOOD, "@GetCertificate": "\\s\033[31mno PEM"}}) as (on, _):
        done = brevet(on, "show", "certificate", expect=1)
        assert done.stdout == "" and "\033" not in done.stderr, done


def test_empty_trust_bundle():
    with device({"main": {**GOOD, "@GetTrustBundle": ""}}) as (on, _):
        assert brevet(on, "show", "trust-bundle").stdout == ""
        assert json.loads(brevet(on, "show", "trust-bundle", "--json").stdout)["certificates"] == []


def test_wrong_command_lines():
    with device({"main": GOOD}) as (on, _):
        choices = "certificate, trust-bundle or identity"
        assert choices in brevet(on, "show", expect=2).stderr
        done = brevet(on, "show", "certificates", expect=2)
        assert choices in done.stderr and "“certificates”" in done.stderr, done.stderr
        assert "too many" in brevet(on, "show", "certificate", "a", "b", expect=2).stderr
        assert "--json" in brevet(on, "show", "certificate", "--text", "--json", expect=2).stderr
        assert "main" in brevet(on, "show", "certificate", "other", expect=2).stderr


tap.run(tap.collect(globals()))
