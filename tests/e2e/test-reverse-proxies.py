#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices with certificates behind proxies: nginx and HAProxy with the very configuration of docs/deployment.md, and one that ends TLS for
MQTT; and those who pretend to be a proxy."""

import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import mqtt_client as mqtt
import pki
import proxy_protocol
import tap
import web_socket as ws
from dps import PATIENCE, PREVIEW, Service, free_port

DEPLOYMENT = pathlib.Path(__file__).parent.parent.parent / "docs/deployment.md"
SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
STRANGER, ELSEWHERE = "127.0.0.9", "127.0.0.7"

service = Service()
ROOT = pki.make_root("Plant")
ISSUER = pki.make_intermediate("Plant devices", ROOT)
HIDDEN = pki.make_intermediate("Line 7", ISSUER)


def snippet(language, name):
    """A block of the documentation that begins with a file's name."""
    blocks = re.findall(rf"```{language}\n(# \S*{re.escape(name)}\n.*?)```", DEPLOYMENT.read_text(), re.DOTALL)
    assert len(blocks) == 1, (language, name, len(blocks))
    return blocks[0]


def replace(text, pairs):
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, str(new))
    return text


def wait_for_port(process, port, log):
    """A proxy does not say when it listens; a connection says so."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            return
        except ConnectionRefusedError:
            assert process.poll() is None, log.read_text()


class Proxy:
    """A program in front of the service, until the end of a test."""

    def __init__(self, ports, *arguments):
        self.log = WORK / "proxy.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(argument) for argument in arguments], stdout=log, stderr=log)
        for port in ports:
            wait_for_port(self.process, port, self.log)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.terminate()
        self.process.wait(PATIENCE)
        if kind is not None:
            print("# " + self.log.read_text(errors="replace").replace("\n", "\n# "))


def listen(name, text):
    (service.directory / "dps.conf.d" / name).write_text(text)


class Ports:
    nginx, haproxy, haproxy_mqtt, behind_nginx, behind_haproxy, behind_mqtt, ended_mqtt, reencrypted = (free_port() for _ in range(8))


def settle():
    """The configuration of all listeners, as the documentation has it but for ports and paths."""
    tls = service.directory / "tls"
    listen("30-nginx.conf", replace(snippet("ini", "30-nginx.conf"), [("8080", Ports.behind_nginx)]))
    listen("30-haproxy.conf", replace(snippet("ini", "30-haproxy.conf"), [
        ("port=8080", f"port={Ports.behind_haproxy}"), ("port=18883", f"port={Ports.behind_mqtt}"),
        ("/var/lib/brevet-dps/service/tls", tls)]))
    listen("40-ended.conf", f"""[listener ended]
type=mqtt
address=127.0.0.1
port={Ports.ended_mqtt}
tls=no
proxy-addresses=127.0.0.1
proxy-protocol=yes
proxy-certificate-tlv=ssl
websocket=no

[listener again]
type=https
address=127.0.0.1
port={Ports.reencrypted}
certificate={tls}/server.pem
key={tls}/server.key
proxy-addresses=127.0.0.8
client-certificate-header=Client-Cert
""")


def nginx():
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise tap.Skip("nginx is not installed")
    tls = service.directory / "tls"
    site = replace(snippet("nginx", "brevet.conf"), [
        ("listen 443 ssl", f"listen 127.0.0.1:{Ports.nginx} ssl"), ("dps.example.net", "localhost"), ("127.0.0.1:8080", f"127.0.0.1:{Ports.behind_nginx}"),
        ("/etc/nginx/dps.pem", tls / "server.pem"), ("/etc/nginx/dps.key", tls / "server.key")])
    places = "".join(f"{kind}_temp_path {WORK}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (WORK / "nginx.conf").write_text(("user root;\n" if os.geteuid() == 0 else "") + f"""daemon off;
worker_processes 1;
pid {WORK}/nginx.pid;
error_log stderr;
events {{}}
http {{
access_log off;
{places}
{site}
}}
""")
    return Proxy([Ports.nginx], program, "-p", WORK, "-c", WORK / "nginx.conf", "-e", "stderr")


def haproxy():
    program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise tap.Skip("haproxy is not installed")
    tls = service.directory / "tls"
    (WORK / "haproxy.pem").write_text((tls / "server.pem").read_text() + (tls / "server.key").read_text())
    (WORK / "haproxy.cfg").write_text(replace(snippet("haproxy", "haproxy.cfg"), [
        ("bind :443", f"bind 127.0.0.1:{Ports.haproxy}"), ("bind :8883", f"bind 127.0.0.1:{Ports.haproxy_mqtt}"),
        ("127.0.0.1:8080", f"127.0.0.1:{Ports.behind_haproxy}"), ("127.0.0.1:18883", f"127.0.0.1:{Ports.behind_mqtt}"),
        ("/etc/haproxy/dps.pem", WORK / "haproxy.pem"), ("/etc/haproxy/any.pem", tls / "ca.pem")]))
    return Proxy([Ports.haproxy, Ports.haproxy_mqtt], program, "-f", WORK / "haproxy.cfg", "-db")


def device_context(certificate=None, *issuers):
    context = ssl.create_default_context(cafile=service.directory / "tls/ca.pem")
    if certificate is not None:
        context.load_cert_chain(*certificate.write(WORK, "device", *issuers))
    return context


class Connection:
    """One HTTPS or HTTP connection to a port, and requests of one device over it."""

    def __init__(self, port, context=None, source="127.0.0.1"):
        address = (source, 0)
        self.http = (http.client.HTTPSConnection("localhost", port, context=context, timeout=PATIENCE, source_address=address) if context
                     else http.client.HTTPConnection("localhost", port, timeout=PATIENCE, source_address=address))

    def ask(self, method, name, what, body=None, **headers):
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        return service.ask(method, f"/{service.id_scope}/registrations/{name}/{what}?api-version={PREVIEW}", body, sent, self.http)

    def register(self, name, **headers):
        """The answer to the first request, or to the last poll if there is one."""
        reply = self.ask("PUT", name, "register", {"registrationId": name}, **headers)
        while reply.status == 202:
            reply = self.ask("GET", name, f"operations/{reply.json['operationId']}", **headers, Prefer="wait=10")
        return reply

    def close(self):
        self.http.close()


def register(port, name, context, **headers):
    connection = Connection(port, context)
    try:
        return connection.register(name, **headers)
    finally:
        connection.close()


def assigned(reply):
    assert reply.status == 200 and reply.json["status"] == "assigned", reply


def refused(reply, status=401):
    assert reply.status == status, reply


def enroll(name):
    """An individual enrollment; returns the device's certificate."""
    certificate = pki.make_leaf(name, ROOT)
    enrollments.put_individual(service, name, enrollments.x509("clientCertificates", primary=certificate))
    return certificate


def header_of(certificate, form):
    return f":{base64.b64encode(certificate.der).decode()}:" if form == "rfc9440" else urllib.parse.quote(certificate.pem, safe="")


def check_https(port, kind, form):
    """What every proxy that ends TLS must get right."""
    mine, theirs = enroll(f"pump-{kind}-1"), enroll(f"pump-{kind}-2")
    assigned(register(port, f"pump-{kind}-1", device_context(mine)))
    refused(register(port, f"pump-{kind}-1", device_context(theirs)))
    refused(register(port, f"pump-{kind}-1", device_context(pki.make_leaf(f"pump-{kind}-1", ROOT))))
    refused(register(port, f"pump-{kind}-1", device_context()))
    # What a device writes into the field does not come through, with a certificate of its own or without.
    for context in (device_context(), device_context(theirs)):
        for spelling in ("Client-Cert", "CLIENT-CERT", "client-cert"):
            connection = Connection(port, context)
            refused(connection.register(f"pump-{kind}-1", **{spelling: header_of(mine, form)}))
            connection.close()
    # Two devices over one connection of the proxy.
    first, second = Connection(port, device_context(mine)), Connection(port, device_context(theirs))
    for _ in range(2):
        assigned(first.register(f"pump-{kind}-1"))
        assigned(second.register(f"pump-{kind}-2"))
        refused(second.register(f"pump-{kind}-1"))
    first.close()
    second.close()
    # The proxy says whose address it is.
    elsewhere = Connection(port, device_context(theirs), source=ELSEWHERE)
    refused(elsewhere.register(f"pump-{kind}-1"))
    elsewhere.close()
    assert f"BREVET_ADDRESS={ELSEWHERE} " in service.read_log().rpartition("is neither the primary")[2]


def resume(port, name, context):
    """Registers twice, the second time with the TLS session of the first; returns whether it was resumed."""
    first = Connection(port, context)
    assigned(first.register(name))
    second = Connection(port, context)
    second.http.sock = context.wrap_socket(socket.create_connection(("localhost", port), PATIENCE), server_hostname="localhost",
                                           session=first.http.sock.session)
    assigned(second.register(name))
    resumed = second.http.sock.session_reused
    first.close()
    second.close()
    return resumed


def check_websocket(port, name, certificate):
    def connect(context):
        raw = socket.create_connection(("localhost", port), PATIENCE)
        return mqtt.Session(ws.Stream(context.wrap_socket(raw, server_hostname="localhost")), service.id_scope, name, PREVIEW)

    session = connect(device_context(certificate))
    assert session.connect() == 0
    assert register_over(session)["status"] == "assigned"
    session.close()
    session = connect(device_context(pki.make_leaf(name, ROOT)))
    assert session.connect() == 5
    session.close()


def register_over(session):
    session.subscribe()
    session.publish(mqtt.REGISTER.format("17"), json.dumps({"registrationId": session.registration_id}).encode())
    while True:
        status, _, _, payload = session.answer()
        operation = json.loads(payload)
        if status == 200:
            return operation
        assert status == 202, (status, operation)
        session.publish(mqtt.POLL.format("17", operation["operationId"]))


def group_of(name, authority):
    enrollments.put_group(service, name, enrollments.x509("signingCertificates", primary=authority))


def mqtt_session(port, name, context, source="127.0.0.1"):
    raw = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(source, 0))
    return mqtt.Session(context.wrap_socket(raw, server_hostname="localhost"), service.id_scope, name, PREVIEW)


def test_the_service_starts():
    settle()
    service.start()
    group_of("plant", ISSUER)


def test_nginx_ends_tls():
    with nginx():
        check_https(Ports.nginx, "nginx", "pem")
        check_websocket(Ports.nginx, "pump-nginx-2", enroll("pump-nginx-2"))
        # The authority that signs is the one that is enrolled.
        assert resume(Ports.nginx, "pump-nginx-3", device_context(pki.make_leaf("pump-nginx-3", ISSUER), ISSUER))


def test_haproxy_ends_tls():
    with haproxy():
        check_https(Ports.haproxy, "haproxy", "rfc9440")
        check_websocket(Ports.haproxy, "pump-haproxy-2", enroll("pump-haproxy-2"))
        # An authority in between, which only the device knows.
        context = device_context(pki.make_leaf("pump-haproxy-3", HIDDEN), HIDDEN, ISSUER)
        assert not resume(Ports.haproxy, "pump-haproxy-3", context)
        refused(register(Ports.haproxy, "pump-haproxy-3", device_context(pki.make_leaf("pump-haproxy-3", HIDDEN))))
        # An expired certificate is refused with the service's own words.
        expired = pki.make_leaf("pump-haproxy-4", ISSUER, ends=-60)
        reply = register(Ports.haproxy, "pump-haproxy-4", device_context(expired, ISSUER))
        refused(reply)
        assert "errorCode" in reply.json, reply


def test_haproxy_passes_mqtt_through():
    with haproxy():
        certificate = pki.make_leaf("pump-through-1", HIDDEN)
        session = mqtt_session(Ports.haproxy_mqtt, "pump-through-1", device_context(certificate, HIDDEN, ISSUER))
        assert session.connect() == 0
        assert register_over(session)["status"] == "assigned"
        session.close()
        session = mqtt_session(Ports.haproxy_mqtt, "pump-through-1", device_context(pki.make_leaf("pump-through-1", pki.make_root())),
                               ELSEWHERE)
        assert session.connect() == 5
        session.close()
        assert f"BREVET_ADDRESS={ELSEWHERE} " in service.read_log().rpartition("pump-through-1")[2]


def test_a_proxy_ends_tls_for_mqtt():
    tls = service.directory / "tls"
    proxy = proxy_protocol.EndingProxy(tls / "server.pem", tls / "server.key", Ports.ended_mqtt)
    (WORK / "roots.pem").write_text(ROOT.pem)
    proxy.trust(WORK / "roots.pem")
    mine, theirs = enroll("pump-ended-1"), enroll("pump-ended-2")
    for certificate, code in ((mine, 0), (theirs, 5), (None, 5)):
        session = mqtt_session(proxy.port, "pump-ended-1", device_context(certificate))
        assert session.connect() == code, code
        if code == 0:
            assert register_over(session)["status"] == "assigned"
        session.close()
    proxy.close()


def test_strangers_are_no_proxies():
    # Up to now nobody was one, nor were the health checks of HAProxy.
    assert "did not come as from a proxy" not in service.read_log()
    mine = enroll("pump-stranger-1")
    # Nobody else is served where TLS has ended, whatever is said.
    for port, form in ((Ports.behind_nginx, "pem"), (Ports.behind_haproxy, "rfc9440")):
        connection = Connection(port, source=STRANGER)
        try:
            reply = connection.register("pump-stranger-1", Client_Cert=header_of(mine, form))
            raise AssertionError(reply)
        except (ConnectionError, OSError):
            pass
        connection.close()
    with socket.create_connection(("127.0.0.1", Ports.ended_mqtt), PATIENCE, source_address=(STRANGER, 0)) as raw:
        raw.sendall(proxy_protocol.header("192.0.2.7", proxy_protocol.tls(proxy_protocol.value(proxy_protocol.CERTIFICATE, mine.der))))
        try:
            assert raw.recv(1) == b""
        except ConnectionResetError:
            pass
    service.wait_for_log(f"BREVET_ADDRESS={STRANGER}")
    # Where devices come directly, too, the field of one of them is refused, and its own certificate is good.
    refused(register(Ports.reencrypted, "pump-stranger-1", device_context(), Client_Cert=header_of(mine, "rfc9440")), 403)
    refused(register(Ports.reencrypted, "pump-stranger-1", device_context(mine), Client_Cert=header_of(mine, "rfc9440")), 403)
    assigned(register(Ports.reencrypted, "pump-stranger-1", device_context(mine)))
    service.wait_for_log("The header field client-cert is for proxies that are known here", 2)


def test_a_proxy_encrypts_again():
    mine, own = enroll("pump-again-1"), enroll("proxy")
    connection = Connection(Ports.reencrypted, device_context(own), source="127.0.0.8")
    assigned(connection.register("pump-again-1", Client_Cert=header_of(mine, "rfc9440")))
    # The certificate with which the proxy comes makes it no device.
    refused(connection.register("proxy"))
    connection.close()


def test_the_service_stops():
    service.stop()


try:
    tap.run(tap.collect(globals()))
finally:
    service.clean_up()
