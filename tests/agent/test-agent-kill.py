#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd is killed at every call that writes, and while it is being answered: the device has the old identity or the new one
and never half of one, comes back without being asked, and uses what the service has issued for it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import KILL, KILL_HALF, Faults, running_world

import tap

# More than a commit of the storage makes: else the shim has no effect.
MANY = 20


def recover(agent, **environment):
    """Starts the device; nobody asks it for anything. Returns its properties once it is at rest with an identity."""
    agent.start(**environment)
    now = agent.wait_for_generation(1)
    assert agent.installed() == now["Sha256"], (agent.installed(), now)
    return now


def check_waste(world, agent, point, known, at_death):
    """What the service has issued since @known for one identity: only what it had delivered, and what died with the device
    before it was stored, may have been in vain."""
    issued = world.issued(agent) - known
    assert agent.installed() in issued, (point, agent.installed(), issued)
    assert len(issued) <= (2 if at_death and agent.installed() not in at_death else 1), (point, at_death, issued)


def die_provisioning(world, action, point):
    """A new device that dies at its @point-th call; returns whether it came so far."""
    with world.device() as agent:
        faults = Faults(agent)
        faults.arm(action, point)
        agent.spawn(**faults.environment)
        died = agent.dies_or(lambda: agent.emitted("Renewed"))
        at_death = world.issued(agent)
        there = agent.installed()
        assert there is None or there in at_death, (point, there, at_death)
        if died:
            recover(agent)
        check_waste(world, agent, point, set(), at_death)
        return died


def test_killed_at_each_write_of_the_first_provisioning():
    with running_world() as world:
        point = 1
        # A write can also be done by half; the same call is met in both ways.
        while die_provisioning(world, KILL if point % 2 else KILL_HALF, point):
            point += 1
        assert point > MANY, f"only {point} calls were counted"


def die_renewing(world, agent, faults, action, point):
    """A renewal that dies at its @point-th call; returns whether it came so far. The device runs before and after."""
    before = agent.properties()
    known = world.issued(agent)
    faults.arm(action, point)
    agent.begin("Renew")
    died = agent.dies_or(lambda: agent.has_renewed(before))
    faults.disarm()
    if not died:
        return False
    at_death = world.issued(agent) - known
    there = agent.installed()
    assert there == before["Sha256"] or there in at_death, (point, before, there, at_death)
    now = recover(agent, **faults.environment)
    assert now["Generation"] >= before["Generation"], (point, before, now)
    assert now["Sha256"] == there or now["Sha256"] in world.issued(agent) - known
    if now["Sha256"] == before["Sha256"]:
        # It was not due yet; what was begun is taken up when it is.
        agent.act("Renew")
    check_waste(world, agent, point, known, at_death)
    return True


def test_killed_at_each_write_of_a_renewal():
    with running_world() as world, world.device() as agent:
        faults = Faults(agent)
        recover(agent, **faults.environment)
        point = 1
        while die_renewing(world, agent, faults, KILL if point % 2 else KILL_HALF, point):
            point += 1
        assert point > MANY, f"only {point} calls were counted"
        agent.stop()


def test_a_renewal_that_is_due_is_taken_up_without_a_call():
    with running_world() as world:
        for point in (1, 7, 19, 31):
            with world.device(clientCertificateIssuancePolicy={"certificateAuthorityName": "brief"}) as agent:
                # Due a second or two after the certificate came.
                agent.configure("identity main", renew="68s", renewal_jitter="0%")
                faults = Faults(agent)
                agent.start(**faults.environment)
                agent.wait_for_generation(1)
                faults.arm(KILL, point)
                assert agent.dies_or(lambda: False)
                agent.installed()
                agent.start()
                now = agent.wait_for("the renewal", lambda now: now["Generation"] > 1)
                assert now["NotAfter"] > 0 and agent.installed() in world.issued(agent)
                agent.stop()


def test_killed_while_the_answer_comes():
    with running_world() as world, world.device() as agent:
        agent.start()
        agent.wait_for_generation(1)
        agent.stop()
        size = measure_answers(world, agent)
        # Before the first byte, in the handshake, in the answer, and before its last byte.
        for point in (0, 100, size // 3, size // 2, size * 3 // 4, size - 100, size - 1):
            agent.start()
            before = agent.wait_for_generation(1)
            known = world.issued(agent)
            world.proxy.cut_after(point, agent.process.kill)
            agent.begin("Renew")
            # What the handshake takes differs by some bytes from time to time.
            if not agent.dies_or(lambda: agent.has_renewed(before)):
                world.proxy.cut_after(None)
                assert point >= size - 100, (point, size)
                agent.stop()
                continue
            world.proxy.cut_after(None)
            assert agent.installed() == before["Sha256"]
            at_death = world.issued(agent) - known
            assert point > 100 or not at_death
            now = recover(agent)
            if now["Sha256"] == before["Sha256"]:
                agent.act("Renew")
            check_waste(world, agent, point, known, at_death)
            agent.stop()


def measure_answers(world, agent):
    """Bytes that the service sends for one renewal on a new connection."""
    agent.start()
    agent.wait_for_generation(1)
    start = world.proxy.from_server
    agent.act("Renew")
    size = world.proxy.from_server - start
    agent.stop()
    assert size > 1000, size
    return size


SCRIPTED = """[limits]
requests-per-device=0

[ca scripted]
type=scripted
certificate=ca/root.pem
key=ca/root.key
ledger={directory}/ledger
capabilities=idempotent
script=issue;hold
gate={directory}/gate
"""


def test_what_was_issued_meanwhile_is_not_issued_again():
    with running_world("") as world:
        directory = world.service.scratch
        os.mkfifo(directory / "gate")
        (directory / "ledger").touch()
        world.configure(SCRIPTED.format(directory=directory))
        world.service.stop()
        world.service.start()
        with world.device(clientCertificateIssuancePolicy={"certificateAuthorityName": "scripted"}) as agent:
            agent.start()
            before = agent.wait_for_generation(1)
            agent.begin("Renew")
            # It blocks until the CA has opened it as well: then the order is with the CA.
            with open(directory / "gate", "wb", buffering=0) as gate:
                agent.kill()
                assert agent.installed() == before["Sha256"]
                gate.write(b"!")
                world.service.wait_for_log("and issued its certificate", 2)
            (missed,) = world.issued(agent) - {before["Sha256"]}
            now = recover(agent)
            if now["Sha256"] == before["Sha256"]:
                agent.act("Renew")
            assert agent.installed() == missed
            signed = [line for line in (directory / "ledger").read_text().splitlines() if line.startswith("signed ")]
            assert len(signed) == 2, signed
            agent.stop()


tap.run(tap.collect(dict(globals())))
