#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet-dps as devices and operators see it, through clients that share no code with it."""

import base64
import concurrent.futures
import contextlib
import json
import pathlib
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import sas_token
import tap
from dps import DPS, PATIENCE, PREVIEW, Device, Service, command, make_csr, running_service

PREVIEW_2025 = "2025-07-01-preview"
VERSIONS = ("2019-03-31", "2021-06-01", "2021-10-01", PREVIEW, PREVIEW_2025)
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}
SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)

shared = Service()


def x509(pem, *options):
    return subprocess.run(["openssl", "x509", "-noout", *options], input=pem, stdout=subprocess.PIPE, text=True, check=True,
                          timeout=PATIENCE).stdout.strip()


def spki_of_key(key):
    return command("openssl", "pkey", "-in", key, "-pubout").stdout.strip()


def check_certificate(service, pem, registration_id, key):
    """What any hub would check."""
    path = WORK / f"{registration_id}.pem"
    path.write_text(pem)
    command("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", service.directory / "ca/root.pem", "-untrusted", path,
            path)
    assert x509(pem, "-subject", "-nameopt", "RFC2253") == f"subject=CN={registration_id}"
    assert x509(pem, "-pubkey") == spki_of_key(key)
    assert "\r" not in pem and pem.endswith("-----END CERTIFICATE-----\n")


def assigned(reply, hub="hub.example.net"):
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    state = reply.json["registrationState"]
    assert state["status"] == "assigned" and state["assignedHub"] == hub, state
    assert reply.raw.isascii() and b"null" not in reply.raw, reply
    return state


def check_error(reply, status, code=None):
    """The error body of every refusal (errorCode, trackingId, message, timestampUtc)."""
    assert reply.status == status, reply
    body = reply.json
    assert isinstance(body["errorCode"], int) and body["errorCode"] // 1000 == status, body
    assert code is None or body["errorCode"] == code, body
    assert body["trackingId"] == reply.headers["x-ms-request-id"], reply
    assert reply.headers["x-ms-error-code"] == str(body["errorCode"]), reply
    assert body["message"] and "status" not in body, body
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", body["timestampUtc"]), body
    assert "application/json" in reply.headers["content-type"], reply
    return body


def test_the_service_starts():
    shared.start()


def test_pem_csr_gives_a_certificate_that_openssl_accepts():
    key, csr = make_csr(WORK, "pem-1")
    device = Device(shared, "pem-1", shared.enroll("pem-1", **ISSUE))
    state = assigned(device.register(clientCertificateCsr=csr.read_text()))
    assert state["registrationId"] == state["deviceId"] == "pem-1" and state["substatus"] == "initialAssignment", state
    check_certificate(shared, state["issuedClientCertificate"], "pem-1", key)
    assert "trustBundle" not in state


def test_bare_base64_der_csr_gives_one_too():
    key, csr = make_csr(WORK, "der-1")
    der = subprocess.run(["openssl", "req", "-in", csr, "-outform", "DER"], stdout=subprocess.PIPE, check=True, timeout=PATIENCE).stdout
    device = Device(shared, "der-1", shared.enroll("der-1", **ISSUE))
    state = assigned(device.register(clientCertificateCsr=base64.b64encode(der).decode()))
    check_certificate(shared, state["issuedClientCertificate"], "der-1", key)


def test_the_newer_preview_gives_a_chain():
    key, csr = make_csr(WORK, "chain-1")
    der = subprocess.run(["openssl", "req", "-in", csr, "-outform", "DER"], stdout=subprocess.PIPE, check=True, timeout=PATIENCE).stdout
    device = Device(shared, "chain-1", shared.enroll("chain-1", **ISSUE))
    state = assigned(device.register(PREVIEW_2025, csr=base64.b64encode(der).decode()))
    chain = "".join(ssl.DER_cert_to_PEM_cert(base64.b64decode(one, validate=True)) for one in state["issuedCertificateChain"])
    check_certificate(shared, chain, "chain-1", key)
    assert "issuedClientCertificate" not in state and "trustBundle" not in state, state


def test_a_credential_policy_is_a_certificate_authority():
    body = {"registrationId": "policy-1", "attestation": {"type": "symmetricKey"}, "credentialPolicyName": "local"}
    reply = shared.operate("PUT", "/enrollments/policy-1", body, version=PREVIEW_2025)
    assert reply.status == 200 and reply.json["credentialPolicyName"] == "local", reply
    older = shared.operate("GET", "/enrollments/policy-1").json
    assert older["clientCertificateIssuancePolicy"] == {"certificateAuthorityName": "local"}, older
    body["credentialPolicyName"] = "nobody"
    check_error(shared.operate("PUT", "/enrollments/policy-1", body, version=PREVIEW_2025), 400)


def test_every_api_version_registers():
    key = shared.enroll("versions-1")
    for version in VERSIONS:
        state = assigned(Device(shared, "versions-1", key).register(version, payload={"model": "P7"}))
        assert "issuedClientCertificate" not in state and "trustBundle" not in state, state


def test_an_odd_api_version_is_refused():
    device = Device(shared, "versions-2", shared.enroll("versions-2"))
    check_error(device.ask("PUT", "/register", "yesterday", {}), 400)
    check_error(shared.ask("PUT", f"{device.base}/register", {}, device.headers()), 400)


def test_tls_12_and_13_work():
    key = shared.enroll("tls-1", **ISSUE)
    for tls, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        device = Device(shared, "tls-1", key, tls)
        device.connection.connect()
        assert device.connection.sock.version() == name
        _, csr = make_csr(WORK, "tls-1")
        assert "issuedClientCertificate" in assigned(device.register(clientCertificateCsr=csr.read_text()))


def test_a_group_admits_devices_with_derived_keys():
    body = {"enrollmentGroupId": "line-4", "attestation": {"type": "symmetricKey"}, **ISSUE}
    assert shared.operate("PUT", "/enrollmentGroups/line-4", body).status == 200
    keys = shared.operate("POST", "/enrollmentGroups/line-4/attestationmechanism").json["symmetricKey"]
    for number, name in enumerate(("primaryKey", "secondaryKey")):
        registration_id = f"line-4-pump-{number}"
        key, csr = make_csr(WORK, registration_id)
        device = Device(shared, registration_id, sas_token.derive_key(keys[name], registration_id))
        state = assigned(device.register(clientCertificateCsr=csr.read_text()))
        assert state["symmetricKey"] == {"enrollmentGroupId": "line-4"}, state
        check_certificate(shared, state["issuedClientCertificate"], registration_id, key)
    stranger = Device(shared, "line-4-pump-9", sas_token.derive_key(keys["primaryKey"], "line-4-pump-8"))
    check_error(stranger.ask("PUT", "/register", PREVIEW, {}), 401, 401002)


def test_the_trust_bundle_is_delivered():
    root = (shared.directory / "ca/root.pem").read_text()
    reply = shared.operate("PUT", "/trustBundles/plant-roots", {"certificates": [{"certificate": root.replace("\n", "\r\n")}]})
    assert reply.status == 200, reply
    state = assigned(Device(shared, "bundle-1", shared.enroll("bundle-1", trustBundleId="plant-roots")).register())
    bundle = state["trustBundle"]
    assert bundle["id"] == "plant-roots" and len(bundle["certificates"]) == 1, bundle
    entry = bundle["certificates"][0]
    assert entry["certificate"].replace("\r\n", "\n") == root
    fingerprint = x509(root, "-fingerprint", "-sha256").split("=")[1].replace(":", "")
    assert entry["metadata"]["sha256Thumbprint"].upper() == fingerprint and entry["metadata"]["version"] == 3, entry


def put_poll_roots(count):
    pems = [(shared.directory / name).read_text() for name in ("ca/root.pem", "tls/ca.pem")[:count]]
    reply = shared.operate("PUT", "/trustBundles/poll-roots", {"certificates": [{"certificate": pem} for pem in pems]})
    assert reply.status == 200, reply


def test_the_trust_bundle_can_be_polled():
    put_poll_roots(1)
    key = shared.enroll("poll-1", trustBundleId="poll-roots")
    device = Device(shared, "poll-1", key)
    first = device.ask("GET", "/trustBundle", PREVIEW)
    assert first.status == 200 and len(first.json["certificates"]) == 1, first
    assert first.headers["etag"] == f'"{first.json["etag"]}"', first
    assert first.json == assigned(device.register())["trustBundle"], first
    same = device.ask("GET", "/trustBundle", PREVIEW, if_none_match=first.headers["etag"])
    assert same.status == 304 and same.raw == b"" and same.headers["etag"] == first.headers["etag"], same
    # A reply without a body ends where it should: the connection goes on.
    put_poll_roots(2)
    changed = device.ask("GET", "/trustBundle", PREVIEW, if_none_match=first.headers["etag"])
    assert changed.status == 200 and changed.headers["etag"] != first.headers["etag"], changed
    check_error(device.ask("GET", "/trustBundle", "2021-10-01"), 404)
    assert Device(shared, "poll-2", shared.enroll("poll-2")).ask("GET", "/trustBundle", PREVIEW).status == 204
    check_error(Device(shared, "poll-3", key).ask("GET", "/trustBundle", PREVIEW), 401)


def test_curl_polls_the_trust_bundle():
    """As docs/device-api-extensions.md shows it."""
    if shutil.which("curl") is None:
        return
    put_poll_roots(1)
    device = Device(shared, "poll-4", shared.enroll("poll-4", trustBundleId="poll-roots"))
    url = f"https://localhost:{shared.port}{device.base}/trustBundle?api-version={PREVIEW}"
    call = ["curl", "-sS", "--cacert", shared.directory / "tls/ca.pem", "-H", f"Authorization: {device.headers()['Authorization']}",
            "--etag-save", WORK / "etag", "--etag-compare", WORK / "etag", "-o", WORK / "bundle.json", "-w", "%{http_code}", url]
    assert command(*call).stdout == "200"
    assert json.loads((WORK / "bundle.json").read_text())["id"] == "poll-roots"
    assert command(*call).stdout == "304"


def test_prefer_wait_answers_in_one_reply():
    key, csr = make_csr(WORK, "prefer-1")
    device = Device(shared, "prefer-1", shared.enroll("prefer-1", **ISSUE))
    reply = device.ask("PUT", "/register", PREVIEW, {"clientCertificateCsr": csr.read_text()}, Prefer="wait=20")
    check_certificate(shared, assigned(reply)["issuedClientCertificate"], "prefer-1", key)


def test_an_answer_that_was_lost_is_given_again():
    _, csr = make_csr(WORK, "lost-1")
    key = shared.enroll("lost-1", **ISSUE)
    body = {"registrationId": "lost-1", "clientCertificateCsr": csr.read_text()}
    first = Device(shared, "lost-1", key).ask("PUT", "/register", PREVIEW, body)
    again = Device(shared, "lost-1", key).ask("PUT", "/register", PREVIEW, body)
    assert first.status == again.status == 202 and first.json["operationId"] == again.json["operationId"], (first, again)
    device = Device(shared, "lost-1", key)
    pem = assigned(device.poll(first.json["operationId"]))["issuedClientCertificate"]
    assert assigned(device.poll(first.json["operationId"]))["issuedClientCertificate"] == pem


def test_after_delivery_the_same_csr_gives_a_new_certificate():
    _, csr = make_csr(WORK, "renew-1")
    device = Device(shared, "renew-1", shared.enroll("renew-1", **ISSUE))
    serials = {x509(assigned(device.register(clientCertificateCsr=csr.read_text()))["issuedClientCertificate"], "-serial") for _ in range(3)}
    assert len(serials) == 3, serials


def test_the_registration_can_be_looked_up():
    device = Device(shared, "lookup-1", shared.enroll("lookup-1"))
    check_error(device.ask("POST", "", "2021-10-01", {"registrationId": "lookup-1"}), 404)
    state = assigned(device.register())
    reply = device.ask("POST", "", "2021-10-01", {"registrationId": "lookup-1"})
    assert reply.status == 200, reply
    for member in ("registrationId", "assignedHub", "deviceId", "status", "substatus", "createdDateTimeUtc"):
        assert reply.json[member] == state[member], (member, reply)
    assert "issuedClientCertificate" not in reply.json, reply


def test_wrong_proofs_are_refused():
    good = shared.enroll("proof-1")
    other = shared.enroll("proof-2")
    check_error(Device(shared, "proof-1", other).ask("PUT", "/register", PREVIEW, {}), 401, 401002)
    check_error(Device(shared, "unknown-1", good).ask("PUT", "/register", PREVIEW, {}), 401, 401002)
    path = f"/{shared.id_scope}/registrations/proof-1/register?api-version={PREVIEW}"
    resource = f"{shared.id_scope}/registrations/proof-1"
    for headers in ({}, {"Authorization": "nonsense"}, {"Authorization": sas_token.make_token(resource, good, "registration", lifetime=-900)},
                    {"Authorization": sas_token.make_token(resource[:-1] + "2", good, "registration")},
                    {"Authorization": sas_token.make_token(resource, good, "provisioningserviceowner")}):
        check_error(shared.ask("PUT", path, {}, headers), 401)
    other_scope = Device(shared, "proof-1", good)
    other_scope.base = "/0neFFFFFFFF0/registrations/proof-1"
    assert other_scope.ask("PUT", "/register", PREVIEW, {}).status in (401, 404)


def test_a_disabled_device_is_refused():
    device = Device(shared, "disabled-1", shared.enroll("disabled-1"))
    assigned(device.register())
    enrollment = shared.operate("GET", "/enrollments/disabled-1").json
    enrollment["provisioningStatus"] = "disabled"
    assert shared.operate("PUT", "/enrollments/disabled-1", enrollment, {"If-Match": enrollment["etag"]}).status == 200
    check_error(device.ask("PUT", "/register", PREVIEW, {}), 401)


def test_bad_csrs_are_refused():
    device = Device(shared, "csr-1", shared.enroll("csr-1", **ISSUE))
    _, foreign = make_csr(WORK, "csr-2")
    _, good = make_csr(WORK, "csr-1")
    tampered = good.read_text().replace("A", "B", 40)
    for text in ("nonsense", tampered, "", foreign.read_text() * 30):
        check_error(device.ask("PUT", "/register", PREVIEW, {"clientCertificateCsr": text}), 400)
    reply = device.ask("PUT", "/register", PREVIEW, {"clientCertificateCsr": foreign.read_text()}, Prefer="wait=20")
    assert reply.status in (200, 400), reply
    if reply.status == 200:
        assert reply.json["status"] == "failed" and reply.json["registrationState"]["errorCode"] // 1000 == 400, reply
    else:
        check_error(reply, 400)


def test_a_csr_that_nobody_may_sign_fails_as_the_protocol_says():
    _, csr = make_csr(WORK, "nopolicy-1")
    reply = Device(shared, "nopolicy-1", shared.enroll("nopolicy-1")).register(clientCertificateCsr=csr.read_text())
    assert reply.status == 200 and reply.json["status"] == "failed" and reply.json["operationId"], reply
    state = reply.json["registrationState"]
    assert state["errorCode"] == 400000 and state["errorMessage"] and state["status"] == "failed", state


def test_a_ca_that_cannot_be_used_is_refused_clearly():
    body = {"certificateAuthorityType": "DigiCertCertificateAuthority", "apiKey": "0123456789", "profileName": "11112222-3333"}
    reply = shared.operate("PUT", "/certificateAuthorities/myca1", body)
    if reply.status == 200:
        raise tap.Skip("ca-digicert is not built, so nobody knows what it takes")
    check_error(reply, 400)
    assert "profileName" in reply.json["message"] and b"0123456789" not in reply.raw, reply
    check_error(shared.operate("GET", "/certificateAuthorities/myca1"), 404)


def test_an_api_key_in_plain_text_leaves_no_trace():
    """What a version before sealing has stored is sealed at the start, and then overwritten wherever the database keeps it"""
    service = Service()
    try:
        service.start()
        service.stop()
        document = {"name": "old", "certificateAuthorityType": "DigiCertCertificateAuthority", "apiKey": "plain-api-key-0123456789",
                    "profileName": "11112222-3333-4444-5555-666677778888"}
        with contextlib.closing(sqlite3.connect(service.directory / "store/dps.sqlite")) as database:
            database.execute("INSERT INTO record (collection, key, etag, created, updated, body) VALUES (?, 'old', 'e', 1, 1, ?)",
                             ("certificate-authorities", json.dumps(document).encode()))
            database.commit()
        service.start()
        stored = service.stored("certificate-authorities")["old"]
        assert "apiKey" not in stored and stored["sealedApiKey"], stored
        service.stop()
        for path in service.scratch.rglob("*"):
            assert not path.is_file() or b"plain-api-key" not in path.read_bytes(), path
    finally:
        service.clean_up()


def test_an_operator_needs_a_good_token():
    check_error(shared.ask("GET", f"/enrollments/x?api-version={PREVIEW}"), 401)
    wrong = sas_token.make_token("localhost", base64.b64encode(b"0" * 32).decode(), "provisioningserviceowner")
    check_error(shared.ask("GET", f"/enrollments/x?api-version={PREVIEW}", None, {"Authorization": wrong}), 401)
    check_error(shared.operate("GET", "/enrollments/does-not-exist"), 404)


def test_header_names_are_lower_case():
    connection = shared.connect()
    try:
        connection.connect()
        connection.sock.sendall(b"GET /enrollments/x?api-version=2021-10-01 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = b"".join(iter(lambda: connection.sock.recv(4096), b"")).split(b"\r\n\r\n")[0].decode()
    finally:
        connection.close()
    lines = head.split("\r\n")
    assert re.fullmatch(r"HTTP/1\.1 401 \S.*", lines[0]), lines
    for line in lines[1:]:
        assert line.split(":")[0] == line.split(":")[0].lower(), line


def test_many_devices_at_once():
    names = [f"many-{number}" for number in range(24)]
    keys = {name: shared.enroll(name, **ISSUE) for name in names}
    csrs = {name: make_csr(WORK, name) for name in names}

    def provision(name):
        state = assigned(Device(shared, name, keys[name]).register(clientCertificateCsr=csrs[name][1].read_text()))
        return state["issuedClientCertificate"]

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        pems = dict(zip(names, pool.map(provision, names)))
    for name, pem in pems.items():
        check_certificate(shared, pem, name, csrs[name][0])
    assert len({x509(pem, "-serial") for pem in pems.values()}) == len(names)


def server_serial(service):
    connection = service.connect()
    try:
        connection.connect()
        der = connection.sock.getpeercert(binary_form=True)
    finally:
        connection.close()
    return x509(ssl.DER_cert_to_PEM_cert(der), "-serial")


def test_sighup_changes_the_certificate_and_drops_nobody():
    with running_service() as service:
        device = Device(service, "reload-1", service.enroll("reload-1"))
        assigned(device.register())
        socket_before = device.connection.sock
        old = server_serial(service)
        command(DPS, "init", "--renew-tls", service.directory)
        assert server_serial(service) == old, "a new file alone must not change anything"
        service.reload()
        deadline = time.monotonic() + PATIENCE
        while server_serial(service) == old:
            assert time.monotonic() < deadline, service.read_log()
        assigned(device.register())
        assert device.connection.sock is socket_before, "the connection was replaced"


def test_a_bad_configuration_changes_nothing_on_sighup():
    with running_service() as service:
        device = Device(service, "reload-2", service.enroll("reload-2", **ISSUE))
        drop_in = service.directory / "dps.conf.d/90-bad.conf"
        drop_in.write_text("[ca local]\nvalidity=nonsense\n")
        service.reload()
        service.wait_for_log("90-bad.conf:2")
        _, csr = make_csr(WORK, "reload-2")
        assert "issuedClientCertificate" in assigned(device.register(clientCertificateCsr=csr.read_text()))


def test_what_only_a_start_reads_is_checked_on_sighup():
    with running_service() as service:
        drop_in = service.directory / "dps.conf.d/90-bad.conf"
        for number, text in enumerate(("[limits]\nrequests-in-flight=many\n", "[listener https]\nidle-timeout=never\n",
                                       "[store main]\nreaders=0\n"), 1):
            drop_in.write_text(text)
            service.reload()
            service.wait_for_log("The configuration was not reloaded", number)
            assert service.read_log().count("90-bad.conf:2") == number, service.read_log()
        drop_in.write_text("[limits]\nrequests-in-fright=7\n")
        service.reload()
        service.wait_for_log("Reloaded the configuration")
        assert "requests-in-fright is not known" in service.read_log(), service.read_log()


def test_a_throttled_device_learns_when_to_come_back():
    with running_service() as service:
        key = service.enroll("eager-1")
        service.stop()
        (service.directory / "dps.conf.d/90-limits.conf").write_text("[limits]\nrequests-per-device=2\n")
        service.start()
        device = Device(service, "eager-1", key)
        # The third comes half a minute too early.
        replies = [device.ask("PUT", "/register", PREVIEW, {}) for _ in range(3)]
        check_error(replies[-1], 429, 429000)
        # Clients take 2 to 59 seconds.
        assert 2 <= int(replies[-1].headers["retry-after"]) <= 59, replies[-1]
        assert replies[-1].headers["x-ms-request-id"] in service.read_log()


def damage(service, *changes):
    """Changes the store of a service that does not run, as a failing disk might."""
    database = sqlite3.connect(service.directory / "store/dps.sqlite")
    for statement, parameters in changes:
        assert database.execute(statement, parameters).rowcount == 1, statement
    database.commit()
    database.close()


def test_a_damaged_record_hurts_only_its_own_device():
    with running_service() as service:
        names = ("whole-1", "operation-1", "journal-1", "enrollment-1")
        devices = {name: Device(service, name, service.enroll(name, **ISSUE)) for name in names}
        csrs = {name: make_csr(WORK, name)[1].read_text() for name in devices}
        body = {"enrollmentGroupId": "damaged", "attestation": {"type": "symmetricKey"}}
        assert service.operate("PUT", "/enrollmentGroups/damaged", body).status == 200
        assert service.operate("PUT", "/enrollmentGroups/whole", {**body, "enrollmentGroupId": "whole"}).status == 200
        keys = service.operate("POST", "/enrollmentGroups/whole/attestationmechanism").json["symmetricKey"]
        operations = {name: devices[name].register(clientCertificateCsr=csrs[name]).json["operationId"] for name in names}
        service.stop()
        spoil = "UPDATE record SET body = CAST('{spoilt' AS BLOB) WHERE collection = ? AND key = ?"
        unfinished = """UPDATE record SET body = CAST(json_set(json_remove(body, '$.certificateKey'), '$.state.status', 'assigning',
                        '$.delivered', json('false')) AS BLOB) WHERE collection = 'operations' AND key = ?"""
        damage(service, (spoil, ("operations", operations["operation-1"])), (spoil, ("enrollments", "enrollment-1")),
               (spoil, ("enrollment-groups", "damaged")), (unfinished, (operations["journal-1"],)),
               ("INSERT INTO record (collection, key, parent, etag, created, updated, body) "
                "VALUES ('journal', ?, 'journal-1', 'x', 0, 0, CAST('{spoilt' AS BLOB))", (operations["journal-1"],)))
        service.start()
        for name, device in devices.items():
            device.connection.close()
            if name == "enrollment-1":
                check_error(device.ask("PUT", "/register", PREVIEW, {}), 500)
            else:
                assert "issuedClientCertificate" in assigned(device.register(clientCertificateCsr=csrs[name])), name
        # Nobody waits for the end of what cannot be taken up again.
        assert devices["journal-1"].poll(operations["journal-1"]).json["status"] == "failed"
        assigned(Device(service, "grouped-1", sas_token.derive_key(keys["primaryKey"], "grouped-1")).register())
        assert service.operate("DELETE", "/enrollments/enrollment-1").status == 204
        service.enroll("enrollment-1")
        log = service.read_log()
        for name in (operations["operation-1"], operations["journal-1"], "“enrollment-1” of enrollments", "“damaged”"):
            assert name in log, log


def test_every_refusal_is_in_the_log():
    with running_service() as service:
        device = Device(service, "refused-1", service.enroll("refused-1"))
        token = device.headers()["Authorization"]
        refusals = [
            device.ask("PUT", "/register", PREVIEW, "{"),
            device.ask("PUT", "/register", "yesterday", {}),
            device.ask("PATCH", "/register", PREVIEW, {}),
            device.ask("GET", "/operations/5.nothing", PREVIEW),
            device.ask("PUT", "/register", PREVIEW, {"payload": "x" * 100000}),
            service.ask("PUT", f"{device.base}/register?api-version={PREVIEW}", {}),
            service.ask("GET", f"/enrollments/refused-1?api-version={PREVIEW}", None, {"Authorization": token}),
            service.operate("GET", "/enrollments/nobody"),
            service.operate("DELETE", "/enrollments/refused-1", headers={"If-Match": "old"}),
            service.operate("PUT", "/trustBundles/empty", {}),
        ]
        malformed = socket.create_connection(("127.0.0.1", service.port))
        with service.context().wrap_socket(malformed, server_hostname="localhost") as stream:
            stream.sendall(b"GET /secret HTTP/1.1\r\nno colon\r\n\r\n")
            assert stream.recv(12) == b"HTTP/1.1 400"
        log = service.read_log().splitlines()
        for reply in refusals:
            line = [line for line in log if reply.headers["x-ms-request-id"] in line]
            assert reply.status >= 400 and len(line) == 1 and "BREVET_ADDRESS=127.0.0.1" in line[0], (reply, line)
        assert any("A header field is malformed" in line and "BREVET_ADDRESS=127.0.0.1" in line for line in log), log


def test_a_restart_keeps_everything():
    service = Service()
    try:
        service.start()
        _, csr = make_csr(WORK, "restart-1")
        key = service.enroll("restart-1", **ISSUE)
        device = Device(service, "restart-1", key)
        body = {"registrationId": "restart-1", "clientCertificateCsr": csr.read_text()}
        operation = device.ask("PUT", "/register", PREVIEW, body).json["operationId"]
        pem = assigned(device.poll(operation))["issuedClientCertificate"]
        before = service.operate("GET", "/enrollments/restart-1").json
        for end in (service.stop, service.kill):
            end()
            service.start()
            device = Device(service, "restart-1", key)
            assert assigned(device.poll(operation))["issuedClientCertificate"] == pem
            assert service.operate("GET", "/enrollments/restart-1").json["etag"] == before["etag"]
            assert device.ask("POST", "", "2021-10-01", {"registrationId": "restart-1"}).json["status"] == "assigned"
        service.stop()
    finally:
        service.clean_up()


def test_a_second_service_on_the_same_port_is_explained():
    with running_service() as service:
        done = command(DPS, "run", "--config", service.directory / "dps.conf", expect=None)
        assert done.returncode not in (0, None) and done.returncode < 128, done
        assert done.stderr.strip(), done


def test_secrets_are_not_in_the_log():
    log = shared.read_log()
    assert shared.operator_key not in log and "SharedAccessSignature" not in log and "BEGIN " not in log, log[-4000:]


def test_the_service_stops_cleanly():
    shared.stop()


try:
    tap.run(tap.collect(dict(globals())))
finally:
    shared.clean_up()
