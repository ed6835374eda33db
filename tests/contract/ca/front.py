# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands between a plugin and the well-behaved fake CA of its author, and plays every misbehaviour of a network.

It ends TLS, reads one request after the other, and hands each to the behaviour that was planned for its verb; without one, to the
fake CA and back. Everything that arrives is remembered in `seen`.
"""

import datetime
import http.client
import ipaddress
import socket
import ssl
import struct
import threading
import traceback

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

import digicert_pki

ADDRESS = "127.0.0.1"
LONGEST_WAIT = 30


def write_server(directory, stem, authority, address=ADDRESS, begins=-1, ends=30):
    """Writes the certificate of a server, with its key. @begins, @ends: days from now"""
    key = ec.generate_private_key(ec.SECP256R1())
    day = datetime.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (x509.CertificateBuilder().subject_name(digicert_pki.name(address)).issuer_name(authority.certificate.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(digicert_pki.now() + begins * day).not_valid_after(digicert_pki.now() + ends * day)
                   .add_extension(names, critical=False)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                   .sign(authority.key, hashes.SHA256()))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = directory / f"{stem}.pem"
    path.write_text(private.decode() + digicert_pki.pem(certificate), encoding="ascii")
    return path


def make_context(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_alpn_protocols(["http/1.1"])
    return context


def reset(connection):
    """Ends a connection as a crash would: without a word of TLS, and with RST."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    connection.close()


class CutRequest:
    """Reads no more than @count bytes of a request, or @body bytes of its body, and breaks the connection."""

    def __init__(self, count=None, body=None):
        self.count, self.body = count, body


class Exchange:
    """One request, and the means to answer it. @complete: all of it has arrived; @answered: so has a whole answer."""

    def __init__(self, front, connection, line):
        self.front, self.connection = front, connection
        self.method, self.path = (line.split() + ["", ""])[:2]
        self.verb = front.classify(self.method, self.path)
        self.headers, self.body = [], b""
        self.complete = self.answered = False
        self.close = False

    def forward(self):
        """Asks the fake CA. Returns status, headers and body of its answer."""
        upstream = self.front.connect_upstream()
        try:
            upstream.putrequest(self.method, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers:
                upstream.putheader(name, self.front.upstream_host if name.lower() == "host" else value)
            upstream.endheaders(self.body or None)
            answer = upstream.getresponse()
            kept = [(name, value) for name, value in answer.getheaders()
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server")]
            return answer.status, kept, answer.read()
        finally:
            upstream.close()

    def send(self, data):
        self.connection.sendall(data)

    def reply(self, status, headers, body, words="Whatever"):
        """A whole answer as it should be."""
        self.answered = True
        self.send(render(status, headers, body, words))

    def wait(self, seconds):
        """Lets time pass, but no more than the test lasts."""
        self.front.stopping.wait(seconds)

    def wait_for_peer(self):
        """Until the plugin has had enough."""
        self.connection.settimeout(LONGEST_WAIT)
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            pass

    def cut(self):
        self.close = True
        self.front.drop(self.connection)


def render(status, headers, body, words="Whatever", version="HTTP/1.1"):
    lines = [f"{version} {status} {words}"] + [f"{name}: {value}" for name, value in headers]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def pass_on(exchange):
    exchange.reply(*exchange.forward())


class Front:
    """@adapter: where the fake CA is, and which verb a request is for"""

    def __init__(self, directory, adapter):
        self.classify = adapter.classify
        self.adapter = adapter
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        authority, stranger = digicert_pki.Authority("Kit TLS root"), digicert_pki.Authority("Unknown TLS root")
        self.ca_file = directory / "tls.pem"
        self.ca_file.write_text(digicert_pki.pem(authority.certificate), encoding="ascii")
        self.contexts = {
            "good": make_context(write_server(directory, "good", authority)),
            "expired": make_context(write_server(directory, "expired", authority, begins=-20, ends=-1)),
            "wrong-name": make_context(write_server(directory, "wrong-name", authority, address="192.0.2.1")),
            "unknown-root": make_context(write_server(directory, "unknown-root", stranger)),
        }
        self.seen, self.plans, self.connection_plans, self.open, self.faults = [], {}, [], set(), []
        self.resets = False
        self.round, self.active, self.idle = 0, 0, threading.Condition(self.lock)
        self.listener = socket.create_server((ADDRESS, 0), backlog=64)
        self.host, self.port = ADDRESS, self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.reset()

    def reset(self):
        """Forgets plans and what was seen, and ends all connections."""
        with self.lock:
            self.seen, self.plans, self.connection_plans, self.faults = [], {}, [], []
            self.round += 1
            self.resets = False
            connections, self.open = self.open, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.idle:
            self.idle.wait_for(lambda: self.active == 0, LONGEST_WAIT)

    def plan(self, verb, *behaviours):
        """What the next requests for @verb get."""
        with self.lock:
            self.plans.setdefault(verb, []).extend(behaviours)

    def plan_connection(self, *kinds):
        """What the next connections get: one of the contexts, "reset", "stall", "closed" (after the handshake)."""
        with self.lock:
            self.connection_plans.extend(kinds)
            self.resets = self.resets or "reset" in kinds

    def count(self, verb):
        with self.lock:
            return sum(exchange.verb == verb for exchange in self.seen)

    # --- the other side ---

    @property
    def upstream_host(self):
        return f"{ADDRESS}:{self.adapter.port}"

    def connect_upstream(self):
        if not self.adapter.uses_tls:
            return http.client.HTTPConnection(ADDRESS, self.adapter.port, timeout=LONGEST_WAIT)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(ADDRESS, self.adapter.port, timeout=LONGEST_WAIT, context=context)

    # --- this side ---

    def accept(self):
        while not self.stopping.is_set():
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            with self.lock:
                kind = self.connection_plans.pop(0) if self.connection_plans else "good"
                number = self.round
            threading.Thread(target=self.serve, args=(connection, kind, number), daemon=True).start()

    def drop(self, connection):
        with self.lock:
            self.open.discard(connection)
        reset(connection)

    def serve(self, plain, kind, number):
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(LONGEST_WAIT)
        if kind == "reset":
            reset(plain)
            return
        with self.lock:
            self.open.add(plain)
        connection = plain
        try:
            if kind == "stall":
                while plain.recv(4096):
                    pass
                return
            connection = self.contexts.get(kind, self.contexts["good"]).wrap_socket(plain, server_side=True)
            with self.lock:
                self.open.discard(plain)
                self.open.add(connection)
            if kind == "closed":
                self.drop(connection)
                return
            while self.serve_one(connection, number):
                pass
        except (OSError, ValueError):
            pass
        except Exception:
            self.faults.append(traceback.format_exc())
        finally:
            with self.lock:
                self.open.discard(plain)
                self.open.discard(connection)
            connection.close()

    def read_line(self, connection, limit=None):
        line = b""
        while not line.endswith(b"\n") and (limit is None or len(line) < limit):
            data = connection.recv(1)
            if not data:
                return line
            line += data
        return line

    def serve_one(self, connection, number):
        """One request and its answer. Returns whether there may be another one. @number: of the round, since what was sent before a
        reset may arrive behind it"""
        line = self.read_line(connection)
        if not line.strip():
            return False
        exchange = Exchange(self, connection, line.decode("latin-1"))
        with self.lock:
            if number != self.round:
                return False
            self.seen.append(exchange)
            waiting = self.plans.get(exchange.verb)
            behaviour = waiting.pop(0) if waiting else pass_on
            self.active += 1
        try:
            return self.behave(exchange, behaviour, len(line))
        finally:
            with self.idle:
                self.active -= 1
                self.idle.notify_all()

    def behave(self, exchange, behaviour, count):
        if isinstance(behaviour, CutRequest):
            self.read_some(exchange, behaviour, count)
            exchange.cut()
            return False
        self.read_rest(exchange)
        behaviour(exchange)
        return not exchange.close

    def read_some(self, exchange, cut, count):
        """As much of the request as the cut lets through."""
        length = 0
        while cut.count is None or count < cut.count:
            line = self.read_line(exchange.connection, cut.count - count if cut.count is not None else None)
            count += len(line)
            name, _colon, value = line.decode("latin-1").partition(":")
            exchange.headers.append((name, value.strip()))
            if name.lower() == "content-length":
                length = int(value)
            if not line.strip():
                break
        if cut.body is None:
            return
        wanted = min(cut.body, length) if cut.body >= 0 else max(length + cut.body, 0)
        exchange.body = self.read_exactly(exchange.connection, wanted)
        exchange.complete = wanted == length

    def read_exactly(self, connection, length):
        data = b""
        while len(data) < length:
            more = connection.recv(length - len(data))
            if not more:
                raise ConnectionError("the request ended early")
            data += more
        return data

    def read_rest(self, exchange):
        while (line := self.read_line(exchange.connection).decode("latin-1")).strip():
            name, _colon, value = line.partition(":")
            exchange.headers.append((name.strip(), value.strip()))
        headers = {name.lower(): value for name, value in exchange.headers}
        if "content-length" in headers:
            exchange.body = self.read_exactly(exchange.connection, int(headers["content-length"]))
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self.read_chunks(exchange)
        exchange.complete = True
        if headers.get("connection", "").lower() == "close":
            exchange.close = True

    def read_chunks(self, exchange):
        """A body whose length was not known. The fake CA gets it with one."""
        while size := int(self.read_line(exchange.connection).split(b";")[0], 16):
            exchange.body += self.read_exactly(exchange.connection, size)
            self.read_line(exchange.connection)
        self.read_line(exchange.connection)
        exchange.headers = [pair for pair in exchange.headers if pair[0].lower() != "transfer-encoding"]
        exchange.headers.append(("Content-Length", str(len(exchange.body))))
