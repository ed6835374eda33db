#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and scripts notice of brevet status, and of a device whose agent cannot be reached."""

import datetime
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import tap
from device import AGENT, BREVET, DAY, EXPIRED, FRESH, GOOD, NOW, OVERDUE, REFUSED, agent, brevet, bus, colours, device, on_terminal, read_terminal, start

ROOT = pathlib.Path(__file__).parent.parent.parent


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_well_identity_for_people():
    with device({"main": GOOD}) as (on, _):
        text = brevet(on, "status").stdout
    assert text.startswith("main: provisioned\n"), text
    moment = datetime.datetime.fromtimestamp(NOW + 20 * DAY + 3600, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    for fact in ("The next renewal is planned", f"in 20 days ({moment})", "CN=pump-07", "CN=Factory,O=Example", "0A1B2C", "in 30 days",
                 "hub.example.net", "pump-07-device", "3 hours ago"):
        assert fact in text, f"{fact} is missing:\n{text}"
    # The values stand below each other, and what there is not is not shown.
    facts = [line for line in text.splitlines() if line.startswith("  ")]
    column = facts[0].index("The next renewal")
    assert all(line[column - 1] == " " and line[column] != " " for line in facts), text
    assert "Last error" not in text and "Failures" not in text and "\033" not in text


def test_last_error_is_told_whole():
    with device({"main": OVERDUE}) as (on, _):
        text = brevet(on, "status", expect=11).stdout
    for fact in ("backing-off (renewal overdue)", "dps.example.net cannot be reached", "429001", "track-9", "Failures", "2 hours ago",
                 "Next attempt"):
        assert fact in text, f"{fact} is missing:\n{text}"


def test_nothing_is_said_twice():
    text = "The service refuses with 401: Unauthorized (code 401002, tracking id track-9)"
    trouble = {**OVERDUE, "Cause": f"{text}; the certificate in use is valid", "LastErrorText": text, "LastErrorCode": 401002}
    with device({"main": trouble}) as (on, _):
        shown = brevet(on, "status", expect=11).stdout
    for fact in ("Unauthorized", "401002", "track-9"):
        assert shown.count(fact) == 1, shown
    assert any("Last error" in line and "2 hours ago" in line for line in shown.splitlines()), shown


def test_long_values_go_on_below_themselves_on_a_terminal():
    cause = "Cannot reach dps.example.net port 443, since nobody there knows the name; the certificate in use is valid for long"
    with device({"main": {**GOOD, "Cause": cause, "Subject": "CN=" + "x" * 90}}) as (on, _):
        process, ours = on_terminal(on, "status", columns=60)
        lines = read_terminal(ours).splitlines()
        process.stderr.close()
        assert process.wait(timeout=60) == 0
        piped = brevet(on, "status").stdout
    assert cause in piped, piped
    assert all(len(line) <= 60 for line in lines if "xxx" not in line) and any("x" * 90 in line for line in lines), lines
    begin = next(number for number, line in enumerate(lines) if "Cause" in line)
    column = lines[begin].index("Cannot")
    end = next(number for number, line in enumerate(lines) if "Renewal" in line)
    assert end - begin > 2 and all(line[:column].strip() == "" for line in lines[begin + 1:end]), lines
    assert " ".join(line[column:] for line in lines[begin:end]) == cause, lines


def test_time_zone_is_named():
    with device({"main": GOOD}) as (on, _):
        text = brevet(on, "status", environment={"TZ": "XST-3"}).stdout
    moment = datetime.datetime.fromtimestamp(GOOD["NotAfter"] + 3 * 3600, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S XST")
    assert moment in text, text


def test_json_has_everything():
    problems = "One is expired;One is no CA"
    with device({"main": {**OVERDUE, "TrustBundleProblems": problems}}, {"ConfigurationWarnings": "x.conf:3: unknown key"}) as (on, _):
        document = json.loads(brevet(on, "status", "--json", expect=11).stdout)
    assert document["version"] == "9.9" and document["configurationError"] is None
    assert document["configurationWarnings"] == ["x.conf:3: unknown key"]
    (identity,) = document["identities"]
    assert identity == {
        "name": "main", "state": "backing-off", "cause": "The next renewal is planned", "health": "renewal-overdue",
        "nextAttempt": rfc3339(NOW + 600), "renewalTime": rfc3339(NOW - 60), "failures": 2, "lastSuccess": rfc3339(NOW - 3 * 3600),
        "lastError": {"name": "org.brevet.Error.Unreachable", "code": 429001, "text": "dps.example.net cannot be reached",
                      "trackingId": "track-9", "time": rfc3339(NOW - 2 * 3600)},
        "service": "dps.example.net", "idScope": "0ne00000001", "registrationId": "pump-07", "deviceId": "pump-07-device",
        "assignedHub": "hub.example.net", "generation": 3, "previousGeneration": 2, "keyLocation": GOOD["KeyLocation"],
        "certificate": {"file": GOOD["CertificateLocation"], "subject": "CN=pump-07", "issuer": "CN=Factory,O=Example",
                        "serialNumber": "0A1B2C", "notBefore": rfc3339(NOW - DAY), "notAfter": rfc3339(NOW + 30 * DAY + 3600),
                        "sha256": "ab" * 32},
        "trustBundle": {"file": GOOD["TrustBundleLocation"], "etag": '"17"', "problems": problems.split(";")},
    }, identity


def test_json_says_null_for_what_is_absent():
    with device({"main": FRESH}) as (on, _):
        (identity,) = json.loads(brevet(on, "status", "--json", expect=12).stdout)["identities"]
    assert identity["state"] == "unprovisioned" and identity["health"] == "not-provisioned" and identity["failures"] == 0
    for name in ("cause", "nextAttempt", "renewalTime", "lastSuccess", "lastError", "deviceId", "assignedHub", "generation",
                 "previousGeneration", "keyLocation", "certificate", "trustBundle"):
        assert name in identity and identity[name] is None, (name, identity)


def test_exit_codes():
    cases = [
        (0, GOOD), (10, EXPIRED), (11, OVERDUE), (12, FRESH), (13, REFUSED),
        # Due, but nothing has failed; failed, but not due; both, but expired.
        (0, {**OVERDUE, "Failures": 0}), (0, {**GOOD, "Failures": 3}), (10, {**OVERDUE, "NotAfter": NOW - 1}),
        # A clock before the validity.
        (10, {**GOOD, "NotBefore": NOW + DAY}),
        # Refused or disabled, with and without a valid identity.
        (0, {**GOOD, "State": "refused"}), (13, {**EXPIRED, "State": "refused"}), (13, {**FRESH, "State": "disabled"}),
        (0, {**GOOD, "State": "disabled"}),
        # An identity without a certificate has no dates.
        (0, {**FRESH, "State": "provisioned", "Generation": 1}),
        (12, {**FRESH, "State": "registering"}),
    ]
    with device({"main": FRESH}) as (on, scripted):
        for code, properties in cases:
            scripted.tell("remove", "main")
            scripted.tell("add", "main")
            scripted.tell("set", "main", *[word for pair in properties.items() for word in pair])
            brevet(on, "status", expect=code)


def test_a_clock_that_is_behind():
    with device({"main": {**GOOD, "NotBefore": NOW + DAY}}) as (on, _scripted):
        title = brevet(on, "status", expect=10).stdout.splitlines()[0]
        assert "not yet valid: the clock says 20" in title and "expired" not in title, title
        assert json.loads(brevet(on, "status", "--json", expect=10).stdout)["identities"][0]["health"] == "not-yet-valid"
    with device({"main": EXPIRED}) as (on, _scripted):
        assert json.loads(brevet(on, "status", "--json", expect=10).stdout)["identities"][0]["health"] == "expired"


def test_several_identities_end_with_the_worst():
    everything = {"good": GOOD, "late": OVERDUE, "new": FRESH, "old": EXPIRED, "no": REFUSED}
    with device(everything) as (on, scripted):
        for code in (13, 10, 12, 11, 0):
            done = brevet(on, "status", expect=code)
            if code == 13:
                titles = [line.split(":")[0] for line in done.stdout.splitlines() if line and not line.startswith(" ")]
                assert titles == list(everything), titles
                assert len(json.loads(brevet(on, "status", "--json", expect=13).stdout)["identities"]) == 5
                brevet(on, "status", "good")
                brevet(on, "status", "late", expect=11)
                scripted.tell("remove", "no")
            elif code in (10, 12):
                scripted.tell("remove", {10: "old", 12: "new"}[code])
            else:
                scripted.tell("set", "late", "Failures", 0)


def test_unknown_name_lists_the_names():
    with device({"main": GOOD, "cloud-2": GOOD}) as (on, _):
        done = brevet(on, "status", "clout-2", expect=2)
    assert "clout-2" in done.stderr and "main, cloud-2" in done.stderr and done.stdout == "", done.stderr


def test_configuration_error_comes_first():
    wrong = {"ConfigurationError": "/etc/brevet/agent.conf:7: there is no plugin x"}
    with device({"main": GOOD}, wrong) as (on, _):
        done = brevet(on, "status", expect=5)
        assert done.stdout.splitlines()[0].endswith(wrong["ConfigurationError"]), done.stdout
        assert json.loads(brevet(on, "status", "--json", expect=5).stdout)["configurationError"] == wrong["ConfigurationError"]
    with device({"main": FRESH}, wrong) as (on, _):
        brevet(on, "status", expect=12)
    with device({}) as (on, _):
        assert "no identity" in brevet(on, "status", expect=5).stdout
        assert json.loads(brevet(on, "status", "--json", expect=5).stdout)["identities"] == []


def test_nothing_from_the_bus_reaches_the_terminal_raw():
    evil = "a\\s\033]0;owned\007\\nforged: provisioned\u009b31m\u202e"
    with device({"main": {**OVERDUE, "Cause": evil, "LastErrorText": evil, "Subject": evil}}, {"ConfigurationError": evil}) as (on, _):
        for command in (("status",), ("show", "identity")):
            text = brevet(on, *command, expect=11 if command[0] == "status" else 0).stdout
            assert not any(character in text for character in "\033\007\u009b\u202e"), repr(text)
            assert "\nforged" not in text and r"\x1b]0;owned" in text, text
        text = brevet(on, "status", "--json", expect=11).stdout
        assert text.isascii() and "\033" not in text and text.count("\n") == 1
        assert json.loads(text)["identities"][0]["cause"].startswith("a \033]0;owned")


def test_colours():
    with device({"main": GOOD, "old": EXPIRED}) as (on, _):
        text = colours(on, "status", expect=10)
        assert "main: \033[32mprovisioned\033[0m" in text and "old: \033[1;31mbacking-off (certificate expired)\033[0m" in text, text
        for unwanted in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
            assert "\033" not in colours(on, "status", expect=10, environment=unwanted)
        assert "\033[32m" in colours(on, "status", "main", environment={"NO_COLOR": ""})
        assert "\033" not in colours(on, "status", "--json", expect=10)


def test_german():
    with tempfile.TemporaryDirectory() as directory, device({"main": GOOD}) as (on, _):
        catalog = pathlib.Path(directory) / "de" / "LC_MESSAGES"
        catalog.mkdir(parents=True)
        subprocess.run(["msgfmt", "-o", catalog / "brevet.mo", ROOT / "po" / "de.po"], check=True)
        german = {"LANGUAGE": "de", "TEXTDOMAINDIR": directory}
        text = brevet(on, "status", environment=german).stdout
        assert "in 20 Tagen (" in text and "vor 3 Stunden (" in text and "Aussteller" in text, text
        assert "Rückgabewerte" in brevet(on, "status", "--help", environment=german).stdout


def test_wait():
    with device({"main": FRESH}) as (on, scripted):
        waiting = start(on, "status", "--wait=60", "--json", stdout=subprocess.PIPE, environment={"G_MESSAGES_DEBUG": ""})
        scripted.tell("set", "main", "State", "registering")
        scripted.tell("set", "main", "Generation", 1, "State", "provisioned")
        output, _ = waiting.communicate(timeout=60)
        assert waiting.returncode == 0 and json.loads(output)["identities"][0]["state"] == "provisioned"
        scripted.tell("set", "main", "Generation", 0, "State", "refused")
        brevet(on, "status", "--wait=1", expect=13)


def test_wrong_command_lines():
    with bus() as on:
        for words, text in [(("status", "a", "b"), "too many"), (("status", "--frob"), "--frob"), (("status", "--wait=-1"), "--wait -1"),
                            (("status", "--wait=x"), "x"), (("stauts",), "did you mean “status”")]:
            done = brevet(on, *words, expect=2)
            assert text in done.stderr and done.stdout == "", done.stderr
        done = subprocess.run([BREVET, "status", "--bus=train"], capture_output=True, text=True)
        assert done.returncode == 2 and "train" in done.stderr and "system or session" in done.stderr, done.stderr


def test_system_bus_is_the_default():
    with device({"main": GOOD}) as (on, _):
        environment = {**on.environment, "DBUS_SYSTEM_BUS_ADDRESS": on.address, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
        done = subprocess.run([BREVET, "status"], env=environment, capture_output=True, text=True)
        assert done.returncode == 0 and "provisioned" in done.stdout, done.stderr
        done = subprocess.run([BREVET, "status"], env={**environment, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"},
                              capture_output=True, text=True)
        assert done.returncode == 4 and "system bus" in done.stderr and "systemctl status dbus" in done.stderr, done.stderr


COMMANDS = [("status",), ("provision",), ("renew",), ("reprovision",), ("show", "certificate"), ("show", "trust-bundle"),
            ("show", "identity"), ("monitor",)]


def test_no_bus():
    with bus() as on:
        on.stop()
        for command in COMMANDS:
            done = brevet(on, *command, expect=4)
            assert "session bus cannot be reached" in done.stderr and done.stdout == "", done.stderr


def test_agent_is_not_installed():
    with bus() as on:
        for command in COMMANDS:
            done = brevet(on, *command, expect=4)
            assert "brevetd is not running" in done.stderr and "systemctl status brevetd" in done.stderr, done.stderr


def test_agent_is_started_by_the_bus():
    with bus(activated="/bin/false") as on:
        done = brevet(on, "status", expect=4)
        assert "could not be started" in done.stderr, done.stderr
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "agent.ini"
        file.write_text("[main]\nState=unprovisioned\n")
        with bus(activated=shlex.join([AGENT, str(file)])) as on:
            assert "unprovisioned" in brevet(on, "status", expect=12).stdout


def test_reading_is_denied():
    with bus('<deny send_destination="org.brevet.Agent1"/>') as on, agent(on, {"main": GOOD}):
        for command in COMMANDS:
            done = brevet(on, *command, expect=3)
            assert "must be root" in done.stderr and "GDBus" not in done.stderr and done.stdout == "", done.stderr


def test_completion_knows_the_names():
    if shutil.which("busctl") is None or shutil.which("bash") is None:
        raise tap.Skip("no busctl or no bash")
    script = f"source {shlex.quote(str(ROOT))}/data/completions/brevet; COMP_CWORD=$(($# - 1)); COMP_WORDS=(\"$@\"); _brevet; echo \"${{COMPREPLY[*]}}\""

    def complete(*words):
        return subprocess.run(["bash", "-c", script, "bash", *words], env={**on.environment, "DBUS_SYSTEM_BUS_ADDRESS": on.address},
                              capture_output=True, text=True, check=True).stdout.strip()

    with bus(activated="/bin/false") as on:
        assert complete("brevet", "status", "") == ""
        with agent(on, {"main": GOOD, "cloud-2": GOOD}):
            assert complete("brevet", "status", "") == "main cloud-2"
            assert complete("brevet", "show", "certificate", "c") == "cloud-2"
            assert complete("brevet", "show", "c") == "certificate"
            assert complete("brevet", "repr") == "reprovision"


def test_lost_output_is_a_failure():
    with device({"main": GOOD}) as (on, _), open("/dev/full", "w") as full:
        process = start(on, "status", stdout=full, stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1 and "output" in errors, errors
        reader, writer = os.pipe()
        os.close(reader)
        process = start(on, "status", stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0 and errors == "", (process.returncode, errors)


tap.run(tap.collect(globals()))
