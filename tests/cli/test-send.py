#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and scripts notice of brevet send. The hub is a real mosquitto."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import tap
from device import BREVET, EXPIRED, FRESH, GOOD, REFUSED, brevet, device
from mosquitto_hub import SilentHub, make_authority, make_leaf, openssl, running_hub
from ports import free_port

DEVICE_ID = "pump-07-device"
TOPIC = f"devices/{DEVICE_ID}/messages/events/"
CLIENT = "extendedKeyUsage=clientAuth\n"


class World:
    """Two generations of an identity, a hub that takes both, and what the agent tells of the first one."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="brevet-send-"))
        make_authority(self.path, "devices")
        for name in ("one", "two"):
            make_leaf(self.path, name, "devices", DEVICE_ID, CLIENT)

    def tell(self, name, trust, **changes):
        """What an agent says of a generation; @trust: a file, or None for no trust bundle."""
        pem = (self.path / f"{name}.pem").read_text()
        sha256 = openssl("x509", "-in", self.path / f"{name}.pem", "-noout", "-fingerprint", "-sha256").strip().split("=")[1]
        told = {**GOOD, "AssignedHub": "localhost", "Sha256": sha256.replace(":", "").lower(), "KeyLocation": self.path / f"{name}.key",
                "@GetCertificate": pem.replace("\n", "\\n"), **changes}
        if trust is not None:
            told["@GetTrustBundle"] = trust.read_text().replace("\n", "\\n")
        return {key: value for key, value in told.items() if value is not None}

    def close(self):
        shutil.rmtree(self.path)


@contextlib.contextmanager
def world(**changes):
    """A device with a hub: (bus, agent, hub, world)."""
    made = World()
    try:
        with running_hub([made.path / "devices.pem"], (free_port(), free_port())) as hub:
            with device({"main": made.tell("one", hub.authority, **changes)}) as (on, agent):
                yield on, agent, hub, made
    finally:
        made.close()


def send(on, hub, *words, **options):
    return brevet(on, "send", "--port", hub.port, *words, **options)


def feed(on, hub, *words, **streams):
    return subprocess.Popen([BREVET, "send", "--bus=session", "--port", str(hub.port), *words], env=on.environment,
                            stdin=subprocess.PIPE, text=True, **streams)


def wait_for_acknowledgement(process):
    """The program must have seen it, not only the hub have sent it. @process: with --verbose."""
    said = ""
    while "is acknowledged" not in said:
        line = process.stderr.readline()
        assert line != "", said
        said += line


def test_one_message():
    with world() as (on, _, hub, _):
        heard = hub.listen()
        done = send(on, hub, "test wind speed 1")
        assert done.stdout == f"The hub localhost port {hub.port} has acknowledged 1 message of {DEVICE_ID}\n" and done.stderr == "", done
        assert heard.readline() == f"{TOPIC} test wind speed 1\n"


def test_the_hub_sees_the_device():
    with world() as (on, _, hub, _):
        send(on, hub, "x", "main")
        line = hub.wait_for_log("New client connected")
        assert f" as {DEVICE_ID} (p2, c1, k60, u'{DEVICE_ID}')" in line, line
        hub.wait_for_log(f"Received PUBLISH from {DEVICE_ID} (d0, q1, r0, m1, '{TOPIC}', ... (1 bytes))")
        hub.wait_for_log(f"Received DISCONNECT from {DEVICE_ID}")


def test_count_topic_and_json():
    with world() as (on, _, hub, made):
        heard = hub.listen()
        document = json.loads(send(on, hub, "--count=3", "--topic", "a/b", "--json", "hé").stdout)
        assert [heard.readline() for _ in range(3)] == ["a/b hé\n"] * 3
        assert document == {"name": "main", "hub": "localhost", "port": hub.port, "deviceId": DEVICE_ID, "topic": "a/b",
                            "sha256": made.tell("one", None)["Sha256"], "acknowledged": 3, "error": None}, document


def test_text_that_begins_with_a_dash():
    with world() as (on, _, hub, _):
        heard = hub.listen()
        process = subprocess.run([BREVET, "send", "--bus=session", "--port", str(hub.port), "--", "-5.5", "main"], env=on.environment,
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process
        assert heard.readline() == f"{TOPIC} -5.5\n"


def test_lines_of_standard_input():
    with world() as (on, _, hub, _):
        heard = hub.listen()
        process = feed(on, hub, "-", stdout=subprocess.PIPE)
        process.stdin.write("one\n\n")
        process.stdin.flush()
        # Each is sent as it comes.
        assert heard.readline() == f"{TOPIC} one\n"
        output, _ = process.communicate("two\nthree", timeout=60)
        assert process.returncode == 0 and "has acknowledged 3 messages" in output, output
        assert [heard.readline() for _ in range(2)] == [f"{TOPIC} two\n", f"{TOPIC} three\n"]


def test_interrupted_while_it_waits_for_lines():
    with world() as (on, _, hub, _):
        heard = hub.listen()
        process = feed(on, hub, "--verbose", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write("one\n")
        process.stdin.flush()
        wait_for_acknowledgement(process)
        heard.readline()
        process.send_signal(signal.SIGINT)
        output = process.stdout.read()
        errors = process.stderr.read()
        process.stdin.close()
        assert process.wait(60) == 0, errors
        assert "has acknowledged 1 message of" in output and "brevet: Interrupted" not in errors, (output, errors)
        hub.wait_for_log(f"Received DISCONNECT from {DEVICE_ID}")


def test_interrupted_between_two_messages():
    with world() as (on, _, hub, _):
        process = feed(on, hub, "--verbose", "--count=2", "--interval=1h", "x", stderr=subprocess.PIPE)
        wait_for_acknowledgement(process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1 and "brevet: Interrupted; messages acknowledged: 1 of 2\n" in errors, errors


def test_hub_goes_away_in_the_middle():
    with world() as (on, _, hub, _):
        process = feed(on, hub, "--verbose", "--count=2", "--interval=1h", "--json", "x", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for_acknowledgement(process)
        hub.stop()
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 4 and "The hub localhost ended the connection" in errors, errors
        assert "acknowledged: 1 of 2" in errors and json.loads(output)["acknowledged"] == 1, (output, errors)


def test_trust():
    with world(**{"@GetTrustBundle": None}) as (on, agent, hub, made):
        # The system trusts nobody who issues certificates for localhost.
        agent.tell("answer", "main", "GetTrustBundle", (made.path / "devices.pem").read_text())
        done = send(on, hub, "x", expect=5)
        assert "localhost" in done.stderr and "is not issued by an authority" in done.stderr, done.stderr
        send(on, hub, "--ca-file", hub.authority, "x")
        assert "/nowhere.pem" in send(on, hub, "--ca-file", "/nowhere.pem", "x", expect=5).stderr


def test_empty_trust_bundle_leaves_it_to_the_system():
    with world(**{"@GetTrustBundle": ""}) as (on, agent, hub, _):
        agent.tell("answer", "main", "GetTrustBundle", "")
        assert "this system trusts" in send(on, hub, "x", expect=5).stderr


def test_refusals():
    with world() as (on, _, hub, _):
        hub.refuse()
        hub.restart()
        done = send(on, hub, "x", expect=3)
        assert f"The hub localhost port {hub.port} refuses the device “{DEVICE_ID}”: not authorized (5)" in done.stderr, done.stderr
        hub.forget()
        hub.restart()
        done = send(on, hub, "x", expect=3)
        assert f"The hub localhost port {hub.port} ended the connection instead of accepting" in done.stderr, done.stderr
        hub.stop()
        done = send(on, hub, "x", expect=4)
        assert "localhost" in done.stderr and "refused" in done.stderr, done.stderr


def test_silent_hub():
    with world() as (on, _, _, _):
        silent = SilentHub()
        done = send(on, silent, "--timeout=1", "x", expect=4)
        assert "localhost" in done.stderr and "1 second" in done.stderr, done.stderr
        silent.close()


def test_no_valid_identity():
    for told, code, word in ((FRESH, 12, "is not provisioned"), (EXPIRED, 10, "is not valid at this time"),
                             (REFUSED, 13, "is not provisioned")):
        with device({"main": told}) as (on, _):
            done = brevet(on, "send", "x", expect=code)
            assert word in done.stderr and "“main”" in done.stderr and done.stdout == "", done


def test_no_certificate():
    with device({"main": {**GOOD, "NotAfter": 0, "NotBefore": 0, "Sha256": ""}}) as (on, _):
        assert "has no certificate" in brevet(on, "send", "x", expect=1).stderr


def test_key_is_not_readable():
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        raise tap.Skip("root can read everything")
    with world() as (on, _, hub, made):
        key = made.path / "one.key"
        key.chmod(0)
        if os.geteuid() != 0:
            assert "You must be root" in send(on, hub, "x", expect=3).stderr
            return
        # Only the right to read everything goes, so that all the rest works as before.
        done = subprocess.run(["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search",
                               BREVET, "send", "--bus=session", "--port", str(hub.port), "x"], env=on.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 3 and f"You must be root to do this: the key {key} is not readable" in done.stderr, done


def test_key_is_nowhere():
    with world(KeyLocation="") as (on, _, hub, _):
        assert "has no files" in send(on, hub, "x", expect=1).stderr


def test_renewal_comes_in_between():
    """The key on the disk is the new one already, the agent still tells of the old certificate."""
    with world() as (on, agent, hub, made):
        heard = hub.listen()
        agent.tell("set", "main", "KeyLocation", made.path / "two.key")
        process = feed(on, hub, "--verbose", "new", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # It has seen what does not fit when it asks again.
        two = made.tell("two", None)
        agent.tell("answer", "main", "GetCertificate", (made.path / "two.pem").read_text())
        agent.tell("set", "main", "Sha256", two["Sha256"])
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert "1 message" in output and heard.readline() == f"{TOPIC} new\n"


def test_key_that_never_fits():
    with world() as (on, agent, hub, made):
        agent.tell("set", "main", "KeyLocation", made.path / "two.key")
        assert "does not belong to its certificate" in send(on, hub, "x", expect=4).stderr


def test_wrong_command_lines():
    with device({"main": GOOD}) as (on, _):
        for words, word in (((), "is missing"), (("",), "is missing"), (("a", "main", "b"), "too many"), (("a", "other"), "other"),
                            (("--count=0", "a"), "--count"), (("--count=x", "a"), "x"), (("--port=0", "a"), "--port"),
                            (("--timeout=0", "a"), "--timeout"), (("--topic=a/+", "a"), "--topic"), (("--topic=", "a"), "--topic"),
                            (("--interval=soon", "a"), "--interval"), (("--count=2", "-"), "--count")):
            done = brevet(on, "send", *words, expect=2)
            assert word in done.stderr and done.stdout == "", (words, done)


def test_help():
    with device({"main": GOOD}) as (on, _):
        shown = brevet(on, "send", "--help").stdout
        for word in ("TEXT [NAME]", "--count", "--interval", "--topic", "--port", "--ca-file", "--timeout", "--json", "12 not"):
            assert word in shown, (word, shown)


tap.run(tap.collect(globals()))
