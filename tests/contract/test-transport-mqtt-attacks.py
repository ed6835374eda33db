#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MQTT listener and clients that do not keep to the protocol, are slow, silent, greedy or too many."""

import base64
import json
import os
import pathlib
import select
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

# The quarantine of freed memory would hide what the service really keeps.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"

import mqtt_client as mqtt
import sas_token
import tap
from dps import DPS, PATIENCE, PREVIEW, Device, Service, command, free_port, make_csr, running_service

shared = Service(mqtt={})
hasty = Service(mqtt={"connect_timeout": "1s", "idle_timeout": "1s", "packet_timeout": "1s", "maximum_keep_alive": "2s"})
keys = {}


def open_session(service, registration_id, **options):
    name = (service.port, registration_id)
    keys[name] = keys.get(name) or service.enroll(registration_id)
    session = service.connect_mqtt(registration_id)
    assert session.connect(keys[name], **options) == 0
    return session


def check_alive(service, registration_id="alive"):
    """Others are served as ever."""
    session = open_session(service, registration_id)
    session.subscribe()
    session.publish(mqtt.REGISTER.format(1))
    assert session.answer()[0] == 200
    session.close()


def resident(service):
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def test_the_services_start():
    shared.start()
    hasty.start()


def count_lines(service, *words):
    return sum(all(word in line for word in words) for line in service.read_log().splitlines())


def expect_refusal(service, session, text):
    """The connection ends without another packet, and the log says why and who it was."""
    session.expect_end()
    lines = [line for line in service.read_log().splitlines() if text in line]
    assert lines and "BREVET_ADDRESS=127.0.0.1" in lines[-1], (text, service.read_log()[-2000:])


PUB = mqtt.PUBLISH
MALFORMED = {
    "reserved type 0": (b"\x00\x00", "type is reserved"),
    "reserved type 15": (b"\xf0\x00", "type is reserved"),
    "flags of PINGREQ": (b"\xc1\x00", "flags"),
    "flags of SUBSCRIBE": (mqtt.packet(mqtt.SUBSCRIBE, 0, b"\0\1" + mqtt.text("a") + b"\0"), "flags"),
    "flags of DISCONNECT": (b"\xe8\x00", "flags"),
    "length of five bytes": (b"\xc0\xff\xff\xff\xff\x01", "too long"),
    "body of PINGREQ": (b"\xc0\x01\x00", "left over"),
    "body of DISCONNECT": (b"\xe0\x01\x00", "left over"),
    "PUBLISH without topic": (mqtt.packet(PUB, 0, b""), "ends too early"),
    "PUBLISH with a long topic": (mqtt.packet(PUB, 0, b"\0\5a"), "ends too early"),
    "PUBLISH with an empty topic": (mqtt.publish_packet(""), "is empty"),
    "PUBLISH with a wildcard": (mqtt.publish_packet("$dps/registrations/#"), "wildcard"),
    "PUBLISH with a NUL": (mqtt.publish_packet(b"a\0b"), "NUL"),
    "PUBLISH with half a character": (mqtt.publish_packet(b"a\xc3"), "not UTF-8"),
    "PUBLISH with packet id 0": (mqtt.publish_packet(mqtt.REGISTER.format(1), qos=1, packet_id=0), "identifier is 0"),
    "PUBLISH with QoS 3": (mqtt.packet(PUB, 6, mqtt.text("a") + b"\0\1"), "QoS 3"),
    "PUBLISH with QoS 2": (mqtt.publish_packet(mqtt.REGISTER.format(1), qos=2, packet_id=1), "QoS 2"),
    "DUP with QoS 0": (mqtt.publish_packet(mqtt.REGISTER.format(1), duplicate=True), "duplicate"),
    "SUBSCRIBE to nothing": (mqtt.packet(mqtt.SUBSCRIBE, 2, b"\0\1"), "no topic filter"),
    "SUBSCRIBE with QoS 3": (mqtt.subscribe_packet(1, ("a", 3)), "QoS"),
    "SUBSCRIBE with packet id 0": (mqtt.subscribe_packet(0, ("a", 1)), "identifier is 0"),
    "SUBSCRIBE to an odd filter": (mqtt.subscribe_packet(1, ("a/#/b", 1)), "#"),
    "UNSUBSCRIBE from nothing": (mqtt.packet(mqtt.UNSUBSCRIBE, 2, b"\0\1"), "no topic filter"),
    "PUBACK without id": (mqtt.packet(mqtt.PUBACK, 0, b""), "ends too early"),
    "PUBREL": (mqtt.packet(6, 2, b"\0\1"), "QoS 2"),
    "CONNACK": (mqtt.packet(mqtt.CONNACK, 0, b"\0\0"), "only a server may send"),
    "SUBACK": (mqtt.packet(mqtt.SUBACK, 0, b"\0\1\0"), "only a server may send"),
    "UNSUBACK": (mqtt.packet(mqtt.UNSUBACK, 0, b"\0\1"), "only a server may send"),
    "PINGRESP": (mqtt.packet(mqtt.PINGRESP), "only a server may send"),
    "a second CONNECT": (mqtt.connect_packet("odd-1"), "second CONNECT"),
    "another topic": (mqtt.publish_packet("devices/odd-1/messages/events/"), "none of those that a device may publish to"),
    "the topic of replies": (mqtt.publish_packet("$dps/registrations/res/200/?$rid=1"), "none of those"),
    "a topic without rid": (mqtt.publish_packet("$dps/registrations/PUT/iotdps-register/?x=1"), "$rid"),
    "a poll without operation": (mqtt.publish_packet("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1"), "operationId"),
    "a packet that is too long": (bytes([PUB << 4]) + mqtt.length_bytes(96 * 1024 + 1), "too long"),
}


def test_every_malformed_packet_ends_the_connection():
    for name, (data, text) in MALFORMED.items():
        session = open_session(shared, "odd-1")
        before = count_lines(shared, text)
        session.send(data)
        try:
            expect_refusal(shared, session, text)
            assert count_lines(shared, text) == before + 1
            assert count_lines(shared, text, "BREVET_REGISTRATION=odd-1") == before + 1
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    check_alive(shared)


STRANGE = {
    "something else": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "MQTT"),
    "PINGREQ first": (mqtt.packet(mqtt.PINGREQ), "The first MQTT packet is not CONNECT"),
    "PUBLISH first": (mqtt.publish_packet(mqtt.REGISTER.format(1)), "The first MQTT packet is not CONNECT"),
    "DISCONNECT first": (mqtt.packet(mqtt.DISCONNECT), "The first MQTT packet is not CONNECT"),
    "another protocol": (mqtt.connect_packet("x", name="AMQP"), "protocol is not MQTT"),
    "the reserved flag": (mqtt.connect_packet("x", flags=1), "reserved flag"),
    "a password without user": (mqtt.connect_packet("x", password="x"), "no user name"),
    "a CONNECT cut short": (mqtt.packet(mqtt.CONNECT, 0, mqtt.text("MQTT") + b"\4\2"), "ends too early"),
    "a CONNECT with more behind": (mqtt.packet(mqtt.CONNECT, 0, mqtt.text("MQTT") + b"\4\2\0\0" + mqtt.text("x") + b"?"), "left over"),
    "a CONNECT that is too long": (bytes([mqtt.CONNECT << 4]) + mqtt.length_bytes(16 * 1024 + 1), "at most 16384 bytes"),
    "packet after packet in front of CONNECT": (mqtt.publish_packet("a", bytes(20000)), "at most 16384 bytes"),
}


def test_strangers_are_refused_in_the_same_way():
    for name, (data, text) in STRANGE.items():
        session = shared.connect_mqtt("nobody")
        session.send(data)
        try:
            expect_refusal(shared, session, text)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def look_up_registration(service, registration_id):
    return Device(service, registration_id, keys[(service.port, registration_id)]).ask("POST", "", PREVIEW, {}).status


def test_what_follows_a_refused_connect_is_not_done():
    """However early it comes; and what follows one that is accepted is, in the order of its coming."""
    for name, owner, answers in (("early-1", "early-2", [mqtt.CONNACK]),
                                 ("early-2", "early-2", [mqtt.CONNACK, mqtt.SUBACK, mqtt.PUBACK, mqtt.PINGRESP, mqtt.PUBLISH])):
        keys[(shared.port, name)] = shared.enroll(name)
        keys[(shared.port, owner)] = keys.get((shared.port, owner)) or shared.enroll(owner)
        session = shared.connect_mqtt(name)
        token = sas_token.make_token(f"{shared.id_scope}/registrations/{owner}", keys[(shared.port, owner)], "registration")
        session.send(mqtt.connect_packet(name, session.user_name, token), mqtt.subscribe_packet(1, (mqtt.FILTER, 1)),
                     mqtt.publish_packet(mqtt.REGISTER.format(1), b"", 1, 2), mqtt.packet(mqtt.PINGREQ))
        for kind in answers:
            session.expect(kind)
    assert look_up_registration(shared, "early-1") == 404 and look_up_registration(shared, "early-2") == 200


def test_operations_of_another_device_cannot_be_read():
    owner, thief = open_session(shared, "owner-1"), open_session(shared, "thief-1")
    for session in (owner, thief):
        session.subscribe()
        session.publish(mqtt.REGISTER.format(1))
    operation = json.loads(owner.answer()[3])["operationId"]
    assert thief.answer()[0] == 200
    for asked in (operation, operation.upper(), operation.replace("-", "%2d"), "..", "%2e%2e"):
        thief.publish(mqtt.POLL.format(2, asked))
        status, _, _, payload = thief.answer()
        assert status == 404 and b"owner-1" not in payload, (asked, payload)
    owner.publish(mqtt.POLL.format(2, operation.replace("-", "%2d")))
    assert owner.answer()[0] == 200


def test_a_token_that_ends_ends_what_its_device_may():
    """Not only at CONNECT is it looked at. Five minutes are given to clocks."""
    service = Service(mqtt={}, journaled=True)
    try:
        service.start()
        # Its token is good for an hour.
        session = open_session(service, "ending-1")
        session.subscribe()
        for minutes, expected in ((0, 404), (64, 404), (66, 401)):
            service.journal.seconds_ahead = minutes * 60
            session.publish(mqtt.POLL.format(1, "none"))
            assert session.answer()[0] == expected, minutes
        session.ping()
        service.stop()
    finally:
        service.clean_up()


def test_the_largest_packet_is_read():
    session = open_session(shared, "large-1")
    session.subscribe()
    topic = mqtt.REGISTER.format(1)
    payload = json.dumps({"payload": "x" * 70000}).encode()
    session.publish(topic, payload + b" " * (96 * 1024 - len(topic) - 4 - len(payload)))
    assert session.answer()[0] in (200, 400)
    session.ping()


def test_who_says_nothing_is_closed():
    before = time.monotonic()
    silent = hasty.connect_mqtt("slow-0")
    silent.expect_end()
    assert 0.9 < time.monotonic() - before < 30


def test_a_connect_must_be_complete_in_time():
    """However steadily its bytes come."""
    before = time.monotonic()
    session = hasty.connect_mqtt("slow-1")
    ended = trickle(session, mqtt.connect_packet("slow-1", "x" * 5000))
    assert ended and 0.9 < time.monotonic() - before < 30
    hasty.wait_for_log("did not arrive in time")


def trickle(session, data):
    """Sends byte by byte until the peer has had enough."""
    session.socket.settimeout(0.02)
    for at in range(len(data)):
        try:
            session.socket.sendall(data[at:at + 1])
            if session.socket.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_a_packet_must_be_complete_in_time():
    session = open_session(hasty, "slow-2", keep_alive=2)
    before = time.monotonic()
    assert trickle(session, mqtt.publish_packet(mqtt.REGISTER.format(1), bytes(5000)))
    assert time.monotonic() - before > 0.9
    # That is why, and not that nothing came for too long.
    hasty.wait_for(lambda: count_lines(hasty, "did not arrive in time", "BREVET_REGISTRATION=slow-2") == 1, "the reason")


def test_keep_alive_is_kept():
    for keep_alive, patience in ((1, 1.5), (60, 3.0), (0, 1.0)):
        session = open_session(hasty, "quiet-1", keep_alive=keep_alive)
        # Each packet begins the time anew.
        deadline = time.monotonic() + patience * 0.6
        while (last := time.monotonic()) < deadline:
            session.ping()
        session.expect_end()
        lasted = time.monotonic() - last
        assert patience * 0.9 < lasted < patience + 30, (keep_alive, lasted)


def test_a_peer_that_does_not_read_is_cut_off():
    session = open_session(hasty, "deaf-1", keep_alive=0)
    session.socket.settimeout(0.2)
    ping = mqtt.packet(mqtt.PINGREQ) * 4096
    memory, before, cut = resident(hasty), time.monotonic(), False
    while not cut and time.monotonic() - before < PATIENCE:
        try:
            session.socket.send(ping)
        except TimeoutError:
            # Full; whether the peer is still there is seen with the next one.
            continue
        except OSError:
            cut = True
    assert cut and time.monotonic() - before < 30
    assert resident(hasty) - memory < 32 * 1024 * 1024
    check_alive(hasty)


def write_some(stream, data):
    try:
        return stream.send(data)
    except ssl.SSLWantWriteError:
        return 0


def read_some(stream):
    try:
        data = stream.recv(65536)
    except ssl.SSLWantReadError:
        return 0
    assert data, "cut off"
    return len(data)


def test_ten_megabytes_of_pings_are_answered():
    """Also to a client that writes as long as it can before it reads."""
    session = open_session(shared, "chatty-1")
    stream, total, memory = session.socket, 10 * 1024 * 1024, resident(shared)
    data = mqtt.packet(mqtt.PINGREQ) * 8192
    stream.setblocking(False)
    sent = received = 0
    while select.select([], [stream], [], 1)[1]:
        sent += write_some(stream, data[sent % 2:])
        assert sent < total, "nothing was kept back"
    while received < total:
        readable, writable, _ = select.select([stream], [stream] if sent < total else [], [], PATIENCE)
        if writable:
            sent += write_some(stream, data[sent % 2:total - sent])
        # A client of TLS may hold bytes that the system knows nothing of.
        count = read_some(stream)
        while count:
            received += count
            count = read_some(stream)
        assert readable or writable, f"nothing comes after {received} bytes"
    assert resident(shared) - memory < 32 * 1024 * 1024
    stream.settimeout(PATIENCE)
    session.ping()


def test_replies_that_nobody_reads_are_bounded():
    """Questions go on being asked, until the service reads no more of them."""
    session = open_session(shared, "greedy-1")
    session.subscribe()
    memory, asked = resident(shared), 0
    session.socket.settimeout(2)
    question = mqtt.publish_packet(mqtt.POLL.format("r" * 100, "no-such-operation"), b" " * 90000, 0)
    try:
        while asked < 2000:
            session.socket.sendall(question)
            asked += 1
    except OSError:
        pass
    assert resident(shared) - memory < 64 * 1024 * 1024
    session.close()
    check_alive(shared)


def test_who_waits_longest_makes_room():
    with running_service(mqtt={"maximum_connections": "4", "maximum_connections_per_address": "4"}) as service:
        first = [open_session(service, f"room-{number}", keep_alive=0) for number in range(4)]
        time.sleep(0.3)   # the grace within which nobody has to make room
        newer = open_session(service, "room-new")
        first[0].expect_end()
        newer.ping()
        for session in first[1:]:
            session.ping()


def test_a_connection_that_is_reset_leaves_nothing_behind():
    for number in range(50):
        session = open_session(shared, "reset-1")
        session.send(mqtt.publish_packet(mqtt.REGISTER.format(number), b"", 0), mqtt.packet(mqtt.PINGREQ)[:1])
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        session.close()
    check_alive(shared, "reset-1")


def test_a_crowd_that_fights_for_one_name():
    """Takeovers from all sides at once, each cut off as soon as it is through, leave one connection or none, and a table in order."""
    key = shared.enroll("fight-1")

    def fight():
        for _ in range(15):
            session = shared.connect_mqtt("fight-1")
            try:
                session.connect(key)
            except mqtt.Closed:
                pass
            session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            session.close()

    fighters = [threading.Thread(target=fight) for _ in range(6)]
    for fighter in fighters:
        fighter.start()
    for fighter in fighters:
        fighter.join(PATIENCE)
    check_alive(shared, "fight-1")


def test_questions_of_clients_that_have_gone_are_finished_before_the_end():
    with running_service(mqtt={}) as service:
        for number in range(5):
            session = open_session(service, f"gone-{number}")
            session.send(*[mqtt.publish_packet(mqtt.REGISTER.format(rid), b"", 0) for rid in range(8)], mqtt.packet(mqtt.DISCONNECT))


def ask_for_a_certificate(service, registration_id, session):
    _, csr = make_csr(service.scratch, registration_id, "-outform", "DER")
    request = {"csr": base64.b64encode(csr.read_bytes()).decode()}
    session.subscribe()
    session.publish(mqtt.REGISTER.format(1), json.dumps(request).encode())


def test_who_waits_for_a_result_is_answered_before_the_end():
    """And not cut off, however long the device was to wait."""
    service = Service(mqtt={"wait": "20s"})
    (service.directory / "dps.conf.d/50-ca.conf").write_text(
        f"[ca slow]\ntype=scripted\ncertificate=ca/root.pem\nkey=ca/root.key\nledger={service.scratch}/ledger\n"
        "capabilities=pending\nscript=pending:600\n")
    try:
        service.start()
        names = ("patient-1", "patient-2")
        for name in names:
            keys[(service.port, name)] = service.enroll(name, clientCertificateIssuancePolicy={"certificateAuthorityName": "slow"})
        sessions = [open_session(service, name) for name in names]
        for name, session in zip(names, sessions):
            ask_for_a_certificate(service, name, session)
            session.ping()
        before = time.monotonic()
        service.process.terminate()
        for session in sessions:
            status, _, retry_after, payload = session.answer()
            assert status == 202 and retry_after and json.loads(payload)["status"] == "assigning", (status, payload)
            session.expect_end()
        assert time.monotonic() - before < 8
        assert service.process.wait(PATIENCE) == 0, service.read_log()
        service.process.stdout.close()
        service.log.close()
        service.process = None
    finally:
        service.clean_up()


def fails_to_start(service, *words):
    done = command(DPS, "run", "--config", service.directory / "dps.conf", expect=None)
    assert done.returncode != 0 and all(word in done.stderr for word in words), done


def test_settings_are_checked():
    service = Service()
    try:
        for setting, words in (({"wait": "30s"}, ("wait", "20")), ({"maximum_packet_size": "12"}, ("maximum-packet-size",)),
                               ({"websocket": "perhaps"}, ("websocket",)), ({"connect_timeout": "soon"}, ("connect-timeout",)),
                               ({"certificate": ""}, ("certificate",))):
            service.serve_mqtt(**setting)
            fails_to_start(service, "20-mqtt.conf:", *words)
        service.serve_mqtt()
        second = service.directory / "dps.conf.d/30-second.conf"
        text = (service.directory / "dps.conf.d/20-mqtt.conf").read_text().replace("[listener mqtt]", "[listener other]")
        text = text.replace(str(service.mqtt_port), str(free_port()))
        second.write_text(text)
        fails_to_start(service, "websocket", "another listener")
        second.write_text(text + "websocket=false\n")
        service.start()
        service.stop()
    finally:
        service.clean_up()


def test_the_services_stop_cleanly():
    try:
        shared.stop()
        hasty.stop()
    finally:
        shared.clean_up()
        hasty.clean_up()


try:
    tap.run(tap.collect(dict(globals())))
finally:
    # Also when the test takes too long and is ended.
    for service in (shared, hasty):
        if service.process is not None:
            service.clean_up()
