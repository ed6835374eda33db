#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that do what they should not; a good one is served meanwhile, and the server's memory stays bounded."""

import contextlib
import os
import select
import socket
import ssl
import threading
import time

from gate_harness import PATIENCE, Client, Server, World, context, dial, run

world = World()
MANY = 1000
MEGABYTE = 1024 * 1024


def good_client_is_served(server):
    with Client(server) as client:
        for _ in range(3):
            assert client.get().status == 200


@contextlib.contextmanager
def bounded(server, megabytes):
    """The server does not need more than that beside what it needed after the first request."""
    good_client_is_served(server)
    before = server.memory()
    yield
    used = server.memory() - before
    assert used < megabytes * MEGABYTE, f"the server has taken {used // MEGABYTE} MB"


def wait_until_closed(sockets):
    """Waits until the server has ended all of them. Something may still come before that."""
    poll = select.poll()
    left = {raw.fileno(): raw for raw in sockets}
    for number in left:
        poll.register(number, select.POLLIN)
    while left:
        events = poll.poll(PATIENCE * 1000)
        assert events, f"{len(left)} connections are still open"
        for number, _ in events:
            try:
                ended = not left[number].recv(65536)
            except ConnectionError:
                ended = True
            if ended:
                poll.unregister(number)
                left.pop(number).close()


def open_tls(server, data):
    """A TLS connection on which data was sent, as a raw socket whose bytes nobody decrypts any more."""
    tls = context().wrap_socket(dial(server))
    tls.sendall(data)
    return socket.socket(fileno=tls.detach())


def flood(server, open_one):
    victims = []
    for index in range(MANY):
        try:
            victims.append(open_one())
        except (ConnectionError, ssl.SSLError, OSError):
            pass  # dropped in its handshake for a newer one
        if index % 250 == 249:
            good_client_is_served(server)
    return victims


def hello():
    """The beginning of a client's first record."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context().wrap_bio(incoming, outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def test_handshakes_that_never_finish():
    first = hello()

    def silent():
        return dial(server)

    def half():
        raw = dial(server)
        raw.sendall(first[:100])
        return raw

    def answered():
        raw = dial(server)
        raw.sendall(first)
        return raw

    for open_one in (silent, half, answered):
        with Server(world, "handshake-timeout=2s\nmaximum-connections=2000\nmaximum-connections-per-address=2000") as server:
            with bounded(server, 250):
                victims = flood(server, open_one)
                assert len(victims) == MANY
                good_client_is_served(server)
                wait_until_closed(victims)


def test_half_requests():
    with Server(world, "header-timeout=2s\nmaximum-connections=2000\nmaximum-connections-per-address=2000") as server:
        with bounded(server, 250):
            victims = flood(server, lambda: open_tls(server, b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 4000))
            assert len(victims) == MANY
            good_client_is_served(server)
            wait_until_closed(victims)


def test_more_connections_than_there_is_room_for():
    with Server(world, "maximum-connections=50\nmaximum-connections-per-address=50") as server:
        with bounded(server, 100):
            victims = flood(server, lambda: open_tls(server, b"GET /echo HTTP/1.1\r\n"))
            good_client_is_served(server)
            # The old ones were dropped for the new ones.
            wait_until_closed(victims[:len(victims) - 60])


def test_one_address_cannot_take_the_room_of_others():
    with Server(world, "maximum-connections=64\nmaximum-connections-per-address=16\nworkers=2") as server:
        with Client(server) as idle:
            assert idle.get().status == 200
            victims = [dial(server, "127.0.0.2") for _ in range(200)]
            good_client_is_served(server)
            assert idle.get().status == 200
            for raw in victims:
                raw.close()


def test_a_request_in_flight_is_not_dropped_for_a_new_connection():
    with Server(world, "maximum-connections=20\nmaximum-connections-per-address=20\nworkers=2") as server, Client(server) as busy:
        busy.request("GET", "/hold")
        with Client(server) as client:
            while client.get("/counters").json["held"] != 1:
                pass
        victims = [dial(server) for _ in range(200)]
        with Client(server) as client:
            client.get("/release")
        assert busy.reply().json == {"released": True}
        for raw in victims:
            raw.close()


def test_a_full_house_of_requests_turns_new_connections_away():
    with Server(world, "maximum-connections=4\nmaximum-connections-per-address=4") as server:
        busy = [Client(server) for _ in range(4)]
        for client in busy[:3]:
            client.request("GET", "/hold")
        while busy[3].get("/counters").json["held"] != 3:
            pass
        busy[3].send(b"POST /release HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert busy[3].reply().status == 100
        try:
            Client(server)
            raise AssertionError("there was room")
        except (ConnectionError, ssl.SSLError):
            pass
        busy[3].send(b"x")
        assert all(client.reply().status == 200 for client in busy)


def trickle(server, head, data):
    """Sends data in pieces that keep coming; returns what the server said before it closed."""
    with Client(server) as client:
        client.send(head)
        for _ in range(PATIENCE * 10):
            # Paced by the wait for an answer; none is due before the deadline.
            select.select([client.socket], [], [], 0.1)
            try:
                if not client.glance():
                    return client.buffer
                client.send(data)
            except (ConnectionError, ssl.SSLError):
                return client.buffer
    raise AssertionError("the trickle was never cut off")


def test_trickled_header():
    with Server(world, "header-timeout=1s") as server:
        answer = trickle(server, b"GET /echo HTTP/1.1\r\nHost: x\r\nX: ", b"y")
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        good_client_is_served(server)


def test_trickled_second_header():
    with Server(world, "header-timeout=1s\nidle-timeout=60s") as server:
        answer = trickle(server, b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\nG", b"E")
        assert answer.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in answer, answer


def test_trickled_body():
    with Server(world, "body-timeout=1s") as server:
        answer = trickle(server, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b"z")
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        answer = trickle(server, b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nz\r\n")
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        good_client_is_served(server)


def test_a_reader_that_never_reads():
    with Server(world, "body-timeout=1s") as server, bounded(server, 60):
        readers = []
        for _ in range(50):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            raw.connect(("127.0.0.1", server.port))
            tls = context().wrap_socket(raw)
            tls.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            readers.append(tls)
        poll = select.poll()
        for tls in readers:
            poll.register(tls.fileno(), 0)  # only errors and hang-ups
        left = len(readers)
        while left > 0:
            events = poll.poll(PATIENCE * 1000)
            assert events, f"{left} connections are still open"
            left -= len(events)
            for number, _ in events:
                poll.unregister(number)
        good_client_is_served(server)
        for tls in readers:
            tls.close()


def endless(server, head, data, limit):
    """Sends data again and again, up to limit bytes; returns the status of the answer."""
    with Client(server) as client:
        sent = 0
        try:
            client.send(head)
            while sent < limit and client.glance() and not client.buffer:
                client.send(data)
                sent += len(data)
        except (ConnectionError, ssl.SSLError):
            pass
        assert sent < limit, "nobody has stopped it"
        reply = client.reply()
        return reply and reply.status


def test_endless_input():
    post = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
    limit = 200 * MEGABYTE
    with Server(world) as server, bounded(server, 60):
        assert endless(server, b"GET /", b"a" * 10000, limit) == 414
        assert endless(server, post, b"X: y\r\n" * 1000, limit) == 431
        assert endless(server, post + b"X: ", b"y" * 10000, limit) == 431
        assert endless(server, post + b"Content-Length: 99999999999\r\n\r\n", b"z" * 10000, limit) == 413
        assert endless(server, post + b"Content-Length: 999999999999999999999\r\n\r\n", b"z" * 10000, limit) == 413
        assert endless(server, post + b"Transfer-Encoding: chunked\r\n\r\n", b"2710\r\n" + b"z" * 10000 + b"\r\n", limit) == 413
        assert endless(server, post + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", b"z" * 10000, limit) == 413
        assert endless(server, b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", b"z" * 10000, limit) == 401
        good_client_is_served(server)


def test_many_long_bodies_at_once():
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n"
    with Server(world, "body-timeout=3s\nmaximum-connections-per-address=500\nmaximum-connections=500") as server:
        with bounded(server, 150):
            victims = [open_tls(server, head + b"z" * 60000) for _ in range(300)]
            good_client_is_served(server)
            wait_until_closed(victims)


def test_smuggling_corpus_is_refused():
    corpus = os.path.join(os.environ["G_TEST_SRCDIR"], "fuzz", "corpus", "http")
    names = sorted(name for name in os.listdir(corpus) if name.startswith("bad-"))
    assert names
    with Server(world, "header-timeout=1s\nbody-timeout=1s") as server:
        for name in names:
            with open(os.path.join(corpus, name), "rb") as seed, Client(server) as client:
                client.send(seed.read())
                client.send(b"")
                answers = []
                while reply := client.reply():
                    answers.append(reply.status)
                assert answers and answers[-1] in (400, 408, 413, 414, 417, 431, 501, 505), (name, answers)
                # Nothing that follows the fault is a request.
                assert 404 not in answers, (name, answers)
        good_client_is_served(server)


def test_random_bytes():
    with Server(world) as server:
        for size in (1, 5, 100, 5000):
            with contextlib.suppress(ConnectionError), dial(server) as raw:
                raw.sendall(b"\x16\x03\x01" + os.urandom(size))
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(1000):
                    pass
        good_client_is_served(server)


def test_64_files():
    # With the limit that follows from the number of files, and with one that the operator has set too high.
    for settings in ("", "maximum-connections=1000\n"):
        settings += "workers=2\nhandshake-timeout=60s\nmaximum-connections-per-address=1000"
        with Server(world, settings, files=64) as server:
            begun = time.monotonic()
            with bounded(server, 60):
                victims = flood(server, lambda: dial(server))
                good_client_is_served(server)
                for raw in victims:
                    raw.close()
            good_client_is_served(server)
            seconds = time.monotonic() - begun
        with open(world.path("server.log")) as log:
            complaints = log.read().count("New connections cannot be accepted")
        assert complaints <= seconds + 2, f"{complaints} messages in {seconds} s"
        assert (complaints > 0) == ("maximum-connections=1000" in settings), complaints


def test_64_files_all_in_use():
    with Server(world, "workers=1\nmaximum-connections=1000\nmaximum-connections-per-address=1000", files=64) as server:
        with Client(server) as client:
            client.send(b"POST /release HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
            assert client.reply().status == 100
            busy = []
            try:
                while len(busy) < 100:
                    other = Client(server)
                    busy.append(other)
                    other.request("GET", "/hold")
            except (ConnectionError, ssl.SSLError):
                pass  # turned away at once instead of left waiting
            assert 20 < len(busy) < 64, len(busy)
            # Those that hold are still there, and are answered.
            client.send(b"x")
            assert client.reply().status == 200
            for other in busy:
                other.close()
        good_client_is_served(server)


def test_good_clients_in_parallel_to_an_attack():
    first = hello()
    stop = threading.Event()
    errors = []

    def attack():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                raws = [dial(server) for _ in range(20)]
                for raw in raws:
                    raw.sendall(first)
                for raw in raws:
                    raw.close()

    def work():
        try:
            for _ in range(5):
                good_client_is_served(server)
        except Exception as error:
            errors.append(error)

    with Server(world) as server:
        attacker = threading.Thread(target=attack)
        attacker.start()
        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        stop.set()
        attacker.join()
        assert not errors, errors


run([value for name, value in list(globals().items()) if name.startswith("test_")])
