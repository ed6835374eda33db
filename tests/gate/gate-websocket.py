#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""WebSocket at the front door: what clients send, right and wrong, byte by byte, and how it is answered."""

import base64
import contextlib
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))

import web_socket as ws
from gate_harness import PATIENCE, Client, Server, World, context, run

world = World()
MEGABYTE = 1024 * 1024


class Web(Client):
    """A client that has asked for a WebSocket and got it. more: bytes sent along with the request."""

    def __init__(self, server, protocol="lines", more=b"", **options):
        super().__init__(server, **options)
        self.send(ws.upgrade(protocol) + more)
        reply = self.reply()
        assert reply.status == 101, (reply.status, reply.body)
        assert reply.headers == {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": ws.ACCEPT,
                                 "Sec-WebSocket-Protocol": protocol}, reply.headers

    def say(self, text, opcode=ws.BINARY, **how):
        self.send(ws.frame(opcode, text, **how))

    def frame(self):
        """The next frame as (opcode, payload), or None once the server has closed."""
        while not (parts := ws.split(self.buffer)):
            if not self.more():
                assert self.buffer == b"", self.buffer
                return None
        opcode, fin, payload, self.buffer = parts
        assert fin, "the server does not fragment"
        return opcode, payload

    def hears(self, *texts):
        for text in texts:
            assert (got := self.frame()) == (ws.BINARY, text), (got, text)

    def collect(self, length):
        """Payload of messages until there are so many bytes."""
        result = b""
        while len(result) < length:
            opcode, payload = self.frame()
            assert opcode == ws.BINARY, opcode
            result += payload
        return result

    def ends_with(self, status):
        """The server's closing frame, and then the end; answers the frame in between."""
        opcode, payload = self.frame()
        assert opcode == ws.CLOSE, (opcode, payload)
        got = struct.unpack(">H", payload[:2])[0] if payload else None
        assert got == status, (got, payload)
        with contextlib.suppress(OSError):
            self.send(ws.close(1000))
        assert self.frame() is None
        return payload[2:]


def refusal(server, status, word, **changes):
    with Client(server) as client:
        protocol = changes.pop("protocol", "lines")
        path = changes.pop("path", "/")
        client.send(ws.upgrade(protocol, path, **changes))
        reply = client.reply()
        assert reply.status == status, (changes, reply.status, reply.body)
        assert word in reply.json["message"], (changes, reply.json)
        return reply


def test_upgrade_on_any_path():
    with Server(world) as server:
        for path in ("/$iothub/websocket", "/", "/mqtt", "/$iothub/websocket?iothub-no-client-cert=true", "/registrations"):
            with Client(server) as client:
                client.send(ws.upgrade("echo", path))
                assert client.reply().headers["Sec-WebSocket-Accept"] == ws.ACCEPT, path


def test_accept_of_the_standard():
    # The example of RFC 6455, section 1.3.
    with Server(world) as server, Client(server) as client:
        client.send(ws.upgrade("echo", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ=="))
        assert client.reply().headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_subprotocol_is_echoed_as_it_was_written():
    with Server(world) as server:
        for offered, chosen in (("ECHO", "ECHO"), ("nothing, Echo", "Echo"), ("lines,echo", "lines"), (" , ,echo", "echo")):
            with Client(server) as client:
                client.send(ws.upgrade(offered))
                assert client.reply().headers["Sec-WebSocket-Protocol"] == chosen, offered
        with Client(server) as client:
            # As two fields, and in the company of other tokens.
            client.send(ws.upgrade("nothing", Upgrade="h2c, WebSocket", Connection="keep-alive, UPGRADE")[:-2]
                        + b"Sec-WebSocket-Protocol: echo\r\n\r\n")
            assert client.reply().headers["Sec-WebSocket-Protocol"] == "echo"


def test_no_extension_is_accepted():
    with Server(world) as server, Client(server) as client:
        client.send(ws.upgrade("echo", Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"))
        reply = client.reply()
        assert reply.status == 101 and not any("xtension" in name for name in reply.names)


def test_upgrade_that_is_refused():
    with Server(world) as server:
        refusal(server, 400, "GET", method="POST", Content_Length="0")
        refusal(server, 400, "connection: upgrade", Connection="keep-alive")
        refusal(server, 400, "connection: upgrade", Connection=None)
        refusal(server, 400, "body", Content_Length="5")
        refusal(server, 400, "body", Transfer_Encoding="chunked")
        refusal(server, 400, "subprotocol", protocol="nothing")
        refusal(server, 400, "subprotocol", protocol=None)
        refusal(server, 400, "subprotocol", protocol="https test")
        for key in (None, "", "x", base64.b64encode(bytes(15)).decode(), base64.b64encode(bytes(17)).decode(), ws.KEY + ", " + ws.KEY,
                    ws.KEY[:-3] + "===", "*" * 22 + "=="):
            refusal(server, 400, "sec-websocket-key", Sec_WebSocket_Key=key)


def test_another_version_is_answered_with_ours():
    with Server(world) as server:
        for version in (None, "8", "14", "13, 8", "013"):
            reply = refusal(server, 426, "13", Sec_WebSocket_Version=version)
            assert reply.headers["sec-websocket-version"] == "13"
            assert (reply.headers["upgrade"], reply.headers["connection"]) == ("websocket", "upgrade")


def test_a_refused_upgrade_leaves_http():
    with Server(world) as server, Client(server) as client:
        for _ in range(3):
            client.send(ws.upgrade("nothing") + b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.reply().status == 400
            assert client.reply().status == 200
        client.send(ws.upgrade("echo") + ws.frame(ws.BINARY, b"now"))
        assert client.reply().status == 101


def test_other_upgrades_are_none():
    with Server(world) as server, Client(server) as client:
        assert client.get("/echo", "Upgrade: h2c\r\nConnection: Upgrade\r\n").status == 200
        # HTTP/1.0 has no upgrades.
        client.send(ws.upgrade("echo", "/echo", version="HTTP/1.0"))
        assert client.reply().status == 200


def test_messages_of_all_sizes():
    sizes = (0, 1, 2, 125, 126, 127, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 300000)
    with Server(world) as server, Web(server, "echo") as client:
        for size in sizes:
            data = os.urandom(size)
            client.say(data)
            assert client.collect(size) == data


def test_a_request_split_at_every_byte():
    stream = ws.upgrade("lines") + ws.frame(ws.BINARY, b"one\ntw") + ws.frame(ws.PING, b"p") + ws.frame(ws.BINARY, b"o\n")
    with Server(world, "maximum-connections=900\nmaximum-connections-per-address=900") as server:
        for cut in range(1, len(stream)):
            with Client(server) as raw:
                raw.send(stream[:cut])
                raw.send(stream[cut:])
                assert raw.reply().status == 101
                raw.__class__ = Web
                heard = sorted(raw.frame() for _ in range(3))
                assert heard == [(ws.BINARY, b"one"), (ws.BINARY, b"two"), (ws.PONG, b"p")], (cut, heard)


def test_byte_by_byte():
    stream = (ws.frame(ws.BINARY, b"first\n") + ws.frame(ws.BINARY, b"y" * 200 + b"\n") + ws.frame(ws.PING, b"") + ws.frame(ws.BINARY)
              + ws.frame(ws.BINARY, b"la", fin=False) + ws.frame(ws.CONTINUATION, b"st\n"))
    with Server(world) as server, Web(server) as client:
        for byte in stream:
            client.send(bytes([byte]))
        client.hears(b"first", b"y" * 200)
        assert client.frame() == (ws.PONG, b"")
        client.hears(b"last")


def test_many_frames_of_one_byte_in_one_record():
    with Server(world) as server, Web(server) as client:
        client.send(b"".join(ws.frame(ws.BINARY, bytes([byte])) for byte in b"some words\n" * 100))
        client.hears(*[b"some words"] * 100)


def test_frames_behind_the_request():
    with Server(world) as server:
        with Web(server, more=ws.frame(ws.BINARY, b"early\n") + ws.frame(ws.PING, b"!")) as client:
            assert sorted([client.frame(), client.frame()]) == [(ws.BINARY, b"early"), (ws.PONG, b"!")]
        with Web(server, more=ws.close(1000)) as client:
            client.ends_with(1000)
        with Web(server, more=ws.frame(ws.BINARY, b"x", mask=None)) as client:
            client.ends_with(1002)


def test_upgrade_behind_a_request_that_is_still_handled():
    with Server(world) as server, Client(server) as client, Client(server) as other:
        client.send(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n" + ws.upgrade("lines") + ws.frame(ws.BINARY, b"kept\n") + ws.frame(ws.PING) + ws.close(3000))
        while other.get("/counters").json["held"] != 1:
            pass
        other.get("/release")
        assert client.reply().json == {"released": True}
        assert client.reply().status == 101
        client.__class__ = Web
        client.hears(b"kept")
        assert client.frame() == (ws.PONG, b"")
        client.ends_with(3000)


def test_fragments_with_pings_between_them():
    with Server(world) as server, Web(server) as client:
        client.say(b"one", fin=False)
        client.say(b"ping", ws.PING)
        assert client.frame() == (ws.PONG, b"ping")
        client.say(b"", ws.CONTINUATION, fin=False)
        client.say(b"pong", ws.PONG)
        client.say(b" more", ws.CONTINUATION, fin=False)
        client.say(b"\n", ws.CONTINUATION)
        client.hears(b"one more")
        # Where messages end does not matter.
        client.say(b"a")
        client.say(b"b\nc\nd")
        client.hears(b"ab", b"c")


def test_bytes_that_are_not_consumed_are_kept():
    with Server(world) as server, Web(server) as client:
        client.send(ws.frame(ws.BINARY, b"hold\nnext\n") + ws.frame(ws.BINARY, b"last\n"))
        client.hears(b"hold", b"held", b"next", b"last")


def fault(server, status, *frames, protocol="lines"):
    # In one piece, and byte by byte.
    reasons = []
    for pieces in (["".encode().join(frames)], [bytes([byte]) for byte in b"".join(frames)]):
        with Web(server, protocol) as client:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    client.send(piece)
            client.hears(b"before")
            reasons.append(client.ends_with(status))
    assert reasons[0] == reasons[1] and (reasons[0] or status != 1002), reasons


def test_faults_have_their_status():
    good = ws.frame(ws.BINARY, b"before\n")
    with Server(world) as server:
        for name, status, frames in (
                ("not masked", 1002, [ws.frame(ws.BINARY, b"x", mask=None)]),
                ("not masked, empty", 1002, [ws.frame(ws.BINARY, mask=None)]),
                ("control not masked", 1002, [ws.frame(ws.PING, mask=None)]),
                ("text", 1003, [ws.frame(ws.TEXT, b"hello")]),
                ("empty text", 1003, [ws.frame(ws.TEXT)]),
                ("first reserved bit", 1002, [ws.frame(ws.BINARY, b"x", reserved=4)]),
                ("second reserved bit", 1002, [ws.frame(ws.BINARY, b"x", reserved=2)]),
                ("third reserved bit", 1002, [ws.frame(ws.PING, b"x", reserved=1)]),
                *((f"opcode {code}", 1002, [ws.frame(code, b"x")]) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
                ("fragmented ping", 1002, [ws.frame(ws.PING, b"x", fin=False)]),
                ("fragmented close", 1002, [ws.frame(ws.CLOSE, b"\x03\xe8", fin=False)]),
                ("ping of 126 bytes", 1002, [ws.frame(ws.PING, b"x" * 126)]),
                ("close of 126 bytes", 1002, [ws.close(1000, b"x" * 124)]),
                ("continuation of nothing", 1002, [ws.frame(ws.CONTINUATION, b"x")]),
                ("continuation after the end", 1002, [ws.frame(ws.BINARY, b"x", fin=False), ws.frame(ws.CONTINUATION, b"x"),
                                                      ws.frame(ws.CONTINUATION, b"x")]),
                ("message in a message", 1002, [ws.frame(ws.BINARY, b"x", fin=False), ws.frame(ws.BINARY, b"x")]),
                ("text in a message", 1002, [ws.frame(ws.BINARY, b"x", fin=False), ws.frame(ws.TEXT, b"x")]),
                ("length too wide", 1002, [ws.frame(ws.BINARY, b"x" * 125, width=2)]),
                ("length far too wide", 1002, [ws.frame(ws.BINARY, b"x" * 65535, width=8)]),
                ("length with the highest bit", 1002, [ws.header(ws.BINARY, 1 << 63) + b"x"]),
                ("half a status", 1002, [ws.frame(ws.CLOSE, b"\x03")]),
                *((f"status {code}", 1002, [ws.close(code)]) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
                ("reason that is no text", 1007, [ws.close(1000, b"\xff\xfe")])):
            try:
                fault(server, status, good, *frames)
            except AssertionError as error:
                raise AssertionError(name) from error


def test_what_follows_a_fault_or_the_end_means_nothing():
    more = ws.frame(ws.BINARY, b"more\n") + ws.frame(ws.PING, b"?")
    with Server(world) as server:
        for end, status in ((ws.frame(ws.TEXT, b"x"), 1003), (ws.close(1000), 1000)):
            with Web(server) as client:
                client.send(ws.frame(ws.BINARY, b"before\n") + end + more)
                client.hears(b"before")
                client.ends_with(status)


def test_the_peer_closes():
    with Server(world) as server:
        for sent, status in ((ws.close(1000), 1000), (ws.close(1001, b"bye"), 1001), (ws.close(3999), 3999), (ws.close(4999), 4999),
                             (ws.close(1014), 1014), (ws.frame(ws.CLOSE), None)):
            with Web(server) as client:
                client.send(ws.frame(ws.BINARY, b"word\n") + sent)
                client.hears(b"word")
                client.ends_with(status)
            assert server.read_line() == "left lines"


def test_the_peer_closes_in_the_middle_of_a_message():
    with Server(world) as server, Web(server) as client:
        client.say(b"half", fin=False)
        client.send(ws.close(1000))
        client.ends_with(1000)


def test_the_peer_closes_while_nobody_reads():
    with Server(world) as server, Web(server) as client:
        client.say(b"wait\n")
        client.hears(b"wait")
        # In TLS or below it alone can that be seen.
        client.close()
        assert server.read_line() == "left lines"


def test_we_close():
    with Server(world) as server, Web(server) as client:
        client.say(b"close\n")
        client.hears(b"close")
        assert server.read_line() == "left lines"
        # What is still under way does not matter, and neither how long the peer takes to agree.
        client.send(ws.frame(ws.BINARY, b"z" * 100000) + ws.frame(ws.PING))
        client.ends_with(1000)


def test_we_close_and_the_peer_does_not_answer():
    with Server(world) as server, Web(server) as client:
        client.say(b"close\n")
        client.hears(b"close")
        assert client.frame() == (ws.CLOSE, b"\x03\xe8")
        begun = time.monotonic()
        assert client.frame() is None
        assert 1 < time.monotonic() - begun < 20


def test_we_close_and_the_peer_sends_without_end():
    with Server(world) as server, Web(server) as client:
        client.say(b"close\n")
        client.hears(b"close")
        assert client.frame() == (ws.CLOSE, b"\x03\xe8")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 16 * MEGABYTE:
                client.say(bytes(10000))
                sent += 10000
        assert 0 < sent < 16 * MEGABYTE


def test_we_abort():
    with Server(world) as server, Web(server) as client:
        client.say(b"abort\n")
        assert client.frame() is None


def test_the_gate_stops():
    # With one worker, whoever sees that one connection is stopped knows it of the other.
    with Server(world, "workers=1") as server, Web(server) as idle, Web(server) as busy:
        idle.say(b"x\n")
        idle.hears(b"x")
        busy.say(b"busy\n")
        busy.hears(b"busy")
        server.terminate()
        assert server.read_line() == "stopping"
        idle.ends_with(1001)
        assert server.read_line() == "left lines"
        # What is in flight is finished.
        busy.say(b"more\n")
        busy.hears(b"more")
        busy.say(b"close\n")
        busy.hears(b"close")
        busy.ends_with(1001)


def test_a_peer_that_vanishes():
    with Server(world) as server:
        for data in (b"", ws.frame(ws.BINARY, b"x")[:3], ws.frame(ws.BINARY, b"half", fin=False)):
            client = Web(server)
            client.send(data)
            client.close()
            assert server.read_line() == "left lines"


@contextlib.contextmanager
def bounded(server, megabytes):
    before = server.memory()
    yield
    used = server.memory() - before
    assert used < megabytes * MEGABYTE, f"the server has taken {used // MEGABYTE} MB"


def until_blocked(client, data, limit=64 * MEGABYTE):
    """Sends until the server takes no more, or for limit bytes; returns how many."""
    sent = 0
    client.socket.settimeout(2)
    try:
        while sent < limit:
            client.socket.sendall(data)
            sent += len(data)
    except (TimeoutError, socket.timeout):
        pass
    client.socket.settimeout(PATIENCE)
    return sent


def test_announced_lengths_cost_nothing():
    with Server(world) as server, bounded(server, 60):
        for length in (1 << 20, 1 << 32, (1 << 63) - 1):
            with Web(server, "echo") as client:
                client.send(ws.header(ws.BINARY, length, mask=b"\0\0\0\0"))
                for _ in range(100):
                    client.send(b"d" * 10000)
                    assert client.collect(10000) == b"d" * 10000
        with Web(server, "echo") as client:
            for _ in range(2000):
                client.say(b"f" * 100, ws.CONTINUATION if _ else ws.BINARY, fin=False)
            client.collect(200000)


def test_a_protocol_that_takes_nothing():
    with Server(world) as server, bounded(server, 40), Web(server) as client:
        with contextlib.suppress(OSError):
            until_blocked(client, ws.frame(ws.BINARY, b"no end of the line" * 500))
        assert server.read_line() == "left lines"


def test_a_ping_flood():
    with Server(world) as server:
        with Web(server) as good, bounded(server, 40), Web(server) as client:
            # One that reads gets the last one answered, and most of the others.
            for number in range(2000):
                client.say(b"%d" % number, ws.PING)
            while client.frame() != (ws.PONG, b"1999"):
                pass
            # One that does not read gets the last one answered, behind what the kernels have taken for both: how much that is, is theirs.
            for number in range(8000):
                client.say(b"%0125d" % number, ws.PING)
            while client.frame() != (ws.PONG, b"%0125d" % 7999):
                pass
            assert until_blocked(client, ws.frame(ws.PING, b"x" * 125) * 1000, 64 * MEGABYTE) >= MEGABYTE
            good.say(b"still here\n")
            good.hears(b"still here")


def test_a_flood_of_empty_frames():
    with Server(world) as server, bounded(server, 40), Web(server) as client:
        client.send(ws.frame(ws.BINARY, b"a", fin=False))
        for _ in range(100):
            client.send(ws.frame(ws.CONTINUATION, fin=False) * 1000)
        client.say(b"\n", ws.CONTINUATION)
        client.hears(b"a")


def test_a_reader_that_is_slow():
    with Server(world) as server, bounded(server, 40), Web(server) as client:
        client.send(ws.frame(ws.BINARY, b"big\nnext\n") + ws.frame(ws.PING, b"p"))
        select.select([], [], [], 0.5)
        heard = [client.frame() for _ in range(3)]
        assert sorted((opcode, len(payload)) for opcode, payload in heard) == [(ws.BINARY, 4), (ws.BINARY, 256 * 1024), (ws.PONG, 1)]


def test_a_reader_that_never_reads():
    with Server(world) as server, bounded(server, 60), Web(server, "echo") as client:
        # The echo waits for nobody: the gate cuts it off.
        with contextlib.suppress(OSError):
            sent = until_blocked(client, ws.frame(ws.BINARY, b"e" * 10000), 64 * MEGABYTE)
            assert sent < 64 * MEGABYTE


def test_a_full_gate_makes_room():
    with Server(world, "maximum-connections=20\nmaximum-connections-per-address=20") as server:
        idle = [Web(server) for _ in range(18)]
        others = [Client(server) for _ in range(19)]
        assert idle[0].frame()[0] == ws.CLOSE
        assert idle[0].frame() is None
        for client in idle + others:
            client.close()


run([value for name, value in list(globals().items()) if name.startswith("test_")])
