#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device among people who want it to fail: a service that forges answers, a disk that somebody tidied up, merciless callers."""

import contextlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import SETTINGS, running_world

import tap
from agent import CERTIFICATE, IDENTITY, KEY, NAME, PATH, Gio, GLib

WORLD = None
MINUTE = {"certificateAuthorityName": "minute"}
MINUTE_SETTINGS = SETTINGS + """
[ca minute]
type=local
certificate=ca/issuing.pem
key=ca/issuing.key
validity=60s
backdate=0
"""


class Forger:
    """Passes requests on to the service, and its answers back after @change has had them: status, body, and the headers to be."""

    def __init__(self, service):
        forger = self
        self.change = None
        self.heads = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                forger.heads.append((self.path, str(self.headers)))
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                context = ssl.create_default_context(cafile=service.directory / "tls/ca.pem")
                with contextlib.closing(http.client.HTTPSConnection("localhost", service.port, context=context)) as connection:
                    connection.request(self.command, self.path, body, dict(self.headers))
                    reply = connection.getresponse()
                    status, text = reply.status, reply.read()
                headers = {"content-type": "application/json"}
                if forger.change is not None:
                    status, text = forger.change(self.path, status, text, headers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = answer

            def log_message(self, *_arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_arguments):
                """A client that hangs up is what these tests are about."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(service.directory / "tls/server.pem", service.directory / "tls/server.key")
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def forge(self, **members):
        """From now on these members stand in each registration."""
        def change(path, status, text, _headers):
            if not path.split("?")[0].endswith("/register"):
                return status, text
            body = json.loads(text)
            body["registrationState"].update(members)
            return status, json.dumps(body).encode()

        self.change = change

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def forged(**settings):
    """A device with its first identity, which it got through a forger who has not begun yet. It tries nothing by itself."""
    forger = Forger(WORLD.service)
    try:
        with WORLD.device() as agent:
            agent.configure("transport main", port=forger.server.server_address[1])
            agent.configure("identity main", retry_minimum="1d", retry_maximum="1d", **settings)
            agent.start()
            agent.wait_for_generation(1)
            yield agent, forger
            agent.stop()
    finally:
        forger.stop()


def bundle_of(*texts, **members):
    return {"certificates": [{"certificate": text} for text in texts], **members}


def root():
    return (WORLD.service.directory / "ca/root.pem").read_text()


# --- the service ------------------------------------------------------------------------------------------------------------------


def test_assignments_that_name_no_hub_and_no_device():
    with forged() as (agent, forger):
        for members in ({"assignedHub": ""}, {"assignedHub": "\x1b[31mhub\r\n"}, {"assignedHub": "h" * 10000},
                        {"assignedHub": "hub/../x"}, {"assignedHub": "h\u202eb"}, {"deviceId": "../../etc/passwd"},
                        {"deviceId": "\x1b]0;x\x07"}):
            forger.forge(**members)
            assert agent.try_to("Renew") == "org.brevet.Error.Unreachable", members
            now = agent.properties()
            assert (now["Generation"], now["AssignedHub"]) == (1, "hub.example.net"), (members, now)
            assert agent.installed() == now["Sha256"]
        forger.change = None
        agent.act("Renew")
        assert agent.properties()["Generation"] == 2


def test_reasons_without_end():
    """What the service says is told in the log, on the bus and in the store with every attempt."""
    with forged() as (agent, forger):
        reason = json.dumps({"errorCode": 403001, "message": "\x1b[31m\r\n" + "x" * 500000, "trackingId": "\x07" + "t" * 100000})
        forger.change = lambda *_arguments: (403, reason.encode())
        assert agent.try_to("Renew") == "org.brevet.Error.Rejected"
        now = agent.properties()
        for member in ("LastErrorText", "LastErrorTrackingId", "Cause"):
            assert 0 < len(now[member]) < 2000 and now[member].isprintable(), (member, now[member][:200])
        assert len(agent.read_log()) < 20000


def test_an_etag_that_would_be_a_header():
    with forged(trust_bundle_poll="10s") as (agent, forger):
        forger.forge(trustBundle=bundle_of(root(), etag="e\r\nX-Forged: 1\x1b"))
        agent.act("Renew")

        def change(path, status, text, headers):
            if "/trustBundle" not in path:
                return status, text
            headers["etag"] = '"later"'
            return 200, json.dumps(bundle_of(root(), root())).encode()

        forger.heads.clear()
        forger.change = change
        agent.wait_for("the look at the bundle", lambda now: now["TrustBundleEtag"] == "later")
        heads = [head.lower() for path, head in forger.heads if "/trustBundle" in path]
        assert heads and "x-forged" not in heads[0] and "if-none-match" not in heads[0], heads


def test_a_bundle_of_rubbish():
    with forged() as (agent, forger):
        forger.forge(trustBundle=bundle_of(*["rubbish"] * 5000, root()))
        agent.act("Renew")
        now = agent.properties()
        assert now["Generation"] == 2 and 2 <= len(now["TrustBundleProblems"]) < 50, now["TrustBundleProblems"][:60]
        assert "4980 more" in now["TrustBundleProblems"][20], now["TrustBundleProblems"][20]


def test_certificates_of_a_minute_and_a_service_that_dies():
    """What a device has is in the inventory, however often the service was killed; and few certificates were for nothing."""
    with WORLD.device(clientCertificateIssuancePolicy=MINUTE) as agent:
        agent.configure("identity main", renew="2%", renewal_jitter="0%")
        agent.start()
        for wanted in range(2, 12, 3):
            now = agent.wait_for_generation(wanted)
            assert 0 < now["NotAfter"] - now["NotBefore"] <= 65, now
            WORLD.service.kill()
            WORLD.proxy.drop_connections()
            WORLD.service.start()
        agent.wait_for_generation(12)
        agent.stop()
        issued = WORLD.issued(agent)
        assert agent.installed() in issued
        newest = json.loads(agent.read_installed()["generation"])["number"]
        assert newest <= len(issued) <= newest + 4, (newest, len(issued))


# --- the disk ---------------------------------------------------------------------------------------------------------------------


def tidy_up(agent, how):
    """Does something to the store between two runs; a valid identity must be there afterwards, and be renewed."""
    agent.stop()
    how(agent.store)
    agent.start()
    now = agent.wait_for_generation(1)
    agent.stop()
    # What other programs read has been put right without a renewal.
    assert agent.installed() == now["Sha256"], now
    agent.start()
    assert agent.properties()["Sha256"] == now["Sha256"]
    agent.act("Renew")
    assert agent.installed() == agent.properties()["Sha256"] != now["Sha256"]


def point_elsewhere(store):
    (store / "current").unlink()
    (store / "current").symlink_to("/etc")


def lose_the_link(store):
    (store / "current").unlink()


def replace_by_pipe(store):
    for name in (KEY, CERTIFICATE):
        path = store / "current/identity-main" / name
        path.unlink()
        os.mkfifo(path)


def replace_by_device(store):
    path = store / "current/identity-main" / KEY
    path.unlink()
    path.symlink_to("/dev/zero")


def exchange_key_and_certificate(store):
    here = store / "current/identity-main"
    (here / KEY).rename(here / "x")
    (here / CERTIFICATE).rename(here / KEY)
    (here / "x").rename(here / CERTIFICATE)


def spoil_index(store):
    path = store / "current/index.json"
    path.write_text(path.read_text().replace('"file" : "', '"file" : "../../../../etc/'))


def leave_much_behind(store):
    for number in range(100, 600):
        (store / f"generation-{number}.new").mkdir()
        (store / f"generation-{number}").mkdir()


def remove_generation(store):
    shutil.rmtree(os.path.realpath(store / "current"))


def test_a_store_that_somebody_tidied_up():
    with WORLD.provisioned() as agent:
        for how in (lose_the_link, point_elsewhere, replace_by_pipe, replace_by_device, exchange_key_and_certificate, spoil_index,
                    leave_much_behind, remove_generation):
            try:
                tidy_up(agent, how)
            except Exception as failure:
                raise AssertionError(f"{how.__name__}: {failure}") from failure
        assert len(list(agent.store.glob("generation-*[0-9]"))) <= 2
        agent.stop()


def test_a_limit_of_what_may_be_written():
    with WORLD.device() as agent:
        agent.start(wrapper=["prlimit", "--fsize=200", "--"])
        now = agent.wait_for("a failure", lambda now: now["Failures"] > 0 and now["State"] == "backing-off")
        assert "File too large" in now["LastErrorText"], now
        agent.stop()


# --- callers ----------------------------------------------------------------------------------------------------------------------


def send(agent, path, interface, method, arguments=None):
    """A call whose answer nobody awaits."""
    agent.bus.connection.call(NAME, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, -1, None, None)


def open_files(agent):
    """The directory of what brevetd has open."""
    path = f"/proc/{agent.process.pid}/fd"
    if not os.access(path, os.R_OK):
        agent.stop()
        raise tap.Skip("brevetd hides its files from all but root")
    return path


def test_storms():
    with WORLD.provisioned() as agent:
        descriptors = open_files(agent)
        options = GLib.Variant("(a{sv})", ({},))
        agent.act("Renew")
        before = len(os.listdir(descriptors))
        for _ in range(10):
            for _ in range(10):
                send(agent, agent.path, IDENTITY, "Renew", options)
                send(agent, agent.path, IDENTITY, "Cancel")
                send(agent, agent.path, IDENTITY, "Reprovision", options)
                send(agent, PATH, "org.brevet.Agent1", "Reload")
                send(agent, agent.path, IDENTITY, "GetCertificate")
                agent.process.send_signal(signal.SIGHUP)
            agent.properties()
        now = agent.wait_for("rest", lambda now: now["State"] in ("provisioned", "backing-off"))
        agent.act("Renew")
        later = agent.wait_for_generation(now["Generation"] + 1)
        assert agent.installed() == later["Sha256"] and later["LastErrorText"] == "", later
        agent.look_until(lambda: len(os.listdir(descriptors)) <= before + 5, "the end of what was open meanwhile")
        agent.stop()


def test_calls_while_it_stops():
    with WORLD.provisioned() as agent:
        for _ in range(30):
            send(agent, agent.path, IDENTITY, "Renew", GLib.Variant("(a{sv})", ({},)))
        agent.process.terminate()
        for _ in range(30):
            send(agent, agent.path, IDENTITY, "GetCertificate")
        agent.stop()
        agent.start()
        now = agent.wait_for_generation(1)
        assert agent.installed() == now["Sha256"]
        agent.stop()


def test_closed_standard_streams():
    """What is logged must not land in the file or on the connection that got the number."""
    with WORLD.device() as agent:
        agent.start(wrapper=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
        agent.wait_for_generation(1)
        agent.configure("agent", nonsense="warned about")
        send(agent, PATH, "org.brevet.Agent1", "Reload")
        agent.act("Renew")
        assert (agent.store / "lock").read_text() == f"{agent.process.pid}\n"
        descriptors = open_files(agent)
        for number in range(3):
            assert os.readlink(f"{descriptors}/{number}") == "/dev/null"
        agent.stop()


# --- configuration ----------------------------------------------------------------------------------------------------------------


def try_to_reload(agent):
    try:
        agent.bus.call(NAME, PATH, "org.brevet.Agent1", "Reload")
    except GLib.Error as error:
        return error.message
    return ""


def test_drop_ins_that_are_no_files():
    with WORLD.provisioned() as agent:
        drop_ins = agent.scratch / "agent.conf.d"
        drop_ins.mkdir()
        odd = drop_ins / "odd.conf"

        def make_socket():
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(odd))

        for make in (lambda: os.mkfifo(odd), odd.mkdir, make_socket, lambda: odd.symlink_to(odd),
                     lambda: odd.symlink_to("/dev/zero"), lambda: odd.write_bytes(b"[identity main]\nrenew=\xff\x00")):
            make()
            assert str(odd) in try_to_reload(agent), odd
            generation = agent.properties()["Generation"]
            agent.act("Renew")
            assert agent.properties()["Generation"] == generation + 1
            odd.rmdir() if odd.is_dir() else odd.unlink()
        assert try_to_reload(agent) == ""
        agent.stop()


def test_a_hundred_identities():
    with WORLD.provisioned() as agent:
        descriptors = open_files(agent)
        before = len(os.listdir(descriptors))
        drop_in = agent.scratch / "agent.conf.d/many.conf"
        drop_in.parent.mkdir()
        settings = f"id-scope={WORLD.service.id_scope}\nregistration-id={agent.registration_id}\nenabled=no\n"
        drop_in.write_text("".join(f"[identity n{number}]\n{settings}" for number in range(100)))
        assert try_to_reload(agent) == ""
        paths = agent.bus.call(NAME, PATH, "org.freedesktop.DBus.Properties", "Get",
                               GLib.Variant("(ss)", ("org.brevet.Agent1", "Identities")))[0]
        assert len(paths) == 101, paths
        drop_in.unlink()
        assert try_to_reload(agent) == ""
        agent.look_until(lambda: len(os.listdir(descriptors)) <= before + 2, "the end of what was open meanwhile")
        agent.stop()


def main():
    global WORLD
    with running_world(MINUTE_SETTINGS) as WORLD:
        tap.run(tap.collect(dict(globals())))


main()
