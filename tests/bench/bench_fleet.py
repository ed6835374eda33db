# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices of load-client with each attestation, enrolled at a service."""

import json
import os
import sys

import sas_token
from pki import make_intermediate, make_leaf, make_root
from soft_tpm import SoftTpm

# As many clients as load-client has, and as many devices as each of them goes round.
CLIENTS = 4
DEVICES = 32
OTHER_GROUPS = 1000
# Longer than any measurement, and within the life of a challenge.
TOKEN_LIFETIME = 3000


class Fleets:
    """Each fleet makes its enrollments and its files; returns the options of load-client for it."""

    def __init__(self, service, clients=CLIENTS, devices=DEVICES):
        self.service = service
        self.numbers = [(client, device) for client in range(clients) for device in range(devices)]

    def _names(self, name):
        return [f"{name}-{client}-{device}" for client, device in self.numbers]

    def _directory(self, name):
        directory = os.path.join(self.service.directory, name)
        os.mkdir(directory)
        return directory

    def _enroll(self, attestations):
        """Individual enrollments, by registration id."""
        self.service.enroll({f"/enrollments/{device}": {"registrationId": device, "attestation": attestation}
                             for device, attestation in attestations.items()})

    @staticmethod
    def _write(directory, name, text):
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def symmetric_key(self):
        directory = self._directory("symmetric")
        key = sas_token.derive_key("QSBrZXkgb2YgYSBncm91cCwgMzIgYnl0ZXMuLi4uLi4=", "all of them")
        keys = {"primaryKey": key, "secondaryKey": key}
        self._enroll({device: {"type": "symmetricKey", "symmetricKey": keys} for device in self._names("keyed")})
        for device in self._names("keyed"):
            resource = f"{self.service.scope}/registrations/{device}"
            self._write(directory, f"{device}.token", sas_token.make_token(resource, key, "registration", TOKEN_LIFETIME))
        return ["--name", "keyed", "--credentials", directory]

    def _write_certificate(self, directory, device, leaf, *issuers):
        self._write(directory, f"{device}.pem", "".join(certificate.pem for certificate in (leaf, *issuers)))
        self._write(directory, f"{device}.key", leaf.key_pem)

    def certificate(self):
        directory = self._directory("certificates")
        leaves = {device: make_leaf(device) for device in self._names("certified")}
        self._enroll({device: {"type": "x509", "x509": {"clientCertificates": {"primary": {"certificate": leaf.pem}}}}
                      for device, leaf in leaves.items()})
        for device, leaf in leaves.items():
            self._write_certificate(directory, device, leaf)
        return ["--name", "certified", "--credentials", directory]

    def _enroll_issuers(self, issuers):
        self.service.enroll({
            f"/enrollmentGroups/{name}": {"enrollmentGroupId": name, "attestation": {
                "type": "x509", "x509": {"signingCertificates": {"primary": {"certificate": issuer.pem}}}}}
            for name, issuer in issuers.items()})

    def group(self, others=0):
        """Devices that send three certificates, the last of them issued by the group's, in the midst of other groups."""
        directory = self._directory("group")
        root = make_root("Plant root")
        line = make_intermediate("Line 4", root)
        cell = make_intermediate("Cell 2", line)
        machine = make_intermediate("Machine 1", cell)
        before = {f"other-{number}": make_root(f"Other root {number}") for number in range(others // 2)}
        behind = {f"zother-{number}": make_root(f"Further root {number}") for number in range(others - others // 2)}
        self._enroll_issuers({**before, "line": line, **behind})
        for device in self._names("grouped"):
            self._write_certificate(directory, device, make_leaf(device, machine), machine, cell)
        return ["--name", "grouped", "--credentials", directory]

    def tpm(self):
        """Two fleets of the same devices: those that ask for a challenge, and those that have answered it. One TPM does for all."""
        tpm = SoftTpm()
        attestation = self._write(self.service.directory, "tpm.json", json.dumps({"tpm": tpm.body}))
        self._enroll({device: {"type": "tpm", "tpm": tpm.body} for device in self._names("measured")})
        answers = self._directory("tpm-answers")
        connection = self.service.connect()
        for device in self._names("measured"):
            resource = f"{self.service.scope}/registrations/{device}"
            status, challenge = self.service.ask(connection, "PUT", f"/{resource}/register", {"registrationId": device,
                                                                                              "tpm": tpm.body})
            if status != 401:
                sys.exit(f"{device} got no challenge: {challenge}")
            token = tpm.sign(challenge["authenticationKey"], resource, lifetime=TOKEN_LIFETIME)
            self._write(answers, f"{device}.token", token)
        connection.close()
        options = ["--name", "measured", "--attestation", attestation, "--credentials"]
        return [*options, self._directory("tpm-challenges"), "--challenge"], [*options, answers]


def make_fleets(few, many, **size):
    """What is measured: a title, the service that is asked, and options of load-client. The service `many` gets all the groups."""
    fleets = Fleets(few, **size)
    challenge, answer = fleets.tpm()
    return [
        ("group with a symmetric key", few, ["--group-key-file", few.group_key_file]),
        ("symmetric key", few, fleets.symmetric_key()),
        ("certificate", few, fleets.certificate()),
        ("certificates of a group", few, fleets.group()),
        (f"the same beside {OTHER_GROUPS} groups", many, Fleets(many, **size).group(OTHER_GROUPS)),
        ("TPM, challenge", few, challenge),
        ("TPM, answer", few, answer),
    ]
