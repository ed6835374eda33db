# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd installed on a machine with systemd and a system bus: activation, policy, reload, watchdog, restarts, credentials, sandbox;
and that the identity it gets from the brevet-dps of the same machine outlives all of that."""

import json
import pathlib
import signal
import tempfile
import time

import tap
from changes import wait_for_change
from dps import PATIENCE, command
from machine import (CHECK_MANUAL, RUNTIME, Gio, GLib, InstalledService, Unit, check_restarts_for_ever, check_sandbox, check_watchdog,
                     systemctl)

AGENT = "/org/brevet/Agent1"
MAIN = AGENT + "/identities/main"
CONFIGURATION = """
[store device]
type=file

[identity main]
id-scope={id_scope}
registration-id=pump-07

[transport main]
type=https
host=localhost
port=443
ca-file=/etc/brevet/service-ca.pem

[attestation main]
type=symmetric-key
key-credential=agent_pump-07
"""

# As in docs/deployment.md: an application that knows nothing of brevet, and what restarts it with each new certificate.
APPLICATION = """
[Service]
Type=oneshot
RemainAfterExit=yes
DynamicUser=yes
LoadCredential=identity:/var/lib/brevet/current/identity-main
ExecStart=/usr/bin/openssl pkey -in ${CREDENTIALS_DIRECTORY}/identity_aziot-dps-identity-cert-key -pubout
ExecStart=/usr/bin/openssl x509 -in ${CREDENTIALS_DIRECTORY}/identity_aziot-dps-identity-cert -pubkey -noout
"""
FOLLOWER = """
[Service]
ExecStart=/bin/sh -c 'brevet monitor --json main | {tee} grep --line-buffered event...renewed | while read -r event; do \
  systemctl try-restart application.service; done'
Restart=always
RestartSec=1s
"""

unit = Unit("brevetd.service")
service = None


def as_user(user, *arguments, expect=0):
    return command("runuser", "-u", user, "--", *arguments, expect=expect)


def busctl(user, *arguments, expect=0):
    return as_user(user, "busctl", "--system", "--json=short", *arguments, expect=expect)


def call(user, path, interface, method, *arguments):
    text = busctl(user, "call", "org.brevet.Agent1", path, interface, method, *arguments).stdout
    return json.loads(text)["data"] if text.strip() else None


def refused(user, path, interface, method, *arguments):
    """What is said to somebody who may not."""
    done = busctl(user, "call", "org.brevet.Agent1", path, interface, method, *arguments, expect=1)
    return done.stderr


def read(path, name, user="nobody"):
    interface = "org.brevet.Agent1" if path == AGENT else "org.brevet.Agent1.Identity"
    return json.loads(busctl(user, "get-property", "org.brevet.Agent1", path, interface, name).stdout)["data"]


def wait_for_identity(**wanted):
    """The agent's name is another's after a restart, so whoever sends a signal is listened to."""
    changes, expired = [], []
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)
    subscription = bus.signal_subscribe(None, "org.freedesktop.DBus.Properties", "PropertiesChanged", MAIN, None,
                                        Gio.DBusSignalFlags.NONE, lambda *arguments: changes.append(arguments))
    timer = GLib.timeout_add_seconds(PATIENCE, lambda: expired.append(True) or GLib.SOURCE_CONTINUE)
    try:
        while True:
            changes.clear()
            facts = call("nobody", MAIN, "org.freedesktop.DBus.Properties", "GetAll", "s", "org.brevet.Agent1.Identity")[0]
            if all(facts[name]["data"] == value for name, value in wanted.items()):
                return {name: value["data"] for name, value in facts.items()}
            while not changes:
                assert not expired, f"{wanted} never came: {facts}\n{unit.log()}"
                GLib.MainContext.default().iteration(True)
    finally:
        GLib.source_remove(timer)
        bus.signal_unsubscribe(subscription)


def configure(text):
    pathlib.Path("/etc/brevet/agent.conf").write_text(text)
    command("systemd-tmpfiles", "--create", "brevet.conf")


def test_systemd_analyze_finds_nothing_wrong_with_the_unit():
    done = command("systemd-analyze", "verify", CHECK_MANUAL, "brevetd.service")
    assert "brevet" not in done.stderr, done.stderr


def test_a_question_of_anybody_on_the_bus_starts_the_agent():
    assert unit["ActiveState"] == "inactive"
    begin = time.monotonic()
    version = read(AGENT, "Version")
    print(f"# answered after {1000 * (time.monotonic() - begin):.0f} ms")
    assert version and unit["ActiveState"] == "active"
    assert unit.user == "brevet", unit.user


def test_without_a_configuration_it_runs_and_says_so():
    assert "agent.conf" in read(AGENT, "ConfigurationError"), read(AGENT, "ConfigurationError")
    assert read(AGENT, "Identities") == []
    assert unit["NRestarts"] == "0"


def test_reload_is_for_root_and_tells_of_a_mistake():
    configure("[identity main]\nrenew=never ever\n")
    assert "Access denied" in refused("nobody", AGENT, "org.brevet.Agent1", "Reload")
    assert "agent.conf:" in refused("root", AGENT, "org.brevet.Agent1", "Reload")
    assert "agent.conf:" in read(AGENT, "ConfigurationError")
    assert unit["ActiveState"] == "active"


def test_a_correct_configuration_provisions_the_device_with_a_key_from_a_credential():
    global service
    service = InstalledService()
    service.socket.start()
    key = service.enroll("pump-07", clientCertificateIssuancePolicy={"certificateAuthorityName": "local"})
    credential = pathlib.Path("/etc/brevet/agent-credentials/pump-07")
    credential.touch(0o600)
    credential.write_text(key + "\n")
    as_user("brevet", "cat", credential, expect=1)
    ca = pathlib.Path("/etc/brevet/service-ca.pem")
    ca.write_text((service.directory / "tls/ca.pem").read_text())
    ca.chmod(0o644)
    configure(CONFIGURATION.format(id_scope=service.id_scope))
    # Credentials come with the start.
    unit.restart()
    facts = wait_for_identity(State="provisioned")
    assert read(AGENT, "ConfigurationError") == "" and read(AGENT, "Identities") == [MAIN]
    assert facts["AssignedHub"] == "hub.example.net" and facts["Generation"] == 1, facts
    unit.wait_for_property("StatusText", "1 identity: 1 provisioned")


def test_everybody_may_read_the_certificate_and_nobody_the_key():
    facts = wait_for_identity(State="provisioned")
    with tempfile.TemporaryDirectory() as scratch:
        pem = pathlib.Path(scratch, "certificate.pem")
        pem.write_text(call("nobody", MAIN, "org.brevet.Agent1.Identity", "GetCertificate")[0])
        command("openssl", "verify", "-CAfile", service.directory / "ca/root.pem", "-untrusted", service.directory / "ca/issuing.pem", pem)
        assert "CN = pump-07" in command("openssl", "x509", "-in", pem, "-noout", "-subject").stdout
    key = facts["KeyLocation"].removeprefix("file://")
    assert "PRIVATE KEY" in pathlib.Path(key).read_text()
    as_user("nobody", "cat", key, expect=1)
    as_user("brevet-dps", "cat", key, expect=1)
    call("nobody", AGENT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    assert "GetCertificate" in call("nobody", MAIN, "org.freedesktop.DBus.Introspectable", "Introspect")[0]


def public_keys(application):
    """What the application sees since its last start: of its key, and of its certificate."""
    text = application.log("_SYSTEMD_INVOCATION_ID=" + application["InvocationID"])
    return [key.strip() for key in text.split("-----BEGIN PUBLIC KEY-----")[1:]]


def test_an_application_has_key_and_certificate_and_is_restarted_with_the_next_ones():
    application, follower = Unit("application.service"), Unit("application-renewal.service")
    (RUNTIME / application.name).write_text(APPLICATION)
    events = pathlib.Path("/run/events.json")
    (RUNTIME / follower.name).write_text(FOLLOWER.format(tee=f"tee {events} |"))
    systemctl("daemon-reload")
    wait_for_identity(State="provisioned")
    application.start()
    first = public_keys(application)
    assert len(first) == 2 and first[0] == first[1], first
    follower.start()
    wait_for_change(lambda: events.exists() and "state" in events.read_text(), events.parent, PATIENCE,
                    lambda: f"The state never came, behind which it hears of everything\n{follower.log()}")
    call("root", MAIN, "org.brevet.Agent1.Identity", "Renew", "a{sv}", "0")
    second = first

    def has_restarted():
        nonlocal second
        second = public_keys(application)
        return len(second) == 2 and second != first

    application.wait_for("its restart", has_restarted)
    assert second[0] == second[1] != first[0], (first, second)
    follower.stop()
    application.stop()


def test_nobody_but_root_changes_anything():
    before = wait_for_identity(State="provisioned")
    for method in ("Renew", "Reprovision", "Provision"):
        assert "Access denied" in refused("nobody", MAIN, "org.brevet.Agent1.Identity", method, "a{sv}", "0"), method
    assert "Access denied" in refused("nobody", MAIN, "org.brevet.Agent1.Identity", "Cancel")
    assert "Access denied" in refused("nobody", MAIN, "org.freedesktop.DBus.Properties", "Set", "ssv", "org.brevet.Agent1.Identity",
                                      "State", "s", "disabled")
    assert "Access denied" in refused("brevet-dps", MAIN, "org.brevet.Agent1.Identity", "Renew", "a{sv}", "0")
    as_user("nobody", "busctl", "--system", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
            "RequestName", "su", "org.brevet.Agent1", "4", expect=1)
    assert wait_for_identity(State="provisioned")["Sha256"] == before["Sha256"]
    call("root", MAIN, "org.brevet.Agent1.Identity", "Renew", "a{sv}", "0")
    after = wait_for_identity(State="provisioned")
    assert after["Sha256"] != before["Sha256"] and after["Generation"] == before["Generation"] + 1, (before, after)


def test_the_identity_outlives_restarts_and_a_service_that_is_gone():
    before = wait_for_identity(State="provisioned")
    service.socket.stop()
    service.unit.stop()
    unit.restart()
    assert wait_for_identity(State="provisioned")["Sha256"] == before["Sha256"]
    unit.wait_for_successor(unit.kill(signal.SIGKILL))
    after = wait_for_identity(State="provisioned")
    assert after["Sha256"] == before["Sha256"] and after["Generation"] == before["Generation"], (before, after)
    service.socket.start()


def test_systemctl_reload_takes_over_a_new_configuration():
    process = unit.pid
    configure(CONFIGURATION.format(id_scope=service.id_scope) + "\n[identity spare]\nenabled=no\nid-scope=x\nregistration-id=spare\n")
    unit.reload()
    unit.wait_for("a second identity", lambda: read(AGENT, "Identities") == [MAIN, AGENT + "/identities/spare"])
    assert unit.pid == process and unit["ActiveState"] == "active"
    configure(CONFIGURATION.format(id_scope=service.id_scope))
    unit.reload()
    unit.wait_for("only one identity", lambda: read(AGENT, "Identities") == [MAIN])


def test_an_agent_that_hangs_is_replaced():
    check_watchdog(unit)
    wait_for_identity(State="provisioned")


def test_no_number_of_failures_makes_systemd_give_up():
    before = wait_for_identity(State="provisioned")
    check_restarts_for_ever(unit)
    assert wait_for_identity(State="provisioned")["Sha256"] == before["Sha256"]


def test_the_sandbox_leaves_nothing_but_its_own_state():
    check_sandbox(unit, "brevet", "/var/lib/brevet-dps")


def test_a_stopped_agent_comes_back_when_it_is_asked():
    unit.stop()
    assert unit["Result"] == "success" and unit["ExecMainStatus"] == "0", unit.log()
    wait_for_identity(State="provisioned")


tap.run(tap.collect(dict(globals())))
