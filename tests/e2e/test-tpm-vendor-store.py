#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Only TPMs whose makers are trusted: certificates of endorsement keys against the vendor store of brevet-dps."""

import base64
import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import swtpm
import tap
from dps import DPS, Service, command

VERSION = "2021-06-01"
EK_CERTIFICATE = x509.ObjectIdentifier("2.23.133.8.1")
CLIENT_AUTHENTICATION = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.utcnow()

service = Service()
store = service.scratch / "makers"
world = {}


class Authority:
    """A maker of TPMs who certifies whatever a test wants."""

    def __init__(self, name, issuer=None, is_ca=True):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (issuer or self).sign(self.name, self.key.public_key(), x509.BasicConstraints(is_ca, None), None)

    def sign(self, name, public_key, constraints, purpose, start=NOW - DAY, end=NOW + DAY, more=()):
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
                   .add_extension(constraints, True))
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        for extension in more:
            builder = builder.add_extension(extension, True)
        return builder.sign(self.key, hashes.SHA256())

    def certify(self, public_key, purpose=EK_CERTIFICATE, is_ca=False, **options):
        """The certificate of an endorsement key: like the real ones, without a subject."""
        return self.sign(x509.Name([]), public_key, x509.BasicConstraints(is_ca, None), purpose, **options)


def pem(*certificates):
    return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in certificates)


def public_key_of(endorsement_key):
    return rsa.RSAPublicNumbers(65537, int.from_bytes(endorsement_key[-256:], "big")).public_key()


def enroll(registration_id, device, certificate=None):
    tpm = {"endorsementKey": device.public_keys["endorsementKey"]}
    if certificate is not None:
        tpm["endorsementCertificate"] = certificate
    return service.operate("PUT", f"/enrollments/{registration_id}",
                           {"registrationId": registration_id, "attestation": {"type": "tpm", "tpm": tpm}})


def ask_for_challenge(registration_id, device, certificate=None):
    tpm = device.public_keys
    if certificate is not None:
        tpm["endorsementCertificate"] = certificate
    return service.ask("PUT", f"/{service.id_scope}/registrations/{registration_id}/register?api-version={VERSION}",
                       {"registrationId": registration_id, "tpm": tpm})


def assert_challenged(reply):
    assert reply.status == 401, reply
    world["device"].activate(reply.json["authenticationKey"])


def assert_refused(reply, reason):
    assert reply.status == 401 and "authenticationKey" not in reply.json, reply
    service.wait_for_log(reason)


def test_certificate_of_the_maker():
    """A TPM with the certificate that came with it, in the enrollment or shown by the device"""
    device, der = world["device"], world["certificate"]
    certificate = x509.load_der_x509_certificate(der)
    reply = enroll("maker-1", device, pem(certificate))
    assert reply.status == 200, reply
    shown = service.operate("GET", "/enrollments/maker-1").json["attestation"]["tpm"]
    assert shown["endorsementCertificateInfo"]["sha256Thumbprint"] == certificate.fingerprint(hashes.SHA256()).hex().upper(), shown
    assert_challenged(ask_for_challenge("maker-1", device))
    assert enroll("maker-2", device).status == 200
    assert_challenged(ask_for_challenge("maker-2", device, base64.b64encode(der).decode()))


def test_no_certificate():
    """A TPM that nobody vouches for"""
    assert enroll("none-1", world["device"]).status == 200
    assert_refused(ask_for_challenge("none-1", world["device"]), "neither the enrollment nor the device has one")
    assert_refused(ask_for_challenge("none-1", world["device"], "AAAA"), "none-1")


def test_intermediate():
    """An issuer between certificate and store comes along with the certificate"""
    between = Authority("Maker, factory 7", world["root"])
    certificate = between.certify(world["key"])
    assert enroll("between-1", world["device"], pem(certificate, between.certificate)).status == 200
    assert_challenged(ask_for_challenge("between-1", world["device"]))
    assert enroll("between-2", world["device"], pem(certificate)).status == 200
    assert_refused(ask_for_challenge("between-2", world["device"]), "does not lead to an authority of the vendor store")


def test_bad_certificates():
    """Each refused for its own reason, whoever shows it"""
    root, key = world["root"], world["key"]
    no_authority = Authority("Not a CA", root, is_ca=False)
    specification = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.9"), bytes.fromhex("3000"))
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes.fromhex("0500"))
    rows = [
        ("foreign", [Authority("Stranger").certify(key)], "does not lead to an authority"),
        ("impostor", [Authority("Maker").certify(key)], "verif|does not lead"),
        ("expired", [root.certify(key, start=NOW - 3 * DAY, end=NOW - DAY)], "has expired"),
        ("early", [root.certify(key, start=NOW + DAY, end=NOW + 3 * DAY)], "is not valid yet"),
        ("purpose", [root.certify(key, purpose=CLIENT_AUTHENTICATION)], "lacks the purpose"),
        ("no-purpose", [root.certify(key, purpose=None)], "lacks the purpose"),
        ("authority", [root.certify(key, is_ca=True)], "is that of a CA"),
        ("unknown", [root.certify(key, more=[unknown])], "critical extension"),
        ("below", [no_authority.certify(key), no_authority.certificate], "no CA|does not verify|does not lead"),
    ]
    for name, chain, reason in rows:
        before = len(service.read_log())
        assert enroll(f"bad-{name}", world["device"], pem(*chain)).status == 200, name
        reply = ask_for_challenge(f"bad-{name}", world["device"])
        assert reply.status == 401 and "authenticationKey" not in reply.json, (name, reply)
        service.wait_for(lambda: any(part in service.read_log()[before:] for part in reason.split("|")), f"{name}: “{reason}”")
        if len(chain) == 1:
            assert enroll(f"shown-{name}", world["device"]).status == 200
            reply = ask_for_challenge(f"shown-{name}", world["device"], pem(*chain))
            assert reply.status == 401 and "authenticationKey" not in reply.json, (name, reply)
    assert enroll("good-1", world["device"], pem(root.certify(key, more=[specification]))).status == 200
    assert_challenged(ask_for_challenge("good-1", world["device"]))


def test_certificate_of_another_key():
    """Refused when it is written down, and when it is shown"""
    other = world["root"].certify(rsa.generate_private_key(65537, 2048).public_key())
    reply = enroll("other-1", world["device"], pem(other))
    assert reply.status == 400 and "another key" in reply.json["message"], reply
    assert enroll("other-1", world["device"]).status == 200
    assert_refused(ask_for_challenge("other-1", world["device"], pem(other)), "not that of its endorsement key")


def test_bad_store():
    """A service whose vendor store cannot be used says which file is wrong"""
    service.stop()
    leaf = world["root"].certify(world["key"])
    for name, content, reason in [("leaf.pem", pem(leaf), "not one of a CA"), ("empty.pem", "nothing", "no certificate in PEM")]:
        path = store / name
        path.write_text(content)
        done = command(DPS, "run", "--config", service.directory / "dps.conf", expect=None)
        path.unlink()
        assert done.returncode != 0 and name in done.stderr and reason in done.stderr, done


def prepare():
    maker = swtpm.Maker(service.scratch / "maker")
    world["tpm"] = swtpm.Tpm()
    world["certificate"] = maker.certify(world["tpm"])
    world["device"] = swtpm.TpmDevice(world["tpm"].start())
    world["key"] = public_key_of(world["device"].endorsement_key)
    world["root"] = Authority("Maker")
    store.mkdir()
    (store / "swtpm.pem").write_text(maker.authorities)
    (store / "maker.pem").write_text(pem(world["root"].certificate))
    (service.directory / "dps.conf.d/30-tpm.conf").write_text(f"[attestation tpm]\nvendor-store={store}\n")


try:
    prepare()
    service.start()
    tap.run(tap.collect(dict(globals())))
finally:
    if "tpm" in world:
        world["tpm"].clean_up()
    service.clean_up()
