#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The official SDK for Node.js, unchanged, against brevet-dps: devices over HTTPS, MQTT and MQTT over WebSocket, and the operator.

test-node-sdk.py NODE NPM DIRECTORY WEBSOCKET: the SDK is installed once from the npm registry into DIRECTORY, at the versions of
package-lock.json; WEBSOCKET says whether the service was built with it. The SDK waits as long as it is told before it polls, so
devices register side by side.
"""

import base64
import fcntl
import functools
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "fixtures"))

import sas_token
import tap
from dps import PREVIEW, Service, command, free_port
from issued import ISSUE, check_issued, make_csr_text

NODE, NPM, DIRECTORY = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
CONNECTED = ("mqtt", "mqtt-ws") if sys.argv[4] == "yes" else ("mqtt",)
TRANSPORTS = ("http", *CONNECTED)
URLS = {"mqtt": "mqtts://localhost", "mqtt-ws": "wss://localhost/$iothub/websocket"}
UNREACHABLE = {"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ENOTCACHED",
               "ERR_SOCKET_TIMEOUT", "ENETDOWN"}
SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def run_npm(directory):
    """Installs what the lock file says; without scripts, as none of these packages needs one."""
    try:
        return subprocess.run([NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"],
                              cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=150)
    except subprocess.TimeoutExpired:
        skip_all("the npm registry did not deliver the SDK in time")


def fetch_sdk(target):
    fresh = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=DIRECTORY))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, fresh)
        done = run_npm(fresh)
        if done.returncode == 0:
            fresh.rename(target)
            return
        code = re.search(r"^npm (?:error|ERR!) code (\S+)", done.stdout, re.MULTILINE)
        if code and code[1] in UNREACHABLE:
            skip_all(f"the npm registry cannot be reached ({code[1]})")
        if code and re.fullmatch(r"E[45]\d\d", code[1]):
            skip_all(f"the npm registry refuses to deliver the SDK ({code[1]})")
        raise AssertionError(f"npm ended with {done.returncode}\n{done.stdout}")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def install_sdk():
    """The directory that the SDK is in; it stays for the next time."""
    if not NODE:
        skip_all("Node.js is not installed")
    if not NPM:
        skip_all("npm is not installed")
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    target = DIRECTORY / hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    with open(DIRECTORY / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            fetch_sdk(target)
    return target / "node_modules"


def run_client(script, mqtt_port=None, **request):
    """What a client in JavaScript prints; its ports are those of the real service until they leave the process."""
    environment = {"NODE_PATH": str(MODULES), "NODE_EXTRA_CA_CERTS": str(shared.directory / "tls/ca.pem"),
                   "BREVET_PORTS": f"443={shared.port},8883={mqtt_port or shared.mqtt_port}"}
    return json.loads(command(NODE, "--require", HERE / "ports.js", HERE / script, json.dumps(request), env=environment).stdout)


def register(*devices, **options):
    """Registers devices with the SDK, all at once; returns a list of the results of each."""
    return run_client("sdk-device.js", host="localhost", idScope=shared.id_scope, devices=devices, **options)


def device(registration_id, key, transport, **more):
    return {"registrationId": registration_id, "key": key, "transport": transport, **more}


def check_assigned(answer, registration_id, device_id=None):
    """What the SDK hands to its application."""
    state = answer.get("result")
    assert state, answer
    assert state["status"] == "assigned" and state["assignedHub"] == "hub.example.net", state
    assert state["registrationId"] == registration_id and state["deviceId"] == (device_id or registration_id), state
    return state


@functools.cache
def group_key():
    body = {"enrollmentGroupId": "line-4", "attestation": {"type": "symmetricKey"}}
    reply = shared.operate("PUT", "/enrollmentGroups/line-4", body)
    assert reply.status == 200, reply
    return shared.operate("POST", "/enrollmentGroups/line-4/attestationmechanism").json["symmetricKey"]["primaryKey"]


def test_the_service_starts():
    (shared.directory / "dps.conf.d/50-polled.conf").write_text(
        f"[service]\nretry-after=2s\n[listener polled]\ntype=mqtt\naddress=127.0.0.1\nport={polled_port}\n"
        "certificate=tls/server.pem\nkey=tls/server.key\nwait=0\nwebsocket=false\n")
    shared.start()


def test_a_device_of_its_own_registers_over_every_transport():
    names = [f"single-{transport}" for transport in TRANSPORTS]
    keys = [shared.enroll(name, deviceId=f"pump-{name}") for name in names]
    answers = register(*map(device, names, keys, TRANSPORTS))
    for name, [answer] in zip(names, answers, strict=True):
        check_assigned(answer, name, f"pump-{name}")


def test_devices_of_a_group_register_over_every_transport():
    names = [f"member-{transport}" for transport in TRANSPORTS]
    keys = [sas_token.derive_key(group_key(), name) for name in names]
    answers = register(*(device(name, key, transport, payload={"model": "P7", "note": "Grüße"})
                         for name, key, transport in zip(names, keys, TRANSPORTS)))
    for name, [answer] in zip(names, answers, strict=True):
        check_assigned(answer, name)


def test_a_device_polls_where_the_service_does_not_wait():
    [answer], = register(device("polls", shared.enroll("polls"), "mqtt"), mqtt_port=polled_port)
    check_assigned(answer, "polls")


def test_the_same_client_registers_twice():
    names = [f"twice-{transport}" for transport in TRANSPORTS]
    answers = register(*(device(name, shared.enroll(name), transport, times=2)
                         for name, transport in zip(names, TRANSPORTS)))
    for name, [first, second] in zip(names, answers, strict=True):
        assert check_assigned(first, name)["createdDateTimeUtc"] <= check_assigned(second, name)["createdDateTimeUtc"]


def check_refused(answers):
    """As the SDK reports that a credential is refused: over HTTPS with an error of its own, over MQTT with that of mqtt.js."""
    for transport, [answer] in zip(TRANSPORTS, answers, strict=True):
        error = answer.get("error")
        assert error, answer
        if transport == "http":
            assert error["name"] == "UnauthorizedError", error
        else:
            assert error["code"] == 5 and "Not authorized" in error["message"], error


def test_a_wrong_key_is_an_authentication_error():
    wrong = base64.b64encode(b"wrong" * 8).decode()
    for transport in TRANSPORTS:
        shared.enroll(f"wrong-{transport}")
    check_refused(register(*(device(f"wrong-{transport}", wrong, transport) for transport in TRANSPORTS)))


def test_an_unknown_device_is_an_authentication_error():
    key = base64.b64encode(b"nobody" * 8).decode()
    check_refused(register(*(device(f"nobody-{transport}", key, transport) for transport in TRANSPORTS)))


def test_a_disabled_enrollment_is_an_authentication_error():
    keys = [shared.enroll(f"off-{transport}", provisioningStatus="disabled") for transport in TRANSPORTS]
    check_refused(register(*(device(f"off-{transport}", key, transport) for transport, key in zip(TRANSPORTS, keys))))


def test_a_cancelled_registration_ends_and_the_next_one_works():
    names = [f"cancel-{transport}" for transport in CONNECTED]
    keys = [shared.enroll(name) for name in names]
    for [answer] in register(*(device(*values, cancel=True) for values in zip(names, keys, CONNECTED))):
        assert answer["error"]["name"] == "OperationCancelledError", answer
    for name, [answer] in zip(names, register(*map(device, names, keys, CONNECTED)), strict=True):
        check_assigned(answer, name)


def test_twenty_devices_at_once():
    names = [f"crowd-{i}" for i in range(20)]
    answers = register(*(device(name, sas_token.derive_key(group_key(), name), CONNECTED[i % len(CONNECTED)])
                         for i, name in enumerate(names)))
    for name, [answer] in zip(names, answers, strict=True):
        check_assigned(answer, name)


def csr_device(registration_id, key, url, version, member, csr):
    resource = f"{shared.id_scope}/registrations/{registration_id}"
    return {"registrationId": registration_id, "url": url, "apiVersion": version,
            "password": sas_token.make_token(resource, key, "registration"),
            "request": {"registrationId": registration_id, member: csr}}


def test_a_csr_gives_a_certificate_in_the_form_of_each_preview():
    devices = []
    for transport in CONNECTED:
        for version, member in ((PREVIEW, "clientCertificateCsr"), ("2025-07-01-preview", "csr")):
            name = f"csr-{member.lower()}-{transport}"
            text = make_csr_text(WORK, name, member)
            devices.append(csr_device(name, shared.enroll(name, **ISSUE), URLS[transport], version, member, text))
    for one, answer in zip(devices, run_client("csr-device.js", idScope=shared.id_scope, devices=devices), strict=True):
        assert answer["status"] == 200 and answer["body"]["status"] == "assigned", answer
        member = "csr" if "csr" in one["request"] else "clientCertificateCsr"
        check_issued(shared, WORK, one["registrationId"], answer["body"]["registrationState"], member)


def operate(*calls):
    connection = f"HostName=localhost;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey={shared.operator_key}"
    return run_client("sdk-operator.js", connectionString=connection, calls=calls)


def test_an_operator_makes_reads_and_removes_enrollments():
    single = {"registrationId": "operated-1", "attestation": {"type": "symmetricKey"}, "deviceId": "pump-1"}
    group = {"enrollmentGroupId": "operated", "attestation": {"type": "symmetricKey"}, "provisioningStatus": "enabled"}
    results = operate(["createOrUpdateIndividualEnrollment", single], ["createOrUpdateEnrollmentGroup", group],
                      ["getIndividualEnrollment", "operated-1"], ["getIndividualEnrollmentAttestationMechanism", "operated-1"],
                      ["getEnrollmentGroupAttestationMechanism", "operated"])
    assert all("result" in one for one in results), results
    made, made_group, got, mechanism, group_mechanism = (one["result"] for one in results)
    assert got["deviceId"] == "pump-1" and got["etag"] == made["etag"] and made_group["enrollmentGroupId"] == "operated", results
    # What the operator was told is what the devices need.
    keys = (mechanism["symmetricKey"]["secondaryKey"],
            sas_token.derive_key(group_mechanism["symmetricKey"]["primaryKey"], "operated-2"))
    [one], [other] = register(*map(device, ("operated-1", "operated-2"), keys, TRANSPORTS))
    check_assigned(one, "operated-1", "pump-1")
    check_assigned(other, "operated-2")
    # An enrollment with its etag is an update, and works once only.
    changed = {**got, "provisioningStatus": "disabled"}
    results = operate(["createOrUpdateIndividualEnrollment", changed], ["createOrUpdateIndividualEnrollment", changed],
                      ["deleteIndividualEnrollment", "operated-1"], ["deleteEnrollmentGroup", "operated"],
                      ["getIndividualEnrollment", "operated-1"])
    assert results[0]["result"]["provisioningStatus"] == "disabled" and results[1]["error"]["status"] == 412, results
    assert "result" in results[2] and "result" in results[3] and results[4]["error"]["status"] == 404, results


def test_the_service_ends():
    shared.stop()


MODULES = install_sdk()
shared = Service(mqtt={})
polled_port = free_port()
try:
    tap.run(tap.collect(dict(globals())))
finally:
    shared.clean_up()
