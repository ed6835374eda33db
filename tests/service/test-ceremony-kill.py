#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ceremony of a local CA, killed wherever it writes, and on a disk that is full."""

import os
import pathlib
import shutil
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import softhsm
import tap
from ceremony_world import verify, world, x509
from dps import command
from preload import preload


class Control:
    """A page that tells the program when to die (fault-shim.c)."""

    def __init__(self, here, directory=None):
        self.path = here.scratch / "fault"
        self.path.write_bytes(bytes(16))
        self.environment = {**here.environment, **preload(os.environ["BREVET_FAULT_SHIM"]), "BREVET_FAULT_CONTROL": str(self.path),
                            "BREVET_FAULT_DIRECTORY": str(directory or here.server),
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"}

    def kill_at(self, call):
        self.path.write_bytes(struct.pack("4i", 0, call, 1, 0))

    def fill_disk_at(self, call):
        self.path.write_bytes(struct.pack("4i", 0, call, 3, 0))

    @property
    def calls(self):
        return struct.unpack("4i", self.path.read_bytes())[0]

    @property
    def happened(self):
        return struct.unpack("4i", self.path.read_bytes())[3] > 0


def usable(here, root):
    """Whatever the configuration names is there, belongs together and verifies."""
    settings = here.settings()
    verify(root / "root.pem", settings["certificate"])
    public = command("openssl", "pkey", "-in", settings["key"], "-pubout").stdout
    assert public == x509(settings["certificate"], "-pubkey"), settings
    return settings


def kill_everywhere(here, root, verb, *arguments):
    """Kills a command at each call that writes, one after the other, always from the same beginning. After each death the CA works,
    and the command, given again, ends what was begun."""
    control = Control(here)
    beginning = here.scratch / "beginning"
    shutil.copytree(here.server, beginning)
    old = usable(here, root)
    call = 1
    while True:
        control.kill_at(call)
        done = here.on_server(verb, "factory", *arguments, expect=None, environment=control.environment)
        if done.returncode == 0:
            shutil.rmtree(beginning)
            return call - 1
        assert done.returncode == -9, (call, done)
        after = usable(here, root)
        assert after == old or verb == "import", (call, after)
        again = here.on_server(verb, "factory", *arguments, expect=None)
        assert again.returncode == 0 or (after != old and "No key" in again.stderr), (call, again)
        check_ended(here, root, verb, old, call)
        shutil.rmtree(here.server)
        shutil.copytree(beginning, here.server)
        call += 1


def check_ended(here, root, verb, old, call):
    now, status = usable(here, root), here.status()
    if verb == "rotate":
        assert now == old and pathlib.Path(status["request"]).exists(), (call, status)
    else:
        assert now["certificate"] != old["certificate"] and status["replacedCertificate"] == old["certificate"], (call, status)
        assert "request" not in status, (call, status)


def test_a_full_disk_leaves_no_key_of_a_root_in_the_token():
    """And none whose name nobody knows, if the command is killed"""
    with world() as here, softhsm.Tokens("root") as tokens:
        here.environment = tokens.environment
        control = Control(here, here.offline)
        options = ("--token", "pkcs11:token=root", "--module", tokens.plain_module, "--password-file", tokens.pin_file)

        def start_again():
            for label in tokens.labels("root"):
                tokens.delete_key("root", label)
            for path in here.offline.iterdir():
                shutil.rmtree(path)

        for call in range(1, 100):
            control.fill_disk_at(call)
            full = here.ca("init", "--directory", here.offline / "root", *options, expect=None, environment=control.environment)
            labels = tokens.labels("root")
            assert len(labels) == (here.offline / "root").exists() and full.returncode != -9, (call, full, labels)
            if not control.happened:
                break
            start_again()
            control.kill_at(call)
            killed = here.ca("init", "--directory", here.offline / "root", *options, expect=None, environment=control.environment)
            assert killed.returncode == -9, (call, killed)
            left = "".join(path.read_text() for path in here.offline.rglob("root.uri"))
            assert all(label in left for label in tokens.labels("root")), (call, left, tokens.labels("root"))
            start_again()
        assert call > 15, call


def test_killed_anywhere():
    """A roll-over that is killed at any call that writes leaves a CA that works, and goes on when it is given again"""
    with world() as here:
        root = here.set_up()
        assert kill_everywhere(here, root, "rotate") > 5
        signed = here.sign(here.rotate(), root)
        assert kill_everywhere(here, root, "import", signed) > 5


def test_a_full_disk_leaves_no_key_that_nobody_uses():
    """A request that finds no room leaves the CA as it was, no half key, and goes on when it is given again"""
    with world() as here:
        root = here.set_up()
        control = Control(here)
        beginning = here.scratch / "beginning"
        shutil.copytree(here.server, beginning)
        old = usable(here, root)
        for call in range(1, 100):
            control.fill_disk_at(call)
            full = here.on_server("rotate", "factory", expect=None, environment=control.environment)
            happened = control.happened
            assert full.returncode == 0 or "No space left on device" in full.stderr, (call, full)
            assert list(here.server.rglob("*.partial")) == [] and usable(here, root) == old, (call, full)
            if full.returncode != 0:
                here.on_server("rotate", "factory")
            check_ended(here, root, "rotate", old, call)
            shutil.rmtree(here.server)
            shutil.copytree(beginning, here.server)
            if not happened:
                break
        assert 5 < call < 99, call


tap.run(tap.collect(globals()))
