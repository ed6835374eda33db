#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet register with what a device can have besides a symmetric key: certificates and TPMs, against a real service."""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import swtpm
import tap
from dps import PATIENCE, Service, command, make_csr
from pki import CLIENT, PublicHalf, SERVER, make_intermediate, make_leaf, make_root
from softhsm import Tokens

BREVET = os.environ["BREVET"]
HTTPS, MQTT = "https", "mqtt"


class World:
    def __init__(self):
        self.service = Service(mqtt={}).start()
        self.path = self.service.scratch
        self.root = make_root("Plant root")
        self.line = make_intermediate("Line 4", self.root)
        self.cell = make_intermediate("Cell 2", self.line)

    def register(self, transport, *words, expect=0, environment=None, descriptors=()):
        """What was printed; or, if it is not to succeed, what it says on standard error."""
        port = self.service.mqtt_port if transport == MQTT else self.service.port
        line = [BREVET, "register", "--host", "localhost", "--port", port, "--transport", transport, "--ca-file",
                self.service.directory / "tls/ca.pem", "--id-scope", self.service.id_scope, "--timeout", 30, "--json", *words]
        done = subprocess.run([str(word) for word in line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
                              env=environment or dict(os.environ), pass_fds=descriptors)
        assert done.returncode == expect, f"{line} ended with {done.returncode}, not {expect}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if expect == 0 else done.stderr

    def issue(self, transport, registration_id, *words, **options):
        """A registration with a certificate, which is for the key of the CSR."""
        key, csr = make_csr(self.path, registration_id)
        facts = self.register(transport, "--csr", csr, "--cert-out", self.path / "issued.pem", *words, **options)
        assert facts["status"] == "assigned" and facts["assignedHub"] == "hub.example.net", facts
        assert facts["registrationId"] == registration_id and facts["certificate"]["subject"] == f"CN={registration_id}", facts
        public = command("openssl", "pkey", "-in", key, "-pubout").stdout
        assert command("openssl", "x509", "-in", self.path / "issued.pem", "-noout", "-pubkey").stdout == public
        return facts

    def write(self, certificate, stem, *others):
        """The options that name a certificate, those behind it, and its key."""
        paths = certificate.write(self.path, stem, *others)
        return ("--certificate", paths[0], "--key", paths[1])


world = World()


def test_device_with_its_own_certificate():
    """An individual enrollment: the certificate that was enrolled, over HTTPS and MQTT"""
    leaf = make_leaf("pump-07")
    enrollments.put_individual(world.service, "pump-07", enrollments.x509("clientCertificates", primary=leaf), **enrollments.ISSUE)
    words = world.write(leaf, "pump-07-onboarding")
    for transport in (HTTPS, MQTT):
        world.issue(transport, "pump-07", "--registration-id", "pump-07", *words)
    assert "certificate" not in world.register(HTTPS, *words)


def test_device_of_a_group():
    """The common name is the registration id, which need not be said; the intermediates stand behind the certificate"""
    enrollments.put_group(world.service, "line-4", enrollments.x509("signingCertificates", primary=world.line), **enrollments.ISSUE)
    words = world.write(make_leaf("press-1", world.cell), "press-1-onboarding", world.cell, world.line)
    for transport in (HTTPS, MQTT):
        world.issue(transport, "press-1", *words)
    world.issue(HTTPS, "press-1", "--registration-id", "press-1", *words)


def test_intermediates_of_their_own_and_an_encrypted_key():
    """What other tools leave behind: three files and a password"""
    leaf = make_leaf("press-2", world.cell)
    certificate, key = leaf.write(world.path, "press-2-onboarding")
    intermediates, password, locked = world.path / "cells.pem", world.path / "password", world.path / "press-2.locked"
    intermediates.write_text(world.cell.pem + world.line.pem)
    password.write_text("right\n")
    command("openssl", "pkey", "-in", key, "-aes256", "-passout", f"file:{password}", "-out", locked)
    words = ("--certificate", certificate, "--intermediates", intermediates, "--key", locked, "--pin-file", password)
    world.issue(HTTPS, "press-2", *words)
    password.write_text("wrong\n")
    assert "password" in world.register(HTTPS, *words, expect=5)
    assert "password" in world.register(HTTPS, *words[:-2], expect=5)


def test_key_in_a_token():
    """The private key stays in SoftHSM; the certificate is in a file, or in the token too"""
    with Tokens("onboarding") as tokens:
        key = "pkcs11:token=onboarding;object=device;type=private"
        leaf = make_leaf("press-3", world.cell, key=PublicHalf(tokens.make_key("onboarding", "device")))
        certificate, _ = leaf.write(world.path, "press-3-onboarding", world.cell, world.line)
        words = ("--key", key, "--pin-file", tokens.pin_file, "--module", tokens.module)
        for transport in (HTTPS, MQTT):
            world.issue(transport, "press-3", "--certificate", certificate, *words, environment=tokens.environment)

        alone, _ = leaf.write(world.path, "press-3-alone")
        tokens.run("p11tool", "--provider", tokens.plain_module, "--login", "--set-pin=1234", "--write", "--label=device",
                   f"--load-certificate={alone}", "pkcs11:token=onboarding")
        intermediates = world.path / "press-3-issuers.pem"
        intermediates.write_text(world.cell.pem + world.line.pem)
        world.issue(HTTPS, "press-3", "--certificate", "pkcs11:token=onboarding;object=device;type=cert", "--intermediates",
                    intermediates, *words, environment=tokens.environment)

        tokens.pin_file.write_text("4321\n")
        says = world.register(HTTPS, "--certificate", certificate, *words, environment=tokens.environment, expect=5)
        assert "PIN" in says and "4321" not in says, says
        says = world.register(HTTPS, "--certificate", certificate, "--key", key, "--pin-file", tokens.pin_file, "--module",
                              "/nowhere.so", environment=tokens.environment, expect=5)
        assert "/nowhere.so" in says, says


def test_files_may_be_pipes():
    """Neither certificate nor key need be on the disk"""
    leaf = make_leaf("press-4", world.cell)
    descriptors = []
    for content in (leaf.pem + world.cell.pem + world.line.pem, leaf.key_pem):
        reader, writer = os.pipe()
        os.write(writer, content.encode())
        os.close(writer)
        descriptors.append(reader)
    try:
        world.issue(HTTPS, "press-4", "--certificate", f"/dev/fd/{descriptors[0]}", "--key", f"/dev/fd/{descriptors[1]}",
                    descriptors=descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def test_certificate_that_the_service_does_not_want():
    """A foreign certificate with the right name, one for another purpose: refused, with the service's code"""
    foreign = make_intermediate("Line 4", make_root("Foreign root"))
    certificates = [(make_leaf("pump-07"), []), (make_leaf("press-5", foreign), [foreign]),
                    (make_leaf("press-6", world.cell, purposes=(SERVER,)), [world.cell, world.line]),
                    (make_leaf("press-7", world.cell, ends=-60, purposes=(CLIENT,)), [world.cell, world.line])]
    for number, (leaf, issuers) in enumerate(certificates):
        words = world.write(leaf, f"wrong-{number}", *issuers)
        for transport in (HTTPS, MQTT):
            says = world.register(transport, *words, expect=3)
            assert ("401002" if transport == HTTPS else "not authorized") in says, says


def test_certificate_that_cannot_be_meant():
    """What is wrong with the files is said before anybody is asked"""
    words = world.write(make_leaf("press-8", world.cell), "press-8", world.cell, world.line)
    other = world.write(make_leaf("press-9", world.cell), "press-9", world.cell, world.line)
    nobody = world.write(make_leaf("press 9", world.cell), "nobody", world.cell, world.line)
    for options, text in (((*words[:3], other[3]), "does not belong to its certificate"),
                          (("--registration-id", "press-9", *words), "“press-9”"),
                          (nobody, "names no device"), ((*words[:3], world.path / "nowhere.key"), "nowhere.key"),
                          (("--certificate", words[3], *words[2:]), "press-8.key"),
                          ((*words, "--intermediates", world.path / "nowhere.pem"), "nowhere.pem")):
        before = world.service.read_log()
        says = world.register(HTTPS, *options, expect=5)
        assert text in says, says
        assert world.service.read_log() == before, "the service was asked"


def tpm_show(tpm):
    done = command(BREVET, "tpm", "show", "--tcti", tpm.tcti, "--create", "--json")
    return json.loads(done.stdout)


def test_device_with_a_tpm():
    """What brevet tpm show prints is all that the operator needs; another TPM is refused"""
    swtpm.find_tools()
    with swtpm.Tpm() as tpm, swtpm.Tpm() as stranger:
        shown = tpm_show(tpm)
        enrollments.put_individual(world.service, "gateway-12", enrollments.tpm(shown["endorsementKey"]), **enrollments.ISSUE)
        words = ("--registration-id", "gateway-12", "--tcti")
        world.issue(HTTPS, "gateway-12", *words, tpm.tcti)
        world.issue(HTTPS, "gateway-12", "--tpm", *words, tpm.tcti)
        says = world.register(HTTPS, *words, stranger.tcti, expect=3)
        assert "401002" in says, says
        tpm.stop()
        says = world.register(HTTPS, *words, tpm.tcti, "--timeout", 1, expect=4)
        assert tpm.tcti in says, says


try:
    tap.run(tap.collect(globals()))
finally:
    world.service.clean_up()
