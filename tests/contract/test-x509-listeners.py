#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates of devices at a real brevet-dps, over HTTPS, MQTT and WebSocket, as stock clients present them: what is checked, is
checked again with every request, on a connection that was open before and in a TLS session that is taken up again."""

import json
import pathlib
import socket
import ssl
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import mqtt_client as mqtt
import pki
import tap
import web_socket
from dps import PATIENCE, PREVIEW, Service, make_csr

SERVICE = Service(mqtt={}, journaled=True)
SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
ROOT = pki.make_root("Line Root")
SIGNER = pki.make_intermediate("Line 4", ROOT)
LOWER = pki.make_intermediate("Line 4 Shift 2", SIGNER)
HOUR = 3600


def make_context(leaf, *intermediates, version=None):
    certificate, key = leaf.write(WORK, f"device-{id(leaf)}", *intermediates)
    context = SERVICE.context(version)
    context.load_cert_chain(certificate, key)
    return context


def device(name, version=None, **options):
    """The usual one of the group: its intermediate comes with it."""
    return make_context(pki.make_leaf(name, LOWER, **options), LOWER, version=version)


def path(name, rest="/register"):
    return f"/{SERVICE.id_scope}/registrations/{name}{rest}?api-version={PREVIEW}"


def register(name, context=None, connection=None):
    return SERVICE.ask("PUT", path(name), {"registrationId": name}, {"Prefer": "wait=20"}, connection or SERVICE.connect(context=context))


def wait_for_reason(since, *words):
    """The journal has the reason, a moment later than the device has its answer."""
    SERVICE.wait_for(lambda: any(all(word in record["MESSAGE"] for word in words) for record in SERVICE.journal.records[since:]), words)


def refuse(reply, since, *words):
    """The device learns nothing, the operator everything."""
    assert reply.status == 401 and "Unauthorized" in reply.raw.decode(), reply
    assert not any(word in reply.raw.decode() for word in words), reply
    wait_for_reason(since, *words)


def mark():
    return len(SERVICE.journal.records)


def test_the_service_starts():
    SERVICE.start()
    enrollments.put_group(SERVICE, "line-4", enrollments.x509("signingCertificates", primary=SIGNER), **enrollments.ISSUE)


def test_https():
    leaf = pki.make_leaf("pump-1", LOWER)
    reply = register("pump-1", make_context(leaf, LOWER))
    assert reply.status == 200, reply
    told = reply.json["registrationState"]["x509"]
    assert told["enrollmentGroupId"] == "line-4", told
    assert told["certificateInfo"]["sha256Thumbprint"] == leaf.sha256.upper(), told
    assert told["signingCertificateInfo"]["sha1Thumbprint"] == SIGNER.sha1.upper(), told
    assert set(told["certificateInfo"]) == {"subjectName", "sha1Thumbprint", "sha256Thumbprint", "issuerName", "notBeforeUtc",
                                            "notAfterUtc", "serialNumber", "version"}, told
    # another spelling of the same device, and the root with it, which nobody needs
    assert register("PUMP-1", make_context(leaf, LOWER, SIGNER, ROOT)).status == 200


def test_operators_see_no_certificate():
    text = SERVICE.operate("GET", "/enrollmentGroups/line-4").raw.decode()
    shown = json.loads(text)["attestation"]["x509"]["signingCertificates"]
    assert list(shown) == ["primary"] and list(shown["primary"]) == ["info"], shown
    assert shown["primary"]["info"]["subjectName"] == "CN=Line 4" and "BEGIN CERTIFICATE" not in text
    body = json.loads(text)
    body["attestation"]["x509"]["signingCertificates"]["secondary"] = {"certificate": ROOT.pem}
    assert SERVICE.operate("PUT", "/enrollmentGroups/line-4", body, {"If-Match": body["etag"]}).status == 200
    assert register("pump-1", device("pump-1")).status == 200
    body = SERVICE.operate("GET", "/enrollmentGroups/line-4").json
    assert list(body["attestation"]["x509"]["signingCertificates"]) == ["primary", "secondary"], body
    del body["attestation"]["x509"]["signingCertificates"]["secondary"]
    assert SERVICE.operate("PUT", "/enrollmentGroups/line-4", body, {"If-Match": body["etag"]}).status == 200
    asked = SERVICE.operate("POST", "/enrollmentGroups/line-4/attestationmechanism")
    assert asked.status == 200 and "BEGIN CERTIFICATE" not in asked.raw.decode(), asked


def test_https_with_two_certificates_of_one_issuer():
    """The first leads to an authority that nobody here knows; the second one's issuer is the group's."""
    other = pki.make_intermediate("Line 4 Shift 2", pki.make_root("Old Root"), key=LOWER.key)
    leaf = pki.make_leaf("pump-1", LOWER)
    for intermediates in ((other, LOWER), (LOWER, other)):
        assert register("pump-1", make_context(leaf, *intermediates)).status == 200


def test_https_without_the_intermediate():
    since = mark()
    refuse(register("pump-1", make_context(pki.make_leaf("pump-1", LOWER))), since, "no enrollment group that could speak for it")


def test_https_without_a_certificate():
    since = mark()
    refuse(register("pump-1"), since, "neither a token nor a certificate")


def test_https_with_a_long_name():
    """What a stranger writes into his certificate does not fill the log."""
    forger = pki.make_root("Line 4", key_id=SIGNER.key_id)
    since = mark()
    refuse(register("pump-1", make_context(pki.make_leaf("x" * 5000, forger))), since, "The chain of the certificate “CN=xxx")
    assert max(len(record["MESSAGE"]) for record in SERVICE.journal.records[since:]) <= 2000


def test_https_of_another_device():
    since = mark()
    refuse(register("pump-1", device("pump-2")), since, "“pump-2”, not for “pump-1”")


def test_https_with_a_costly_key():
    """Nobody makes the service work with a key of his own choice, be it that of TLS or that of an issuer."""
    key = pki.make_costly_key()
    leaf = pki.make_leaf("pump-1", LOWER, key=key, key_id=b"costly")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        try:
            reply = register("pump-1", make_context(leaf, LOWER, version=version))
        except ssl.SSLError as error:
            assert "UNSUPPORTED_CERTIFICATE" in str(error), error
        else:
            raise AssertionError(reply)
    own = pki.make_root("Line 4")
    forger = pki.make_intermediate("Line 4 Shift 2", own, key_id=LOWER.key_id)
    costly = pki.make_intermediate("Line 4 Shift 2", own, key=key, key_id=LOWER.key_id)
    since = mark()
    refuse(register("pump-1", make_context(pki.make_leaf("pump-1", forger), LOWER, costly)), since, "takes too long to verify")


def session_taken_up_again(version):
    """A session from a time when the certificate was good is none that was checked for ever."""
    context = device("pump-1", ends=HOUR, version=version)
    first = SERVICE.connect(context=context)
    assert register("pump-1", connection=first).status == 200
    session = first.sock.session
    raw = socket.create_connection(("localhost", SERVICE.port), PATIENCE)
    second = SERVICE.connect(context=context)
    second.sock = context.wrap_socket(raw, server_hostname="localhost", session=session)
    assert second.sock.session_reused, "the service did not take up the session"
    assert register("pump-1", connection=second).status == 200
    SERVICE.journal.seconds_ahead = 2 * HOUR
    try:
        third = SERVICE.connect(context=context)
        third.sock = context.wrap_socket(socket.create_connection(("localhost", SERVICE.port), PATIENCE), server_hostname="localhost",
                                         session=session)
        for connection in (first, second, third):
            since = mark()
            refuse(register("pump-1", connection=connection), since, "“CN=pump-1” expired at 20")
    finally:
        SERVICE.journal.seconds_ahead = 0
    assert register("pump-1", connection=first).status == 200


def test_tls_1_2_session():
    session_taken_up_again(ssl.TLSVersion.TLSv1_2)


def test_tls_1_3_session():
    session_taken_up_again(ssl.TLSVersion.TLSv1_3)


def dial_tls(name, context):
    return SERVICE.connect_mqtt(name, context=context)


def dial_websocket(name, context):
    raw = context.wrap_socket(socket.create_connection(("localhost", SERVICE.port), PATIENCE), server_hostname="localhost")
    return mqtt.Session(web_socket.Stream(raw), SERVICE.id_scope, name, PREVIEW)


def register_over_mqtt(session, **members):
    body = json.dumps({"registrationId": session.registration_id, **members}).encode()
    session.publish(mqtt.REGISTER.format("17"), body)
    while True:
        status, rid, _, payload = session.answer()
        assert rid == "17", rid
        if status != 202:
            return status, json.loads(payload)
        session.publish(mqtt.POLL.format("17", json.loads(payload)["operationId"]))


def mqtt_conversation(dial, number):
    name = f"pump-mqtt-{number}"
    context = make_context(pki.make_leaf(name, LOWER, ends=HOUR), LOWER)
    _, csr = make_csr(WORK, name)
    # Some clients leave the password out, others send an empty one.
    for token in (None, ""):
        session = dial(name, context)
        assert session.connect(token=token) == 0
        session.subscribe()
        status, answer = register_over_mqtt(session, clientCertificateCsr=csr.read_text())
        assert status == 200 and answer["status"] == "assigned", answer
        assert "BEGIN CERTIFICATE" in answer["registrationState"]["issuedClientCertificate"], answer
        assert answer["registrationState"]["x509"]["enrollmentGroupId"] == "line-4", answer
        if token is None:
            session.close()
    # The connection stays, and the certificate ends.
    SERVICE.journal.seconds_ahead = 2 * HOUR
    try:
        since = mark()
        status, answer = register_over_mqtt(session)
        assert status == 401, answer
        wait_for_reason(since, f"“CN={name}” expired at 20")
        assert dial(name, context).connect() in (4, 5)
    finally:
        SERVICE.journal.seconds_ahead = 0


def mqtt_refusals(dial):
    since = mark()
    assert dial("pump-1", device("pump-2")).connect() == 5
    wait_for_reason(since, "“pump-2”, not for “pump-1”")
    assert dial("pump-1", SERVICE.context()).connect() in (4, 5)
    assert dial("pump-1", make_context(pki.make_leaf("pump-1"))).connect() == 5
    assert dial("pump-1", device("pump-1", purposes=(pki.SERVER,))).connect() == 5


def test_mqtt():
    mqtt_conversation(dial_tls, 1)


def test_mqtt_refusals():
    mqtt_refusals(dial_tls)


def test_websocket():
    mqtt_conversation(dial_websocket, 2)


def test_websocket_refusals():
    mqtt_refusals(dial_websocket)


def test_the_service_stops():
    SERVICE.stop()


def main():
    try:
        tap.run(tap.collect(globals()))
    finally:
        SERVICE.clean_up()


main()
