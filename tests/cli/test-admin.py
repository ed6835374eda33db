#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an operator notices of brevet admin: messages, exit codes, and what a real service has afterwards."""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import PATIENCE, Service, command, free_port

BREVET = os.environ["BREVET"]
# The public part of an RSA key as a TPM would show it: what stands before the modulus, and a modulus.
EK_HEAD = ("013a0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
           "00060080004300100800000000000100")


class World:
    def __init__(self):
        self.service = Service().start()
        self.path = self.service.scratch
        self.connection = self.write("connection", self.connection_string())

    def connection_string(self, key=None, host=None):
        return (f"HostName={host or f'localhost:{self.service.port}'};SharedAccessKeyName=provisioningserviceowner;"
                f"SharedAccessKey={key or self.service.operator_key}\n")

    def write(self, name, content):
        (self.path / name).write_text(content)
        return self.path / name

    def run(self, *words, expect=0, connection=None, trust=True, environment=None, stdin=None):
        line = [BREVET, "admin", *words]
        if environment is None:
            line += ["--connection-string-file", connection or self.connection]
        if trust:
            line += ["--ca-file", self.service.directory / "tls/ca.pem"]
        done = subprocess.run([str(word) for word in line], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
                              env=dict(os.environ, LANGUAGE="C", **(environment or {})))
        if "No plugin for the attestation type" in done.stderr:
            raise tap.Skip(done.stderr.strip())
        assert done.returncode == expect, f"{line} ended with {done.returncode}, not {expect}\n{done.stdout}\n{done.stderr}"
        assert self.service.operator_key not in done.stdout + done.stderr, done
        return done

    def stored(self, path):
        return self.service.operate("GET", path)


world = World()


def test_symmetric_key_is_made_by_the_service_and_shown_only_when_asked_for():
    done = world.run("enrollment", "create", "pump-07", "--device-id", "Pump.7", "--hub", "hub.example.net")
    assert "Enrollment" in done.stdout and "pump-07" in done.stdout and "symmetricKey" in done.stdout, done.stdout
    keys = world.service.operate("POST", "/enrollments/pump-07/attestationmechanism").json["symmetricKey"]
    assert keys["primaryKey"] not in done.stdout, "the key is shown to whoever looks at the terminal"
    stored = world.stored("/enrollments/pump-07").json
    assert stored["deviceId"] == "Pump.7" and stored["iotHubs"] == ["hub.example.net"], stored
    assert stored["provisioningStatus"] == "enabled", stored

    shown = world.run("enrollment", "show", "pump-07").stdout
    assert "Pump.7" in shown and "hub.example.net" in shown and keys["primaryKey"] not in shown, shown
    shown = world.run("enrollment", "show", "PUMP-07", "--keys").stdout
    assert keys["primaryKey"] in shown and keys["secondaryKey"] in shown, shown
    assert json.loads(world.run("enrollment", "show", "pump-07", "--keys", "--json").stdout)["attestation"]["symmetricKey"] == keys


def test_own_keys_are_taken_and_wrong_ones_refused():
    own = world.write("own.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    created = json.loads(world.run("enrollment", "create", "own", "--primary-key-file", own, "--json", "--keys").stdout)
    assert created["attestation"]["symmetricKey"]["primaryKey"] == own.read_text().strip(), created
    done = world.run("enrollment", "create", "short", "--primary-key-file", world.write("short.key", "AAECAw==\n"), expect=1)
    assert "symmetricKey.primaryKey" in done.stderr and "16 to 64 bytes" in done.stderr, done.stderr
    done = world.run("enrollment", "create", "none", "--primary-key-file", world.path / "missing", expect=5)
    assert "missing" in done.stderr, done.stderr


def test_existing_enrollment_is_replaced_only_on_request():
    world.run("enrollment", "create", "twice", "--certificate-authority", world.service.facts["certificateAuthority"])
    before = world.stored("/enrollments/twice").json
    done = world.run("enrollment", "create", "twice", expect=3)
    assert "“twice” exists already" in done.stderr and "--replace" in done.stderr, done.stderr
    assert world.stored("/enrollments/twice").json == before, "an enrollment was replaced unasked"
    world.run("enrollment", "create", "twice", "--replace", "--disabled")
    after = world.stored("/enrollments/twice").json
    assert after["provisioningStatus"] == "disabled" and "clientCertificateIssuancePolicy" not in after, after


def test_standby():
    authority = world.service.facts["certificateAuthority"]
    done = world.run("enrollment", "create", "alone", "--standby-ca", authority, expect=2)
    assert "--certificate-authority" in done.stderr, done.stderr
    done = world.run("enrollment", "create", "alone", "--certificate-authority", authority, "--standby-ca", "nobody", expect=1)
    assert "standbyCertificateAuthorityName “nobody” does not exist" in done.stderr, done.stderr
    world.run("ca", "create", "second", "--type", "LocalCertificateAuthority")
    shown = world.run("enrollment", "create", "alone", "--certificate-authority", authority, "--standby-ca", "second").stdout
    assert re.search(r"^  Standby +second$", shown, re.M) and re.search(r"^  Created +(now|\d+ seconds? ago) \(", shown, re.M), shown


def test_deleted_enrollment_is_not_there():
    world.run("enrollment", "create", "gone")
    assert world.run("enrollment", "delete", "gone").stdout == ""
    assert world.stored("/enrollments/gone").status == 404
    for action in ("show", "delete"):
        done = world.run("enrollment", action, "gone", expect=1)
        assert "404" in done.stderr and "tracking id" in done.stderr, done.stderr


def test_group_is_created_shown_and_deleted():
    world.run("enrollment", "create", "--group", "line-4", "--certificate-authority", world.service.facts["certificateAuthority"])
    shown = world.run("enrollment", "show", "--group", "line-4").stdout
    assert "Enrollment group" in shown and world.service.facts["certificateAuthority"] in shown, shown
    world.run("enrollment", "show", "line-4", expect=1)
    world.run("enrollment", "delete", "--group", "line-4")
    assert world.stored("/enrollmentGroups/line-4").status == 404


def test_tpm_is_enrolled_with_its_endorsement_key():
    key = base64.b64encode(bytes.fromhex(EK_HEAD) + b"\xc1" + b"\x5b" * 255).decode()
    world.run("enrollment", "create", "tpm-1", "--endorsement-key", key)
    assert world.stored("/enrollments/tpm-1").json["attestation"]["tpm"]["endorsementKey"] == key
    assert key[:40] in world.run("enrollment", "show", "tpm-1").stdout
    done = world.run("enrollment", "create", "tpm-2", "--endorsement-key", "AAAA", expect=1)
    assert "endorsementKey" in done.stderr, done.stderr


def test_device_is_enrolled_with_its_certificates():
    certificate, der = world.path / "device.pem", world.path / "device.der"
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            world.path / "device.key", "-out", certificate, "-subj", "/CN=robot-1", "-days", 2)
    command("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der)
    world.run("enrollment", "create", "robot-1", "--certificate", certificate, "--secondary-certificate", der)
    info = world.stored("/enrollments/robot-1").json["attestation"]["x509"]["clientCertificates"]
    assert info["primary"]["info"] == info["secondary"]["info"] and "certificate" not in info["primary"], info
    shown = world.run("enrollment", "show", "robot-1").stdout
    assert "robot-1" in shown and info["primary"]["info"]["sha256Thumbprint"] in shown, shown
    done = world.run("enrollment", "create", "robot-2", "--certificate", world.write("junk.pem", "junk"), expect=5)
    assert "junk.pem" in done.stderr, done.stderr
    done = world.run("enrollment", "create", "--group", "robots", "--ca-reference", "nobody", expect=1)
    assert "nobody" in done.stderr, done.stderr


def test_ca_certificate_is_proved_and_referred_to():
    def issue(name, subject, *options):
        command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                world.path / f"{name}.key", "-out", world.path / f"{name}.pem", "-subj", f"/CN={subject}", "-days", 2, *options)
        return world.path / f"{name}.pem"

    root = issue("root", "Plant Root")
    shown = world.run("certificate", "create", "plant-root", root).stdout
    assert "plant-root" in shown and "CN=Plant Root" in shown and "not verified" in shown, shown
    done = world.run("certificate", "create", "plant-root", root, expect=3)
    assert "“plant-root” exists already" in done.stderr, done.stderr
    wrong = world.run("certificate", "verify", "plant-root", root, expect=1)
    assert "400" in wrong.stderr, wrong.stderr
    code = json.loads(world.run("certificate", "code", "plant-root", "--json").stdout)["verificationCode"]
    assert code in world.run("certificate", "show", "plant-root").stdout
    proof = issue("proof", code, "-CA", root, "-CAkey", world.path / "root.key")
    assert "Status" in (shown := world.run("certificate", "verify", "plant-root", proof).stdout) and "not verified" not in shown, shown
    assert world.stored("/certificates/plant-root").json["isVerified"] is True

    world.run("enrollment", "create", "--group", "robots-2", "--ca-reference", "plant-root")
    assert "plant-root" in world.run("enrollment", "show", "--group", "robots-2").stdout
    done = world.run("certificate", "delete", "plant-root", expect=3)
    assert "robots-2" in done.stderr, done.stderr
    world.run("enrollment", "delete", "--group", "robots-2")
    world.run("certificate", "create", "other", issue("other", "Other Root"), "--verified")
    names = [json.loads(line)["name"] for line in world.run("certificate", "list", "--json").stdout.splitlines()]
    assert names == ["other", "plant-root"], names
    world.run("certificate", "delete", "plant-root")
    assert "plant-root" not in world.run("certificate", "list").stdout
    done = world.run("certificate", "show", "a/b", expect=2)
    assert "a/b" in done.stderr, done.stderr


def test_whole_enrollment_comes_from_a_file_or_a_pipe():
    document = world.write("enrollment.json", json.dumps({"attestation": {"type": "symmetricKey"}, "initialTwin": {"tags": {"a": 1}}}))
    world.run("enrollment", "create", "from-file", "--file", document)
    assert world.stored("/enrollments/from-file").json["initialTwin"] == {"tags": {"a": 1}}
    world.run("enrollment", "create", "from-pipe", "--file", "/dev/stdin", stdin=document.read_text())
    for content, word in (("{", "enrollment.json"), ('{"registrationId": "other"}', "that of “other”"), ("[]", "enrollment.json")):
        done = world.run("enrollment", "create", "bad", "--file", world.write("enrollment.json", content), expect=5)
        assert word in done.stderr, done.stderr
    done = world.run("enrollment", "create", "bad", "--file", document, "--disabled", expect=2)
    assert "--file" in done.stderr, done.stderr


def test_wrong_command_line_says_what_is_wrong():
    for words, message in [
            (["enrollment", "create"], "An argument is missing"),
            (["enrollment", "create", "a b"], "not a valid registration id"),
            (["enrollment", "create", "x", "--attestation", "magic"], "“magic” is unknown"),
            (["enrollment", "create", "x", "--attestation", "tpm"], "--endorsement-key is missing"),
            (["enrollment", "create", "x", "--attestation", "x509"], "--certificate is missing"),
            (["enrollment", "create", "-g", "x", "--attestation", "x509"], "(or --ca-reference)"),
            (["enrollment", "create", "x", "--endorsement-key", "k", "--certificate", "c"], "--certificate does not go with"),
            (["enrollment", "create", "-g", "x", "--endorsement-key", "k"], "leave --group out"),
            (["enrollment", "create", "x", "--ca-reference", "c"], "--ca-reference is for groups"),
            (["enrollment", "create", "-g", "x", "--ca-reference", "c", "--certificate", "c"], "exclude each other"),
            (["enrollment", "create", "-g", "x", "--device-id", "d"], "--device-id is for one device"),
            (["enrollment", "show", "x", "--timeout", "0"], "--timeout 0"),
            (["enrolment", "show", "x"], "did you mean “enrollment”?")]:
        done = world.run(*words, expect=2)
        assert message in done.stderr and done.stdout == "", (words, done.stderr)
    help_text = subprocess.run([BREVET, "help", "admin", "enrollment", "show"], capture_output=True, text=True, check=True).stdout
    assert "brevet admin enrollment show [OPTION…] ID" in help_text, help_text


def test_connection_string_comes_from_a_file_or_the_environment():
    environment = {"BREVET_CONNECTION_STRING": world.connection_string()}
    world.run("enrollment", "create", "by-environment", environment=environment)
    done = world.run("enrollment", "show", "x", environment={}, expect=5)
    assert "--connection-string-file" in done.stderr and "BREVET_CONNECTION_STRING" in done.stderr, done.stderr
    for text, message in [("HostName=a;SharedAccessKeyName=b", "SharedAccessKey is missing"),
                          ("HostName=https://a;SharedAccessKeyName=b;SharedAccessKey=AAAA", "HostName"),
                          ("HostName=a;SharedAccessKeyName=b;SharedAccessKey=§", "not base64"),
                          ("nonsense", "has no “=”")]:
        done = world.run("enrollment", "show", "x", connection=world.write("wrong", text), expect=5)
        assert message in done.stderr and "wrong" in done.stderr, (text, done.stderr)


def test_wrong_key_no_service_and_foreign_certificate_have_exit_codes():
    wrong = world.write("wrong-key", world.connection_string(key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
    done = world.run("enrollment", "create", "x", connection=wrong, expect=3)
    assert "“provisioningserviceowner”" in done.stderr and "clock" in done.stderr, done.stderr
    nobody = world.write("nobody", world.connection_string(host=f"localhost:{free_port()}"))
    done = world.run("enrollment", "show", "x", connection=nobody, expect=4)
    assert "localhost" in done.stderr, done.stderr
    done = world.run("enrollment", "show", "x", trust=False, expect=5)
    assert "localhost" in done.stderr, done.stderr
    assert world.stored("/enrollments/x").status == 404


try:
    tap.run(tap.collect(globals()))
finally:
    world.service.clean_up()
