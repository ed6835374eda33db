#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MQTT listener as devices see it that keep to the protocol, in a brevet-dps with its real storage and CA."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import mqtt_client as mqtt
import sas_token
import tap
import web_socket
from dps import PATIENCE, PREVIEW, Device, Service, command, make_csr, running_service

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}
HELD = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "held"}}

shared = Service(mqtt={})


class Gate:
    """A CA that signs only when it is told to."""

    def __init__(self, service):
        path = service.scratch / "gate"
        os.mkfifo(path)
        self.pipe = os.open(path, os.O_RDWR)
        (service.scratch / "ledger").touch()
        (service.directory / "dps.conf.d/50-held.conf").write_text(
            f"[ca held]\ntype=scripted\ncertificate=ca/root.pem\nkey=ca/root.key\nledger={service.scratch}/ledger\n"
            f"gate={path}\nscript=hold\n")

    def release(self):
        os.write(self.pipe, b".")


@contextlib.contextmanager
def gated_service(**settings):
    service = Service(mqtt=settings)
    try:
        gate = Gate(service)
        yield service.start(), gate
        service.stop()
    finally:
        service.clean_up()


def open_session(service, registration_id, key, qos=1, **options):
    session = service.connect_mqtt(registration_id)
    assert session.connect(key, **options) == 0
    session.subscribe(qos)
    return session


def registration(session, **members):
    return json.dumps({"registrationId": session.registration_id, **members}).encode()


def register(session, rid="17", qos=1, **members):
    """One round trip; returns the operation of the reply."""
    session.publish(mqtt.REGISTER.format(rid), registration(session, **members), qos)
    status, echoed, retry_after, payload = session.answer()
    assert (status, echoed, retry_after) == (200, rid, None), (status, echoed, retry_after, payload)
    return json.loads(payload)


def issued(operation):
    assert operation["status"] == "assigned" and list(operation)[:2] == ["operationId", "status"], operation
    return operation["registrationState"]["issuedClientCertificate"]


def check_certificate(pem, registration_id, key_file, root):
    path = WORK / f"{registration_id}.pem"
    path.write_text(pem)
    subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root, "-untrusted", path, path],
                   check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
    public = [subprocess.run(["openssl", *words], check=True, stdout=subprocess.PIPE, timeout=PATIENCE).stdout
              for words in (("x509", "-noout", "-pubkey", "-in", path), ("pkey", "-pubout", "-in", key_file))]
    assert public[0] == public[1]


def count_issued(service, registration_id):
    """Certificates that the CA has signed for a device, as the log tells."""
    return sum("issued its certificate" in line and f"BREVET_REGISTRATION={registration_id} " in line + " " for line in service.read_log().splitlines())


def test_the_service_starts():
    shared.start()


def test_one_question_brings_the_certificate():
    key, csr = make_csr(WORK, "pump-07")
    session = open_session(shared, "pump-07", shared.enroll("pump-07", **ISSUE))
    operation = register(session, clientCertificateCsr=csr.read_text())
    check_certificate(issued(operation), "pump-07", key, shared.directory / "ca/root.pem")
    state = operation["registrationState"]
    assert state["assignedHub"] == "hub.example.net" and state["deviceId"] == "pump-07", state
    session.send(mqtt.packet(mqtt.DISCONNECT))
    session.expect_end()


def test_a_device_of_a_group_registers():
    body = {"enrollmentGroupId": "line-4", "attestation": {"type": "symmetricKey"}, **ISSUE}
    assert shared.operate("PUT", "/enrollmentGroups/line-4", body).status == 200
    keys = shared.operate("POST", "/enrollmentGroups/line-4/attestationmechanism").json["symmetricKey"]
    key, csr = make_csr(WORK, "line-4-1")
    session = open_session(shared, "line-4-1", sas_token.derive_key(keys["secondaryKey"], "line-4-1"))
    check_certificate(issued(register(session, clientCertificateCsr=csr.read_text())), "line-4-1", key,
                      shared.directory / "ca/root.pem")
    stranger = shared.connect_mqtt("line-4-2")
    assert stranger.connect(sas_token.derive_key(keys["primaryKey"], "line-4-1")) == 5
    stranger.expect_end()


def put_bundle(*files):
    body = {"certificates": [{"certificate": path.read_text()} for path in files]}
    reply = shared.operate("PUT", "/trustBundles/roots", body, {"If-Match": "*"})
    assert reply.status == 200, reply


def await_holders(current, former):
    """How many devices have the newest version of the trust bundle, and how many an older one; each answer is an event of its own."""
    end = time.monotonic() + PATIENCE
    counts = None
    while counts != (current, former) and time.monotonic() < end:
        reply = shared.operate("GET", "/trustBundleStatus/roots")
        assert reply.status == 200, reply
        versions = reply.json["versions"]
        counts = tuple(sum(version["devices"] for version in versions if version["isCurrent"] == newest) for newest in (True, False))
    assert counts == (current, former), reply.json


def test_the_trust_bundle_that_a_device_got_is_counted():
    """As over HTTPS: by what was delivered, also to a device that gets the same answer once more."""
    ca = shared.directory / "ca"
    put_bundle(ca / "root.pem")
    secret = shared.enroll("roots-1", trustBundleId="roots", **ISSUE)
    csr = make_csr(WORK, "roots-1")[1].read_text()
    await_holders(0, 0)
    session = open_session(shared, "roots-1", secret)
    bundle = register(session, clientCertificateCsr=csr)["registrationState"]["trustBundle"]
    assert len(bundle["certificates"]) == 1, bundle
    await_holders(1, 0)
    put_bundle(ca / "root.pem", shared.directory / "tls/ca.pem")
    await_holders(0, 1)
    assert len(register(session, clientCertificateCsr=csr)["registrationState"]["trustBundle"]["certificates"]) == 2
    await_holders(1, 0)
    session.send(mqtt.packet(mqtt.DISCONNECT))
    session.expect_end()


def test_every_stock_client_is_understood():
    """What the SDKs write into CONNECT, topics and payloads, each in its own way."""
    key = shared.enroll("stock-1")
    cases = {
        "C": dict(version="2021-06-01", client_version="1.2 (native; Linux; x86_64)", keep_alive=0, qos=0, rid="1"),
        "Python": dict(version="2019-03-31", client_version="azure-iot-device-provisioning-py%2F2.1", clean=False, keep_alive=60, rid="a-b-c"),
        "Node": dict(version="2019-03-31", client_version="x%2F1.0", keep_alive=180, rid="0f0e"),
        "C#": dict(version="2019-03-31", client_version=".NET/1.19 (.NET 6; Linux)", keep_alive=300, rid="17", payload=b""),
        "Java": dict(version="2019-03-31", client_version="x", clean=False, keep_alive=230, qos=0, rid="4"),
    }
    for name, case in cases.items():
        session = shared.connect_mqtt("stock-1", version=case["version"], client_version=case["client_version"])
        assert session.connect(key, keep_alive=case["keep_alive"], clean=case.get("clean", True)) == 0, name
        session.subscribe(1)
        session.publish(mqtt.REGISTER.format(case["rid"]), case.get("payload", registration(session, payload=None)), case.get("qos", 1))
        status, rid, retry_after, payload = session.answer()
        assert (status, rid, retry_after) == (200, case["rid"], None) and payload.isascii(), (name, status, rid, payload)
        session.send(mqtt.packet(mqtt.DISCONNECT))
        session.expect_end()


def test_ids_are_compared_without_case():
    key = shared.enroll("Case-1")
    session = shared.connect_mqtt("Case-1")
    session.user_name = session.user_name.replace("Case-1", "cASE-1").replace("registrations", "Registrations")
    assert session.connect(key) == 0
    session.subscribe()
    assert register(session)["registrationState"]["registrationId"].lower() == "case-1"


def test_without_waiting_the_classical_sequence_is_spoken():
    with running_service(mqtt={"wait": "0s"}) as service:
        session = open_session(service, "classic-1", service.enroll("classic-1", **ISSUE))
        _, csr = make_csr(WORK, "classic-1")
        session.publish(mqtt.REGISTER.format(17), registration(session, clientCertificateCsr=csr.read_text()))
        status, rid, retry_after, payload = session.answer()
        operation = json.loads(payload)
        assert (status, rid, retry_after, operation["status"]) == (202, "17", 3, "assigning"), (status, rid, retry_after, operation)
        assert list(operation) == ["operationId", "status", "registrationState"], operation
        number = 17
        while status == 202:
            number += 1
            session.publish(mqtt.POLL.format(number, operation["operationId"]), b" ")
            status, rid, retry_after, payload = session.answer()
            assert rid == str(number) and (retry_after is None) == (status == 200), (rid, retry_after, status)
        assert issued(json.loads(payload))
        # What is final stays final.
        session.publish(mqtt.POLL.format(99, operation["operationId"]), registration(session))
        assert issued(json.loads(session.answer()[3])) == issued(json.loads(payload))


def test_a_poll_is_answered_when_the_operation_finishes():
    with gated_service(wait="20s") as (service, gate):
        key = service.enroll("slow-1", **HELD)
        session = open_session(service, "slow-1", key)
        _, csr = make_csr(WORK, "slow-1")
        session.publish(mqtt.REGISTER.format(1), registration(session, clientCertificateCsr=csr.read_text()))
        # The same device over HTTPS joins the operation, and learns its id.
        joined = Device(service, "slow-1", key).ask("PUT", "/register", PREVIEW, {"clientCertificateCsr": csr.read_text()})
        session.publish(mqtt.POLL.format(2, joined.json["operationId"]))
        # Nothing comes before the CA has signed, and then both replies at once, long before the twenty seconds are over.
        session.ping()
        before = time.monotonic()
        gate.release()
        answers = [session.answer() for _ in range(2)]
        assert time.monotonic() - before < 15
        assert {answer[:3] for answer in answers} == {(200, "1", None), (200, "2", None)}, answers
        assert len({issued(json.loads(answer[3])) for answer in answers}) == 1


def test_the_wait_ends_after_its_time():
    with gated_service(wait="1s") as (service, gate):
        session = open_session(service, "slow-2", service.enroll("slow-2", **HELD))
        _, csr = make_csr(WORK, "slow-2")
        session.publish(mqtt.REGISTER.format(1), registration(session, clientCertificateCsr=csr.read_text()))
        status, rid, retry_after, payload = session.answer()
        assert (status, rid, retry_after) == (202, "1", 3), (status, rid, retry_after, payload)
        gate.release()
        session.publish(mqtt.POLL.format(2, json.loads(payload)["operationId"]))
        assert session.answer()[0] in (200, 202)


def test_the_acknowledgement_comes_before_the_reply():
    """A strict client takes CONNACK, SUBACK, PUBACK, PUBLISH, in this order, also when everything was sent at once."""
    key = shared.enroll("strict-1")
    session = shared.connect_mqtt("strict-1")
    token = sas_token.make_token(f"{shared.id_scope}/registrations/strict-1", key)
    questions = [mqtt.publish_packet(mqtt.REGISTER.format(number), b"", 1, number) for number in range(2, 6)]
    session.send(mqtt.connect_packet("strict-1", session.user_name, token), mqtt.subscribe_packet(1, (mqtt.FILTER, 1)), *questions)
    session.expect(mqtt.CONNACK, b"\0\0")
    session.expect(mqtt.SUBACK, b"\0\1\1")
    acknowledged, answered = set(), set()
    while len(answered) < 4:
        received = session.receive()
        if received.type == mqtt.PUBACK:
            acknowledged.add(struct.unpack(">H", received.body)[0])
        else:
            message = mqtt.read_message(received)
            number = int(message.topic.partition("$rid=")[2])
            assert number in acknowledged and message.topic.startswith("$dps/registrations/res/200/?"), message
            answered.add(number)
    assert answered == acknowledged == {2, 3, 4, 5}


def test_replies_have_the_granted_qos():
    key = shared.enroll("qos-1")
    for asked, granted in ((0, 0), (1, 1), (2, 1)):
        session = shared.connect_mqtt("qos-1")
        assert session.connect(key) == 0
        session.subscribe(asked)
        session.publish(mqtt.REGISTER.format(asked))
        message = session.expect_message()
        assert message.qos == granted and message.packet_id == (1 if granted else None), message
        # Neither a missing nor a superfluous acknowledgement matters.
        session.send(mqtt.puback_packet(4711))
        session.publish(mqtt.REGISTER.format("again"))
        message = session.expect_message()
        assert message.packet_id == (2 if granted else None), message


def test_only_replies_can_be_subscribed_to():
    session = shared.connect_mqtt("filters-1")
    assert session.connect(shared.enroll("filters-1")) == 0
    filters = ["#", "$dps/#", "$dps/registrations/res/+", mqtt.FILTER, "$dps/registrations/res", "$DPS/registrations/res/#"]
    session.send(mqtt.subscribe_packet(7, *((name, 1) for name in filters)))
    session.expect(mqtt.SUBACK, b"\0\7" + bytes([0x80, 0x80, 0x80, 1, 0x80, 0x80]))
    session.send(mqtt.unsubscribe_packet(8, "#"))
    session.expect(mqtt.UNSUBACK, b"\0\10")
    assert register(session)["status"] == "assigned"


def test_who_has_not_subscribed_hears_nothing():
    key = shared.enroll("deaf-1", **ISSUE)
    _, csr = make_csr(WORK, "deaf-1")
    session = open_session(shared, "deaf-1", key)
    session.send(mqtt.unsubscribe_packet(9, mqtt.FILTER))
    session.expect(mqtt.UNSUBACK, b"\0\11")
    session.publish(mqtt.REGISTER.format(1), registration(session, clientCertificateCsr=csr.read_text()))
    shared.wait_for(lambda: count_issued(shared, "deaf-1") == 1, "the certificate")
    for number in range(20):
        session.publish(mqtt.POLL.format(number, "no-such-operation"))
        session.ping()
    # What nobody was given counts as not delivered: the same certificate comes once somebody listens.
    issued(register(open_session(shared, "deaf-1", key), clientCertificateCsr=csr.read_text()))
    assert count_issued(shared, "deaf-1") == 1


def test_a_cut_registration_brings_the_same_certificate():
    with gated_service() as (service, gate):
        key = service.enroll("cut-1", **HELD)
        _, csr = make_csr(WORK, "cut-1")
        session = open_session(service, "cut-1", key)
        session.publish(mqtt.REGISTER.format(1), registration(session, clientCertificateCsr=csr.read_text()))
        session.close()
        session = open_session(service, "cut-1", key)
        session.publish(mqtt.REGISTER.format(1), registration(session, clientCertificateCsr=csr.read_text()))
        gate.release()
        first = issued(json.loads(session.answer()[3]))
        assert count_issued(service, "cut-1") == 1
        # That one was delivered, so the next is another one.
        gate.release()
        assert issued(register(session, clientCertificateCsr=csr.read_text())) != first


def test_a_reply_that_never_left_is_given_again():
    with gated_service() as (service, gate):
        key = service.enroll("cut-2", **HELD)
        _, csr = make_csr(WORK, "cut-2")
        session = open_session(service, "cut-2", key)
        session.publish(mqtt.REGISTER.format(1), registration(session, clientCertificateCsr=csr.read_text()))
        session.send(mqtt.packet(mqtt.DISCONNECT))
        session.expect_end()
        gate.release()
        service.wait_for(lambda: count_issued(service, "cut-2") == 1, "the certificate")
        session = open_session(service, "cut-2", key)
        assert issued(register(session, clientCertificateCsr=csr.read_text()))
        assert count_issued(service, "cut-2") == 1


def test_the_newer_connection_of_a_device_takes_over():
    key = shared.enroll("twin-1")
    first, other = open_session(shared, "twin-1", key), open_session(shared, "twin-2", shared.enroll("twin-2"))
    # Who cannot prove to be the device takes over nothing.
    stranger = shared.connect_mqtt("twin-1")
    assert stranger.connect(shared.enroll("twin-3")) == 5
    stranger.expect_end()
    first.ping()
    for _ in range(8):
        second = shared.connect_mqtt("twin-1")
        second.user_name = second.user_name.replace("twin-1", "TWIN-1")
        assert second.connect(key) == 0
        first.expect_end()
        second.subscribe()
        assert register(second)["status"] == "assigned"
        first = second
    other.ping()
    # Once the last one is gone, nothing of it is left.
    first.close()
    open_session(shared, "twin-1", key).ping()


def test_a_connection_over_websocket_is_one_like_any_other():
    key = shared.enroll("web-1")
    first = open_session(shared, "web-1", key)
    raw = socket.create_connection(("localhost", shared.port), PATIENCE)
    try:
        stream = web_socket.Stream(shared.context().wrap_socket(raw, server_hostname="localhost"), size=7)
    except AssertionError as error:
        raise tap.Skip("this build has no WebSocket") from error
    second = mqtt.Session(stream, shared.id_scope, "web-1")
    assert second.connect(key) == 0
    first.expect_end()
    second.subscribe()
    assert register(second)["status"] == "assigned"
    open_session(shared, "web-1", key).ping()
    second.expect_end()


def test_a_takeover_in_the_middle_of_a_registration():
    with gated_service() as (service, gate):
        key = service.enroll("twin-4", **HELD)
        _, csr = make_csr(WORK, "twin-4")
        body = registration(open_session(service, "twin-4", key), clientCertificateCsr=csr.read_text())
        first = open_session(service, "twin-4", key)
        first.publish(mqtt.REGISTER.format(1), body)
        second = open_session(service, "twin-4", key)
        first.expect_end()
        second.publish(mqtt.REGISTER.format(2), body)
        gate.release()
        assert issued(json.loads(second.answer()[3])) and count_issued(service, "twin-4") == 1


def test_many_devices_at_once_hear_only_themselves():
    sessions = {}
    for number in range(20):
        name = f"crowd-{number}"
        sessions[name] = open_session(shared, name, shared.enroll(name))
    for name, session in sessions.items():
        for rid in range(4):
            session.send(mqtt.publish_packet(mqtt.REGISTER.format(f"{name}.{rid}"), registration(session), 0))
    for name, session in sessions.items():
        answers = [session.answer() for _ in range(4)]
        assert {answer[1] for answer in answers} == {f"{name}.{rid}" for rid in range(4)}, answers
        assert {json.loads(answer[3])["registrationState"]["deviceId"] for answer in answers} == {name}, answers
    for session in sessions.values():
        session.ping()


def test_more_questions_than_are_allowed_wait_for_their_turn():
    with gated_service(maximum_requests_in_flight="2") as (service, gate):
        session = open_session(service, "full-1", service.enroll("full-1", **HELD))
        _, csr = make_csr(WORK, "full-1")
        body = registration(session, clientCertificateCsr=csr.read_text())
        session.send(*(mqtt.publish_packet(mqtt.REGISTER.format(number), body, 1, number) for number in range(1, 6)),
                     mqtt.packet(mqtt.PINGREQ))
        for number in (1, 2):
            session.expect(mqtt.PUBACK, struct.pack(">H", number))
        gate.release()
        seen = {"rids": set(), "pongs": 0}
        while len(seen["rids"]) < 5 or not seen["pongs"]:
            received = session.receive()
            if received.type == mqtt.PUBLISH:
                seen["rids"].add(mqtt.read_message(received).topic.partition("$rid=")[2])
                # What comes after the first delivery is a new registration, whose certificate is another one.
                gate.release()
            if received.type == mqtt.PINGRESP:
                # It stood behind the last question, of which no more than two were open at a time.
                assert len(seen["rids"]) >= 4, seen
                seen["pongs"] += 1
        assert seen["rids"] == {"1", "2", "3", "4", "5"}, seen


def test_errors_of_a_question_do_not_end_the_connection():
    session = open_session(shared, "wrong-1", shared.enroll("wrong-1"))
    for payload, topic, expected in ((b"{", mqtt.REGISTER.format(1), 400), (b'{"registrationId":"other"}', mqtt.REGISTER.format(1), 400),
                                     (b"", mqtt.POLL.format(1, "no-such-operation"), 404)):
        session.publish(topic, payload)
        status, rid, retry_after, text = session.answer()
        answer = json.loads(text)
        assert (status, rid, retry_after) == (expected, "1", None) and answer["errorCode"] // 1000 == expected, (status, answer)
        assert answer["trackingId"] in shared.read_log(), answer
    assert register(session)["status"] == "assigned"


def test_a_device_that_was_disabled_meanwhile_is_refused():
    session = open_session(shared, "fired-1", shared.enroll("fired-1"))
    assert register(session)["status"] == "assigned"
    body = {"registrationId": "fired-1", "attestation": {"type": "symmetricKey"}, "provisioningStatus": "disabled"}
    assert shared.operate("PUT", "/enrollments/fired-1", body, {"If-Match": "*"}).status == 200
    session.publish(mqtt.REGISTER.format(5))
    status, rid, _, payload = session.answer()
    assert (status, rid) == (401, "5") and json.loads(payload)["errorCode"] == 401002, (status, payload)


def test_connections_are_refused_with_the_right_code():
    key = shared.enroll("codes-1")
    disabled = shared.enroll("codes-2", provisioningStatus="disabled")
    good = f"{shared.id_scope}/registrations/codes-1/api-version={PREVIEW}"
    resource = f"{shared.id_scope}/registrations/codes-1"
    cases = [
        (0, "codes-1", {"key": key}), (0, "CODES-1", {"key": key, "will": ("t", "farewell")}),
        (1, "codes-1", {"key": key, "level": 3, "name": "MQIsdp"}), (1, "codes-1", {"key": key, "level": 5}),
        (2, "codes-2", {"key": key, "user_name": good}), (2, "", {"key": key, "user_name": good}),
        (2, "", {"key": key, "user_name": good, "clean": False}),
        (4, "codes-1", {"user_name": None}), (4, "codes-1", {"key": key, "user_name": "codes-1"}),
        (4, "codes-1", {"key": key, "user_name": f"{shared.id_scope}/registrations/codes-1"}),
        (4, "codes-1", {"key": key, "user_name": f"{resource}/api-version=tomorrow"}),
        (4, "codes-1", {"token": "open sesame"}), (4, "codes-1", {"token": b"\xff\x00\xfe"}),
        (5, "codes-1", {}), (5, "codes-1", {"token": ""}),
        (5, "codes-1", {"key": shared.enroll("codes-3")}), (5, "codes-2", {"key": disabled}), (5, "codes-4", {"key": key}),
        (5, "codes-1", {"token": sas_token.make_token(resource, key, lifetime=-1000)}),
        (5, "codes-1", {"key": key, "user_name": good.replace(shared.id_scope, "0ne0badc0de")}),
    ]
    for code, registration_id, options in cases:
        session = shared.connect_mqtt(registration_id)
        assert session.connect(**options) == code, (code, registration_id, options)
        if code == 0:
            session.ping()
            session.close()
        else:
            session.expect_end()


def test_a_throttled_device_is_told_so():
    with running_service() as service:
        service.stop()
        (service.directory / "dps.conf.d/90-limits.conf").write_text("[limits]\nrequests-per-device=20\n")
        service.serve_mqtt()
        service.start()
        key = service.enroll("eager-1")
        session = open_session(service, "eager-1", key)
        for number in range(19):
            assert register(session, str(number))["status"] == "assigned"
        statuses = []
        while 429 not in statuses:
            assert len(statuses) < 200
            session.publish(mqtt.REGISTER.format("last"))
            status, rid, retry_after, payload = session.answer()
            statuses.append(status)
        assert 2 <= retry_after <= 59 and json.loads(payload)["errorCode"] == 429000, (retry_after, payload)
        codes = []
        while 3 not in codes:
            assert len(codes) < 50, codes
            again = service.connect_mqtt("eager-1")
            codes.append(again.connect(key))
        again.expect_end()


def test_the_service_stops_with_connections_open():
    with gated_service() as (service, gate):
        key = service.enroll("last-1", **HELD)
        idle = open_session(service, "last-2", service.enroll("last-2"))
        new = service.connect_mqtt("last-3")
        busy = open_session(service, "last-1", key)
        _, csr = make_csr(WORK, "last-1")
        busy.publish(mqtt.REGISTER.format(1), registration(busy, clientCertificateCsr=csr.read_text()))
        service.process.terminate()
        idle.expect_end()
        new.expect_end()
        gate.release()
        assert issued(json.loads(busy.answer()[3]))
        busy.expect_end()
        assert service.process.wait(PATIENCE) == 0
        service.start()


def test_a_reload_drops_nobody():
    session = open_session(shared, "stay-1", shared.enroll("stay-1"))
    before = shared.read_log().count("Reloaded the configuration")
    for name in ("server.pem", "server.key"):
        (shared.directory / "tls" / f"{name}.old").write_bytes((shared.directory / "tls" / name).read_bytes())
    first = shared.connect_mqtt("stay-1").socket.getpeercert(True)
    command(os.environ["BREVET_DPS"], "init", "--renew-tls", shared.directory)
    shared.reload()
    shared.wait_for_log("Reloaded the configuration", before + 1)
    assert register(session)["status"] == "assigned"
    assert shared.connect_mqtt("stay-1").socket.getpeercert(True) != first


def mosquitto(program, registration_id, key, *arguments):
    """A command of mosquitto's clients, which nobody here has written."""
    if shutil.which(program) is None:
        raise tap.Skip(f"{program} is not installed")
    resource = f"{shared.id_scope}/registrations/{registration_id}"
    return [program, "-h", "localhost", "-p", str(shared.mqtt_port), "--cafile", str(shared.directory / "tls/ca.pem"), "-V", "mqttv311",
            "--id", registration_id, "-u", f"{resource}/api-version={PREVIEW}", "-P", sas_token.make_token(resource, key), "-q", "1",
            *arguments]


def test_mosquitto_pub_registers_a_device():
    key = shared.enroll("mosquitto-1", **ISSUE)
    _, csr = make_csr(WORK, "mosquitto-1")
    payload = WORK / "mosquitto-1.json"
    payload.write_text(json.dumps({"clientCertificateCsr": csr.read_text()}))
    command(*mosquitto("mosquitto_pub", "mosquitto-1", key, "-t", mqtt.REGISTER.format(1), "-f", payload))
    shared.wait_for(lambda: count_issued(shared, "mosquitto-1") == 1, "the certificate")
    # Nobody was there to take it, so it is kept for the next call.
    issued(register(open_session(shared, "mosquitto-1", key), clientCertificateCsr=csr.read_text()))
    assert count_issued(shared, "mosquitto-1") == 1
    refused = command(*mosquitto("mosquitto_pub", "mosquitto-1", shared.enroll("mosquitto-9"), "-t", "x", "-n"), expect=None)
    assert refused.returncode != 0 and "not authorised" in (refused.stdout + refused.stderr).lower(), refused


def test_mosquitto_sub_may_listen_to_its_replies_alone():
    key = shared.enroll("mosquitto-2")
    done = command(*mosquitto("mosquitto_sub", "mosquitto-2", key, "-t", mqtt.FILTER, "-E", "-d"))
    assert "Subscribed (mid: 1): 1" in done.stdout, done.stdout
    done = command(*mosquitto("mosquitto_sub", "mosquitto-2", key, "-t", "#", "-E", "-d"), expect=None)
    assert "Subscribed (mid: 1): 128" in done.stdout, done.stdout


def test_secrets_are_not_in_the_log():
    assert "SharedAccessSignature" not in shared.read_log() and "sig=" not in shared.read_log()
    assert "open sesame" not in shared.read_log() and "BEGIN" not in shared.read_log()


def test_the_service_stops_cleanly():
    try:
        shared.stop()
    finally:
        shared.clean_up()


try:
    tap.run(tap.collect(dict(globals())))
finally:
    # Also when the test takes too long and is ended.
    for service in (shared,):
        if service.process is not None:
            service.clean_up()
