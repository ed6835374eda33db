#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conversations of the official device SDKs over MQTT, one row for each: how it spells what it says, and what it insists on in
an answer. Each row is played over TLS and over WebSocket, where the service answers when it has the result and where it is polled.

test-sdk-conversations.py WEBSOCKET, where WEBSOCKET says whether the service was built with it.
"""

import base64
import dataclasses
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import socket
import ssl
import sys
import tempfile
import time
import typing
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import mqtt_client as mqtt
import tap
import web_socket
from dps import PATIENCE, PREVIEW, Service, free_port
from issued import ISSUE, check_issued, make_csr_text

# Versions of the API, each with the member for a CSR.
STABLE = ("2019-03-31", None)
FIRST_PREVIEW = (PREVIEW, "clientCertificateCsr")
SECOND_PREVIEW = ("2025-07-01-preview", "csr")
WAYS = ("TLS", "TLS, polling", "WebSocket")
ANSWER = "$dps/registrations/res/"
SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)

shared = Service(mqtt={})
polled_port = free_port()


def answer_of_c(status, _topic, retry_after, payload):
    """Takes a success of 200 to 226 and 1 to 300 seconds, and cannot do without a payload, a hub and a device."""
    assert 200 <= status <= 226 and payload, (status, payload)
    assert retry_after is None or 1 <= retry_after <= 300, retry_after
    operation = json.loads(payload)
    if operation["status"] == "assigned":
        state = operation["registrationState"]
        assert isinstance(state["assignedHub"], str) and isinstance(state["deviceId"], str), state
    if operation["status"] == "failed":
        assert isinstance(operation["registrationState"]["errorCode"], int), operation


def answer_of_embedded_c(status, _topic, _retry_after, payload):
    """Reads what stands before the state only, leaves the state early, and stumbles over null."""
    assert status in (200, 202), status
    operation = json.loads(payload)
    assert list(operation)[:3] == ["operationId", "status", "registrationState"] and b"null" not in payload, payload
    assert ("assignedHub" in operation["registrationState"]) == ("deviceId" in operation["registrationState"]), payload


def answer_of_python(status, topic, _retry_after, _payload):
    """Splits the topic at each $, and its last part into parameters of which none may come twice."""
    parts = topic.split("$")
    assert len(parts) == 3 and parts[0] == "", topic
    names = [pair.split("=")[0] for pair in parts[2].split("&")]
    assert "rid" in names and len(set(names)) == len(names) and status < 300, topic


def answer_of_node(status, topic, _retry_after, payload):
    """Has an expression for the topic, and decodes the payload as ASCII."""
    assert re.fullmatch(r"\$dps/registrations/res/(.*)/\?(.*)", topic) and payload.isascii() and status < 300, (topic, payload)


def answer_of_csharp(status, topic, retry_after, payload):
    """Has an expression for the topic that begins with the rid, raises short pauses, and gives up after a minute of silence."""
    assert re.search(r"\?\$rid=\d+(&retry-after=\d+)?$", topic) and len(payload) <= 256 * 1024, topic
    assert (status == 202) == (json.loads(payload)["status"] == "assigning"), (status, payload)
    assert retry_after is None or 2 <= retry_after < 60, retry_after
    assert "registrationState" in json.loads(payload), payload


def answer_of_java(status, topic, _retry_after, payload):
    """Looks for the pause behind the rid, and reads every time stamp."""
    assert status <= 300 and "&retry-after" not in topic.split("$rid=")[0], topic
    operation = json.loads(payload)
    assert operation["operationId"] and operation["status"], operation
    for name, value in operation["registrationState"].items():
        if name.endswith("DateTimeUtc"):
            datetime.datetime.strptime(re.sub(r"\.\d+Z$", "Z", value), "%Y-%m-%dT%H:%M:%SZ")
    if operation["status"] == "failed":
        assert operation["registrationState"]["errorMessage"], operation


def lower_hex(resource):
    return re.sub("%..", lambda found: found[0].lower(), urllib.parse.quote(resource, safe=""))


@dataclasses.dataclass(frozen=True)
class Client:
    name: str
    client_version: str                        # as it stands in the user name
    spell: typing.Callable                     # the resource of its token
    token: str                                 # the order of its fields
    insists: typing.Callable
    versions: tuple
    lifetime: int = 3600
    clean: bool = True
    keep_alive: int = 60
    qos: int = 1
    oldest_tls_only: bool = False
    rid: typing.Callable = lambda number: str(uuid.uuid4())
    register: typing.Callable = lambda members: json.dumps(members)
    poll: typing.Callable = lambda request: " "
    path: str = "/$iothub/websocket"
    protocol: str = "mqtt"
    unsubscribes: bool = False


def encoded(resource):
    return urllib.parse.quote(resource, safe="")


def raw(resource):
    return resource


CLIENTS = (
    Client("C", "azure-iot-sdk-c/1.14.0 (native; Linux; x86_64)", lower_hex, "sr={sr}&sig={sig}&se={se}&skn=registration",
           answer_of_c, (("2021-06-01", None), FIRST_PREVIEW, SECOND_PREVIEW), lifetime=2400, keep_alive=0,
           qos=0, oldest_tls_only=True, rid=str, poll=lambda request: request, protocol="MQTT"),
    Client("Embedded C", "c%2F1.5.0", encoded, "sr={sr}&sig={sig}&se={se}", answer_of_embedded_c, (STABLE,),
           keep_alive=240, qos=0, rid=lambda number: "1", poll=lambda request: ""),
    Client("Python", "azure-iot-device-provisioning-py%2F2.12.0%20%283.11.2%3BLinux%29", encoded, "sr={sr}&sig={sig}&se={se}",
           answer_of_python, (STABLE, FIRST_PREVIEW), clean=False, oldest_tls_only=True,
           register=lambda members: json.dumps({"clientCertificateCsr": None, "payload": None, **members}, sort_keys=True)),
    Client("Node", "azure-iot-provisioning-device%2F1.9.1", raw, "sr={sr}&sig={sig}&skn=registration&se={se}", answer_of_node,
           (STABLE, FIRST_PREVIEW), keep_alive=180, unsubscribes=True),
    Client("C#", ".NET%2F1.19.4%20(.NET%208.0.4;%20Linux;%20X64)", encoded, "sr={sr}&sig={sig}&se={se}&skn=registration",
           answer_of_csharp, (STABLE, FIRST_PREVIEW, SECOND_PREVIEW), lifetime=86400,
           keep_alive=300, rid=str, poll=lambda request: "", path="/",
           register=lambda members: json.dumps({name: value for name, value in members.items() if name != "registrationId"})
           if len(members) > 1 else ""),
    Client("Java", "com.microsoft.azure.sdk.iot.provisioning/2.1.0", raw, "sr={sr}&sig={sig}&se={se}&skn=", answer_of_java,
           (STABLE, SECOND_PREVIEW), clean=False, keep_alive=230, qos=0, rid=str, poll=lambda request: "",
           path="/mqtt"),
)


class WebSocket:
    """What a session sends and receives, in binary frames."""

    def __init__(self, stream, client):
        self.stream, self.buffer, self.settimeout, self.close = stream, b"", stream.settimeout, stream.close
        stream.sendall(web_socket.upgrade(client.protocol, client.path))
        while b"\r\n\r\n" not in self.buffer:
            assert self._fill(), self.buffer
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        assert lines[0].startswith("HTTP/1.1 101 "), head
        assert fields["sec-websocket-protocol"] == client.protocol and fields["sec-websocket-accept"] == web_socket.ACCEPT, head

    def _fill(self):
        data = self.stream.recv(65536)
        self.buffer += data
        return bool(data)

    def sendall(self, data):
        self.stream.sendall(web_socket.frame(web_socket.BINARY, data))

    def recv(self, _size):
        while (frame := web_socket.split(self.buffer)) is None:
            if not self._fill():
                return b""
        kind, _, payload, self.buffer = frame
        return b"" if kind == web_socket.CLOSE else payload


def open_session(client, way, registration_id, version):
    port = {"TLS": shared.mqtt_port, "TLS, polling": polled_port, "WebSocket": shared.port}[way]
    context = shared.context(ssl.TLSVersion.TLSv1_2 if client.oldest_tls_only else None)
    stream = context.wrap_socket(socket.create_connection(("localhost", port), PATIENCE), server_hostname="localhost")
    if way == "WebSocket":
        stream = WebSocket(stream, client)
    return mqtt.Session(stream, shared.id_scope, registration_id, version, client.client_version)


def make_token(client, registration_id, key):
    resource = client.spell(f"{shared.id_scope}/registrations/{registration_id}")
    expiry = int(time.time()) + client.lifetime
    digest = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = (lower_hex if client.spell is lower_hex else encoded)(base64.b64encode(digest).decode())
    return "SharedAccessSignature " + client.token.format(sr=resource, sig=signature, se=expiry)


def ask(session, client, topic, number, payload, operation=None):
    """One question; returns status and payload of an answer that the client understands."""
    rid = client.rid(number)
    session.publish(topic.format(rid, operation), payload.encode(), client.qos)
    message = session.expect_message()
    # Each of them has subscribed with QoS 1 and acknowledges.
    assert message.qos == 1, message
    session.send(mqtt.puback_packet(message.packet_id))
    answer = re.fullmatch(re.escape(ANSWER) + r"(\d{3})/\?\$rid=([^&]*)(?:&retry-after=(\d+))?", message.topic)
    assert answer and answer[2] == rid, message
    status, retry_after = int(answer[1]), int(answer[3]) if answer[3] else None
    assert (status == 202) == (retry_after is not None), message
    client.insists(status, message.topic, retry_after, message.payload)
    return status, message.payload


def converse(client, way, registration_id, version, key, **members):
    """A whole conversation; returns the final operation."""
    session = open_session(client, way, registration_id, version)
    code = session.connect(token=make_token(client, registration_id, key), clean=client.clean, keep_alive=client.keep_alive)
    assert code == 0, code
    session.subscribe()
    request = client.register({"registrationId": registration_id, **members})
    status, payload = ask(session, client, mqtt.REGISTER, 1, request)
    assert status == 202 or way != "TLS, polling", payload
    number = 2
    while status == 202:
        status, payload = ask(session, client, mqtt.POLL, number, client.poll(request), json.loads(payload)["operationId"])
        number += 1
    if client.unsubscribes:
        session.send(mqtt.unsubscribe_packet(9, mqtt.FILTER))
        session.expect(mqtt.UNSUBACK, b"\x00\x09")
    session.send(mqtt.packet(mqtt.DISCONNECT))
    session.expect_end()
    session.close()
    return json.loads(payload)


def name_of(client, *words):
    return re.sub("[^a-z0-9]+", "-", "-".join((client.name.replace("#", "sharp"), *words)).lower())


def registers(client, way):
    """Each api-version of the client, with a CSR where it has one."""
    for version, member in client.versions:
        name = name_of(client, way, version)
        key = shared.enroll(name, deviceId=f"pump-{name}", **(ISSUE if member else {}))
        members = {member: make_csr_text(WORK, name, member)} if member else {}
        operation = converse(client, way, name, version, key, **members)
        state = operation["registrationState"]
        assert operation["status"] == state["status"] == "assigned" and state["assignedHub"] == "hub.example.net", operation
        assert state["registrationId"] == name and state["deviceId"] == f"pump-{name}", operation
        if member:
            check_issued(shared, WORK, name, state, member)


def understands_a_failure(client, way):
    """A CSR where none is wanted makes a registration fail."""
    for version, member in client.versions:
        if member is None:
            continue
        name = name_of(client, way, version, "fails")
        operation = converse(client, way, name, version, shared.enroll(name), **{member: make_csr_text(WORK, name, member)})
        state = operation["registrationState"]
        assert operation["status"] == state["status"] == "failed" and operation["operationId"], operation
        assert isinstance(state["errorCode"], int) and isinstance(state["errorMessage"], str), operation


def is_refused_with_a_wrong_key(client, way):
    name = name_of(client, way, "wrong")
    shared.enroll(name)
    session = open_session(client, way, name, client.versions[0][0])
    token = make_token(client, name, base64.b64encode(b"wrong" * 8).decode())
    assert session.connect(token=token, clean=client.clean, keep_alive=client.keep_alive) in (4, 5)
    session.expect_end()
    session.close()


def make_case(action, client, way):
    def case():
        if way == "WebSocket" and sys.argv[1] != "yes":
            raise tap.Skip("brevet was built without WebSocket")
        action(client, way)

    case.__name__ = f"{client.name} {action.__name__} over {way}"
    return case


def test_the_service_starts():
    (shared.directory / "dps.conf.d/50-polled.conf").write_text(
        f"[listener polled]\ntype=mqtt\naddress=127.0.0.1\nport={polled_port}\ncertificate=tls/server.pem\nkey=tls/server.key\n"
        "wait=0\nwebsocket=false\n")
    shared.start()


def test_the_service_ends_with_nothing_secret_in_its_log():
    shared.stop()
    assert "SharedAccessSignature" not in shared.read_log(), shared.read_log()[-4000:]


try:
    tap.run([test_the_service_starts,
             *(make_case(action, client, way) for client in CLIENTS for way in WAYS
               for action in (registers, understands_a_failure, is_refused_with_a_wrong_key)
               if action != understands_a_failure or any(member for _, member in client.versions)),
             test_the_service_ends_with_nothing_secret_in_its_log])
finally:
    shared.clean_up()
