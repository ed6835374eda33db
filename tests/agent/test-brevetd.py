#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd as a process of the system: how it begins and ends, and what gdbus and busctl, which know nothing of it, see on the bus."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import running_world

import tap
from gi.repository import Gio, GLib
from agent import BREVETD, IDENTITY, NAME, PATH
from dps import PATIENCE, command
from proxy import HANG, PASS

WORLD = None
MAIN = f"{PATH}/identities/main"


def gdbus(method, *arguments, path=MAIN, expect=0):
    return command("gdbus", "call", "--session", "--dest", NAME, "--object-path", path, "--method", method, *arguments, expect=expect,
                   env=WORLD.bus.environment)


def busctl(*arguments):
    return command("busctl", f"--address={WORLD.bus.address}", *arguments).stdout.strip()


class Monitor:
    """gdbus monitor, and what it has written."""

    def __init__(self):
        self.process = subprocess.Popen(["gdbus", "monitor", "--session", "--dest", NAME], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True, env=dict(WORLD.bus.environment, LC_ALL="C"))
        self.lines = []
        self.arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for("is owned by")

    def _read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.lines.append(line.rstrip())
                self.arrived.notify()

    def find(self, pattern):
        return [line for line in self.lines if re.search(pattern, line)]

    def wait_for(self, pattern):
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.find(pattern), PATIENCE), self.lines
            return self.find(pattern)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Manager:
    """What systemd would be told."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)
        self.told = []

    def wait_for(self, text):
        start = len(self.told)
        while not any(text in message for message in self.told[start:]):
            self.told.append(self.socket.recv(4096).decode())
        return self.told[-1]

    def close(self):
        self.socket.close()
        self.directory.cleanup()


def test_what_other_tools_see():
    with WORLD.device() as agent:
        agent.configure("identity main", local_trust_file=agent.service.directory / "ca/root.pem")
        agent.start()
        now = agent.wait_for_generation(1)
        state = busctl("get-property", NAME, MAIN, IDENTITY, "State")
        assert state == 's "provisioned"', state
        sha256 = busctl("get-property", NAME, MAIN, IDENTITY, "Sha256")
        assert sha256 == f's "{agent.installed()}"', sha256
        objects = gdbus("org.freedesktop.DBus.ObjectManager.GetManagedObjects", path=PATH).stdout
        assert f"objectpath '{MAIN}'" in objects and now["Subject"] in objects, objects
        tree = busctl("tree", "--list", NAME)
        assert MAIN in tree.split(), tree
        location = now["CertificateLocation"]
        assert gdbus(f"{IDENTITY}.GetCertificate").stdout.count("BEGIN CERTIFICATE") == pathlib.Path(location).read_text().count(
            "BEGIN CERTIFICATE")
        assert "BEGIN CERTIFICATE" in gdbus(f"{IDENTITY}.GetTrustBundle").stdout
        agent.stop()


def test_a_renewal_is_seen_by_whoever_watches():
    with WORLD.provisioned() as agent:
        before = agent.properties()
        monitor = Monitor()
        try:
            gdbus(f"{IDENTITY}.Renew", "{}")
            renewed = monitor.wait_for(r"Identity\.Renewed \(uint64 2, ")
            changed = monitor.find(r"PropertiesChanged \('org\.brevet\.Agent1\.Identity', .*'Sha256'")
            assert len(changed) == 1 and before["Sha256"] not in changed[0], monitor.lines
            assert agent.properties()["Sha256"] in changed[0] and agent.properties()["Sha256"] in renewed[0], monitor.lines
            assert monitor.lines.index(changed[0]) < monitor.lines.index(renewed[0]), monitor.lines
        finally:
            monitor.stop()
        agent.stop()


def test_reading_by_others_is_no_use():
    """Only who can read the key can use the identity: a stranger who reads the certificate must not end the care for the previous one."""
    if os.geteuid() != 0:
        raise tap.Skip("only root can be somebody else")
    with WORLD.provisioned() as agent:
        agent.act("Renew")
        assert agent.properties()["PreviousGeneration"] == 1
        WORLD.bus.directory.chmod(0o711)
        done = subprocess.run(["gdbus", "call", "--session", "--dest", NAME, "--object-path", MAIN, "--method",
                               f"{IDENTITY}.GetCertificate"], user="nobody", group="nogroup", extra_groups=[], capture_output=True,
                              text=True, timeout=PATIENCE, check=False,
                              env=dict(WORLD.bus.environment, HOME="/nonexistent", LD_LIBRARY_PATH=""))
        assert done.returncode == 0 and "BEGIN CERTIFICATE" in done.stdout, done
        # An attempt stores, too: whatever that call has begun has ended before it, and is told of the generation that was read.
        agent.act("Renew")
        read = json.loads((agent.store / "current/identity-main-previous/generation").read_text())
        assert read["number"] == 2 and not read["used"], read
        gdbus(f"{IDENTITY}.GetCertificate")
        agent.wait_for("the end of the previous identity", lambda now: now["PreviousGeneration"] == 0)
        agent.stop()


def test_errors_have_names():
    with WORLD.provisioned() as agent:
        done = gdbus(f"{IDENTITY}.Renew", "{'speed': <1>}", expect=1)
        assert "org.brevet.Error.Invalid" in done.stderr and "speed" in done.stderr, done
        agent.stop()


def test_a_broken_configuration_changes_nothing():
    with WORLD.provisioned() as agent:
        text = agent.configuration.read_text()
        agent.configuration.write_text(text.replace("type=file", "type=paper"))
        done = gdbus("org.brevet.Agent1.Reload", path=PATH, expect=1)
        assert "org.brevet.Error.NotConfigured" in done.stderr and "store-paper" in done.stderr, done
        assert "store-paper" in busctl("get-property", NAME, PATH, "org.brevet.Agent1", "ConfigurationError")
        assert agent.properties()["State"] == "provisioned"
        agent.configuration.write_text(text)
        gdbus("org.brevet.Agent1.Reload", path=PATH)
        assert busctl("get-property", NAME, PATH, "org.brevet.Agent1", "ConfigurationError") == 's ""'
        assert agent.properties()["Generation"] == 1
        agent.stop()


def test_a_broken_configuration_at_the_start_is_told_and_can_be_mended():
    with WORLD.device() as agent:
        text = agent.configuration.read_text()
        agent.configuration.write_text("[agent]\n")
        agent.start()
        assert "[identity NAME]" in busctl("get-property", NAME, PATH, "org.brevet.Agent1", "ConfigurationError")
        agent.configuration.write_text(text)
        agent.process.send_signal(signal.SIGHUP)
        agent.wait(lambda: MAIN in busctl("tree", "--list", NAME).split(), "the identity")
        agent.wait_for_generation(1)
        agent.stop()


def test_another_scope_in_two_phases():
    with WORLD.provisioned() as agent:
        before = agent.properties()
        agent.configure("identity main", id_scope="0ne000Wrong")
        gdbus("org.brevet.Agent1.Reload", path=PATH)
        agent.wait_for_signal("Failed")
        now = agent.properties()
        assert now["IdScope"] == "0ne000Wrong" and now["Sha256"] == before["Sha256"] == agent.installed(), now
        agent.configure("identity main", id_scope=agent.service.id_scope)
        gdbus("org.brevet.Agent1.Reload", path=PATH)
        agent.wait_for("rest", lambda now: now["State"] == "provisioned")
        assert agent.installed() == agent.properties()["Sha256"]
        agent.stop()


def test_a_restart_keeps_the_identity():
    with WORLD.provisioned() as agent:
        before = agent.properties()
        agent.stop()
        agent.start()
        now = agent.properties()
        assert (now["State"], now["Sha256"], now["Generation"]) == ("provisioned", before["Sha256"], 1), now
        agent.stop()
        assert WORLD.issued(agent) == {before["Sha256"]}


def test_a_second_one_is_refused():
    with WORLD.provisioned() as agent:
        other = agent.scratch / "other.conf"
        other.write_text(agent.configuration.read_text().replace("directory=store", "directory=other"))
        done = command(BREVETD, "--config", other, "--bus", "session", expect=1, env=WORLD.bus.environment)
        assert NAME in done.stderr and "another process" in done.stderr, done
        assert agent.properties()["State"] == "provisioned"
        agent.stop()


def ask_bus(connection, method, signature, *arguments):
    return connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
                                GLib.Variant(signature, arguments), None, Gio.DBusCallFlags.NONE, PATIENCE * 1000, None).unpack()[0]


def test_the_name_of_one_that_is_gone_is_waited_for():
    """A bus may learn of the end of a process after the service manager has started the next one."""
    with WORLD.device() as agent:
        former = Gio.DBusConnection.new_for_address_sync(
            WORLD.bus.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None,
            None)
        ask_bus(former, "RequestName", "(su)", NAME, 0)
        agent.spawn()
        # Each question is a turn of the bus; it does not tell of a queue by itself.
        while len(ask_bus(former, "ListQueuedOwners", "(s)", NAME)) < 2:
            assert not agent.has_ended(), agent.read_log()
        assert "The agent is ready" not in agent.read_log()
        former.close_sync(None)
        agent.wait_for_signal("Renewed")
        assert agent.wait_for_generation(1)["State"] == "provisioned"
        agent.stop()


def test_a_stop_does_not_wait_for_the_service():
    WORLD.proxy.mode = HANG
    try:
        with WORLD.device() as agent:
            agent.start()
            agent.wait_for("an attempt", lambda now: now["State"] in ("registering", "attesting"))
            agent.stop()
    finally:
        WORLD.proxy.mode = PASS


def test_a_lost_bus_is_a_failure_that_the_manager_sees():
    with running_world() as world, world.provisioned() as agent:
        world.bus.process.kill()
        assert agent.process.wait(PATIENCE) == 1, agent.read_log()
        assert "The connection to the bus was lost" in agent.read_log(), agent.read_log()
        assert "The agent has stopped" in agent.read_log(), agent.read_log()
        agent.forget_process()


def test_without_a_bus():
    done = command(BREVETD, "--bus", "session", "--config", "/nonexistent", expect=1,
                   env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent"))
    assert "No connection to the bus" in done.stderr, done


def test_what_the_service_manager_is_told():
    manager = Manager()
    try:
        with WORLD.device() as agent:
            agent.start(NOTIFY_SOCKET=manager.path)
            manager.wait_for("READY=1")
            manager.wait_for("STATUS=1 identity: 1 provisioned")
            agent.process.send_signal(signal.SIGHUP)
            assert "MONOTONIC_USEC=" in manager.wait_for("RELOADING=1")
            manager.wait_for("READY=1")
            agent.process.terminate()
            manager.wait_for("STOPPING=1")
            agent.stop()
    finally:
        manager.close()


def test_the_command_line():
    assert re.fullmatch(r"brevetd \d+\.\d+\.\d+\n", command(BREVETD, "--version").stdout)
    assert "--config" in command(BREVETD, "--help").stdout
    for wrong in (["--colour"], ["now"], ["--bus", "magic"]):
        done = command(BREVETD, *wrong, expect=2)
        assert wrong[-1] in done.stderr and "brevetd --help" in done.stderr, done


with running_world() as WORLD:
    tap.run(tap.collect(dict(globals())))
