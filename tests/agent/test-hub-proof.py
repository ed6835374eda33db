#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd and its hub: what is sent with an identity, and, with hub-proof, that a new certificate takes the place of a valid one
when its hub has taken it, and not before. The service is a real one and counts what it issues; the hub is a real mosquitto."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import SETTINGS, running_world

import tap
from agent import NAME, PATH
from dps import DPS, command, free_port
from mosquitto_hub import Hub, SilentHub
from token_world import TOKEN, Hsm, TokenDevice

WORLD = None
MORE = """
[hub localhost]
host-name=localhost

[ca momentary]
type=local
certificate=ca/issuing.pem
key=ca/issuing.key
validity=1min
backdate=14min
"""
TRYING = "Trying the new certificate at the hub localhost"
WARNING = "in use without the consent of its hub"


class ConfiguredHub(Hub):
    """One that has everything from the service: whom it trusts, who may do what, and who is revoked."""

    def _configure(self, devices, by_certificate):
        made = self.directory / "made"
        command(DPS, "hub-config", "mosquitto", "--config", WORLD.service.directory / "dps.conf", "--directory", made, "--certificate",
                self.directory / "hub.pem", "--key", self.directory / "hub.key", "--port", self.port)
        (made / "local.d/user.conf").write_text("user root\n")
        (self.directory / "mosquitto.conf").write_text((made / "mosquitto.conf").read_text())


@contextlib.contextmanager
def device(*, started=True, kind=Hub, certificate_authority="local", trust_bundle=None, **settings):
    """A device with its first identity, and a hub that takes it."""
    authorities = [WORLD.service.directory / "ca" / name for name in ("root.pem", "issuing.pem")]
    hub = kind(authorities, (free_port(), free_port()))
    members = {"iotHubs": ["localhost"], "allocationPolicy": "static",
               "clientCertificateIssuancePolicy": {"certificateAuthorityName": certificate_authority}}
    if trust_bundle is not None:
        put_bundle(trust_bundle, hub.directory / "stranger.pem")
        members["trustBundleId"] = trust_bundle
    else:
        settings.setdefault("local_trust_file", hub.authority)
    try:
        with WORLD.device(**members) as agent:
            agent.configure("identity main", hub_proof="yes", hub_port=hub.port, **settings)
            # The first identity needs no hub.
            agent.start()
            agent.wait_for_generation(1)
            if started:
                hub.start()
            yield agent, hub
    finally:
        hub.clean_up()


def put_bundle(name, authority):
    body = {"certificates": [{"certificate": authority.read_text()}]}
    reply = WORLD.service.operate("PUT", f"/trustBundles/{name}", body, {"If-Match": "*"})
    assert reply.status == 200, reply


def reload(agent):
    agent.bus.call(NAME, PATH, NAME, "Reload")


def issued(agent):
    return len(WORLD.issued(agent))


def renew_in_vain(agent, error, *words):
    """The device stays with what it has, and says why."""
    before = agent.properties()
    seen = len(agent.emitted("Failed"))
    assert agent.try_to("Renew") == f"org.brevet.Error.{error}"
    agent.wait_for_signal("Failed", seen + 1)
    assert agent.emitted("Failed")[-1][0] == f"org.brevet.Error.{error}", agent.emitted("Failed")
    now = agent.properties()
    assert (now["Sha256"], now["Generation"]) == (before["Sha256"], before["Generation"]), now
    assert now["State"] in ("backing-off", "renewing"), now
    for word in ("The new certificate waits for its hub", "localhost", *words):
        assert word in now["LastErrorText"], (word, now)
    assert now["LastErrorName"] == f"org.brevet.Error.{error}" and now["LastErrorCode"] == 0 and now["Failures"] > 0, now
    assert issued(agent) == 2
    return before


def check_switch(agent, before, certificates=2):
    now = agent.wait_for_generation(before["Generation"] + 1)
    assert now["Sha256"] != before["Sha256"] and now["LastErrorText"] == "" and now["Failures"] == 0, now
    assert issued(agent) == certificates
    assert WARNING not in agent.read_log()


def test_hub_accepts():
    with device() as (agent, hub):
        before = agent.properties()
        agent.act("Renew")
        check_switch(agent, before)
        line = hub.wait_for_log("New client connected")
        assert f" as {agent.registration_id} (p2, c1, k60, u'{agent.registration_id}')" in line, line
        hub.wait_for_log(f"Received DISCONNECT from {agent.registration_id}")


def test_hub_refuses():
    with device(started=False) as (agent, hub):
        hub.refuse()
        hub.start()
        before = renew_in_vain(agent, "Rejected", f"localhost port {hub.port} refuses the device", "not authorized (5)")
        hub.accept()
        hub.restart()
        check_switch(agent, before)


def test_hub_does_not_know_the_authority():
    with device(started=False) as (agent, hub):
        hub.forget()
        hub.start()
        before = renew_in_vain(agent, "Rejected", f"port {hub.port} ended the connection")
        hub.accept()
        hub.restart()
        check_switch(agent, before)


def set_status(agent, status):
    path = f"/enrollments/{agent.registration_id}"
    body = {**WORLD.service.operate("GET", path).json, "provisioningStatus": status}
    reply = WORLD.service.operate("PUT", path, body, {"If-Match": body["etag"]})
    assert reply.status == 200, reply


def test_hub_knows_that_it_is_revoked():
    with device(started=False, kind=ConfiguredHub, retry_minimum="1h", retry_maximum="1h") as (agent, hub):
        renew_in_vain(agent, "Unreachable")
        set_status(agent, "disabled")
        hub.accept()
        hub.start()
        before = renew_in_vain(agent, "Rejected", f"port {hub.port} ended the connection")
        assert agent.wait_for_rest()["State"] == "backing-off"
        set_status(agent, "enabled")
        hub.accept()
        hub.restart()
        agent.act("Renew")
        check_switch(agent, before)


def test_hub_is_not_reached_and_the_device_restarts():
    with device(started=False) as (agent, hub):
        before = renew_in_vain(agent, "Unreachable", f"localhost port {hub.port}")
        agent.kill()
        agent.start()
        assert agent.properties()["Sha256"] == before["Sha256"]
        hub.start()
        check_switch(agent, before)


@contextlib.contextmanager
def silent(agent, hub):
    """A renewal that is at the hub, which says nothing; the body of the with-statement is what happens then."""
    before = agent.properties()
    quiet = SilentHub(hub.port)
    try:
        agent.begin("Renew")
        now = agent.wait_for("the hub being tried", lambda now: TRYING in now["Cause"])
        assert now["State"] == "renewing" and now["Sha256"] == before["Sha256"], now
        yield before
    finally:
        quiet.close()


def test_killed_while_the_hub_is_asked():
    with device(started=False) as (agent, hub):
        with silent(agent, hub) as before:
            agent.kill()
        hub.start()
        agent.start()
        check_switch(agent, before)


def test_stopped_while_the_hub_is_asked():
    with device(started=False) as (agent, hub):
        with silent(agent, hub) as before:
            agent.stop()
        hub.start()
        agent.start()
        check_switch(agent, before)


def test_hub_that_says_nothing():
    with device(started=False, timeout="5s") as (agent, hub):
        with silent(agent, hub) as before:
            agent.wait_for_signal("Failed")
            now = agent.properties()
            assert "5 seconds" in now["LastErrorText"] and now["LastErrorName"] == "org.brevet.Error.Unreachable", now
        hub.start()
        check_switch(agent, before)


def test_cancelled_while_the_hub_is_asked():
    with device(started=False, retry_minimum="1h", retry_maximum="1h") as (agent, hub):
        with silent(agent, hub) as before:
            agent.bus.call(NAME, agent.path, "org.brevet.Agent1.Identity", "Cancel")
            now = agent.wait_for("the end of it", lambda now: now["State"] != "renewing")
            assert "cancelled" in now["Cause"] and now["Failures"] == 0 and now["NextAttempt"] > 0, now
        hub.start()
        agent.act("Renew")
        check_switch(agent, before)


def test_switched_off_while_the_hub_is_asked():
    with device(started=False) as (agent, hub):
        with silent(agent, hub) as before:
            agent.configure("identity main", enabled="no")
            reload(agent)
            agent.wait_for("rest", lambda now: now["State"] == "disabled")
        hub.start()
        agent.configure("identity main", enabled="yes")
        reload(agent)
        check_switch(agent, before)


def test_proof_is_no_longer_wanted():
    with device(started=False, retry_minimum="1h", retry_maximum="1h") as (agent, _):
        before = renew_in_vain(agent, "Unreachable")
        agent.configure("identity main", hub_proof="no")
        reload(agent)
        check_switch(agent, before)


def test_port_was_wrong():
    with device(retry_minimum="1h", retry_maximum="1h") as (agent, hub):
        agent.configure("identity main", hub_port=free_port())
        reload(agent)
        before = renew_in_vain(agent, "Unreachable")
        agent.configure("identity main", hub_port=hub.port)
        reload(agent)
        check_switch(agent, before)


def test_hub_was_not_trusted():
    with device(retry_minimum="1h", retry_maximum="1h") as (agent, hub):
        agent.configure("identity main", local_trust_file=hub.directory / "stranger.pem")
        reload(agent)
        # What was trusted before goes with the next certificate.
        before = renew_in_vain(agent, "Untrusted", "trust bundle")
        agent.configure("identity main", local_trust_file=hub.authority)
        reload(agent)
        check_switch(agent, before)


def test_nobody_is_named_whom_to_trust():
    with device(retry_minimum="1h", retry_maximum="1h") as (agent, hub):
        (hub.directory / "nobody.pem").write_text("")
        agent.configure("identity main", local_trust_file=hub.directory / "nobody.pem")
        reload(agent)
        renew_in_vain(agent, "Untrusted", "this system trusts")


def test_trust_bundle_changes_while_it_waits():
    with device(trust_bundle="hubs", trust_bundle_poll="10s") as (agent, hub):
        before = renew_in_vain(agent, "Untrusted", "trust bundle")
        agent.kill()
        put_bundle("hubs", hub.authority)
        agent.start()
        check_switch(agent, before)


def test_from_scratch():
    """Who reprovisions wants another certificate than the one that the hub does not take."""
    with device(started=False, retry_minimum="1h", retry_maximum="1h") as (agent, hub):
        before = renew_in_vain(agent, "Unreachable")
        assert agent.try_to("Renew") == "org.brevet.Error.Unreachable" and issued(agent) == 2
        assert agent.try_to("Reprovision") == "org.brevet.Error.Unreachable" and issued(agent) == 3
        assert agent.properties()["Sha256"] == before["Sha256"]
        hub.start()
        agent.act("Renew")
        check_switch(agent, before, certificates=3)


def test_certificate_that_is_about_to_end():
    """It lives for a quarter of an hour, of which a minute is left, and the last three quarters of that minute are the end."""
    with device(started=False, certificate_authority="momentary", retry_minimum="3s", retry_maximum="1h", renewal_jitter="0",
                renew="55s") as (agent, _):
        before = agent.properties()
        agent.wait_for_signal("Failed")
        assert agent.properties()["Sha256"] == before["Sha256"] and issued(agent) == 2
        now = agent.wait_for("the next generation", lambda now: now["Generation"] > before["Generation"])
        assert now["Sha256"] != before["Sha256"] and WARNING in agent.read_log()
        assert now["Sha256"] in WORLD.issued(agent)


def send(agent, hub, *words):
    return command(os.environ["BREVET"], "send", "--bus=session", "--port", hub.port, *words, env=agent.bus.environment)


def test_sending_is_a_use():
    with device() as (agent, hub):
        agent.act("Renew")
        now = agent.wait_for_generation(2)
        assert now["PreviousGeneration"] == 1, now
        heard = hub.listen()
        assert "has acknowledged 1 message" in send(agent, hub, "test wind speed").stdout
        assert heard.readline() == f"devices/{agent.registration_id}/messages/events/ test wind speed\n"
        agent.wait_for("the end of the previous generation", lambda now: now["PreviousGeneration"] == 0)


def test_sending_while_it_is_renewed():
    with device() as (agent, hub):
        # The hub allows one connection for a device; the proof would end that of the sender.
        agent.configure("identity main", hub_proof="no")
        reload(agent)
        for _ in range(10):
            agent.begin("Renew")
            send(agent, hub, "x")
        agent.wait_for("rest", lambda now: now["State"] == "provisioned")
        assert agent.properties()["Generation"] > 2


def test_a_key_in_a_token():
    """From a file to a token, and then from one key in the token to the next: the hub takes each of them first."""
    with Hsm(TOKEN) as hsm, device() as (agent, hub):
        before = agent.properties()
        agent.stop()
        pump = TokenDevice(agent, hsm)
        pump.start()
        check_switch(agent, before)
        pump.check()
        before = agent.properties()
        agent.act("Renew")
        check_switch(agent, before, 3)
        label = pump.check()
        hub.wait_for_log(f"Received DISCONNECT from {agent.registration_id}")
        environment = {**agent.bus.environment, **pump.environment}
        options = ("--bus", "session", "--port", hub.port, "--module", hsm.module, "x")
        denied = command(os.environ["BREVET"], "send", *options, expect=None, env=environment)
        assert denied.returncode == 5 and "PIN" in denied.stderr, denied
        # A program that begins just while brevetd removes the former key may see no token.
        pump.wait_for_labels([label])
        command(os.environ["BREVET"], "send", "--pin-file", hsm.pin_file, *options, env=environment)
        agent.stop()


def main():
    global WORLD
    with running_world(SETTINGS + MORE) as WORLD:
        tap.run(tap.collect(globals()))


main()
