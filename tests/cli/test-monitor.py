#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and scripts notice of brevet monitor."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import tap
from device import DAY, FRESH, GOOD, NOW, Agent, agent, brevet, bus, device, on_terminal, start


@contextlib.contextmanager
def monitor(on, *words, end=signal.SIGTERM):
    process = start(on, "monitor", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
        process.send_signal(end)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0 and output == "" and errors == "", (process.returncode, output, errors)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def event(process):
    line = process.stdout.readline()
    assert line.endswith("\n"), f"the monitor ended: {process.communicate()}"
    document = json.loads(line)
    time = datetime.datetime.strptime(document.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    assert abs(time.timestamp() - datetime.datetime.now().timestamp()) < 120
    return document


def said(process):
    """A line without its time."""
    line = process.stdout.readline()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC ", line), line
    return line.split(" UTC ", 1)[1].rstrip("\n")


def test_events_for_people():
    with device({"main": GOOD}) as (on, scripted), monitor(on, end=signal.SIGINT) as process:
        assert said(process) == "main: provisioned: The next renewal is planned"
        scripted.tell("set", "main", "State", "renewing", "Cause", "Asking\033[1m the service")
        assert said(process) == "main: renewing: Asking\\x1b[1m the service"
        scripted.tell("failed", "main", "org.brevet.Error.Unreachable", "Nobody\nis there", "track-9", NOW + 2 * DAY + 3600)
        line = said(process)
        assert line.startswith("main: the attempt failed: Nobody\\x0ais there (tracking id track-9); next attempt in 2 days ("), line
        scripted.tell("renewed", "main", 4, "cd" * 32, NOW + 30 * DAY + 3600)
        assert said(process).startswith("main: a new certificate is in use, expires in 30 days (")
        scripted.tell("bundle", "main", "18")
        assert said(process) == "main: another trust bundle is in use, version 18"


def test_events_for_programs():
    with device({"main": GOOD}) as (on, scripted), monitor(on, "--json") as process:
        assert event(process) == {"event": "state", "identity": "main", "state": "provisioned", "cause": "The next renewal is planned"}
        # What is no news for people comes not at all.
        scripted.tell("set", "main", "NextAttempt", 5, "Failures", 2)
        scripted.tell("set", "main", "Cause", "")
        assert event(process) == {"event": "state", "identity": "main", "state": "provisioned", "cause": None}
        scripted.tell("renewed", "main", 4, "cd" * 32, 2000000000)
        assert event(process) == {"event": "renewed", "identity": "main", "generation": 4, "sha256": "cd" * 32,
                                  "notAfter": "2033-05-18T03:33:20Z"}
        scripted.tell("failed", "main", "org.brevet.Error.Busy", "Too many", "", 2000000000)
        assert event(process) == {"event": "failed", "identity": "main", "name": "org.brevet.Error.Busy", "text": "Too many",
                                  "trackingId": None, "nextAttempt": "2033-05-18T03:33:20Z"}
        scripted.tell("bundle", "main", "")
        assert event(process) == {"event": "trust-bundle-changed", "identity": "main", "etag": None}


def test_identities_come_and_go():
    with device({"main": GOOD, "cloud": GOOD}) as (on, scripted), monitor(on, "--json") as process:
        assert [event(process)["identity"] for _ in range(2)] == ["cloud", "main"]
        scripted.tell("remove", "cloud")
        assert event(process) == {"event": "identity-removed", "identity": "cloud"}
        scripted.tell("add", "cloud")
        assert event(process) == {"event": "identity-added", "identity": "cloud"}
        assert event(process)["state"] == "provisioned"
        scripted.tell("set", "cloud", "State", "renewing")
        assert event(process)["state"] == "renewing"


def test_one_identity_alone():
    with device({"main": GOOD, "cloud": GOOD}) as (on, scripted), monitor(on, "cloud", "--json") as process:
        assert event(process)["identity"] == "cloud"
        scripted.tell("set", "main", "State", "renewing")
        scripted.tell("bundle", "main", "18")
        scripted.tell("remove", "main")
        scripted.tell("bundle", "cloud", "19")
        assert event(process) == {"event": "trust-bundle-changed", "identity": "cloud", "etag": "19"}
        done = brevet(on, "monitor", "clout", expect=2)
        assert "cloud" in done.stderr and done.stdout == "", done.stderr


def test_agent_is_started_again():
    with bus() as on, monitor_after_agent(on) as (process, first):
        first.close()
        assert event(process) == {"event": "agent-stopped", "identity": None}
        # It is not for the monitor to start it.
        with agent(on, {"main": FRESH}) as second:
            assert event(process) == {"event": "agent-started", "identity": None}
            assert event(process)["state"] == "unprovisioned"
            second.tell("set", "main", "State", "registering")
            assert event(process)["state"] == "registering"
        assert event(process)["event"] == "agent-stopped"


@contextlib.contextmanager
def monitor_after_agent(on):
    first = Agent(on, {"main": GOOD})
    with monitor(on, "--json") as process:
        assert event(process)["state"] == "provisioned"
        yield process, first


def test_agent_is_started_once():
    with bus(activated="/bin/false") as on, monitor_after_agent(on) as (process, first):
        count = on.directory / "started"
        (on.services / "org.brevet.Agent1.service").write_text(
            f"[D-BUS Service]\nName=org.brevet.Agent1\nExec=/bin/touch {count}\n")
        reload(on)
        first.close()
        assert event(process)["event"] == "agent-stopped"
        with agent(on, {"main": GOOD}):
            assert event(process)["event"] == "agent-started"
            assert event(process)["event"] == "state"
        assert event(process)["event"] == "agent-stopped"
        assert not count.exists()


def reload(on):
    subprocess.run(["dbus-send", f"--bus={on.address}", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                    "org.freedesktop.DBus.ReloadConfig"], check=True, capture_output=True)


def test_reader_goes_away():
    with device({"main": GOOD}) as (on, _):
        process = start(on, "monitor", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert "provisioned" in process.stdout.readline()
        # Nothing happens at the device; the monitor ends all the same.
        process.stdout.close()
        assert process.wait(timeout=60) == 0 and process.stderr.read() == ""
        process.stderr.close()


def test_full_disk():
    with device({"main": GOOD}) as (on, _), open("/dev/full", "w") as full:
        process = start(on, "monitor", stdout=full, stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1 and "output" in errors, errors


def test_bus_goes_away():
    with device({"main": GOOD}) as (on, _):
        process = start(on, "monitor", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert "provisioned" in process.stdout.readline()
        on.stop()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 4 and "bus has closed" in errors, (process.returncode, errors)


def test_colours():
    with device({"main": GOOD}) as (on, scripted):
        process, ours = on_terminal(on, "monitor")
        text = os.read(ours, 4096).decode()
        assert "main: provisioned" in text, text
        scripted.tell("renewed", "main", 4, "cd" * 32, NOW + DAY)
        text = os.read(ours, 4096).decode()
        assert "\033[32ma new certificate" in text, text
        process.terminate()
        process.stderr.close()
        assert process.wait(timeout=60) == 0
        os.close(ours)


tap.run(tap.collect(globals()))
