#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a well-behaved client of the front door sees."""

import hashlib
import os
import re
import socket
import ssl
import sys
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))

import web_socket
from gate_harness import Client, Server, World, context, dial, run

world = World()


def test_keep_alive():
    with Server(world) as server, Client(server) as client:
        for _ in range(5):
            reply = client.get("/echo?a=b&c=%20", "X-Thing: one\r\nX-Thing: two\r\n")
            assert reply.status == 200
            assert reply.json["path"] == "/echo" and reply.json["query"] == "a=b&c=%20"
            assert reply.json["headers"]["x-thing"] == "one, two"
            assert reply.json["claims"]["address"] == "127.0.0.1"


def test_reply_has_the_headers_that_clients_expect():
    with Server(world) as server, Client(server) as client:
        reply = client.get()
        assert all(name == name.lower() for name in reply.names), reply.names
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        assert reply.headers["strict-transport-security"].startswith("max-age=")
        assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", reply.headers["date"])
        assert reply.headers["x-ms-request-id"] == "7a1f"


def test_token_is_a_claim_whatever_its_case():
    with Server(world) as server, Client(server) as client:
        token = "sharedaccesssignature sr=x&sig=y&se=1"
        assert client.get(headers=f"Authorization: {token}\r\n").json["claims"]["token"] == token
        other = client.get(headers="Authorization: Bearer abc\r\n").json
        assert other["claims"]["token"] is None and other["headers"]["authorization"] == "Bearer abc"


def test_connection_close_is_honoured():
    with Server(world) as server, Client(server) as client:
        assert client.get(headers="Connection: Close\r\n").headers["connection"] == "close"
        assert client.ended()


def test_http_1_0_is_answered_and_closed():
    with Server(world) as server, Client(server) as client:
        client.send(b"GET /echo HTTP/1.0\r\nHost: x\r\n\r\n")
        assert client.reply().status == 200
        assert client.ended()


def test_pipelined_requests_are_answered_in_order():
    with Server(world) as server, Client(server) as client:
        client.send(b"".join(b"POST /echo?%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" % i for i in range(50)))
        for i in range(50):
            assert client.reply().json["query"] == str(i)


def test_requests_of_one_byte_each():
    with Server(world) as server, Client(server) as client:
        for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            client.send(bytes([byte]))
        assert client.reply().json["sha256"] == hashlib.sha256(b"abc").hexdigest()


def test_chunked_body():
    with Server(world) as server, Client(server) as client:
        chunks = [os.urandom(size) for size in (1, 10, 5000, 20000)]
        client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            client.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        client.send(b"0\r\n\r\n")
        assert client.reply().json["sha256"] == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_body_limit_of_the_route():
    with Server(world) as server, Client(server) as client:
        body = os.urandom(200 * 1024)
        client.request("POST", "/roomy", body=body)
        assert client.reply().json["sha256"] == hashlib.sha256(body).hexdigest()
        client.request("POST", "/echo", body=body)
        assert client.reply().status == 413
        assert client.ended()


def test_continue_is_said_after_admission_only():
    with Server(world) as server, Client(server) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.reply().status == 100
        client.send(b"abc")
        assert client.reply().json["length"] == 3
        client.send(b"POST /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.reply().status == 401
        assert client.ended()


def test_refusal_reaches_a_client_that_still_sends():
    with Server(world) as server, Client(server) as client:
        # More than the buffers of both kernels take.
        client.send(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(900000))
        assert client.reply().status == 401
        assert client.ended()


def test_refusal_without_a_body_keeps_the_connection():
    with Server(world) as server, Client(server) as client:
        assert client.get("/refuse").status == 401
        assert client.get().status == 200


def test_head_has_no_body():
    with Server(world) as server, Client(server) as client:
        client.send(b"HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nGET /counters HTTP/1.1\r\nHost: x\r\n\r\n")
        while client.buffer.count(b"HTTP/1.1 200 OK") < 2:
            assert client.more()
        assert b"\r\n\r\nHTTP/1.1 200 OK" in client.buffer


def test_slow_reader_gets_it_all():
    with Server(world) as server:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", server.port))
        with context().wrap_socket(raw) as tls:
            tls.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" )
            data = b""
            while chunk := tls.recv(512):
                data += chunk
            assert data.split(b"\r\n\r\n", 1)[1] == b"x" * 102400


def test_delivery_is_reported():
    with Server(world) as server, Client(server) as client, Client(server) as other:
        for _ in range(3):
            client.get("/big")
        # The client may have the last byte before the server's thread has counted it; the questions count as well.
        asked = 0
        while (delivered := other.get("/counters").json["delivered"]) < 3 + asked:
            asked += 1
            assert asked < 1000
        assert delivered == 3 + asked


def test_a_reply_that_nobody_fetched_is_not_delivered_and_cancelled():
    with Server(world) as server, Client(server) as client:
        gone = Client(server)
        gone.request("GET", "/hold")
        while client.get("/counters").json["held"] != 1:
            pass
        gone.close()
        delivered = client.get("/counters").json["delivered"]
        while True:
            counters = client.get("/counters").json
            delivered += 1
            # Only the replies to these questions were delivered, also when the other one was cancelled and answered.
            assert counters["delivered"] == delivered
            if counters["cancelled"] == 1 and counters["held"] == 0:
                break


def test_header_of_a_reply_cannot_be_injected():
    with Server(world) as server, Client(server) as client:
        reply = client.get("/injected")
        assert "set-cookie" not in reply.headers and "location" not in reply.headers


def test_requests_per_connection_are_limited():
    with Server(world, "maximum-requests-per-connection=3") as server, Client(server) as client:
        replies = [client.get() for _ in range(3)]
        assert [reply.headers.get("connection") for reply in replies] == [None, None, "close"]
        assert client.ended()


def test_idle_connection_is_closed():
    with Server(world, "idle-timeout=1s") as server, Client(server) as client:
        assert client.get().status == 200
        assert client.ended()


def test_old_tls_is_refused_with_an_alert():
    with Server(world) as server:
        warnings.simplefilter("ignore", DeprecationWarning)
        old = context()
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        try:
            Client(server, old)
            raise AssertionError("TLS 1.1 was accepted")
        except ssl.SSLError as error:
            assert "protocol version" in str(error), error
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with Client(server, context(version)) as client:
                assert client.get().status == 200


def test_plain_http_gets_no_answer_but_an_end():
    with Server(world) as server:
        with dial(server) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            data = b""
            while chunk := raw.recv(100):
                data += chunk
            assert not data.startswith(b"HTTP/")


def resume(version):
    """The client certificate is seen, also in sessions resumed by tickets, whichever worker made them."""
    with Server(world, "workers=3") as server:
        ctx = context(version, world.path("client"))
        with Client(server, ctx) as client:
            assert client.get().json["claims"]["subject"] == "CN=pump-07"
            session = client.socket.session
        workers = set()
        for _ in range(64):
            with Client(server, ctx, session) as client:
                reply = client.get().json
                assert client.socket.session_reused
                assert reply["claims"]["subject"] == "CN=pump-07", reply
                workers.add(reply["worker"])
                session = client.socket.session
        assert len(workers) == 3, workers


def test_resumption_in_tls_1_2():
    resume(ssl.TLSVersion.TLSv1_2)


def test_resumption_in_tls_1_3():
    resume(ssl.TLSVersion.TLSv1_3)


def test_no_client_certificate_is_no_claim():
    with Server(world) as server, Client(server) as client:
        assert "subject" not in client.get().json["claims"]


def test_reload_swaps_the_certificate_and_drops_nobody():
    world.renew("first.test")
    with Server(world) as server, Client(server) as client:
        assert client.get().status == 200
        before = client.socket.getpeercert(True)
        world.renew("second.test")
        assert server.hang_up() == "reloaded"
        with Client(server) as other:
            assert b"second.test" in other.socket.getpeercert(True) and b"second.test" not in before
        assert client.get().status == 200

        os.rename(world.path("server.key"), world.path("server.hidden"))
        assert server.hang_up().startswith("not reloaded: ")
        with Client(server) as other:
            assert b"second.test" in other.socket.getpeercert(True)
        os.rename(world.path("server.hidden"), world.path("server.key"))


def failure(settings):
    server = Server(world, settings)
    line = server.first_line
    server.stop()
    return line


def test_start_says_what_is_wrong():
    with Server(world) as server:
        line = failure(f"port={server.port}")
        assert line.startswith("failed: ") and str(server.port) in line and "in use" in line, line
    line = failure("certificate=absent.pem")
    assert "absent.pem" in line, line
    line = failure("key=other.key")
    assert line.startswith("failed: ") and "server.pem" in line and "key" in line, line
    line = failure("address=localhost")
    assert "address" in line and "localhost" in line, line
    line = failure("header-timeout=soon")
    assert "header-timeout" in line, line


def test_stop_answers_what_is_in_flight():
    with Server(world) as server:
        idle = Client(server)
        idle.get()
        helper = Client(server)
        client = Client(server)
        client.request("GET", "/hold")
        while helper.get("/counters").json["held"] != 1:
            pass
        helper.send(b"POST /release HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert helper.reply().status == 100
        server.terminate()
        assert server.read_line() == "stopping"
        assert idle.ended()
        helper.send(b"x")
        assert helper.reply().headers["connection"] == "close"
        reply = client.reply()
        assert reply.json == {"released": True} and reply.headers["connection"] == "close"


def test_stop_does_not_wait_for_ever():
    with Server(world) as server, Client(server) as client, Client(server) as helper:
        client.request("GET", "/hold")
        while helper.get("/counters").json["held"] != 1:
            pass
        begun = time.monotonic()
        server.terminate()
        assert client.ended()
        assert server.process.wait(60) == 0
        assert 9 < time.monotonic() - begun < 40


def test_all_addresses_are_the_default():
    with Server(world, "address=") as server:
        with Client(server) as client:
            assert client.get().json["claims"]["address"] == "127.0.0.1"
        try:
            socket.create_connection(("::1", server.port)).close()
        except OSError:
            assert not os.path.exists("/proc/net/if_inet6") or not open("/proc/net/if_inet6").read()


def test_an_upgrade_needs_websocket():
    with Server(world) as server, Client(server) as client:
        client.send(web_socket.upgrade("echo"))
        assert client.reply().status == (101 if os.environ["GATE_WEBSOCKET"] else 501)


def test_sockets_of_systemd():
    with socket.create_server(("127.0.0.1", 0)) as passed:
        with Server(world, "workers=2", passed=[passed]) as server:
            assert server.port == passed.getsockname()[1]
            workers = set()
            for _ in range(200):
                with Client(server) as client:
                    workers.add(client.get().json["worker"])
            assert workers
        # The socket is systemd's: it survives the service.
        socket.create_connection(passed.getsockname()).close()


run([value for name, value in list(globals().items()) if name.startswith("test_")])
