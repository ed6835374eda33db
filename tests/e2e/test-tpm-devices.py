#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices with a TPM that are not brevet's: tpm2-tools on swtpm, over HTTPS, against brevet-dps."""

import base64
import hashlib
import hmac
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import sas_token
import swtpm
import tap
from dps import PREVIEW, Service, make_csr

STABLE = "2021-06-01"
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}

service = Service(mqtt={})
world = {}


def enroll(registration_id, device, expect=200, **members):
    body = {"registrationId": registration_id,
            "attestation": {"type": "tpm", "tpm": {"endorsementKey": device.public_keys["endorsementKey"]}}, **members}
    reply = service.operate("PUT", f"/enrollments/{registration_id}", body)
    assert reply.status == expect, reply
    return reply


def ask(method, registration_id, path, body=None, token=None, version=STABLE, **headers):
    if token is not None:
        headers["Authorization"] = token
    return service.ask(method, f"/{service.id_scope}/registrations/{registration_id}{path}?api-version={version}", body, headers)


def register(registration_id, body, token=None, version=STABLE):
    return ask("PUT", registration_id, "/register", {"registrationId": registration_id, **body}, token, version)


def make_csr_der(registration_id):
    _, csr = make_csr(service.scratch, registration_id)
    return b"".join(base64.b64decode(line) for line in csr.read_text().splitlines()[1:-1])


def challenge(registration_id, device):
    """The first request; returns the token that the TPM then signs."""
    reply = register(registration_id, {"tpm": device.public_keys})
    assert reply.status == 401, reply
    device.activate(reply.json["authenticationKey"])
    return device.make_token(service.id_scope, registration_id)


def finish(registration_id, reply, token, version=STABLE):
    """Polls with the same token, as all clients do; returns the state."""
    assert reply.status == 202 and reply.json["status"] == "assigning", reply
    while reply.status == 202:
        reply = ask("GET", registration_id, f"/operations/{reply.json['operationId']}", None, token, version)
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    return reply.json["registrationState"]


def test_registration():
    """Challenge, token, second blob: what the TPM gets is the key that the operator sees"""
    device = world["device"]
    enroll("tpm-1", device)
    reply = register("tpm-1", {"tpm": device.public_keys})
    body = reply.json
    assert reply.status == 401 and reply.headers["x-ms-error-code"] == "401002", reply
    assert body["keyName"] == "registration" and body["errorCode"] == 401002 and body["message"], body
    assert body["trackingId"] == reply.headers["x-ms-request-id"] and "status" not in body, body
    device.activate(body["authenticationKey"])
    token = device.make_token(service.id_scope, "tpm-1")
    state = finish("tpm-1", register("tpm-1", {"tpm": device.public_keys}, token), token)
    assert state["assignedHub"] == "hub.example.net" and state["deviceId"] == "tpm-1", state
    assert list(state["tpm"]) == ["authenticationKey"], state

    device.activate(state["tpm"]["authenticationKey"])
    shown = service.operate("POST", "/enrollments/tpm-1/attestationmechanism").json["tpm"]
    assert "hubSecret" not in shown and "hubSecret" not in str(service.operate("GET", "/enrollments/tpm-1").json), shown
    expected = hmac.new(base64.b64decode(shown["hubKey"]), b"hello hub", hashlib.sha256).digest()
    assert device.sign(b"hello hub") == expected


def test_second_request_without_keys():
    """A client that shows its keys only once"""
    device = world["device"]
    enroll("tpm-2", device)
    token = challenge("tpm-2", device)
    state = finish("tpm-2", register("tpm-2", {}, token), token)
    device.activate(state["tpm"]["authenticationKey"])
    reply = ask("POST", "tpm-2", "", {"registrationId": "tpm-2", "tpm": device.public_keys}, token)
    assert reply.status == 200 and reply.json["tpm"] == state["tpm"], reply


def test_answer_in_one_reply():
    """A client that prefers to wait gets the second blob with the answer to its registration"""
    device = world["device"]
    enroll("tpm-10", device)
    token = challenge("tpm-10", device)
    reply = ask("PUT", "tpm-10", "/register", {"tpm": device.public_keys}, token, Prefer="wait=10")
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    device.activate(reply.json["registrationState"]["tpm"]["authenticationKey"])


def test_token_of_another_key():
    """A token that the TPM did not sign, and one for another device"""
    device = world["device"]
    enroll("tpm-3", device)
    token = challenge("tpm-3", device)
    wrong = sas_token.make_token(f"{service.id_scope}/registrations/tpm-3", base64.b64encode(bytes(32)).decode(), "registration")
    for registration_id, refused in [("tpm-3", wrong), ("tpm-1", token)]:
        reply = register(registration_id, {"tpm": device.public_keys}, refused)
        assert reply.status == 401 and "authenticationKey" not in reply.json, reply
    service.wait_for_log("matches no key that was sent to the TPM")
    assert register("tpm-3", {}, token).status == 202


def test_foreign_tpm():
    """Another TPM, an unknown device, and nothing at all: no key is handed out"""
    device = world["device"]
    enroll("tpm-4", device)
    with swtpm.Tpm() as other:
        stranger = swtpm.TpmDevice(other)
        reply = register("tpm-4", {"tpm": stranger.public_keys})
        assert reply.status == 401 and "authenticationKey" not in reply.json, reply
        service.wait_for_log("this is another TPM")
        # the right endorsement key, which is no secret: the blob does not open in the stranger's TPM
        mixed = {**stranger.public_keys, "endorsementKey": device.public_keys["endorsementKey"]}
        reply = register("tpm-4", {"tpm": mixed})
        assert reply.status == 401, reply
        try:
            stranger.activate(reply.json["authenticationKey"])
        except AssertionError:
            pass
        else:
            raise AssertionError("a stranger's TPM opened the blob")
        # what is shown beside a good token counts as well
        token = challenge("tpm-4", device)
        assert register("tpm-4", {"tpm": stranger.public_keys}, token).status == 401
        assert register("tpm-4", {"tpm": device.public_keys}, token).status == 202
    assert register("nobody", {"tpm": device.public_keys}).status == 401
    assert register("tpm-4", {}).status == 401


def test_no_body():
    """A request that announces that it has no body is refused at once, and does no harm"""
    connection = service.connect()
    try:
        connection.putrequest("PUT", f"/{service.id_scope}/registrations/tpm-1/register?api-version={STABLE}")
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 401 and b"authenticationKey" not in response.read(), response
    finally:
        connection.close()
    assert ask("GET", "tpm-1", "/operations/x").status == 401


def test_malformed():
    """What cannot be a storage root key is told to the device, and what cannot be an enrollment to the operator"""
    device = world["device"]
    enroll("tpm-5", device)
    for key in ["", "x", "AAAA", device.public_keys["storageRootKey"][:-4]]:
        reply = register("tpm-5", {"tpm": {**device.public_keys, "storageRootKey": key}})
        assert reply.status == 400 and "storageRootKey" in reply.json["message"], reply
    assert register("tpm-5", {"tpm": {**device.public_keys, "storageRootKey": 5}}).status == 400
    for key in ["", "AAAA", None]:
        body = {"registrationId": "wrong-1", "attestation": {"type": "tpm", "tpm": {"endorsementKey": key}}}
        reply = service.operate("PUT", "/enrollments/wrong-1", body)
        assert reply.status == 400 and "endorsementKey" in reply.json["message"], reply
    group = {"enrollmentGroupId": "g", "attestation": {"type": "tpm", "tpm": {"endorsementKey": device.public_keys["endorsementKey"]}}}
    assert service.operate("PUT", "/enrollmentGroups/g", group).status == 400


def test_csr_is_looked_at_last():
    """A CSR is judged when the device has proved itself, and not before"""
    device = world["device"]
    enroll("tpm-6", device, **ISSUE)
    forged = bytearray(make_csr_der("tpm-6"))
    forged[-1] ^= 1
    body = {"tpm": device.public_keys, "clientCertificateCsr": base64.b64encode(forged).decode()}
    reply = register("tpm-6", body, None, PREVIEW)
    assert reply.status == 401, reply
    device.activate(reply.json["authenticationKey"])
    reply = register("tpm-6", body, device.make_token(service.id_scope, "tpm-6"), PREVIEW)
    assert reply.status == 400, reply


def test_restart():
    """A challenge is answered to a service that was started in between"""
    device = world["device"]
    enroll("tpm-7", device)
    token = challenge("tpm-7", device)
    service.stop()
    service.start()
    state = finish("tpm-7", register("tpm-7", {}, token), token)
    device.activate(state["tpm"]["authenticationKey"])


def test_certificate_and_joined_operation():
    """A repeated registration gets the same operation, but not when the TPM was cleared in between"""
    device = world["device"]
    enroll("tpm-8", device, **ISSUE)
    ask_for = {"clientCertificateCsr": base64.b64encode(make_csr_der("tpm-8")).decode()}
    token = challenge("tpm-8", device)
    first = register("tpm-8", {"tpm": device.public_keys, **ask_for}, token, PREVIEW)
    again = register("tpm-8", {**ask_for}, token, PREVIEW)
    assert first.status == again.status == 202 and first.json["operationId"] == again.json["operationId"], (first, again)

    world["tpm"].clear()
    device = world["device"] = swtpm.TpmDevice(world["tpm"])
    token = challenge("tpm-8", device)
    reply = register("tpm-8", {**ask_for}, token, PREVIEW)
    assert reply.json["operationId"] != first.json["operationId"], reply
    state = finish("tpm-8", reply, token, PREVIEW)
    assert "BEGIN CERTIFICATE" in state["issuedClientCertificate"], state
    device.activate(state["tpm"]["authenticationKey"])


def test_mqtt():
    """A device with a TPM that comes over MQTT is refused, and the log says what it should do"""
    session = service.connect_mqtt("tpm-1", STABLE)
    assert session.connect() == 5
    session.close()
    service.wait_for_log("over HTTPS")


def test_limit():
    """Token and body are one request, also for the limit of requests of a device"""
    device = world["device"]
    enroll("tpm-9", device)
    token = challenge("tpm-9", device)
    service.stop()
    (service.directory / "dps.conf.d/40-limits.conf").write_text("[limits]\nrequests-per-device=2\n")
    service.start()
    reply = register("tpm-9", {"tpm": device.public_keys}, token)
    finish("tpm-9", reply, token)
    assert ask("GET", "tpm-9", f"/operations/{reply.json['operationId']}", None, token).status == 429


try:
    service.start()
    world["tpm"] = swtpm.Tpm().start()
    world["device"] = swtpm.TpmDevice(world["tpm"])
    tap.run(tap.collect(dict(globals())))
finally:
    if "tpm" in world:
        world["tpm"].clean_up()
    service.clean_up()
