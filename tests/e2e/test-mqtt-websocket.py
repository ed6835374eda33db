#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MQTT over WebSocket on the HTTPS port of a real brevet-dps, beside HTTPS and MQTT on its own port."""

import json
import pathlib
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import mqtt_client as mqtt
import tap
import web_socket as ws
from dps import PATIENCE, PREVIEW, Service, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}

shared = Service(mqtt={})


def dial(service=shared):
    raw = socket.create_connection(("localhost", service.port), PATIENCE)
    return service.context().wrap_socket(raw, server_hostname="localhost")


def open_session(registration_id, **how):
    return mqtt.Session(ws.Stream(dial(), **how), shared.id_scope, registration_id, PREVIEW)


def register(session, **members):
    session.subscribe()
    body = json.dumps({"registrationId": session.registration_id, **members}).encode()
    session.publish(mqtt.REGISTER.format("17"), body)
    while True:
        status, rid, retry_after, payload = session.answer()
        operation = json.loads(payload)
        assert rid == "17", rid
        if status == 200:
            return operation
        assert status == 202 and retry_after, (status, retry_after, operation)
        session.publish(mqtt.POLL.format("17", operation["operationId"]))


def test_the_service_starts():
    shared.start()


def test_a_registration_on_every_path_that_clients_use():
    # C: MQTT in capitals. Python, Node: lower case. C#: no path. Java: believed to be /mqtt.
    for number, (path, protocol) in enumerate((("/$iothub/websocket", "MQTT"), ("/$iothub/websocket", "mqtt"), ("/", "mqtt"),
                                               ("/mqtt", "mqtt"), ("/$iothub/websocket?iothub-no-client-cert=true", "mqtt"))):
        name = f"pump-{number}"
        key = shared.enroll(name, **ISSUE)
        _, csr = make_csr(WORK, name)
        session = open_session(name, path=path, protocol=protocol)
        assert session.connect(key) == 0
        operation = register(session, clientCertificateCsr=csr.read_text())
        assert operation["status"] == "assigned", operation
        assert operation["registrationState"]["issuedClientCertificate"].startswith("-----BEGIN CERTIFICATE-----"), operation
        session.ping()
        session.send(mqtt.packet(mqtt.DISCONNECT))
        session.expect_end()
        assert session.socket.ended in (1000, None), session.socket.ended


def test_packets_across_frames():
    key = shared.enroll("slicer")
    for size in (1, 2, 3, 100):
        session = open_session("slicer", size=size)
        assert session.connect(key) == 0
        assert register(session)["status"] == "assigned"
        session.close()


def test_a_wrong_key_is_refused_in_the_words_of_mqtt():
    shared.enroll("stranger")
    session = open_session("stranger")
    assert session.connect("c29tZXRoaW5nIGVsc2U=") == 5
    session.expect_end()
    assert session.socket.ended == 1000, session.socket.ended


def test_pings_of_both_kinds():
    session = open_session("pinger")
    assert session.connect(shared.enroll("pinger")) == 0
    session.ping()
    session.socket.raw.sendall(ws.frame(ws.PING, b"still there?"))
    session.ping()
    session.close()


def test_https_goes_on_beside_it():
    assert shared.ask("GET", "/nothing").status in (401, 404)
    session = shared.connect_mqtt("direct")
    assert session.connect(shared.enroll("direct")) == 0
    assert register(session)["status"] == "assigned"
    session.close()


def test_another_subprotocol_is_refused():
    with dial() as raw:
        raw.sendall(ws.upgrade("AMQPWSB10"))
        answer = raw.recv(65536).decode()
        assert answer.startswith("HTTP/1.1 400 ") and "sec-websocket-protocol" in answer, answer


def test_the_service_stops():
    """Connections hear of it, and none of them holds it up."""
    session = open_session("last")
    assert session.connect(shared.enroll("last")) == 0
    shared.stop()
    session.expect_end()
    assert session.socket.ended == 1001, session.socket.ended


def test_without_websocket():
    service = Service(mqtt={"websocket": "false"})
    try:
        service.start()
        with dial(service) as raw:
            raw.sendall(ws.upgrade("mqtt"))
            assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
        service.stop()
    finally:
        service.clean_up()


try:
    tap.run(tap.collect(globals()))
finally:
    shared.clean_up()
