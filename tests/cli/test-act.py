#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and scripts notice of brevet provision, renew and reprovision."""

import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import tap
from device import FRESH, GOOD, OVERDUE, agent, brevet, bus, device, on_terminal, read_terminal, start

METHODS = {"provision": "Provision", "renew": "Renew", "reprovision": "Reprovision"}


def test_each_command_calls_its_method_and_tells_the_result():
    with device({"main": GOOD}) as (on, scripted):
        for command, method in METHODS.items():
            done = brevet(on, command)
            scripted.expect(f"called main {method} wait")
            for fact in ("main: provisioned\n", "CN=pump-07", "in 30 days", "hub.example.net"):
                assert fact in done.stdout, done.stdout
            assert done.stderr == "" and "0A1B2C" not in done.stdout
            assert json.loads(brevet(on, command, "--json").stdout)["certificate"]["subject"] == "CN=pump-07"


def test_result_is_what_the_action_made():
    with device({"main": {**FRESH, "@Provision": "wait"}}) as (on, scripted):
        process = start(on, "provision", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        scripted.expect("called main Provision wait")
        scripted.tell("release", "main", "State", "provisioned", "Generation", 1, "Subject", "CN=new")
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0 and "main: provisioned" in output and "CN=new" in output and errors == "", (output, errors)


def test_no_wait():
    with device({"main": {**FRESH, "State": "registering"}}) as (on, scripted):
        done = brevet(on, "provision", "--no-wait")
        scripted.expect("called main Provision begin")
        assert "brevet monitor" in done.stdout, done.stdout
        assert json.loads(brevet(on, "provision", "--no-wait", "--json").stdout)["state"] == "registering"


def test_choice_of_the_identity():
    with device({"main": GOOD, "cloud": GOOD}) as (on, scripted):
        brevet(on, "renew")
        scripted.expect("called main Renew wait")
        brevet(on, "renew", "cloud")
        scripted.expect("called cloud Renew wait")
        scripted.tell("remove", "main")
        brevet(on, "renew")
        scripted.expect("called cloud Renew wait")
        done = brevet(on, "renew", "main", expect=2)
        assert "“main”" in done.stderr and "cloud" in done.stderr, done.stderr
        scripted.tell("remove", "cloud")
        assert "no identity" in brevet(on, "renew", expect=5).stderr
    with device({"factory": GOOD, "cloud": GOOD}) as (on, _):
        done = brevet(on, "renew", expect=2)
        assert "factory, cloud" in done.stderr, done.stderr


def test_errors_and_exit_codes():
    codes = {"Failed": 1, "Invalid": 1, "Rejected": 3, "Unreachable": 4, "NotConfigured": 5, "NotFound": 1, "Conflict": 3, "Busy": 4,
             "Unsupported": 1, "Corrupt": 1, "Untrusted": 5}
    with device({"main": GOOD}) as (on, scripted):
        for name, code in codes.items():
            scripted.tell("answer", "main", "Renew", f"org.brevet.Error.{name} The pump says no (track-9)")
            done = brevet(on, "renew", expect=code)
            assert done.stderr == "brevet: The pump says no (track-9)\n" and done.stdout == "", done.stderr
        for name, code, text in [("org.freedesktop.DBus.Error.AccessDenied", 3, "must be root"),
                                 ("org.freedesktop.DBus.Error.UnknownMethod", 1, "another version"),
                                 ("org.example.Odd", 1, "brevetd failed: no")]:
            scripted.tell("answer", "main", "Renew", f"{name} no")
            done = brevet(on, "renew", expect=code)
            assert text in done.stderr and "GDBus" not in done.stderr, done.stderr
        scripted.tell("answer", "main", "Renew", "org.brevet.Error.Failed a\033[31m\nb")
        assert brevet(on, "renew", expect=1).stderr == "brevet: a\\x1b[31m\\x0ab\n"


def test_failure_tells_when_it_is_tried_again():
    with device({"main": OVERDUE}) as (on, scripted):
        scripted.tell("answer", "main", "Renew", "org.brevet.Error.Unreachable The pump is out")
        errors = brevet(on, "renew", expect=4).stderr.splitlines()
        assert errors[0] == "brevet: The pump is out" and "tries again by itself in" in errors[1] and len(errors) == 2, errors


def test_mistake_in_the_configuration_is_the_reason_for_no_identity():
    mistake = "agent.conf:3: this line is nothing"
    with device({"main": GOOD}, {"ConfigurationError": mistake}) as (on, scripted):
        scripted.tell("remove", "main")
        for words in (("renew",), ("show", "certificate")):
            done = brevet(on, *words, expect=5)
            assert mistake in done.stderr and "add a group" not in done.stderr, done.stderr
        text = brevet(on, "status", expect=5).stdout
        assert mistake in text and "add a group" not in text, text


def test_denied_by_the_bus():
    identity = 'send_destination="org.brevet.Agent1" send_interface="org.brevet.Agent1.Identity"'
    policy = "".join(f'<deny {identity} send_member="{method}"/>' for method in METHODS.values())
    with bus(policy) as on, agent(on, {"main": GOOD}):
        for command in METHODS:
            done = brevet(on, command, expect=3)
            assert "must be root" in done.stderr and done.stdout == "", done.stderr
        brevet(on, "status")


def test_agent_that_ends_meanwhile():
    with device({"main": {**GOOD, "@Renew": "end"}}) as (on, _):
        done = brevet(on, "renew", expect=4)
        assert "brevetd does not answer" in done.stderr, done.stderr


def test_progress_on_a_terminal():
    with device({"main": {**FRESH, "@Provision": "wait"}}) as (on, scripted):
        process, ours = on_terminal(on, "provision", stream="stderr")
        scripted.expect("called main Provision wait")
        scripted.tell("set", "main", "State", "registering", "Cause", "Asking\033[2J the service")
        scripted.tell("set", "main", "NextAttempt", 77)
        scripted.tell("set", "main", "State", "installing", "Cause", "Checking")
        scripted.tell("release")
        progress = read_terminal(ours).splitlines()
        assert progress == ["registering: Asking\\x1b[2J the service", "installing: Checking"], progress
        assert process.stdout.read().startswith("main: installing")
        process.stdout.close()
        assert process.wait(timeout=60) == 0


def test_interrupt_ends_only_the_waiting():
    with device({"main": {**FRESH, "@Provision": "wait"}}) as (on, scripted):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = start(on, "provision", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            scripted.expect("called main Provision wait")
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
            assert process.returncode == -number and "brevetd goes on" in errors and output == "", (process.returncode, errors)
            scripted.tell("release")


tap.run(tap.collect(globals()))
