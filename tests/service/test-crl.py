#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Revocation lists as hubs and gateways fetch them: over plain HTTP, judged by openssl."""

import contextlib
import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import PATIENCE, Device, Service, command, free_port, make_csr

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)


class Publisher(Service):
    """A service with a second listener, for lists alone."""

    def __init__(self, **options):
        super().__init__(**options)
        self.lists_port = free_port()
        (self.directory / "dps.conf.d/50-lists.conf").write_text(
            f"[listener lists]\ntype=https\nserve=revocation-lists\ntls=no\naddress=127.0.0.1\nport={self.lists_port}\n")
        text = "".join(path.read_text() for path in [self.directory / "dps.conf", *self.directory.glob("dps.conf.d/*.conf")])
        self.authority = re.search(r"^\[ca ([^\]]+)\]", text, re.M)[1]

    def fetch(self, path=None, method="GET", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.lists_port, timeout=PATIENCE)
        with contextlib.closing(connection):
            return self.ask(method, path or f"/crl/{self.authority}.crl", headers=headers, connection=connection)

    def await_list(self, condition=lambda reply: True, path=None):
        """Asks until there is a list as it should be; each answer is an event of its own."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            reply = self.fetch(path)
            if reply.status == 200 and condition(reply):
                return reply
            assert reply.status in (200, 503), reply
            assert reply.status == 200 or int(reply.headers["retry-after"]) > 0
        raise AssertionError(f"{reply}\n{self.read_log()}")

    def provision(self, registration_id):
        """Returns the id of the certificate, and where it lies."""
        key = self.enroll(registration_id, clientCertificateIssuancePolicy={"certificateAuthorityName": self.authority})
        csr = make_csr(WORK, registration_id)[1].read_text()
        reply = Device(self, registration_id, key).register(clientCertificateCsr=csr)
        assert reply.status == 200 and reply.json["status"] == "assigned", reply
        path = WORK / f"{registration_id}.pem"
        path.write_text(reply.json["registrationState"]["issuedClientCertificate"])
        listed = self.ask("GET", f"/issuedCertificates?api-version=2021-10-01&registrationId={registration_id}",
                          headers={"Authorization": self.make_token("localhost", self.operator_key, "provisioningserviceowner")})
        assert listed.status == 200 and len(listed.json) == 1, listed
        return listed.json[0]["id"], path

    def revoke(self, certificate, reason, connection=None):
        token = self.make_token("localhost", self.operator_key, "provisioningserviceowner")
        reply = self.ask("POST", f"/issuedCertificates/{certificate}/revoke?api-version=2021-10-01", {"reason": reason},
                         {"Authorization": token}, connection)
        assert reply.status == 200, reply


@contextlib.contextmanager
def publisher(**options):
    service = Publisher(**options)
    try:
        yield service.start()
    finally:
        service.clean_up()


def describe(der):
    return subprocess.run(["openssl", "crl", "-inform", "DER", "-noout", "-text", "-nameopt", "RFC2253"], input=der,
                          stdout=subprocess.PIPE, check=True).stdout.decode()


def read_number(der):
    found = re.search(r"CRL Number:\s*\n?\s*(\S+)", describe(der))
    return int(found[1], 0)


def read_reasons(der):
    """Of each serial number; None where the list does not say."""
    entries = describe(der).split("Serial Number: ")[1:]
    reasons = [re.search(r"CRL Reason Code:\s*\n?\s*([^\n]+)", entry) for entry in entries]
    return {entry.split()[0]: reason and reason[1].strip() for entry, reason in zip(entries, reasons)}


def read_serial(path):
    return command("openssl", "x509", "-in", path, "-noout", "-serial").stdout.strip().split("=")[1]


def verify(service, certificate, der):
    """What openssl says about a device's certificate, with the list."""
    (WORK / "list.pem").write_bytes(subprocess.run(["openssl", "crl", "-inform", "DER"], input=der, stdout=subprocess.PIPE,
                                                   check=True).stdout)
    return subprocess.run(["openssl", "verify", "-crl_check", "-CAfile", service.directory / "ca/root.pem", "-CRLfile",
                           WORK / "list.pem", "-untrusted", certificate, certificate], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def test_a_clock_that_jumps_leaves_no_list_behind():
    with publisher(journaled=True) as service:
        first = service.await_list().headers["etag"]
        for days in (30, -30):
            service.journal.seconds_ahead = days * 86400
            former, first = first, service.await_list(lambda reply: reply.headers["etag"] != first).headers["etag"]
            assert first != former


def test_a_revoked_certificate_is_on_the_list_with_its_reason():
    with publisher() as service:
        certificate, path = service.provision("pump-1")
        other = service.provision("pump-2")[1]
        first = service.await_list()
        assert first.headers["content-type"] == "application/pkix-crl" and "strict-transport-security" not in first.headers
        assert verify(service, path, first.raw).returncode == 0
        service.revoke(certificate, "keyCompromise")
        second = service.await_list(lambda reply: read_reasons(reply.raw) != {})
        assert read_reasons(second.raw).keys() == {read_serial(path)}
        assert read_reasons(second.raw)[read_serial(path)] in ("Key Compromise", None)
        told = verify(service, path, second.raw)
        assert told.returncode != 0 and "certificate revoked" in told.stdout, told.stdout
        assert verify(service, other, second.raw).returncode == 0
        assert read_number(second.raw) > read_number(first.raw)


def swap_key(service):
    """The name stands for another CA from the next start on."""
    key, certificate = service.directory / "ca/next.key", service.directory / "ca/next.pem"
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-keyout", key,
            "-out", certificate, "-subj", "/CN=The next root", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext",
            "basicConstraints=critical,CA:TRUE")
    (service.directory / "dps.conf.d/60-next.conf").write_text(f"[ca {service.authority}]\ncertificate=ca/next.pem\nkey=ca/next.key\n")


def test_the_list_of_an_earlier_ca_is_served_as_long_as_it_has_certificates():
    with publisher(journaled=True) as service:
        certificate, path = service.provision("pump-1")
        other = service.provision("pump-2")[1]
        issuer = re.search(r"Authority Key Identifier:\s*\n?\s*(?:keyid:)?([0-9A-F:]+)", describe(service.await_list().raw))[1]
        earlier = f"/crl/{service.authority}-{issuer.replace(':', '').lower()}.crl"
        assert service.fetch(earlier).status == 200
        service.stop()
        swap_key(service)
        service.start()
        service.await_list(path=earlier)
        service.provision("pump-3")
        service.revoke(certificate, "superseded")
        listed = service.await_list(lambda reply: read_reasons(reply.raw).keys() == {read_serial(path)}, earlier)
        assert "certificate revoked" in verify(service, path, listed.raw).stdout
        assert verify(service, other, listed.raw).returncode == 0
        assert read_reasons(service.await_list().raw) == {} and "The next root" in describe(service.await_list().raw)
        service.stop()
        service.journal.seconds_ahead = 60 * 86400
        service.start()
        later = service.await_list(path=earlier)
        assert read_reasons(later.raw).keys() == {read_serial(path)} and read_number(later.raw) > read_number(listed.raw)


def test_a_disabled_device_is_on_the_list_until_it_is_enabled():
    with publisher() as service:
        serial = read_serial(service.provision("pump-1")[1])
        body = {"registrationId": "pump-1", "attestation": {"type": "symmetricKey"}, "provisioningStatus": "disabled",
                "clientCertificateIssuancePolicy": {"certificateAuthorityName": service.authority}}
        assert service.operate("PUT", "/enrollments/pump-1", body).status == 200
        service.await_list(lambda reply: serial in read_reasons(reply.raw))
        assert service.operate("PUT", "/enrollments/pump-1", {**body, "provisioningStatus": "enabled"}).status == 200
        service.await_list(lambda reply: serial not in read_reasons(reply.raw))


def test_a_list_is_served_as_http_wants_it():
    with publisher() as service:
        reply = service.await_list()
        age = int(re.fullmatch(r"public, max-age=(\d+)", reply.headers["cache-control"])[1])
        assert 0 < age <= 3600
        head = service.fetch(method="HEAD")
        assert head.status == 200 and head.raw == b"" and int(head.headers["content-length"]) == len(reply.raw)
        for field, value, status in (("If-None-Match", reply.headers["etag"], 304), ("If-None-Match", '"x"', 200),
                                     ("If-None-Match", 'W/"x", W/' + reply.headers["etag"], 304),
                                     ("If-Modified-Since", reply.headers["last-modified"], 304),
                                     ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
                                     ("If-Modified-Since", "yesterday", 200)):
            known = service.fetch(headers={field: value})
            assert known.status == status and known.headers["etag"] == reply.headers["etag"], (field, known)
        assert service.fetch("/crl/nobody.crl").status == 404
        assert service.fetch(f"/crl/{service.authority.upper()}.crl").raw == reply.raw
        # The address of the key stays right whatever the name stands for later. The main listener has it too.
        key = re.search(r"Authority Key Identifier:\s*(?:keyid:)?([0-9A-F:]+)", describe(reply.raw))[1].replace(":", "").lower()
        assert service.fetch(f"/crl/{service.authority}-{key}.crl").raw == reply.raw
        assert service.ask("GET", f"/crl/{service.authority}-{key}.crl").raw == reply.raw


def test_numbers_grow_over_restarts_and_the_next_list_comes_later():
    with publisher() as service:
        first = service.await_list()
        service.kill()
        service.start()
        second = service.await_list(lambda reply: reply.raw != first.raw)
        assert read_number(second.raw) > read_number(first.raw)
        text = command("openssl", "crl", "-inform", "DER", "-noout", "-nextupdate", "-in", save(second.raw)).stdout
        following = time.mktime(time.strptime(text.strip().split("=")[1], "%b %d %H:%M:%S %Y %Z"))
        assert following > time.mktime(time.gmtime())


def save(der):
    (WORK / "list.der").write_bytes(der)
    return WORK / "list.der"


def talk(service, text):
    """What comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", service.lists_port), PATIENCE) as stream:
        stream.sendall(text.encode())
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
        return answer


def test_nothing_else_is_served_there():
    with publisher() as service:
        service.await_list()
        token = service.make_token("localhost", service.operator_key, "provisioningserviceowner")
        for method, path in (("GET", "/certificateAuthorities"), ("GET", "/enrollments/pump-1"), ("PUT", "/enrollments/pump-1"),
                             ("GET", "/issuedCertificates"), ("PUT", f"/{service.id_scope}/registrations/pump-1/register"),
                             ("POST", f"/{service.id_scope}/registrations/pump-1"), ("GET", "/"), ("GET", "/../enrollments/x")):
            reply = service.fetch(f"{path}?api-version=2021-10-01", method, {"Authorization": token})
            assert reply.status in (400, 404) and b"pump" not in reply.raw, (path, reply)
        assert service.fetch(method="DELETE").status == 404
        upgrade = ("Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        answer = talk(service, f"GET / HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n"
                               f"GET /crl/{service.authority}.crl HTTP/1.1\r\nHost: x\r\n\r\n"
                               f"GET /certificateAuthorities?api-version=2021-10-01 HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
                               "Connection: close\r\n\r\n")
        assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"404", b"200", b"404"], answer


def test_a_listener_that_is_added_opens_at_the_next_start_and_the_reload_says_so():
    service = Service().start()
    try:
        port = free_port()
        (service.directory / "dps.conf.d/30-lists.conf").write_text(
            f"[listener lists]\ntype=https\nserve=revocation-lists\ntls=no\naddress=127.0.0.1\nport={port}\n")
        service.reload()
        service.wait_for_log("Reloaded the configuration")
        assert "[listener lists] is new; it is opened when the service starts the next time" in service.read_log(), service.read_log()
        service.stop()
        service.start()
        with socket.create_connection(("127.0.0.1", port), PATIENCE):
            pass
        service.stop()
    finally:
        service.clean_up()


def test_another_value_is_refused():
    service = Publisher()
    try:
        path = service.directory / "dps.conf.d/50-lists.conf"
        for former, latter, words in (("=revocation-lists", "=lists", "revocation-lists, or leave it out"),
                                      ("serve=revocation-lists\n", "", "name them in proxy-addresses")):
            text = path.read_text()
            path.write_text(text.replace(former, latter))
            refused = command(os.environ["BREVET_DPS"], "run", "--config", service.directory / "dps.conf", expect=None)
            assert refused.returncode != 0 and words in refused.stderr, refused
            path.write_text(text)
    finally:
        service.clean_up()


def test_a_storm_of_revocations_makes_few_lists():
    with publisher() as service:
        certificate, path = service.provision("pump-1")
        service.await_list()
        begun = time.monotonic()
        seen = set()
        with contextlib.closing(service.connect()) as connection:
            for number in range(1000):
                service.revoke(certificate, "removeFromCRL" if number % 2 else "certificateHold", connection)
                if number % 10 == 0:
                    seen.add(service.fetch().headers["etag"])
            service.revoke(certificate, "superseded", connection)
        took = time.monotonic() - begun
        service.await_list(lambda reply: read_serial(path) in read_reasons(reply.raw))
        assert len(seen) <= 2 + took / 4, (len(seen), took)


tap.run(tap.collect(dict(globals())))
