# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service, devices that it knows, and what somebody at its door may show: who that is, is another question."""

import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import pki
import sas_token
from dps import PREVIEW, Service
from soft_tpm import SoftTpm

HTTPS, MQTT = "HTTPS", "MQTT"

SERVICE = Service(mqtt={}, journaled=True)
WORK = SERVICE.scratch

# Making RSA keys takes time, and one pair of TPMs is enough for all.
OWN_TPM, FOREIGN_TPM = SoftTpm(), SoftTpm()


@dataclasses.dataclass
class Stranger:
    """Somebody at the door: the device that he claims to be, and what he shows. The first certificate is the leaf, whose key he has."""

    registration_id: str
    chain: tuple = ()
    token: str = None
    tpm: dict = None
    headers: dict = dataclasses.field(default_factory=dict)

    def context(self):
        context = SERVICE.context()
        if self.chain:
            context.load_cert_chain(*self.chain[0].write(WORK, "stranger", *self.chain[1:]))
        return context

    def ask(self):
        """One registration over HTTPS."""
        headers = {"Content-Type": "application/json", **self.headers}
        if self.token is not None:
            headers["Authorization"] = self.token
        body = {"registrationId": self.registration_id, **({"tpm": self.tpm} if self.tpm else {})}
        connection = SERVICE.connect(context=self.context())
        try:
            return SERVICE.ask("PUT", f"/{SERVICE.id_scope}/registrations/{self.registration_id}/register?api-version={PREVIEW}", body,
                               headers, connection)
        finally:
            connection.close()

    def knock_mqtt(self):
        """The code of CONNACK."""
        session = SERVICE.connect_mqtt(self.registration_id, context=self.context())
        try:
            return session.connect(token=self.token)
        finally:
            session.close()


# --- whom the service knows -------------------------------------------------------------------------------------------------------

NUMBERS = iter(range(10000))


def sign(registration_id, key, **options):
    return sas_token.make_token(f"{SERVICE.id_scope}/registrations/{registration_id}", key, "registration", **options)


class Device:
    """A rightful device. Each row of the table has one of its own, with an enrollment of its own."""

    group = None
    ways = (HTTPS, MQTT)

    def __init__(self):
        self.number = next(NUMBERS)
        self.id = f"device-{self.number}"
        self.enroll()

    @property
    def enrollment(self):
        return self.group or self.id

    def rightful(self):
        return Stranger(self.id, chain=self.chain)


class Keyed(Device):
    mechanism = "symmetricKey"

    def enroll(self):
        self.keys = enrollments.symmetric_keys(SERVICE, self.id, **enrollments.ISSUE)
        self.key = self.keys["primaryKey"]

    def rightful(self):
        return Stranger(self.id, token=sign(self.id, self.key))


class KeyedGroup(Keyed):
    def enroll(self):
        self.group = f"group-{self.number}"
        self.keys = enrollments.symmetric_keys(SERVICE, self.group, group=True, **enrollments.ISSUE)
        self.key = enrollments.derived_key(self.keys, self.id)


class Certified(Device):
    """An individual enrollment by certificate."""

    mechanism = "x509"

    def enroll(self):
        self.leaf = pki.make_leaf(self.id)
        self.chain = (self.leaf,)
        self.put()

    def put(self, **members):
        enrollments.put_individual(SERVICE, self.id, enrollments.x509("clientCertificates", primary=self.leaf), **members)


class CertifiedGroup(Device):
    """A group of the devices below a root; the device sends one intermediate."""

    mechanism = "x509"
    root_options = {}

    def enroll(self):
        self.group = f"group-{self.number}"
        self.root = pki.make_root(f"Root {self.number}", **self.root_options)
        self.plant = pki.make_intermediate(f"Plant {self.number}", self.root)
        self.leaf = pki.make_leaf(self.id, self.plant)
        self.chain = (self.leaf, self.plant)
        self.put()

    def put(self, certificate=None, **members):
        attestation = enrollments.x509("signingCertificates", primary=certificate or self.root)
        enrollments.put_group(SERVICE, self.group, attestation, **members)

    def issue(self, subject, **options):
        """A device's certificate from the plant's own authority, which was careless or deceived."""
        return (pki.make_leaf(subject, self.plant, **options), self.plant)


class ShallowGroup(CertifiedGroup):
    root_options = {"path_length": 0}

    def rightful(self):
        return Stranger(self.id, chain=(pki.make_leaf(self.id, self.root),))


class NamedRootGroup(CertifiedGroup):
    """The root's key may sign in TLS, too, and its name is a device's."""

    def enroll(self):
        super().enroll()
        self.root = pki.make_root(self.id, usages=(0, 5, 6))
        self.plant = pki.make_intermediate(f"Plant {self.number}", self.root)
        self.chain = (pki.make_leaf(self.id, self.plant), self.plant)
        self.put()


class ReferredGroup(CertifiedGroup):
    """The same by the name of a verified certificate."""

    def put(self, **members):
        self.authority = f"ca-{self.number}"
        self.etag = enrollments.put_authority(SERVICE, self.authority, self.root)
        enrollments.put_group(SERVICE, self.group, enrollments.x509_references(primary=self.authority), **members)


class Tpm(Device):
    mechanism = "tpm"
    ways = (HTTPS,)

    def enroll(self):
        self.tpm = OWN_TPM
        enrollments.put_individual(SERVICE, self.id, enrollments.tpm(self.tpm.body["endorsementKey"]))

    def challenge(self, tpm=None):
        """The blob of a 401."""
        reply = Stranger(self.id, tpm=tpm or self.tpm.body).ask()
        assert reply.status == 401 and reply.json["keyName"] == "registration", reply
        return reply.json["authenticationKey"]

    def sign(self, blob, **options):
        return self.tpm.sign(blob, f"{SERVICE.id_scope}/registrations/{self.id}", **options)

    def rightful(self):
        return Stranger(self.id, token=self.sign(self.challenge()), tpm=self.tpm.body)
