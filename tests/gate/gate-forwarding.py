#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a proxy says in header fields about its client: who is believed, and what is understood."""

import base64
import hashlib
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))

import proxy_protocol as pp
import web_socket as ws
from gate_harness import PROXY, Server, Through, World, claims, context, run

PLAIN = f"proxy-addresses={PROXY}\ntls=no\ncertificate=\nkey="
RFC9440 = PLAIN + "\nclient-certificate-header=Client-Cert\nclient-certificate-chain-header=Client-Cert-Chain"
NGINX = PLAIN + "\nclient-certificate-header=X-Client-Cert\nclient-certificate-format=pem"
ENVOY = PLAIN + "\nclient-certificate-header=X-Forwarded-Client-Cert\nclient-certificate-format=envoy"

world = World()
world.make_family()


def sequence(*names):
    return ":" + base64.b64encode(b"".join(world.der(name) for name in names)).decode() + ":"


def escaped(*names, safe=""):
    return urllib.parse.quote(world.pem(*names), safe=safe)


def hash_of(name):
    return hashlib.sha256(world.der(name)).hexdigest()


def answer(server, *fields, first=b"", **how):
    with Through(server, first, **how) as client:
        return client.get(headers="".join(field + "\r\n" for field in fields))


def believed(server, *fields, subject="CN=pump-08", certificates=1, **how):
    reply = answer(server, *fields, **how)
    assert reply.status == 200, (fields, reply.body)
    got = reply.json["claims"]
    assert (got.get("subject"), got.get("certificates")) == (subject, certificates), (fields, got)
    return got


def without(server, *fields, **how):
    return believed(server, *fields, subject=None, certificates=None, **how)


def wrong(server, *fields, status=400, words=(), **how):
    reply = answer(server, *fields, **how)
    assert reply.status == status, (fields, reply.status, reply.body)
    assert all(word in reply.json["message"] for word in words), (fields, reply.json)


def startup(settings):
    with Server(world, settings) as server:
        return server.first_line


def test_configuration_that_is_refused():
    header = "client-certificate-header=client-cert"
    for settings, words in (
            (header, ("client-certificate-header", "proxy-addresses")),
            ("client-address-header=forwarded", ("client-address-header", "proxy-addresses")),
            (PLAIN + "\nclient-certificate-header=Client Cert", ("client-certificate-header", "name of a header")),
            (PLAIN + f"\n{header}\nclient-certificate-format=der", ("rfc9440, pem and envoy",)),
            (PLAIN + "\nclient-certificate-chain-header=client-cert-chain", ("client-certificate-chain-header",)),
            (ENVOY + "\nclient-certificate-chain-header=x", ("client-certificate-chain-header", "envoy")),
            # The header would be inside of what the client has encrypted.
            (f"proxy-addresses={PROXY}\nproxy-protocol=yes\n{header}", ("proxy-protocol=yes", "the client's own word")),
            (f"proxy-addresses={PROXY}\nproxy-protocol=yes\nclient-address-header=forwarded", ("proxy-protocol=yes",)),
            (PLAIN + f"\nproxy-protocol=yes\nproxy-certificate-tlv=ssl\n{header}", ("proxy-certificate-tlv",))):
        line = startup(settings)
        assert line.startswith("failed: ") and all(word in line for word in words), (settings, line)


def test_rfc_9440():
    with Server(world, RFC9440) as server:
        believed(server, f"Client-Cert: {sequence('device')}")
        believed(server, f"CLIENT-CERT:{sequence('device')} ")
        believed(server, f"Client-Cert: {sequence('device')}", f"Client-Cert-Chain: {sequence('issuer')}, {sequence('root')}",
                 certificates=3)
        # In several lines, as a list may be; in one, as HAProxy writes it; in any order.
        believed(server, f"Client-Cert-Chain: {sequence('root')}", f"Client-Cert: {sequence('device')}",
                 f"Client-Cert-Chain: {sequence('issuer')}", certificates=3)
        believed(server, f"Client-Cert: {sequence('device')}", f"Client-Cert-Chain: {sequence('issuer', 'root')}", certificates=3)
        # What belongs nowhere is left out.
        believed(server, f"Client-Cert: {sequence('device')}", f"Client-Cert-Chain: {sequence('other')}")
        believed(server, f"Client-Cert: {sequence('device')}", "Client-Cert-Chain: ::")
        for fields in ((), ("Client-Cert: ::",), ("Client-Cert:",), (f"Client-Cert-Chain: {sequence('device')}",)):
            without(server, *fields)


def test_rfc_9440_that_is_wrong():
    good = sequence("device")
    with Server(world, RFC9440) as server:
        for value in (good[1:], good[:-1], good[1:-1], good[:-2] + ":", good[:40] + "!" + good[41:], good[:40] + good[41:], good + ";a=1",
                      good + ", " + good, sequence("device", "issuer"), ": " + good[1:], good[:-1] + "AAAA:", ":cHVtcC0wOA==:", ":",
                      escaped("device"), "pump-08", good[:40] + " " + good[40:]):
            wrong(server, f"Client-Cert: {value}", words=["client-cert"])
        wrong(server, f"Client-Cert: {good}", f"Client-Cert: {good}", words=["twice"])
        wrong(server, f"Client-Cert: {good}", "Client-Cert:", words=["twice"])
        for chain in ("x", good + ",", good[:-1], f"{good} {good}", ", ".join([good] * 16)):
            wrong(server, f"Client-Cert: {good}", f"Client-Cert-Chain: {chain}")
        wrong(server, "Client-Cert: :" + "A" * 20000 + ":", status=431)
        believed(server, f"Client-Cert: {good}")


def test_escaped_pem():
    with Server(world, NGINX) as server:
        believed(server, f"X-Client-Cert: {escaped('device')}")
        # Others escape less, and send the issuers along.
        believed(server, f"X-Client-Cert: {escaped('device', 'issuer', 'root', safe='+=/')}", certificates=3)
        without(server, "X-Client-Cert:")
        for value in (world.pem("device").replace("\n", " "), escaped("device")[:-200], "%0A" + escaped("device"), "%ZZ" + escaped("device"),
                      escaped("device") + "%00", sequence("device"), "-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A", "(null)"):
            wrong(server, f"X-Client-Cert: {value}", words=["x-client-cert"])


def test_envoy():
    certificate, chain = f'Cert="{escaped("device")}"', f'Chain="{escaped("device", "issuer", "root")}"'
    name = "X-Forwarded-Client-Cert: "
    with Server(world, ENVOY) as server:
        for value, count in ((certificate, 1), (chain, 3), (f"{certificate};{chain}", 3), (f"Hash={hash_of('device')};{certificate}", 1),
                             (f'By=spiffe://a/b;Hash={hash_of("device").upper()};Subject="CN=\\"a,b;c\\",O=x";URI=;DNS=a.test;DNS=b.test;{chain}', 3),
                             (f"cert={escaped('device')}", 1)):
            believed(server, name + value, certificates=count)
        without(server, name)
        without(server)
        other = f'Cert="{escaped("other")}"'
        for value, words in ((f"{certificate},{certificate}", ("SANITIZE_SET",)), (f"By=x,{certificate}", ("SANITIZE_SET",)),
                             (f"Hash={hash_of('device')}", ("set_current_client_cert_details",)),
                             (f"Hash={hash_of('other')};{certificate}", ("Hash",)), (f"{certificate};{other}", ("twice",)),
                             (f"{other};{chain}", ("Chain",)), (certificate[:-1], ("does not end",)), (certificate + "x", ("behind",)),
                             (f'Cert="{escaped("device", "issuer")}"', ("more than one",)), ("Cert", ()), ("=x", ()), (certificate + ";", ()),
                             (f";{certificate}", ()), (f'"{certificate}', ()), ('Cert="', ()), ('Cert="\\', ()), ("Cert=", ()), ("x" * 5000, ())):
            wrong(server, name + value, words=words)


def test_strangers():
    settings = f"proxy-addresses={PROXY}\nclient-certificate-header=client-cert\nclient-certificate-chain-header=client-cert-chain"
    with Server(world, settings) as server:
        stranger = {"tls": True, "source": "127.0.0.1", "ctx": context(certificate=world.path("client"))}
        for field in (f"Client-Cert: {sequence('device')}", "Client-Cert: junk", "Client-Cert:", f"Client-Cert-Chain: {sequence('issuer')}"):
            wrong(server, field, status=403, words=["client-cert", "proxies"], **stranger)
        # Without the field it is a device like others, with the certificate of its own TLS.
        believed(server, subject="CN=pump-07", **stranger)
        believed(server, f"X-Client-Cert: {sequence('device')}", subject="CN=pump-07", **stranger)
        # The same for an upgrade.
        with Through(server, **stranger) as client:
            client.send(ws.upgrade("echo", Client_Cert=sequence("device")))
            assert client.reply().status == 403
        log = server.read_log()
        assert "BREVET_ADDRESS=127.0.0.1" in log and "client-cert" in log, log
        # The proxy's own certificate, with which it comes, is nobody else's.
        proxy = {"tls": True, "ctx": context(certificate=world.path("client"))}
        believed(server, f"Client-Cert: {sequence('device')}", **proxy)
        without(server, **proxy)
    # Nothing of that kind is configured: the field is a field like others.
    with Server(world, f"proxy-addresses={PROXY}") as server:
        believed(server, f"Client-Cert: {sequence('device')}", subject="CN=pump-07", **stranger)
        without(server, f"Client-Cert: {sequence('device')}", tls=True)


def test_each_request_has_its_own():
    with Server(world, RFC9440 + "\nclient-address-header=x-forwarded-for") as server, Through(server) as client:
        for name, subject, address in (("device", "CN=pump-08", "192.0.2.7"), ("other", "CN=other", "192.0.2.8"), (None, None, None),
                                       ("device", "CN=pump-08", "2001:db8::7")):
            fields = f"Client-Cert: {sequence(name)}\r\nX-Forwarded-For: {address}\r\n" if name else ""
            got = client.claims(fields)
            assert got.get("subject") == subject and got["address"] == (address or PROXY), got
        # A refusal does not leave anything behind.
        client.request(headers="Client-Cert: junk\r\nX-Forwarded-For: 192.0.2.66\r\n")
        assert client.reply().status == 400
        got = client.claims()
        assert got.get("subject") is None and got["address"] == PROXY, got
        assert "BREVET_ADDRESS=192.0.2.66" in server.read_log()


def test_address_of_the_client():
    plain, standard = PLAIN + "\nclient-address-header=X-Forwarded-For", PLAIN + "\nclient-address-header=Forwarded"
    for settings, field, rows, junk in (
            (plain, "X-Forwarded-For", (("192.0.2.7", "192.0.2.7"), ("10.0.0.1, 192.0.2.7", "192.0.2.7"), ("junk,  2001:db8::7 ", "2001:db8::7"),
                                        ("[2001:db8::7]:4711", "2001:db8::7"), ("192.0.2.7:4711", "192.0.2.7"),
                                        ("2001:DB8:0:0::7", "2001:db8::7")),
             ("", "unknown", "192.0.2.7,", "192.0.2.7, x", "192.0.2.300", "fe80::1%eth0", "192.0.2.7 192.0.2.8")),
            (standard, "Forwarded", (("for=192.0.2.7", "192.0.2.7"), ("for=10.0.0.1, For=192.0.2.7;proto=https;by=10.1.1.1", "192.0.2.7"),
                                     ('by=_x; for="[2001:db8::7]:4711"', "2001:db8::7"), ('for="192.0.2.7:1"', "192.0.2.7")),
             ("", "192.0.2.7", "for=192.0.2.7, by=10.0.0.1", "for=unknown", "for=_hidden", 'for="192.0.2.7'))):
        with Server(world, settings) as server:
            for value, address in rows:
                assert claims(server, b"", f"{field}: {value}\r\n")["address"] == address, value
            # One that a client has sent, and behind it the proxy's.
            assert claims(server, b"", f"{field}: {rows[1][0]}\r\n{field}: {rows[0][0]}\r\n")["address"] == rows[0][1]
            assert claims(server, b"")["address"] == PROXY
            for value in junk:
                wrong(server, f"{field}: {value}", words=["address"])
    # From a stranger it means nothing: many proxies of offices send it.
    with Server(world, f"proxy-addresses={PROXY}\nclient-address-header=x-forwarded-for") as server:
        assert claims(server, b"", "X-Forwarded-For: 192.0.2.7\r\n", tls=True, source="127.0.0.1")["address"] == "127.0.0.1"
        assert claims(server, b"", "X-Forwarded-For: 192.0.2.7\r\n", tls=True)["address"] == "192.0.2.7"


def test_header_behind_the_proxy_protocol():
    with Server(world, RFC9440 + "\nproxy-protocol=yes") as server:
        got = believed(server, f"Client-Cert: {sequence('device')}", first=pp.header("192.0.2.9"))
        assert got["address"] == "192.0.2.9", got


def test_websocket_is_upgraded_with_them():
    with Server(world, RFC9440 + "\nclient-address-header=x-forwarded-for") as server:
        for fields, expected in (({"Client_Cert": sequence("device"), "X_Forwarded_For": "192.0.2.7"}, b"192.0.2.7 CN=pump-08"),
                                 ({}, PROXY.encode() + b" -")):
            with Through(server) as client:
                client.send(ws.upgrade("lines", **fields))
                assert client.reply().status == 101
                client.send(ws.frame(ws.BINARY, b"who\n"))
                while not (parts := ws.split(client.buffer)):
                    assert client.more()
                assert parts[2] == expected, parts
        with Through(server) as client:
            client.send(ws.upgrade("lines", Client_Cert="junk"))
            assert client.reply().status == 400


run([value for name, value in list(globals().items()) if name.startswith("test_") and
     (os.environ["GATE_WEBSOCKET"] or "websocket" not in name)])
