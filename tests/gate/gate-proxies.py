#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The PROXY protocol at the front door: whom it believes, what it reads, and those who pretend to be a proxy."""

import base64
import hashlib
import os
import random
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))

import proxy_protocol as pp
from gate_harness import PATIENCE, PROXY, Client, Server, Through, World, claims, context, refused, run

TLS_ENDS_HERE = f"proxy-addresses={PROXY}\nproxy-protocol=yes"
TLS_ENDED = TLS_ENDS_HERE + "\ntls=no\ncertificate=\nkey="
WITH_CERTIFICATE = TLS_ENDED + "\nproxy-certificate-tlv=ssl"

world = World()


world.make_family()


def der(name):
    return world.der(name)


def base64_of(*names):
    return base64.b64encode(b"".join(der(name) for name in names))


def startup(settings):
    with Server(world, settings) as server:
        return server.first_line


def test_configuration_that_would_believe_everybody():
    for settings, words in (
            ("tls=no", ("tls", "proxy-addresses")),
            ("tls=no\nproxy-addresses=", ("tls", "proxy-addresses")),
            ("proxy-protocol=yes", ("proxy-protocol", "proxy-addresses")),
            ("proxy-addresses=0.0.0.0/0\ntls=no", ("0.0.0.0/0", "everybody")),
            ("proxy-addresses=::/0\ntls=no", ("::/0", "everybody")),
            ("proxy-addresses=proxy.example.net", ("proxy.example.net", "IP address")),
            ("proxy-addresses=192.0.2.1/24", ("192.0.2.1/24", "IP address")),
            ("proxy-addresses=192.0.2.1\nproxy-certificate-tlv=ssl", ("proxy-certificate-tlv", "proxy-protocol=yes")),
            (TLS_ENDED + "\nproxy-certificate-tlv=0x22", ("proxy-certificate-tlv", "0xE0 to 0xEF")),
            (TLS_ENDED + "\nproxy-certificate-tlv=cn", ("proxy-certificate-tlv", "ssl")),
            (TLS_ENDED + "\nproxy-chain-tlv=0xE1", ("proxy-chain-tlv", "proxy-certificate-tlv")),
            (WITH_CERTIFICATE + "\nproxy-chain-tlv=ssl", ("proxy-chain-tlv", "0xE0 to 0xEF")),
            (TLS_ENDED + "\nproxy-certificate-tlv=0xE1\nproxy-chain-tlv=0xE1", ("proxy-chain-tlv",))):
        line = startup(settings)
        assert line.startswith("failed: ") and all(word in line for word in words), (settings, line)


def test_source_address_of_each_version():
    with Server(world, TLS_ENDED) as server:
        for first, address in (
                (pp.line(), "192.0.2.7"),
                (pp.line("2001:db8::7", "TCP6", "2001:db8::1"), "2001:db8::7"),
                (b"PROXY UNKNOWN\r\n", PROXY),
                (b"PROXY UNKNOWN ffff:f...f:ffff what ever\r\n", PROXY),
                (pp.header("192.0.2.8"), "192.0.2.8"),
                (pp.header("2001:db8::8"), "2001:db8::8"),
                (pp.header("::ffff:192.0.2.9"), "192.0.2.9"),
                (pp.header(body=b"", family=pp.UNSPECIFIED), PROXY),
                (pp.header(body=bytes(216), family=pp.UNIX), PROXY),
                (pp.header("192.0.2.8", pp.value(0x04, bytes(300)), pp.value(0x02, b"dps.example.net")), "192.0.2.8"),
                (pp.checked("192.0.2.10", pp.value(0x05, b"unique")), "192.0.2.10"),
                # For itself, with whatever in it.
                (pp.header(command=pp.LOCAL, body=b"", family=0), PROXY),
                (pp.header("192.0.2.8", b"\xff\xff", command=pp.LOCAL), PROXY)):
            got = claims(server, first)
            assert got["address"] == address and "subject" not in got, (first, got)


def test_tls_behind_the_header():
    with Server(world, TLS_ENDS_HERE) as server:
        for first in (pp.line(), pp.header()):
            got = claims(server, first, tls=True, ctx=context(certificate=world.path("client")))
            assert got["address"] == "192.0.2.7" and got["subject"] == "CN=pump-07", got
        # A PROXY header within TLS is no header.
        refused(server, b"", tls=False)


def test_header_in_pieces():
    whole = pp.checked("192.0.2.11", pp.tls(pp.value(pp.CERTIFICATE, der("device"))))
    with Server(world, WITH_CERTIFICATE) as server:
        for first in (pp.line(), whole):
            cuts = range(1, len(first)) if len(first) < 100 else sorted(random.Random(7).sample(range(1, len(first)), 60))
            for cut in cuts:
                with Through(server, first[:cut]) as client:
                    # The server's answer to somebody else says that the first piece was read.
                    assert claims(server, pp.line())["address"] == "192.0.2.7"
                    client.send(first[cut:])
                    assert client.claims()["address"] in ("192.0.2.7", "192.0.2.11"), cut
        with Through(server) as client:
            for byte in whole:
                client.send(bytes([byte]))
            assert client.claims()["subject"] == "CN=pump-08"


def test_header_and_request_in_one_packet():
    request = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
    with Server(world, TLS_ENDED) as server:
        for first in (pp.line(), pp.header()):
            with Through(server, first + request + request) as client:
                assert client.reply().json["claims"]["address"] == "192.0.2.7"
                assert client.reply().json["claims"]["address"] == "192.0.2.7"


def test_certificate_in_the_header():
    with Server(world, WITH_CERTIFICATE) as server:
        device = pp.value(pp.CERTIFICATE, der("device"))
        for values, subject in (
                ([pp.tls(device)], "CN=pump-08"),
                ([pp.tls(device, client=0x03)], "CN=pump-08"),
                ([pp.tls(device, client=0x05)], "CN=pump-08"),
                # The proxy does not know the issuer: the verifier's matter.
                ([pp.tls(device, verify=20)], "CN=pump-08"),
                ([pp.tls(pp.value(0x22, b"pump-09"), device, pp.value(0x21, b"TLSv1.3"))], "CN=pump-08"),
                # A name proves nothing.
                ([pp.tls(pp.value(0x22, b"pump-08"))], None),
                ([pp.tls(client=0x01)], None),
                ([pp.tls(pp.value(pp.CERTIFICATE, b""))], None),
                # Of another type than is configured.
                ([pp.value(0xe0, der("device"))], None),
                ([], None)):
            assert claims(server, pp.header("192.0.2.7", *values)).get("subject") == subject, values
        assert "subject" not in claims(server, pp.line())
        with Through(server, pp.header("192.0.2.7", pp.tls(device))) as client:
            assert all(client.claims()["subject"] == "CN=pump-08" for _ in range(3))


def test_certificate_that_nobody_asked_for():
    with Server(world, TLS_ENDED) as server:
        assert "subject" not in claims(server, pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, der("device")))))


def test_certificate_in_a_type_of_ones_own():
    settings = TLS_ENDED + "\nproxy-certificate-tlv=0xE0\nproxy-chain-tlv=0xe1"
    with Server(world, settings) as server:
        for leaf, chain, count in ((der("device"), der("issuer") + der("root"), 3), (base64_of("device"), base64_of("root", "issuer"), 3),
                                   (der("device"), b"", 1), (der("device") + der("issuer"), b"", 2), (b"", der("issuer"), None)):
            got = claims(server, pp.header("192.0.2.7", pp.value(0xe1, chain), pp.value(0xe0, leaf)))
            assert got.get("certificates") == count, (got, count)
            assert count is None or got["subject"] == "CN=pump-08", got
        # Those of the standard are not looked at.
        assert "subject" not in claims(server, pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, der("device")))))
        for wrong in (b"MII", base64_of("device")[:-1], base64_of("device") + b"\n", b" " + base64_of("device"), b"pump-08",
                      der("device") * 17):
            refused(server, pp.header("192.0.2.7", pp.value(0xe0, wrong)))


def test_certificate_of_the_proxy_is_not_the_devices():
    with Server(world, TLS_ENDS_HERE + "\nproxy-certificate-tlv=ssl") as server:
        own = context(certificate=world.path("client"))
        got = claims(server, pp.header("192.0.2.7", pp.tls(client=1)), tls=True, ctx=own)
        assert "subject" not in got, got
        got = claims(server, pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, der("device")))), tls=True, ctx=own)
        assert got["subject"] == "CN=pump-08", got
        assert "subject" not in claims(server, pp.header(command=pp.LOCAL), tls=True, ctx=own)


def test_headers_that_are_wrong():
    device = pp.value(pp.CERTIFICATE, der("device"))
    wrong = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), b"\r\n\r\n\r\n" + bytes(30),
        b"PROXY\r\n", b"PROXY \r\n", b"PROXY TCP4\r\n", b"PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n", b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n", b"PROXY  TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 2\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n", b"PROXY TCP4 192.0.2.07 192.0.2.1 1 2\r\n", b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n", b"PROXY TCP4 192.0.2.7\x00 192.0.2.1 1 2\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\r\n", b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n", b"PROXY " + b"x" * 200,
        pp.header(command=0x11), pp.header(command=0x22), pp.header(command=0x31), pp.header(family=0x12), pp.header(family=0x22),
        pp.header(family=0x41), pp.header(family=0x01), pp.header(body=bytes(11)), pp.header("2001:db8::7", body=bytes(35)),
        pp.header(length=65535), pp.header(length=40000) + bytes(1000),
        # Values that end behind the header, within and without.
        pp.header("192.0.2.7", b"\x04\x00"), pp.header("192.0.2.7", b"\x04\x00\x01"), pp.header("192.0.2.7", pp.value(4, bytes(9))[:-1]),
        pp.header("192.0.2.7", pp.value(pp.TLS, b"\x07\0\0\0")), pp.header("192.0.2.7", pp.value(pp.TLS, b"\x07\0\0\0\0" + device[:-1])),
        pp.header("192.0.2.7", pp.value(pp.TLS, b"\x07\0\0\0\0" + device[:2])), pp.header("192.0.2.7", pp.tls(b"\x28\xff\xff")),
        pp.header("192.0.2.7", pp.tls(device), pp.tls(device)), pp.header("192.0.2.7", pp.tls(device, device)),
        pp.header("192.0.2.7", pp.tls(device, client=0x01)), pp.header("192.0.2.7", pp.tls(device, client=0x06)),
        pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, der("device")[:-1]))),
        pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, der("device") + b"\0"))),
        pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, b"\x30\x82\x00\x04abcd"))),
        pp.checked("192.0.2.7", wrong=1), pp.header("192.0.2.7", pp.value(pp.CRC32C, b"\0\0\0")),
        pp.checked("192.0.2.7", pp.value(pp.CRC32C, bytes(4))),
    ]
    with Server(world, WITH_CERTIFICATE) as server:
        for first in wrong:
            try:
                refused(server, first)
            except AssertionError as error:
                raise AssertionError(first) from error
        assert claims(server, pp.header("192.0.2.7", pp.tls(device)))["subject"] == "CN=pump-08"
        log = server.read_log()
    assert "BREVET_CAUSE=it does not begin with a PROXY header" in log and f"BREVET_ADDRESS={PROXY}" in log, log


def test_log_is_not_flooded():
    with Server(world, TLS_ENDED) as server:
        for _ in range(300):
            refused(server, b"GET / HTTP/1.1\r\n\r\n")
        log = server.read_log()
    assert 1 <= log.count("did not come as from a proxy") < 60, log.count("did not come as from a proxy")


def test_strangers():
    for settings in (TLS_ENDED, WITH_CERTIFICATE, f"proxy-addresses={PROXY}\ntls=no\ncertificate=\nkey="):
        with Server(world, settings) as server:
            for first in (b"", pp.line(), pp.header("192.0.2.7", pp.tls(pp.value(pp.CERTIFICATE, der("device"))))):
                refused(server, first, source="127.0.0.1")
            log = server.read_log()
        assert "BREVET_ADDRESS=127.0.0.1" in log and "proxy-addresses" in log, log
    with Server(world, TLS_ENDS_HERE) as server:
        try:
            refused(server, pp.line(), tls=True, source="127.0.0.1")
        except OSError:
            pass
        # Who comes from the right address must speak like it.
        try:
            refused(server, b"", tls=True)
        except OSError:
            pass
    # Where only addresses are named, nobody is a stranger to TLS.
    with Server(world, f"proxy-addresses={PROXY}") as server:
        assert claims(server, b"", tls=True, source="127.0.0.1")["address"] == "127.0.0.1"
        assert claims(server, b"", tls=True)["address"] == PROXY


def test_prefixes():
    with Server(world, "proxy-addresses=10.0.0.0/8, 127.0.0.0/30 ; 2001:db8::/32\ntls=no\ncertificate=\nkey=") as server:
        assert claims(server, b"", source="127.0.0.1")["address"] == "127.0.0.1"
        assert claims(server, b"", source="127.0.0.3")["address"] == "127.0.0.3"
        refused(server, b"", source="127.0.0.4")


def test_socket_of_the_file_system():
    path = world.path("gate.socket")
    for addresses, is_believed in (("unix", True), (PROXY, False)):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            with Server(world, f"proxy-addresses={addresses}\nproxy-protocol=yes\ntls=no\ncertificate=\nkey=", passed=[listening]) as server:
                with socket.socket(socket.AF_UNIX) as raw:
                    raw.settimeout(PATIENCE)
                    raw.connect(path)
                    client = Client.__new__(Client)
                    client.socket, client.buffer = raw, b""
                    try:
                        client.send(pp.line())
                        client.request()
                        reply = client.reply()
                    except (BrokenPipeError, ConnectionResetError):
                        reply = None
                    assert (reply is not None and reply.json["claims"]["address"] == "192.0.2.7") == is_believed
        os.unlink(path)


def test_slow_headers():
    with Server(world, TLS_ENDED + "\nhandshake-timeout=1s") as server:
        whole = pp.header()
        clients = [Through(server, first) for first in (b"", b"P", b"PROXY TCP4 ", whole[:5], whole[:16], whole[:-1])]
        for client in clients:
            assert client.ended()
            client.close()
        # The time for the header is not begun anew for the handshake.
    with Server(world, TLS_ENDS_HERE + "\nhandshake-timeout=1s") as server:
        with Through(server, whole) as client:
            assert client.ended()


def test_many_slow_headers_do_not_keep_others_out():
    with Server(world, TLS_ENDED + "\nmaximum-connections=40\nmaximum-connections-per-address=40") as server:
        clients = [Through(server, pp.header()[:9]) for _ in range(300)]
        assert claims(server, pp.header())["address"] == "192.0.2.7"
        for client in clients:
            client.close()


def test_limits_are_those_of_the_client():
    with Server(world, TLS_ENDED + "\nmaximum-connections=100\nmaximum-connections-per-address=5") as server:
        # More than that come from the proxy, for different clients.
        many = [Through(server, pp.header(f"192.0.2.{number}")) for number in range(20)]
        for client in many:
            assert client.get().status == 200
        # A busy client has no more than its own share; busy, so that nobody can be dropped for the next.
        busy = [Through(server, pp.header("198.51.100.1")) for _ in range(5)]
        for client in busy:
            client.request("GET", "/hold")
        while many[0].get("/counters").json["held"] < 5:
            pass
        refused(server, pp.header("198.51.100.1"))
        assert claims(server, pp.header("198.51.100.2"))["address"] == "198.51.100.2"
        assert many[1].get("/release").status == 200
        for client in busy:
            assert client.reply().json == {"released": True}
        for client in many + busy:
            client.close()


def test_limits_without_a_header_are_not_the_proxys():
    with Server(world, f"proxy-addresses={PROXY}\ntls=no\ncertificate=\nkey=\nmaximum-connections-per-address=2") as server:
        many = [Through(server) for _ in range(20)]
        for client in many:
            assert client.get().status == 200
        for client in many:
            client.close()


def test_big_replies_and_bodies_without_tls():
    body = os.urandom(200 * 1024)
    with Server(world, f"proxy-addresses={PROXY}\ntls=no\ncertificate=\nkey=") as server, Through(server) as client:
        client.request("POST", "/roomy", body=body)
        assert client.reply().json["sha256"] == hashlib.sha256(body).hexdigest()
        for _ in range(20):
            client.request("GET", "/big")
        for _ in range(20):
            assert len(client.reply().body) == 100 * 1024
        assert "reloaded" == server.hang_up()


run([value for name, value in list(globals().items()) if name.startswith("test_")])
