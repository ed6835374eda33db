#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CA certificates of the service API, with certificates that openssl makes: from the proof to a device that is let in."""

import hashlib
import os
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import tap
from dps import PREVIEW, Device, command, running_service

NAME = "/certificates/plant-root"


class Authority:
    """A root of openssl's, with a key of the kind that old CAs have."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.certificate,
                "-days", "30", "-subj", "/O=Plant/CN=Plant Root")

    def issue(self, common_name):
        """A certificate and its key; only the first is given to others."""
        base = self.directory / f"{self.name}-{common_name}"
        key, request, certificate = (base.with_name(base.name + suffix) for suffix in (".key", ".csr", ".pem"))
        purpose = base.with_name(base.name + ".ext")
        purpose.write_text("extendedKeyUsage=clientAuth\n")
        command("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                "-out", request, "-subj", f"/CN={common_name}")
        command("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", "1",
                "-extfile", purpose, "-out", certificate)
        return certificate, key


def put(service, authority, status=200, **members):
    reply = service.operate("PUT", NAME, {"certificate": authority.certificate.read_text(), **members})
    assert reply.status == status, reply
    return reply


def ask_for_code(service):
    reply = service.operate("POST", NAME + "/generateVerificationCode")
    assert reply.status == 200 and not reply.json["isVerified"], reply
    return reply.json["verificationCode"]


def prove(service, certificate, status=200):
    reply = service.operate("POST", NAME + "/verify", {"certificate": certificate.read_text()})
    assert reply.status == status, reply
    return reply


def test_whoever_has_the_key_can_prove_it():
    with running_service() as service:
        own, foreign = Authority(service.scratch, "own"), Authority(service.scratch, "foreign")
        put(service, own)
        code = ask_for_code(service)
        reply = prove(service, foreign.issue(code)[0], 400)
        assert "not signed with the key" in reply.json["message"], reply
        assert prove(service, own.issue(code)[0]).json["isVerified"]
        assert service.operate("GET", NAME).json["isVerified"]
        prove(service, own.issue(code)[0], 400)
        assert not put(service, foreign).json["isVerified"]
        service.wait_for_log("Verified CA certificate plant-root")


def connect(service, credential):
    context = service.context()
    context.load_cert_chain(*credential)
    return service.connect(context=context)


def register(service, credential):
    device = Device(service, "pump-07", "")
    device.headers = lambda: {}
    device.connection = connect(service, credential)
    return device.ask("PUT", "/register", PREVIEW, {"registrationId": "pump-07"})


def test_a_device_is_let_in_as_long_as_its_authority_is_verified():
    if not os.environ.get("ATTESTATION_X509"):
        raise tap.Skip("attestation-x509 is switched off")
    with running_service() as service:
        own, other = Authority(service.scratch, "own"), Authority(service.scratch, "other")
        credential = own.issue("pump-07")
        put(service, own)
        enrollments.put_group(service, "plant", enrollments.x509_references(primary="Plant-Root"))
        assert register(service, credential).status == 401
        service.wait_for_log("it is not verified")
        prove(service, own.issue(ask_for_code(service))[0])
        assert register(service, credential).status == 202
        put(service, other, isVerified=True)
        assert register(service, credential).status == 401
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(credential[0].read_text())).hexdigest()
        service.wait_for_log(f"BREVET_CREDENTIAL=certificate BREVET_CERTIFICATE={fingerprint}", 2)
        assert service.operate("DELETE", NAME).status == 409
        service.operate("DELETE", "/enrollmentGroups/plant")
        assert service.operate("DELETE", NAME).status == 204


tap.run(tap.collect(dict(globals())))
