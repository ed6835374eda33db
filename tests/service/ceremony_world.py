# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the ceremonies of a local CA begin with: a host for the root, a server, and openssl that judges what comes out."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from dps import DPS, command


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
