#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices whose way to the service is MQTT: the command brevet register, and brevetd, over TLS, over WebSocket and over whatever works."""

import contextlib
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from agent import Agent, Bus, TRUST_BUNDLE
from dps import Service, command, free_port
from proxy import HANG, Proxy

BREVET = os.environ["BREVET"]
SERVICE = BUS = None
DEVICES = iter(range(1000))


@contextlib.contextmanager
def running_agent(enrolled=True, **settings):
    """A brevetd with a transport of type mqtt and these settings."""
    agent = Agent(SERVICE, BUS, f"pump-{next(DEVICES)}", trustBundleId="roots")
    try:
        agent.groups["transport main"] = {"type": "mqtt", "host": "localhost", "ca-file": SERVICE.directory / "tls/ca.pem"}
        agent.configure("transport main", **settings)
        if not enrolled:
            (agent.scratch / "device.key").write_text("AAAA" * 11 + "\n")
        yield agent.start()
    finally:
        agent.clean_up()


def provision_and_renew(**settings):
    """Returns what the agent says at the end."""
    with running_agent(**settings) as agent:
        first = agent.wait_for_generation(1)
        certificate = agent.installed()
        assert certificate == first["Sha256"], (certificate, first["Sha256"])
        assert "BEGIN CERTIFICATE" in agent.read_installed()[TRUST_BUNDLE]
        agent.act("Renew")
        second = agent.wait_for_generation(2)
        assert second["Generation"] == 2 and agent.installed() == second["Sha256"] != certificate
        # The service cannot be asked for its trust bundle here, which is no trouble.
        assert second["LastErrorText"] == "", second["LastErrorText"]
        agent.stop()
        return agent.read_log()


def test_register():
    """A person registers a device over MQTT and gets its certificate."""
    name = f"pump-{next(DEVICES)}"
    key = SERVICE.enroll(name, clientCertificateIssuancePolicy={"certificateAuthorityName": "local"})
    directory = SERVICE.scratch / name
    directory.mkdir()
    (directory / "key").write_text(key)
    csr = directory / "device.csr"
    command("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", directory / "device.key", "-out", csr)

    def register(port, expect=0):
        return command(BREVET, "register", "--transport", "mqtt", "--host", "localhost", "--port", port, "--ca-file",
                       SERVICE.directory / "tls/ca.pem", "--id-scope", SERVICE.id_scope, "--registration-id", name,
                       "--symmetric-key-file", directory / "key", "--csr", csr, "--cert-out", directory / "device.pem", "--json",
                       "--timeout", 60, expect=expect)

    facts = json.loads(register(SERVICE.mqtt_port).stdout)
    assert facts["assignedHub"] == "hub.example.net", facts
    command("openssl", "verify", "-CAfile", SERVICE.directory / "ca/root.pem", "-untrusted", directory / "device.pem",
            directory / "device.pem")
    (directory / "key").write_text("AAAA" * 11 + "\n")
    refused = register(SERVICE.mqtt_port, expect=3)
    assert "not authorized (5)" in refused.stderr, refused.stderr


def test_tls():
    """Provisioned and renewed over MQTT and TLS."""
    provision_and_renew(port=SERVICE.mqtt_port)


def test_websocket():
    """The same over WebSocket, on the port of HTTPS."""
    provision_and_renew(ways=f"websocket:{SERVICE.port}")


def test_fallback():
    """Port 8883 is blocked, on one way by a refusal, on the other by silence: the device finds the third."""
    silent = Proxy(SERVICE.mqtt_port)
    silent.mode = HANG
    try:
        provision_and_renew(ways=f"tls:{free_port()};tls:{silent.port};websocket:{SERVICE.port}", connect_timeout="1s")
    finally:
        silent.stop()


def test_refused():
    """A key that the service does not know is a refusal, and not trouble with the network."""
    with running_agent(enrolled=False, port=SERVICE.mqtt_port) as agent:
        now = agent.wait_for("a refusal", lambda now: now["State"] == "refused")
        assert "not authorized (5)" in now["LastErrorText"], now["LastErrorText"]


def test_untrusted():
    """Whoever answers without the certificate of the service gets nothing."""
    with running_agent(port=SERVICE.mqtt_port) as agent:
        agent.wait_for_generation(1)
        agent.stop()
        agent.configure("transport main", ca_file=None)
        agent.start()
        error = agent.try_to("Renew")
        now = agent.wait_for("an error", lambda now: now["LastErrorText"] != "")
        assert error is not None and "this system trusts" in now["LastErrorText"], (error, now["LastErrorText"])


def main():
    global SERVICE, BUS
    SERVICE = Service(mqtt={})
    try:
        SERVICE.start()
        root = (SERVICE.directory / "ca/root.pem").read_text()
        made = SERVICE.operate("PUT", "/trustBundles/roots", {"certificates": [{"certificate": root}]}, {"If-Match": "*"})
        assert made.status == 200, made
        BUS = Bus()
        try:
            tap.run(tap.collect(globals()))
        finally:
            BUS.remove()
    finally:
        SERVICE.clean_up()


main()
