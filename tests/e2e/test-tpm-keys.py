#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""All private keys in one TPM, behind tpm2-pkcs11: those of a service's CA and of its TLS, the one with which a device onboards, and the
one that it makes for itself, asks a certificate for, logs in to its hub with, and replaces."""

import contextlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from agent import Agent, Bus, fingerprint
from dps import Service, command, free_port
from enrollments import ISSUE, put_individual
from mosquitto_hub import Hub
from tpm2_pkcs11 import TpmToken

ONBOARDING = "onboarding"
NEW_KEYS = "key=pkcs11:token={token};object={label};type=private\nkey-password-file={pin_file}\n"


def certify(directory, public, name, subject, issuer, extensions):
    """A certificate for a key of which only the public half is known here."""
    file, template = directory / f"{name}.pub", directory / f"{name}.ext"
    file.write_text(public)
    template.write_text(extensions)
    command("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "dummy.key",
            "-out", directory / f"{name}.csr", "-subj", f"/CN={subject}")
    command("openssl", "x509", "-req", "-in", directory / f"{name}.csr", "-force_pubkey", file, "-CA", f"{issuer}.pem", "-CAkey",
            f"{issuer}.key", "-CAcreateserial", "-days", "30", "-extfile", template, "-out", directory / f"{name}.pem")
    return directory / f"{name}.pem"


def move_keys(service, tpm):
    """Gives the service new keys in the TPM, and certificates for them; nothing is left that its old keys could do."""
    directory = service.directory
    issuing = certify(service.scratch, tpm.make_key("service", "issuing"), "issuing", "TPM Issuing", directory / "ca/root",
                      "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
                      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    (directory / "ca/issuing.pem").write_text(issuing.read_text() + (directory / "ca/root.pem").read_text())
    tls = certify(service.scratch, tpm.make_key("service", "tls"), "server", "localhost", directory / "tls/ca",
                  "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    (directory / "tls/server.pem").write_text(tls.read_text())
    for name in ("ca/issuing.key", "tls/server.key"):
        (directory / name).unlink()
    text = f"[pkcs11]\nmodule={tpm.module}\n[hub localhost]\nhost-name=localhost\n"
    for group, label in (("ca local", "issuing"), ("listener https", "tls")):
        text += f"[{group}]\n" + NEW_KEYS.format(token="service", label=label, pin_file=tpm.pin_file)
    (directory / "dps.conf.d").mkdir(exist_ok=True)
    (directory / "dps.conf.d/tpm.conf").write_text(text)


@contextlib.contextmanager
def world():
    before = dict(os.environ)
    with contextlib.ExitStack() as ends:
        bus = Bus()
        ends.callback(bus.remove)
        tpm = ends.enter_context(TpmToken("service", "devices", bus=bus))
        os.environ.update(tpm.changes)
        ends.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        service = Service()
        ends.callback(service.clean_up)
        move_keys(service, tpm)
        service.start()
        yield tpm, bus, service


@contextlib.contextmanager
def device(tpm, bus, service):
    hub = Hub([service.directory / "ca" / name for name in ("root.pem", "issuing.pem")], (free_port(), free_port()))
    certificate = certify(service.scratch, tpm.make_key("devices", ONBOARDING), "onboarding", "pump-1", service.directory / "tls/ca",
                          "extendedKeyUsage=clientAuth\n")
    put_individual(service, "pump-1", {"type": "x509", "x509": {"clientCertificates": {"primary": {"certificate": certificate.read_text()}}}},
                   iotHubs=["localhost"], allocationPolicy="static", **ISSUE)
    agent = Agent(service, bus, "pump-1", attestation={
        "type": "x509", "certificate": certificate, "key": f"pkcs11:token=devices;object={ONBOARDING};type=private",
        "key-password-file": tpm.pin_file})
    try:
        agent.groups["pkcs11"] = {"module": tpm.module}
        agent.configure("identity main", key_token="pkcs11:token=devices", key_token_pin_file=tpm.pin_file, hub_proof="yes",
                        hub_port=hub.port, local_trust_file=hub.authority)
        agent.start(**tpm.changes)
        hub.start()
        yield agent, hub
    finally:
        agent.clean_up()
        hub.clean_up()


def check_certificate(service, agent):
    """From the CA whose key is in the TPM."""
    now = agent.properties()
    certificate = agent.scratch / "certificate.pem"
    certificate.write_text(agent.bus.call("org.brevet.Agent1", agent.path, "org.brevet.Agent1.Identity", "GetCertificate")[0])
    assert fingerprint(certificate) == now["Sha256"] and "TPM Issuing" in now["Issuer"], now
    command("openssl", "verify", "-purpose", "sslclient", "-CAfile", service.directory / "ca/root.pem", "-untrusted", certificate, certificate)
    assert now["KeyLocation"].startswith("pkcs11:token=devices;object="), now
    return now["KeyLocation"].split("object=")[1].split(";")[0]


def test_no_key_outside_of_the_tpm():
    with world() as (tpm, bus, service), device(tpm, bus, service) as (agent, hub):
        agent.wait_for_generation(1)
        first = check_certificate(service, agent)
        assert set(tpm.labels("devices")) == {first, ONBOARDING}
        # The hub lets the device in with the key that is in the TPM, before the new certificate takes the place of the old one.
        agent.act("Renew")
        agent.wait_for_generation(2)
        assert f"u'{agent.registration_id}'" in hub.wait_for_log("New client connected")
        second = check_certificate(service, agent)
        assert second != first
        agent.look_until(lambda: set(tpm.labels("devices") or ()) == {second, ONBOARDING}, "the end of the first key")
        for path in [*service.directory.rglob("*"), *agent.store.rglob("*")]:
            if path.is_file() and path.name not in ("root.key", "ca.key"):
                assert b"PRIVATE KEY" not in path.read_bytes(), path
        agent.stop()
        service.stop()


tap.run(tap.collect(globals()))
