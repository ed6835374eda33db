# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine under test as its administrator sees it: units, their states, their log. Runs inside with-systemd.sh."""

import contextlib
import json
import os
import pathlib
import pwd
import select
import shutil
import signal
import subprocess
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # pylint: disable=wrong-import-position

from dps import PATIENCE, Service, command

UNITS = pathlib.Path("/usr/lib/systemd/system")
RUNTIME = pathlib.Path("/run/systemd/system")
# Where there is man, "systemd-analyze verify" also looks whether the manual pages exist that a unit names.
CHECK_MANUAL = f"--man={'yes' if shutil.which('man') else 'no'}"


def systemctl(*arguments, expect=0):
    return command("systemctl", *arguments, expect=expect).stdout.strip()


class Ear:
    """Hears each signal of systemd, on its own socket as there is not always a bus, and each line in the log of a unit."""

    def __init__(self, unit):
        self.heard = False
        self.systemd = Gio.DBusConnection.new_for_address_sync(
            "unix:path=/run/systemd/private", Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        self.systemd.signal_subscribe(None, None, None, None, None, Gio.DBusSignalFlags.NONE, self._on_sound)
        # The last line, too: it may have come while this was started.
        self.journal = subprocess.Popen(["journalctl", "--unit", unit, "--follow", "--lines=1", "--output=cat"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.source = GLib.io_add_watch(self.journal.stdout.fileno(), GLib.IO_IN, self._on_line)

    def _on_line(self, descriptor, _condition):
        os.read(descriptor, 65536)
        return self._on_sound()

    def _on_sound(self, *_arguments):
        self.heard = True
        return GLib.SOURCE_CONTINUE

    def wait(self, seconds):
        """Returns whether something was heard in time."""
        expired = []
        timer = GLib.timeout_add(int(1000 * max(seconds, 0)), lambda: expired.append(True) or GLib.SOURCE_CONTINUE)
        while not self.heard and not expired:
            GLib.MainContext.default().iteration(True)
        GLib.source_remove(timer)
        heard, self.heard = self.heard, False
        return heard

    def close(self):
        GLib.source_remove(self.source)
        self.journal.kill()
        self.journal.wait()
        self.journal.stdout.close()
        self.systemd.close_sync(None)


class Unit:
    def __init__(self, name):
        self.name = name

    def __getitem__(self, name):
        return systemctl("show", "--property", name, "--value", self.name)

    @property
    def pid(self):
        return int(self["MainPID"])

    @property
    def user(self):
        """Not the owner of its directory in /proc: that is root's where a process does not let itself be dumped."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return pwd.getpwuid(int(next(line for line in status if line.startswith("Uid:")).split()[1])).pw_name

    def start(self):
        systemctl("start", self.name)

    def stop(self):
        systemctl("stop", self.name)

    def restart(self):
        systemctl("restart", self.name)

    def reload(self):
        systemctl("reload", self.name)

    def log(self, *arguments):
        return command("journalctl", "--unit", self.name, "--output", "cat", "--no-pager", *arguments).stdout

    def wait_for(self, what, check):
        deadline = time.monotonic() + PATIENCE
        with contextlib.closing(Ear(self.name)) as ear:
            while not check():
                assert ear.wait(deadline - time.monotonic()), \
                    f"{self.name}: {what} never came\n{systemctl('status', self.name, expect=None)}"

    def wait_for_property(self, name, wanted):
        self.wait_for(f"{name}={wanted}", lambda: self[name] == wanted)

    def wait_for_log(self, text, *arguments):
        self.wait_for(f"“{text}” in the log", lambda: text in self.log(*arguments))

    def is_up_after(self, old_pid):
        return self["ActiveState"] == "active" and self.pid not in (0, old_pid)

    def wait_for_successor(self, old_pid):
        self.wait_for(f"a successor of process {old_pid}", lambda: self.is_up_after(old_pid))
        return self.pid

    def kill(self, how=signal.SIGKILL):
        """Returns the process that was hit."""
        pid = self.pid
        os.kill(pid, how)
        return pid

    def set(self, **settings):
        """Settings of the group [Service] that hold until the machine ends."""
        directory = RUNTIME / f"{self.name}.d"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "test.conf").write_text("[Service]\n" + "".join(f"{key}={value}\n" for key, value in settings.items()))
        systemctl("daemon-reload")

    def unset(self):
        (RUNTIME / f"{self.name}.d/test.conf").unlink()
        systemctl("daemon-reload")


def check_restarts_for_ever(unit):
    """Restarted at once instead of after a second, it dies far more often than systemd's own limit of five times in ten seconds allows."""
    before = int(unit["NRestarts"])
    unit.set(RestartSec="10ms")
    pid = 0
    for _ in range(10):
        unit.wait_for_successor(pid)
        pid = unit.kill()
    unit.wait_for_successor(pid)
    assert int(unit["NRestarts"]) >= before + 10, unit["NRestarts"]
    unit.unset()


def check_watchdog(unit):
    assert unit["WatchdogUSec"] == "30s", unit["WatchdogUSec"]
    unit.set(WatchdogSec="2s")
    unit.restart()
    running = unit.pid
    end = os.pidfd_open(running)
    # Longer than the watchdog waits; a healthy service gets through it, also on a busy machine.
    assert not select.select([end], [], [], 3)[0], "the watchdog hit a service that was well"
    os.close(end)
    stopped = unit.kill(signal.SIGSTOP)
    assert stopped == running
    unit.wait_for_successor(stopped)
    unit.wait_for_log("Watchdog timeout", f"UNIT={unit.name}")
    unit.unset()
    unit.restart()


PROBE = r"""
import ctypes, json, mmap, os, pathlib, socket, sys

def attempt(action):
    try:
        action()
        return "done"
    except (OSError, ValueError) as error:
        return type(error).__name__

def write(path):
    return attempt(lambda: pathlib.Path(path, "probe").write_text("x"))

def make_setuid():
    path = pathlib.Path(own, "setuid")
    path.touch()
    os.chmod(path, 0o4755)

def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")

own = os.environ["STATE_DIRECTORY"]
facts = {
    "user": os.getuid(),
    "own": write(own),
    "mode": oct(os.stat(own).st_mode & 0o777),
    "written": {path: write(path) for path in sys.argv[1:]},
    "read": {path: attempt(lambda: os.listdir(path)) for path in ("/root", "/home", "/etc/brevet/agent-credentials",
                                                                 "/etc/brevet/dps-credentials")},
    "devices": sorted(set(os.listdir("/dev")) & {"mem", "kmsg", "tpm0", "tpmrm0", "loop0", "sda", "vda", "net", "fuse"}),
    "processes": [name for name in os.listdir("/proc") if name.isdigit() and os.stat("/proc/" + name).st_uid != os.getuid()],
    "packet": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "internet": attempt(lambda: socket.socket(socket.AF_INET)),
    "executable memory": attempt(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "setuid": attempt(make_setuid),
    "namespace": attempt(unshare),
}
pathlib.Path(own, "probe.json").write_text(json.dumps(facts))
"""


def check_sandbox(unit, user, other_state):
    """Runs a probe in the place of the program, in a unit that is the installed one in everything else."""
    own = pathlib.Path("/var/lib") / unit["StateDirectory"]
    # Where everybody else may write, this service may not.
    everybody = pathlib.Path("/var/lib/everybody")
    everybody.mkdir(exist_ok=True)
    everybody.chmod(0o777)
    forbidden = [everybody, "/etc/brevet", "/usr/bin", "/var/lib", other_state, "/run", "/etc/brevet/agent-credentials",
                 "/etc/brevet/dps-credentials"]
    script = pathlib.Path("/usr/lib/brevet-tests/probe.py")
    script.write_text(PROBE)
    kept = [line for line in (UNITS / unit.name).read_text().splitlines()
            if not line.startswith(("ExecStart=", "Type=", "BusName=", "Restart=", "WatchdogSec=", "ExecReload="))]
    kept.insert(kept.index("[Service]") + 1, f"Type=oneshot\nExecStart=/usr/bin/python3 {script} {' '.join(map(str, forbidden))}")
    (RUNTIME / "probe.service").write_text("\n".join(kept) + "\n")
    systemctl("daemon-reload")
    systemctl("start", "probe.service")
    facts = json.loads((own / "probe.json").read_text())
    for name in ("probe", "probe.json", "setuid"):
        (own / name).unlink(missing_ok=True)
    (RUNTIME / "probe.service").unlink()
    assert facts["user"] == pwd.getpwnam(user).pw_uid != 0, facts
    assert facts["own"] == "done" and facts["mode"] == "0o700", facts
    assert set(facts["written"].values()) <= {"OSError", "PermissionError", "FileNotFoundError"}, facts
    assert "done" not in facts["read"].values(), facts
    assert facts["devices"] == [] and facts["processes"] == [], facts
    assert facts["internet"] == "done", facts
    for name in ("packet", "executable memory", "setuid", "namespace"):
        assert facts[name] != "done", (name, facts)


class InstalledService(Service):
    """brevet-dps as docs/deployment.md installs it, run by systemd. What a client does with it is inherited."""

    def __init__(self):
        self.unit = Unit("brevet-dps.service")
        self.socket = Unit("brevet-dps.socket")
        self.port = 443
        self.directory = pathlib.Path("/var/lib/brevet-dps/service")
        made = command("brevet-dps", "init", "--system", "--host-name", "localhost", "--hub", "hub.example.net", "--json")
        self.facts = json.loads(made.stdout)
        self.id_scope = self.facts["idScope"]
        self.operator_key = pathlib.Path(self.facts["policyPrimaryKeyFile"]).read_text().strip()

    def configure(self, text):
        """A drop-in of the administrator."""
        path = pathlib.Path("/etc/brevet/dps.conf.d/50-test.conf")
        path.write_text(text)
        path.chmod(0o644)
