#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd with an onboarding certificate: it goes to the provisioning service and nowhere else, with all its intermediates, and the
issued one goes to the hub. The service knows one authority, and the hub another, so each of them takes only one of the two."""

import contextlib
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import mqtt_client
import pki
import tap
from agent import CERTIFICATE, KEY, NAME, PATH, Agent, Bus
from dps import PATIENCE, Service, command, free_port
from mosquitto_hub import Hub
from softhsm import Tokens

SERVICE = Service(mqtt={}, journaled=True)
BUS = None
ROOT = pki.make_root("Factory Root")
UPPER = pki.make_intermediate("Factory", ROOT)
LOWER = pki.make_intermediate("Line 4", UPPER)
HOUR = 3600
HUB = """
[hub localhost]
host-name=localhost
"""
DEVICES = iter(range(1000))


@contextlib.contextmanager
def device(leaf=None, files=True, **settings):
    """A device of the group, which nobody has started yet."""
    name = f"pump-{next(DEVICES)}"
    agent = Agent(SERVICE, BUS, name, attestation={"type": "x509", "certificate": "onboarding.pem", "key": "onboarding.key"})
    try:
        agent.configure("identity main", **settings)
        if files:
            (leaf or pki.make_leaf(name, LOWER)).write(agent.scratch, "onboarding", LOWER, UPPER)
        yield agent
    finally:
        agent.clean_up()


def reload(agent):
    agent.bus.call(NAME, PATH, NAME, "Reload")


def credentials(agent, since=0):
    """What the service says the device has proved itself with, in each registration."""
    return [record["BREVET_CREDENTIAL"] for record in SERVICE.journal.find(since, BREVET_REGISTRATION=agent.registration_id)
            if "issued its certificate" in record["MESSAGE"]]


def wait_for_credentials(agent, number):
    SERVICE.wait_for(lambda: len(credentials(agent)) >= number, f"registration {number}")
    assert set(credentials(agent)) == {"certificate signed by the group's primary certificate"}, credentials(agent)


def hub_answers(hub, agent, certificate, key):
    """The answer to a CONNECT with this certificate, or the word with which TLS ended."""
    context = ssl.create_default_context(cafile=hub.authority)
    context.load_cert_chain(certificate, key)
    try:
        raw = socket.create_connection(("localhost", hub.port), PATIENCE)
        with context.wrap_socket(raw, server_hostname="localhost") as stream:
            peer = mqtt_client.Peer(stream)
            peer.send(mqtt_client.connect_packet(agent.registration_id))
            return peer.expect(mqtt_client.CONNACK).body[1]
    except (ssl.SSLError, mqtt_client.Closed) as error:
        return str(error)


def service_answers(agent, certificate, key):
    context = SERVICE.context()
    context.load_cert_chain(certificate, key)
    path = f"/{SERVICE.id_scope}/registrations/{agent.registration_id}/register?api-version=2021-11-01-preview"
    return SERVICE.ask("PUT", path, {}, connection=SERVICE.connect(context=context)).status


def write_installed(agent):
    read = agent.read_installed()
    certificate, key = agent.scratch / "issued.pem", agent.scratch / "issued.key"
    certificate.write_text(read[CERTIFICATE])
    key.write_text(read[KEY])
    return certificate, key


def test_the_service_starts():
    (SERVICE.directory / "dps.conf.d/50-test.conf").write_text(HUB)
    SERVICE.start()
    enrollments.put_group(SERVICE, "line-4", enrollments.x509("signingCertificates", primary=UPPER), iotHubs=["localhost"],
                          allocationPolicy="static", **enrollments.ISSUE)


def test_each_to_its_own():
    """Both sides are asked directly first: neither takes the other's certificate, so whoever succeeds has shown the right one."""
    hub = Hub([SERVICE.directory / "ca" / name for name in ("root.pem", "issuing.pem")], (free_port(), free_port()))
    try:
        hub.start()
        with device(hub_proof="yes", hub_port=hub.port, local_trust_file=hub.authority) as agent:
            agent.start()
            first = agent.wait_for_generation(1)
            issued = write_installed(agent)
            onboarding = agent.scratch / "onboarding.pem", agent.scratch / "onboarding.key"
            assert service_answers(agent, *issued) == 401 and service_answers(agent, *onboarding) in (200, 202)
            assert hub_answers(hub, agent, *issued) == 0
            refusal = hub_answers(hub, agent, *onboarding)
            assert isinstance(refusal, str), refusal
            wait_for_credentials(agent, 1)

            agent.act("Renew")
            second = agent.wait_for_generation(2)
            assert second["Sha256"] != first["Sha256"], (first, second)
            wait_for_credentials(agent, 2)
            heard = hub.listen()
            command(os.environ["BREVET"], "send", "--bus=session", "--port", hub.port, "after the renewal", env=BUS.environment)
            assert heard.readline() == f"devices/{agent.registration_id}/messages/events/ after the renewal\n"
            # The onboarding credential is nowhere among what other programs get.
            for name, text in agent.read_installed().items():
                assert onboarding[0].read_text().splitlines()[1] not in text and onboarding[1].read_text() not in text, name
    finally:
        hub.clean_up()


class Listener:
    """A server of openssl that asks for a certificate of authorities that the device does not have, and says what it was sent."""

    def __init__(self, directory, *options):
        (directory / "strangers.pem").write_text(pki.make_root("Strangers").pem)
        self.port = free_port()
        self.said = []
        self.heard = threading.Condition()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-accept", str(self.port), "-cert", str(SERVICE.directory / "tls/server.pem"), "-key",
             str(SERVICE.directory / "tls/server.key"), "-Verify", "9", "-CAfile", str(directory / "strangers.pem"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait_for("ACCEPT")

    def _listen(self):
        for line in self.process.stdout:
            with self.heard:
                self.said.append(line)
                self.heard.notify_all()

    def wait_for(self, pattern):
        with self.heard:
            assert self.heard.wait_for(lambda: re.search(pattern, "".join(self.said)), PATIENCE), "".join(self.said)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def all_intermediates(*options):
    with device() as agent:
        listener = Listener(agent.scratch, *options)
        try:
            agent.configure("transport main", port=listener.port)
            agent.spawn()
            # It looks for the issuer of the last one it was sent.
            listener.wait_for(r"depth=2 CN ?= ?Factory\nverify error:num=20")
            listener.wait_for(r"subject=CN ?= ?" + agent.registration_id + r"\n")
            assert "Factory Root" not in re.sub(r"issuer=.*", "", "".join(listener.said)), listener.said
        finally:
            listener.end()


def test_all_intermediates_are_sent_over_tls_1_3():
    all_intermediates("-tls1_3")


def test_all_intermediates_are_sent_over_tls_1_2():
    all_intermediates("-tls1_2")


def test_all_intermediates_are_sent_to_who_names_no_authority():
    with device() as agent:
        listener = Listener(agent.scratch, "-no-CAfile", "-no-CApath", "-no-CAstore")
        try:
            agent.configure("transport main", port=listener.port)
            agent.spawn()
            listener.wait_for(r"depth=2 CN ?= ?Factory\nverify error:num=20")
        finally:
            listener.end()


def test_a_renewed_onboarding_certificate():
    """The same device with another certificate keeps what it has, and uses the new one the next time; the one before may be revoked."""
    with device() as agent:
        agent.start()
        first = agent.wait_for_generation(1)
        other_root = pki.make_root("Next Factory")
        enrollments.put_group(SERVICE, "next", enrollments.x509("signingCertificates", secondary=pki.make_root("None"),
                                                                primary=other_root), **enrollments.ISSUE)
        pki.make_leaf(agent.registration_id, other_root).write(agent.scratch, "onboarding")
        reload(agent)
        agent.stop()
        agent.start()
        now = agent.wait_for_generation(1)
        assert (now["Generation"], now["Sha256"]) == (1, first["Sha256"]), now
        assert len(credentials(agent)) == 1, credentials(agent)
        agent.act("Renew")
        now = agent.wait_for_generation(2)
        records = SERVICE.journal.find(BREVET_REGISTRATION=agent.registration_id, BREVET_ENROLLMENT="next")
        assert records and now["LastErrorText"] == "", (records, now)


def test_a_certificate_of_another_device():
    """Nothing is sent with it, and the state says what is wrong with it; the right one is taken as soon as it is there."""
    with device(leaf=pki.make_leaf("fan-1", LOWER)) as agent:
        since = len(SERVICE.journal.records)
        agent.start()
        now = agent.wait_for("the cause", lambda now: now["LastErrorText"] != "")
        assert now["LastErrorName"] == "org.brevet.Error.NotConfigured", now
        assert "is for the device “fan-1”, and the identity's registration id is “" in now["LastErrorText"], now
        assert not SERVICE.journal.find(since, BREVET_REGISTRATION=agent.registration_id)
        pki.make_leaf(agent.registration_id, LOWER).write(agent.scratch, "onboarding", LOWER, UPPER)
        agent.wait_for_generation(1)


def test_no_certificate_yet():
    """A device that is switched on before it has its certificate waits for it."""
    with device(files=False) as agent:
        agent.start()
        now = agent.wait_for("the cause", lambda now: now["LastErrorText"] != "")
        assert "onboarding.pem” cannot be read: No such file or directory" in now["LastErrorText"], now
        pki.make_leaf(agent.registration_id, LOWER).write(agent.scratch, "onboarding", LOWER, UPPER)
        agent.wait_for_generation(1)


@contextlib.contextmanager
def device_with_token(**transport):
    """The onboarding key is in a token. Gives it, the device, and what the device is started with."""
    with Tokens("factory") as tokens, device(timeout="5s") as agent:
        tokens.import_key("factory", "onboarding", agent.scratch / "onboarding.key")
        agent.groups["pkcs11"] = {"module": tokens.module}
        agent.configure("attestation main", key="pkcs11:token=factory;object=onboarding", key_password_file=tokens.pin_file)
        agent.configure("transport main", **transport)
        yield tokens, agent, {"SOFTHSM2_CONF": str(tokens.configuration), "BREVET_UNSTEADY_TOKEN": str(tokens.scratch)}


def hangs_and_comes_back(order, culprit="", **transport):
    """Whatever the token does not answer, the agent does, gives up in time, and goes on when the token does; it ends in time, too."""
    with device_with_token(**transport) as (tokens, agent, environment):
        with tokens.hanging(order):
            agent.start(**environment)
            text = agent.wait_for_signal("Failed")[1]
            assert "has no result after 5 seconds" in text and culprit in text, text
            assert agent.properties()["Generation"] == 0
        agent.wait_for_generation(1)
        with tokens.hanging(order):
            agent.begin("Renew")
            agent.wait_for("the attempt", lambda now: now["State"] == "renewing" or now["Generation"] == 2)
            agent.stop()


def test_a_token_that_hangs_when_the_key_is_looked_for():
    hangs_and_comes_back("hang-all", "what holds the device's credential (a file, a token, a TPM) does not answer")


def test_a_token_that_hangs_when_it_shall_sign():
    hangs_and_comes_back("hang-sign")


def test_a_token_that_hangs_when_it_shall_sign_over_mqtt():
    hangs_and_comes_back("hang-sign", type="mqtt", port=SERVICE.mqtt_port)


def lost_and_found(**transport):
    """SoftHSM misses the token, once when the agent starts, and once after the agent has used it."""
    with device_with_token(**transport) as (tokens, agent, environment):
        with tokens.away():
            agent.start(**environment)
            assert "“factory” is not there" in agent.wait_for_signal("Failed")[1]
        agent.wait_for_generation(1)
        with tokens.away():
            assert agent.try_to("Renew") is not None
        agent.wait_for_generation(2)
        agent.stop()


def test_a_token_that_softhsm_missed():
    lost_and_found()


def test_a_token_that_softhsm_missed_over_mqtt():
    lost_and_found(type="mqtt", port=SERVICE.mqtt_port)


def replaced_while_it_runs(**transport):
    """What is presented is what is there now, though the service would take up the TLS session of the certificate before."""
    # Here the test alone says when: an attempt of the device's own would be made with the certificate before, or with half of the next.
    with device(retry_minimum="1d", retry_maximum="1d") as agent:
        agent.configure("transport main", **transport)
        agent.start()
        first = agent.wait_for_generation(1)
        # It is presented, as the clock of a device may be wrong.
        pki.make_leaf(agent.registration_id, LOWER, ends=-HOUR).write(agent.scratch, "onboarding", LOWER, UPPER)
        since = len(SERVICE.journal.records)
        assert agent.try_to("Renew") == "org.brevet.Error.Rejected"
        now = agent.properties()
        assert (now["Generation"], now["Sha256"]) == (1, first["Sha256"]), now
        SERVICE.wait_for(lambda: any(f"“CN={agent.registration_id}” expired at 20" in record["MESSAGE"]
                                     for record in SERVICE.journal.records[since:]), "the reason")
        assert "it is presented all the same" in agent.read_log(), agent.read_log()
        pki.make_leaf(agent.registration_id, LOWER).write(agent.scratch, "onboarding", LOWER, UPPER)
        agent.act("Renew")
        agent.wait_for_generation(2)


def test_replaced_while_it_runs():
    replaced_while_it_runs()


def test_replaced_while_it_runs_over_mqtt():
    replaced_while_it_runs(type="mqtt", port=SERVICE.mqtt_port)


def test_replaced_while_it_runs_over_websocket():
    replaced_while_it_runs(type="mqtt", port=None, ways=f"websocket:{SERVICE.port}")


def main():
    global BUS
    try:
        BUS = Bus()
        try:
            tap.run(tap.collect(globals()))
        finally:
            BUS.remove()
    finally:
        SERVICE.clean_up()


main()
