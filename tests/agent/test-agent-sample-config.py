#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sample configuration of brevetd, its manual page and the agent know the same keys."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from agent import BREVETD, NAME, PATH, running_bus
from gi.repository import GLib

DATA = pathlib.Path(__file__).parent.parent.parent / "data"
SAMPLE = (DATA / "agent.conf.sample").read_text()
PAGE = (DATA / "man/brevet-agent.conf.5").read_text().replace("\\-", "-")
# Shown in the manual page alone: secrets by other ways, and another plugin.
LEFT_OUT = {"key-credential", "group-key-file", "group-key-credential", "key-token-pin-credential", "timeout", "configuration",
            "ways", "connect-timeout",
            "intermediates", "key", "key-password-file", "key-password-credential",
            "tcti", "owner-authorization-file", "owner-authorization-credential", "endorsement-authorization-file",
            "endorsement-authorization-credential", "endorsement-key-handle", "storage-root-key-handle", "identity-key-handle",
            "handles-path", "endorsement-certificate", "time-limit"}


def sample_keys():
    return set(re.findall(r"^#?([a-z0-9_-]+)=", SAMPLE, re.MULTILINE))


def load(text):
    """What brevetd says of a configuration: the error, and the warnings."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="brevet-sample-"))
    root = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                           "/CN=root", "-keyout", "/dev/null"], capture_output=True, check=True).stdout
    (directory / "agent.conf").write_text(text.replace("/var/lib/brevet", "store"))
    (directory / "device.key").write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    (directory / "payload.json").write_text("{}\n")
    (directory / "token-pin").write_text("1234\n")
    for name in ("local-roots.pem", "dps-ca.pem"):
        (directory / name).write_bytes(root)
    environment = dict(os.environ, STATE_DIRECTORY=str(directory / "store"))
    with running_bus() as bus:
        process = subprocess.Popen([BREVETD, "--bus", "session", "--config", str(directory / "agent.conf")],
                                   env=dict(environment, DBUS_SESSION_BUS_ADDRESS=bus.address), stderr=subprocess.DEVNULL)
        try:
            bus.wait(lambda: bus.owners.get(NAME) or process.poll() is not None, "brevetd's name on the bus")
            now = bus.call(NAME, PATH, "org.freedesktop.DBus.Properties", "GetAll", GLib.Variant("(s)", (NAME,)))[0]
            return now["ConfigurationError"], now["ConfigurationWarnings"]
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(directory)


def test_the_sample_can_be_used_as_it_is():
    assert load(SAMPLE) == ("", []), load(SAMPLE)


def test_the_agent_knows_every_key_of_the_sample():
    text = re.sub(r"^#([a-z0-9_-]+=)", r"\1", SAMPLE, flags=re.MULTILINE)
    assert load(text) == ("", []), load(text)


def test_a_key_that_nobody_knows_is_reported():
    error, warnings = load(SAMPLE.replace("#enabled=", "enable="))
    assert error == "" and len(warnings) == 1 and "[identity main] enable" in warnings[0], (error, warnings)


def test_the_manual_page_explains_every_key():
    missing = {key for key in sample_keys() if not re.search(rf"^\.BR? .*\b{re.escape(key)}\b", PAGE, re.MULTILINE)}
    assert not missing, missing


def test_the_sample_shows_every_key_of_the_manual_page():
    explained = set()
    for line in re.findall(r"^\.TP\n\.BR? (.*)$", PAGE, re.MULTILINE):
        explained |= {word.strip('", ') for word in line.split()} - {""}
    assert explained - LEFT_OUT <= sample_keys(), explained - LEFT_OUT - sample_keys()


tap.run(tap.collect(dict(globals())))
