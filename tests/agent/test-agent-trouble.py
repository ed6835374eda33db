#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a device meets between the factory and the scrap heap: disks that fail, services that are gone or talk nonsense, cut lines.
It keeps what it has, says what is wrong, and goes on by itself when that is over."""

import contextlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import ALWAYS, NO_IO, NO_SPACE, SHORT, Faults, running_world

import tap
from dps import command
from proxy import HANG, PASS, REFUSE, WrongServer

WORLD = None
BRIEF = {"certificateAuthorityName": "brief"}
MANY = 20


def check_trouble(agent, before):
    """After a renewal that failed: nothing is lost, and somebody who looks learns why."""
    agent.wait_for_signal("Failed")
    now = agent.wait_for_rest()
    assert now["State"] in ("backing-off", "waiting-for-network", "refused"), now
    assert now["Cause"] and now["LastErrorText"] and now["LastErrorName"].startswith("org.brevet.Error."), now
    assert now["Failures"] > 0 and now["NextAttempt"] > 0, now
    assert (now["Sha256"], now["Generation"]) == (before["Sha256"], before["Generation"]), now
    assert agent.installed() == before["Sha256"]
    return now


def check_recovery(agent, before):
    """Nobody calls: the next attempt is the device's own."""
    now = agent.wait_for_generation(before["Generation"] + 1)
    assert now["LastErrorText"] == "" and now["Failures"] == 0, now
    assert agent.installed() == now["Sha256"] != before["Sha256"]


@contextlib.contextmanager
def failing_renewal(agent, *words):
    """The body of the with-statement makes the trouble; its end ends it."""
    before = agent.properties()
    with contextlib.ExitStack() as trouble:
        yield trouble
        assert agent.try_to("Renew") is not None
        now = check_trouble(agent, before)
        for word in words:
            assert word in now["LastErrorText"], (word, now)
    check_recovery(agent, before)


# --- the disk ---------------------------------------------------------------------------------------------------------------------


def fail_each_write(action):
    with WORLD.device() as agent:
        # Here the test alone says when.
        agent.configure("identity main", retry_minimum="1d", retry_maximum="1d")
        faults = Faults(agent)
        agent.start(**faults.environment)
        before = agent.wait_for_generation(1)
        point, happened, failures = 0, True, 0
        while happened:
            point += 1
            faults.arm(action, point)
            failed = agent.try_to("Renew") is not None
            happened = faults.happened
            faults.disarm()
            failures += failed
            now = agent.properties()
            assert now["Sha256"] == agent.installed(), (point, now)
            assert failed or now["Generation"] > before["Generation"], (point, now)
            assert not failed or now["LastErrorText"], (point, now)
            if failed and now["State"] not in ("renewing", "provisioned"):
                assert now["Cause"], (point, now)
            before = now
        assert point > MANY and failures > 0, (point, failures)
        agent.stop()


def test_each_write_of_a_renewal_fails():
    fail_each_write(NO_IO)


def test_the_disk_is_full_at_each_write_of_a_renewal():
    fail_each_write(NO_SPACE)


def test_each_write_of_a_renewal_is_cut_short():
    fail_each_write(SHORT)


def test_a_disk_that_fails_for_a_while():
    with WORLD.device() as agent:
        faults = Faults(agent)
        agent.start(**faults.environment)
        agent.wait_for_generation(1)
        for action, word in ((NO_IO, "Input/output error"), (NO_SPACE, "No space left")):
            with failing_renewal(agent, word) as trouble:
                faults.arm(action, ALWAYS)
                trouble.callback(faults.disarm)
        agent.stop()


def test_a_disk_that_is_full():
    with WORLD.device() as agent:
        agent.store.rmdir()
        agent.store.mkdir(mode=0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", agent.store], check=False,
                                 stderr=subprocess.DEVNULL)
        if mounted.returncode != 0:
            raise tap.Skip("nothing can be mounted here")
        try:
            agent.start()
            agent.wait_for_generation(1)
            with failing_renewal(agent, "No space left") as trouble:
                filler = agent.store / "filler"
                fill(filler)
                trouble.callback(filler.unlink)
            agent.stop()
        finally:
            if agent.process is not None:
                agent.kill()
            command("umount", agent.store)


def fill(path):
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


# --- the service ------------------------------------------------------------------------------------------------------------------


def test_a_service_that_comes_later():
    WORLD.proxy.mode = REFUSE
    with WORLD.device() as agent:
        agent.start()
        agent.wait_for_signal("Failed", 2)
        now = agent.wait_for("a pause", lambda now: now["State"] in ("backing-off", "waiting-for-network"))
        assert now["Cause"] and now["Generation"] == 0 and agent.installed() is None, now
        WORLD.proxy.mode = PASS
        agent.wait_for_generation(1)
        assert agent.installed() in WORLD.issued(agent)
        agent.stop()


def test_a_service_that_is_gone_for_a_while():
    with WORLD.provisioned() as agent:
        with failing_renewal(agent) as trouble:
            WORLD.service.stop()
            WORLD.proxy.drop_connections()
            trouble.callback(WORLD.service.start)
        agent.stop()


def test_a_start_without_the_service():
    with WORLD.provisioned() as agent:
        agent.stop()
        WORLD.proxy.mode = REFUSE
        agent.start()
        now = agent.properties()
        assert now["State"] == "provisioned" and now["Sha256"] == agent.installed(), now
        WORLD.proxy.mode = PASS
        agent.stop()


def test_a_service_that_hangs():
    with WORLD.device() as agent:
        agent.configure("transport main", timeout="1s")
        agent.start()
        agent.wait_for_generation(1)
        with failing_renewal(agent) as trouble:
            WORLD.proxy.mode = HANG
            WORLD.proxy.drop_connections()
            trouble.callback(setattr, WORLD.proxy, "mode", PASS)
        agent.stop()


def test_a_service_that_dies_while_it_answers():
    with WORLD.provisioned() as agent:
        size = measure_answers(agent)
        for point in (0, size // 2, size - 50):
            known, before = WORLD.issued(agent), agent.properties()
            WORLD.proxy.drop_connections()
            WORLD.proxy.cut_after(point, WORLD.service.kill)
            failed = agent.try_to("Renew") is not None
            assert agent.installed() == agent.properties()["Sha256"]
            if WORLD.service.process is not None:
                # A shorter handshake than that of the measurement.
                WORLD.proxy.cut_after(None)
                continue
            WORLD.service.start()
            if failed:
                check_recovery(agent, before)
            assert len(WORLD.issued(agent) - known) <= (1 if point == 0 else 2)
        agent.stop()


def measure_answers(agent):
    WORLD.proxy.drop_connections()
    start = WORLD.proxy.from_server
    agent.act("Renew")
    return WORLD.proxy.from_server - start


def test_a_line_that_is_cut():
    with WORLD.provisioned() as agent:
        size = measure_answers(agent)
        for point in (0, 1, 500, size // 2, size * 3 // 4, size - 60):
            WORLD.proxy.drop_connections()
            known = WORLD.issued(agent)
            before = agent.properties()
            # The line stays away until somebody has looked.
            WORLD.proxy.cut_after(point, lambda: setattr(WORLD.proxy, "mode", REFUSE))
            failed = agent.try_to("Renew") is not None
            if failed:
                check_trouble(agent, before)
            WORLD.proxy.cut_after(None)
            WORLD.proxy.mode = PASS
            if failed:
                check_recovery(agent, before)
            else:
                assert point > size // 2, (point, size)
            assert len(WORLD.issued(agent) - known) <= 2
        agent.stop()


# --- nonsense ---------------------------------------------------------------------------------------------------------------------


WRONG_ANSWERS = {
    "a gateway's page": (502, "text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    "a portal's page": (200, "text/html", b"<html><body>Please accept our terms</body></html>"),
    "no JSON": (200, "application/json", b"\x00\xff{{{"),
    "JSON of another kind": (200, "application/json", b'["assigned"]'),
    "an assignment of nothing": (200, "application/json", b'{"operationId":"x","status":"assigned"}'),
    "a certificate that is none": (200, "application/json",
                                   b'{"operationId":"x","status":"assigned","registrationState":{"assignedHub":"hub.example.net",'
                                   b'"deviceId":"pump","status":"assigned","issuedClientCertificate":'
                                   b'"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"}}'),
    "far too much": (200, "application/json", b" " * (8 << 20)),
    "a wrong status": (418, "text/plain", b"I am a teapot"),
    "a redirection": (307, "text/plain", b"elsewhere"),
    "a failure without reason": (500, "application/json", b"{}"),
    "nothing": (200, "application/json", b""),
}


def test_answers_that_make_no_sense():
    tls = WORLD.service.directory / "tls"
    with WORLD.provisioned() as agent:
        before = agent.properties()
        with contextlib.ExitStack() as trouble:
            trouble.callback(WORLD.proxy.drop_connections)
            trouble.callback(setattr, WORLD.proxy, "target", WORLD.service.port)
            for name, (status, content_type, body) in WRONG_ANSWERS.items():
                server = WrongServer(tls / "server.pem", tls / "server.key", status, content_type, body)
                trouble.callback(server.stop)
                WORLD.proxy.target = server.port
                WORLD.proxy.drop_connections()
                assert agent.try_to("Renew") is not None, name
                check_trouble(agent, before)
        check_recovery(agent, before)
        agent.stop()


def test_a_server_that_is_somebody_else():
    with WORLD.provisioned() as agent:
        key, certificate = agent.scratch / "other.key", agent.scratch / "other.pem"
        command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        server = WrongServer(certificate, key)
        with failing_renewal(agent) as trouble:
            WORLD.proxy.target = server.port
            WORLD.proxy.drop_connections()
            trouble.callback(server.stop)
            trouble.callback(setattr, WORLD.proxy, "target", WORLD.service.port)
        agent.stop()


# --- time -------------------------------------------------------------------------------------------------------------------------


def test_short_lives():
    """Certificates of 70 seconds, renewed again and again without a call."""
    with WORLD.device(clientCertificateIssuancePolicy=BRIEF) as agent:
        agent.configure("identity main", renew="2%", renewal_jitter="0%")
        agent.start()
        agent.wait_for_signal("Renewed", 4)
        generations = [parameters[0] for parameters in agent.emitted("Renewed")]
        assert generations == sorted(set(generations)), generations
        assert not agent.emitted("Failed"), agent.read_log()
        assert len({parameters[1] for parameters in agent.emitted("Renewed")}) == len(generations)
        now = agent.properties()
        assert 0 < now["NotAfter"] - now["NotBefore"] <= 75, now
        agent.stop()
        assert agent.installed() in WORLD.issued(agent)


def main():
    global WORLD
    with running_world() as WORLD:
        tap.run(tap.collect(dict(globals())))


main()
