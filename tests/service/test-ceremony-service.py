#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roll-overs of a local CA under a service that runs, while devices register."""

import json
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from ceremony_world import verify, x509
from dps import DPS, PATIENCE, Device, Service, command, make_csr


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
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if condition():
                return
        raise AssertionError(f"{what}\n{self.census()}\n{self.service.read_log()}")

    def key_of(self, chain):
        """The key identifier of who has signed the first certificate."""
        text = x509(chain, "-ext", "authorityKeyIdentifier")
        return re.search(r"((?:[0-9A-F]{2}:){19}[0-9A-F]{2})", text)[1].replace(":", "").lower()

    def fetch_crl(self, name):
        """Lists are made in the background: 503 says that one is on its way."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
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
        end = time.monotonic() + PATIENCE
        while True:
            last = fleet.chain(fleet.provision())
            if fleet.issuer(last) != fleet.issuer(first):
                break
            assert time.monotonic() < end, service.read_log()
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
