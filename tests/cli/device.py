# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device for tests of its commands: a bus of its own, an agent that does what the test says, and the program brevet."""

import contextlib
import os
import pathlib
import pty
import shlex
import shutil
import subprocess
import tempfile
import termios
import time
import urllib.parse

BREVET = os.environ["BREVET"]
AGENT = os.environ["SCRIPTED_AGENT"]

BUS = """<busconfig>
  <type>session</type>
  <listen>unix:path={address}/bus</listen>
  <servicedir>services</servicedir>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/><allow eavesdrop="true"/><allow send_destination="*" eavesdrop="true"/>
    {policy}
  </policy>
</busconfig>
"""

NOW = int(time.time())
DAY = 86400

# What an agent tells of an identity that is well.
GOOD = {
    "State": "provisioned", "Cause": "The next renewal is planned", "NextAttempt": NOW + 20 * DAY + 60, "RenewalTime": NOW + 20 * DAY + 60,
    "LastSuccess": NOW - 3600 * 3, "Service": "dps.example.net", "IdScope": "0ne00000001", "RegistrationId": "pump-07",
    "DeviceId": "pump-07-device", "AssignedHub": "hub.example.net", "Generation": 3, "PreviousGeneration": 2,
    "Subject": "CN=pump-07", "Issuer": "CN=Factory,O=Example", "Serial": "0A1B2C", "NotBefore": NOW - DAY, "NotAfter": NOW + 30 * DAY + 60,
    "Sha256": "ab" * 32, "KeyLocation": "/var/lib/brevet/default/key.pem", "CertificateLocation": "/var/lib/brevet/default/chain.pem",
    "TrustBundleLocation": "/var/lib/brevet/default/aziot-dps-trust-bundle", "TrustBundleEtag": '"17"',
}
FRESH = {"State": "unprovisioned", "Service": "dps.example.net", "IdScope": "0ne00000001", "RegistrationId": "pump-07"}
EXPIRED = {**GOOD, "State": "backing-off", "NotAfter": NOW - 2 * DAY - 60, "RenewalTime": NOW - 12 * DAY, "Failures": 7}
OVERDUE = {**GOOD, "State": "backing-off", "RenewalTime": NOW - 60, "NextAttempt": NOW + 600, "Failures": 2,
           "LastErrorName": "org.brevet.Error.Unreachable", "LastErrorText": "dps.example.net cannot be reached",
           "LastErrorTime": NOW - 120, "LastErrorCode": 429001, "LastErrorTrackingId": "track-9"}
REFUSED = {**FRESH, "State": "refused", "Failures": 1, "LastErrorCode": 401002, "LastErrorName": "org.brevet.Error.Rejected",
           "LastErrorText": "Unauthorized", "LastErrorTime": NOW}


class Bus:
    def __init__(self, policy="", activated=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="brevet-test-"))
        (self.path / "services").mkdir()
        (self.path / "bus.conf").write_text(BUS.format(address=urllib.parse.quote(str(self.path)), policy=policy))
        if activated is not None:
            self.install(activated)
        self.daemon = subprocess.Popen(["dbus-daemon", f"--config-file={self.path}/bus.conf", "--nofork", "--print-address=1"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.daemon.stdout.readline().strip()
        self.environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.address, "TZ": "UTC"}
        for name in ("NO_COLOR", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "DBUS_STARTER_BUS_TYPE"):
            self.environment.pop(name, None)

    def install(self, command):
        (self.path / "services" / "org.brevet.Agent1.service").write_text(f"[D-BUS Service]\nName=org.brevet.Agent1\nExec={command}\n")

    def write(self, agent, identities):
        file = self.path / "agent.ini"
        groups = {"agent": {"Version": "9.9", **agent}, **identities}
        text = ""
        for group, properties in groups.items():
            text += f"[{group}]\n" + "".join(f"{name}={value}\n" for name, value in properties.items())
        file.write_text(text)
        return file

    def close(self):
        self.stop()
        shutil.rmtree(self.path)

    def stop(self):
        if self.daemon.poll() is None:
            self.daemon.terminate()
        self.daemon.wait()
        self.daemon.stdout.close()


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
        made.close()


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
