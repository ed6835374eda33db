# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device for tests of its commands: a bus of its own, an agent that does what the test says, and the program brevet."""

import contextlib
import os
import pty
import shlex
import subprocess
import termios
import time

from message_bus import MessageBus

BREVET = os.environ["BREVET"]
AGENT = os.environ["SCRIPTED_AGENT"]

NOW = int(time.time())
DAY = 86400

# What an agent tells of an identity that is well.
GOOD = {
    "State": "provisioned", "Cause": "The next renewal is planned", "NextAttempt": NOW + 20 * DAY + 3600, "RenewalTime": NOW + 20 * DAY + 3600,
    "LastSuccess": NOW - 3600 * 3, "Service": "dps.example.net", "IdScope": "0ne00000001", "RegistrationId": "pump-07",
    "DeviceId": "pump-07-device", "AssignedHub": "hub.example.net", "Generation": 3, "PreviousGeneration": 2,
    "Subject": "CN=pump-07", "Issuer": "CN=Factory,O=Example", "Serial": "0A1B2C", "NotBefore": NOW - DAY, "NotAfter": NOW + 30 * DAY + 3600,
    "Sha256": "ab" * 32, "KeyLocation": "/var/lib/brevet/default/key.pem", "CertificateLocation": "/var/lib/brevet/default/chain.pem",
    "TrustBundleLocation": "/var/lib/brevet/default/aziot-dps-trust-bundle", "TrustBundleEtag": '"17"',
}
FRESH = {"State": "unprovisioned", "Service": "dps.example.net", "IdScope": "0ne00000001", "RegistrationId": "pump-07"}
EXPIRED = {**GOOD, "State": "backing-off", "NotAfter": NOW - 2 * DAY - 3600, "RenewalTime": NOW - 12 * DAY, "Failures": 7}
OVERDUE = {**GOOD, "State": "backing-off", "RenewalTime": NOW - 60, "NextAttempt": NOW + 600, "Failures": 2,
           "LastErrorName": "org.brevet.Error.Unreachable", "LastErrorText": "dps.example.net cannot be reached",
           "LastErrorTime": NOW - 2 * 3600, "LastErrorCode": 429001, "LastErrorTrackingId": "track-9"}
REFUSED = {**FRESH, "State": "refused", "Failures": 1, "LastErrorCode": 401002, "LastErrorName": "org.brevet.Error.Rejected",
           "LastErrorText": "Unauthorized", "LastErrorTime": NOW}


class Bus(MessageBus):
    def __init__(self, policy="", activated=None):
        super().__init__(policy, {"org.brevet.Agent1": activated} if activated is not None else None)
        self.environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.address, "TZ": "UTC"}
        for name in ("NO_COLOR", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "DBUS_STARTER_BUS_TYPE"):
            self.environment.pop(name, None)

    def write(self, agent, identities):
        file = self.directory / "agent.ini"
        groups = {"agent": {"Version": "9.9", **agent}, **identities}
        text = ""
        for group, properties in groups.items():
            text += f"[{group}]\n" + "".join(f"{name}={value}\n" for name, value in properties.items())
        file.write_text(text)
        return file


class Agent:
    def __init__(self, bus, identities, agent=None):
        self.process = subprocess.Popen([AGENT, bus.write(agent or {}, identities)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**bus.environment, "DBUS_STARTER_BUS_TYPE": "session"})
        self.expect("ready")

    def expect(self, line):
        """Reads what the agent says until it says this."""
        while True:
            said = self.process.stdout.readline()
            assert said != "", f"the agent ended before it said {line}"
            if said.strip() == line:
                return

    def tell(self, *words):
        escaped = (str(word).replace("\\", "\\\\").replace("\n", "\\n") for word in words)
        print(shlex.join(escaped), file=self.process.stdin, flush=True)
        self.expect("done")

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.wait(timeout=30) == 0


@contextlib.contextmanager
def bus(policy="", activated=None):
    made = Bus(policy, activated)
    try:
        yield made
    finally:
        made.remove()


@contextlib.contextmanager
def agent(on, identities, properties=None):
    made = Agent(on, identities, properties)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def device(identities, properties=None):
    """A bus with an agent on it."""
    with bus() as on, agent(on, identities, properties) as scripted:
        yield on, scripted


def start(on, *words, environment=None, **streams):
    return subprocess.Popen([BREVET, *(str(word) for word in words), "--bus=session"], stdin=subprocess.DEVNULL, text=True,
                            env={**on.environment, **(environment or {})}, **streams)


def brevet(on, *words, expect=0, environment=None):
    process = start(on, *words, environment=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == expect, f"{words} ended with {process.returncode}, not {expect}\n{output}\n{errors}"
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def on_terminal(on, *words, stream="stdout", environment=None, columns=0):
    """Starts brevet with one of its streams on a terminal; returns the process and the terminal's other side."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    other = "stderr" if stream == "stdout" else "stdout"
    process = start(on, *words, environment={"TERM": "xterm", **(environment or {})}, **{stream: theirs, other: subprocess.PIPE})
    os.close(theirs)
    return process, ours


def read_terminal(ours):
    """What the program wrote until it ended; a terminal whose program has gone answers with an error."""
    text = b""
    with contextlib.suppress(OSError):
        while data := os.read(ours, 65536):
            text += data
    os.close(ours)
    return text.decode()


def colours(on, *words, expect=0, environment=None):
    process, ours = on_terminal(on, *words, environment=environment)
    text = read_terminal(ours)
    process.stderr.close()
    assert process.wait(timeout=60) == expect, (process.returncode, text)
    return text
