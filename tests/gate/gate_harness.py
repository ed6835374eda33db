# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the front door share: certificates, a server process, a small HTTPS client that can misbehave, TAP output."""

import json
import os
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

PROXY = "127.0.0.2"  # where a proxy comes from, if there is one
PATIENCE = 60  # seconds before a test that waits for an event gives up


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class World:
    """A directory with certificates. The server's is replaced by renew()."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="brevet-gate-")
        self.renew("first.test")
        self.make("client", "/CN=pump-07")
        self.make("other", "/CN=other")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def make(self, name, subject, *more):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", subject,
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"), *more)

    def make_family(self):
        """A device's certificate with two issuers above it."""
        self.make("root", "/CN=root")
        for name, issuer, subject in (("issuer", "root", "/CN=issuer"), ("device", "issuer", "/CN=pump-08")):
            openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                    "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"))
            with open(self.path(name + ".ext"), "w") as extensions:
                extensions.write("basicConstraints=critical,CA:" + ("TRUE" if name == "issuer" else "FALSE"))
            openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path(issuer + ".pem"),
                    "-CAkey", self.path(issuer + ".key"), "-days", "2", "-extfile", self.path(name + ".ext"), "-set_serial", "17",
                    "-out", self.path(name + ".pem"))

    def pem(self, *names):
        result = ""
        for name in names:
            with open(self.path(name + ".pem")) as text:
                result += text.read()
        return result

    def der(self, name):
        return ssl.PEM_cert_to_DER_cert(self.pem(name))

    def renew(self, name):
        self.make("server", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name)


class Server:
    def __init__(self, world, settings="", files=None, passed=()):
        self.world = world
        self.port = None
        self.terminated = False
        configuration = world.path("dps.conf")
        base = {"address": "127.0.0.1", "port": "0", "certificate": "server.pem", "key": "server.key"}
        for line in settings.split("\n"):
            if "=" in line:
                key, value = line.strip().split("=", 1)
                base[key] = value
        with open(configuration, "w") as out:
            out.write("[listener test]\n" + "".join(f"{key}={value}\n" for key, value in base.items() if value))

        environment = dict(os.environ)
        # The quarantine of freed memory would hide what the server really keeps.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        command = [os.environ["GATE_TEST_SERVER"], configuration]
        if passed:
            # As systemd passes sockets: from descriptor 3 on, and the process must see its own id.
            environment.update(LISTEN_FDS=str(len(passed)), LISTEN_FDNAMES=":".join(["test"] * len(passed)))
            command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command]

        def prepare():
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            for number, listening in enumerate(passed, 3):
                os.dup2(listening.fileno(), number)

        self.log = open(world.path("server.log"), "w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=environment, preexec_fn=prepare, bufsize=0,
                                        pass_fds=range(3, 3 + len(passed)))
        self.first_line = self.read_line()
        if self.first_line.startswith("port "):
            self.port = int(self.first_line.split()[1])

    def read_line(self):
        # The pipe has no buffer here: select() would not see a line that is in it already.
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, "the server says nothing"
        return self.process.stdout.readline().decode().strip()

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)
        return self.read_line()

    def read_log(self):
        with open(self.world.path("server.log")) as log:
            return log.read()

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        self.terminated = True

    def stop(self):
        if self.process.poll() is None and not self.terminated:
            self.terminate()
        code = self.process.wait(PATIENCE)
        self.log.seek(0)
        text = self.log.read()
        assert code == 0 or not self.port, f"the server ended with {code}:\n{text}"
        assert not any(word in text for word in ("ERROR: ", "CRITICAL", "critical: ")), text
        self.process.stdout.close()
        self.log.close()
        return text

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        text = self.stop() if kind is None else self.give_up()
        if kind is not None:
            print("# log of the server:\n# " + text.replace("\n", "\n# "))

    def give_up(self):
        self.process.kill()
        self.process.wait()
        self.log.seek(0)
        return self.log.read()


def context(version=None, certificate=None):
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.check_hostname = False
    result.verify_mode = ssl.CERT_NONE
    if version:
        result.minimum_version = result.maximum_version = version
    if certificate:
        result.load_cert_chain(certificate + ".pem", certificate + ".key")
    return result


def dial(server, source="127.0.0.1"):
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE, source_address=(source, 0))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


class Reply:
    def __init__(self, status, headers, body, names):
        self.status, self.headers, self.body, self.names = status, headers, body, names

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One TLS connection."""

    def __init__(self, server, ctx=None, session=None):
        raw = dial(server)
        try:
            self.socket = (ctx or context()).wrap_socket(raw, session=session)
        except OSError:
            raw.close()
            raise
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method="GET", target="/echo", headers="", body=b""):
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        self.send(head.encode() + b"\r\n" + body)

    def more(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        self.buffer += data
        return bool(data)

    def glance(self):
        """Takes what has come without waiting for more; returns False once the server has closed."""
        self.socket.setblocking(False)
        try:
            return self.more()
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def reply(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:]]
        headers = dict(pairs)
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            assert self.more(), "the body is cut off"
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Reply(int(lines[0].split()[1]), headers, body, [name for name, _ in pairs])

    def get(self, target="/echo", headers=""):
        self.request("GET", target, headers)
        return self.reply()

    def ended(self):
        """Waits until the server closes, and says whether nothing more came."""
        return not self.more() and self.buffer == b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Through(Client):
    """A connection that begins with some bytes, from a proxy's address, and goes on with TLS or without."""

    def __init__(self, server, first=b"", tls=False, source=PROXY, ctx=None):
        self.socket = dial(server, source)
        self.socket.sendall(first)
        if tls:
            self.socket = (ctx or context()).wrap_socket(self.socket)
        self.buffer = b""

    def claims(self, headers=""):
        reply = self.get(headers=headers)
        assert reply is not None and reply.status == 200, reply and reply.body
        return reply.json["claims"]


def claims(server, first, headers="", **how):
    with Through(server, first, **how) as client:
        return client.claims(headers)


def refused(server, first, **how):
    """The connection is closed without a word."""
    with Through(server, first, **how) as client:
        try:
            client.request()
        except (BrokenPipeError, ConnectionResetError):
            return
        assert client.ended(), client.buffer


def run(tests):
    """Runs all tests, or those whose names hold one of the arguments."""
    if sys.argv[1:]:
        tests = [test for test in tests if any(word in test.__name__ for word in sys.argv[1:])]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = test.__name__.removeprefix("test_").replace("_", " ")
        try:
            begun = time.monotonic()
            test()
            print(f"# {time.monotonic() - begun:.1f} s")
            print(f"ok {number} - {name}", flush=True)
        except Exception:
            failed += 1
            print("# " + traceback.format_exc().replace("\n", "\n# "))
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
