#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device that is its own provisioning service: brevetd with a CA plugin in its configuration, and no server, no port."""

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import ALWAYS, KILL, KILL_HALF, NO_IO, Faults

import tap
from agent import IDENTITY, NAME, PATH, TRUST_BUNDLE, Agent, fingerprint, running_bus
from dps import PATIENCE, Service, command
from gi.repository import GLib

BREVET = os.environ["BREVET"]
TREE = pathlib.Path(__file__).parent.parent.parent
GUIDE = TREE / "docs/deployment.md"
PAGE = TREE / "data/man/brevet-agent.conf.5"
# Each way through a provisioning makes more calls that write than this: else the shim has no effect.
MANY = 20
# A prime: both ways to die meet each kind of call.
STEP = 7


class Authority(Service):
    """What `brevet-dps init` makes, for its CA: the service itself is never started."""

    def __init__(self):
        super().__init__()
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()

    def enroll(self, registration_id, **members):
        """The configuration does that."""
        return self.key


class Machine(Agent):
    """A device with the service's groups in its own configuration."""

    def __init__(self, bus, **authority):
        super().__init__(Authority(), bus)
        self.database = self.scratch / "store-of-service.sqlite"
        self.ca = self.service.directory / "ca"
        self.write_bundle("root.pem")
        self.groups["transport main"] = {"type": "in-process"}
        self.groups.update({
            "service": {"id-scope": self.service.id_scope},
            "limits": {"requests-per-device": 0},
            "store main": {"type": "sqlite", "file": self.database.name},
            "ca factory": {"type": "local", "certificate": self.ca / "issuing.pem", "key": self.ca / "issuing.key", "validity": "30d",
                           **authority},
            "hub one": {"host-name": "hub.example.net"},
            "trust-bundle plant": {"file": "bundle.pem"},
        })
        self.enroll(self.registration_id)

    def enroll(self, registration_id):
        self.groups[f"enrollment {registration_id}"] = {"primary-key-file": "device.key", "ca": "factory", "trust-bundle": "plant"}
        self.configure()

    def add_identity(self, name, registration_id):
        self.groups[f"identity {name}"] = {**self.groups["identity main"], "registration-id": registration_id}
        self.enroll(registration_id)

    def write_bundle(self, *names):
        (self.scratch / "bundle.pem").write_text("".join((self.ca / name).read_text() for name in names))

    def clean_up(self):
        super().clean_up()
        self.service.clean_up()

    # --- what the service has stored ----------------------------------------------------------------------------------------------

    def query(self, query, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    def issued(self, registration_id=None):
        """SHA-256 of each certificate in the inventory."""
        rows = self.query("SELECT json_extract(body, '$.sha256') FROM record WHERE collection = 'certificates' AND "
                          "json_extract(body, '$.registrationId') = ?", registration_id or self.registration_id)
        return {sha256 for (sha256,) in rows}

    def unfinished(self):
        return self.query("SELECT key FROM record WHERE collection = 'journal'")

    # --- what the agent says ------------------------------------------------------------------------------------------------------

    def ask_manager(self, name):
        return self.bus.call(NAME, PATH, "org.freedesktop.DBus.Properties", "Get", GLib.Variant("(ss)", (NAME, name)))[0]

    def reload(self):
        """The text of the D-Bus error, or None."""
        try:
            self.bus.call(NAME, PATH, NAME, "Reload")
        except GLib.Error as error:
            return error.message.split(": ", 1)[1]
        return None

    def line_of(self, text):
        """FILE:LINE of a text that stands once in the configuration."""
        lines = self.configuration.read_text().splitlines()
        assert sum(text in line for line in lines) == 1, text
        return f"{self.configuration}:{next(number for number, line in enumerate(lines, 1) if text in line)}"

    def cli(self, *words):
        return command(BREVET, *words, "--bus=session", env=self.bus.environment).stdout

    def find_ports(self):
        """What brevetd listens on."""
        inodes = {os.readlink(path) for path in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()}
        ports = []
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for line in pathlib.Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if f"socket:[{fields[9]}]" in inodes:
                    ports.append((table, fields[1]))
        return ports


@contextlib.contextmanager
def machine(**authority):
    with running_bus() as bus:
        made = Machine(bus, **authority)
        try:
            yield made
        finally:
            made.clean_up()


@contextlib.contextmanager
def provisioned(**authority):
    with machine(**authority) as made:
        made.start()
        made.wait_for_generation(1)
        yield made
        made.stop()


def test_it_provisions_and_renews_by_itself():
    with machine(validity="70s", backdate="0") as device:
        # Due two seconds after the certificate came.
        device.configure("identity main", renew="68s", renewal_jitter="0%")
        device.start()
        first = device.wait_for_generation(1)
        assert first["Service"] == "in-process" and first["AssignedHub"] == "hub.example.net", first
        later = device.wait_for_generation(3)
        assert device.installed() in device.issued() and first["Sha256"] in device.issued()
        assert len(device.issued()) >= 3 and later["Failures"] == 0, later
        assert device.ask_manager("ConfigurationWarnings") == [] and device.ask_manager("ConfigurationError") == ""
        device.stop()


def test_it_listens_on_nothing():
    with provisioned() as device:
        if not os.access(f"/proc/{device.process.pid}/fd", os.R_OK):
            raise tap.Skip("brevetd hides its files from all but root")
        assert device.find_ports() == []


def test_the_command_line_tells_and_renews():
    with provisioned() as device:
        before = device.properties()
        status = json.loads(device.cli("status", "--json"))
        assert "in-process" in device.cli("status"), device.cli("status")
        assert device.registration_id in json.dumps(status) and "hub.example.net" in json.dumps(status), status
        device.cli("renew")
        now = device.properties()
        assert now["Generation"] == before["Generation"] + 1 and now["Sha256"] != before["Sha256"], (before, now)
        assert device.installed() == now["Sha256"] and device.issued() == {before["Sha256"], now["Sha256"]}
        certificate = device.scratch / "shown.pem"
        certificate.write_text(device.cli("show", "certificate"))
        assert fingerprint(certificate) == now["Sha256"]


def test_two_identities_share_the_service():
    with machine() as device:
        device.add_identity("second", "pump-2")
        device.start()
        path = f"{PATH}/identities/second"
        device.wait_for_generation(1)
        device.wait(lambda: device.bus.call(NAME, path, "org.freedesktop.DBus.Properties", "Get",
                                            GLib.Variant("(ss)", (IDENTITY, "State")))[0] == "provisioned", "the second identity")
        assert len(device.issued("pump-1")) == len(device.issued("pump-2")) == 1
        device.cli("renew", "second")
        assert len(device.issued("pump-1")) == 1 and len(device.issued("pump-2")) == 2
        assert device.unfinished() == []
        device.stop()


def test_a_new_trust_bundle_arrives():
    with machine() as device:
        device.configure("identity main", trust_bundle_poll="10s")
        device.start()
        before = device.wait_for_generation(1)
        assert device.read_installed()[TRUST_BUNDLE].count("BEGIN CERTIFICATE") == 1
        device.write_bundle("root.pem", "issuing.pem")
        assert device.reload() is None
        device.wait_for_signal("TrustBundleChanged")
        now = device.wait_for("the new bundle", lambda now: now["TrustBundleEtag"] != before["TrustBundleEtag"])
        assert now["Sha256"] == before["Sha256"] and len(device.issued()) == 1
        assert device.read_installed()[TRUST_BUNDLE].count("BEGIN CERTIFICATE") == 2
        device.stop()


def refuse(device, group, where, *reasons, **settings):
    """A reload of a mistake; then the configuration is as it was."""
    former = {name: device.groups[group].get(name) for name in (name.replace("_", "-") for name in settings)}
    device.configure(group, **settings)
    error = device.reload()
    assert error is not None, device.configuration.read_text()
    for text in (device.line_of(where), *reasons):
        assert text in error, (text, error)
    assert device.ask_manager("ConfigurationError") == error, (device.ask_manager("ConfigurationError"), error)
    device.configure(group, **{name.replace("-", "_"): value for name, value in former.items()})


def test_a_mistake_changes_nothing():
    with provisioned() as device:
        refuse(device, "ca factory", "certificate=nowhere.pem", "[ca factory] certificate", certificate="nowhere.pem")
        refuse(device, "enrollment pump-1", "ca=nobody", "there is no certificate authority “nobody”", ca="nobody")
        refuse(device, "enrollment pump-1", "[enrollment pump-1]", "“other.example.net” is not linked", hub="other.example.net")
        refuse(device, "store main", "type=nothing", "[store main] type", type="nothing")
        hub = device.groups.pop("hub one")
        refuse(device, "agent", "[service]", "there is no hub", "[hub NAME]")
        device.groups["hub one"] = hub
        # What is right beside a mistake has no effect either, be the mistake the agent's or the service's.
        before = device.query("SELECT collection, key, etag FROM record WHERE collection IN ('enrollments', 'trust-bundles')")
        device.write_bundle("root.pem", "issuing.pem")
        device.configure("enrollment pump-1", enabled="no")
        refuse(device, "identity main", "renew=never", "[identity main] renew", renew="never")
        refuse(device, "attestation main", "key-file=nowhere", "[attestation main] key", key_file="nowhere")
        refuse(device, "hub one", "host-name=a b", "[hub one] host-name", host_name="a b")
        assert device.try_to("Renew") is None
        assert before == device.query("SELECT collection, key, etag FROM record WHERE collection IN ('enrollments', 'trust-bundles')")
        # The same without the mistake has one.
        assert device.reload() is None and device.ask_manager("ConfigurationError") == ""
        assert device.try_to("Renew") == "org.brevet.Error.Rejected", device.properties()


def test_a_mistake_at_the_start_is_told_and_can_be_mended():
    with machine() as device:
        device.configure("ca factory", certificate="nowhere.pem")
        device.start()
        error = device.ask_manager("ConfigurationError")
        assert device.line_of("certificate=nowhere.pem") in error and "[ca factory] certificate" in error, error
        device.configure("ca factory", certificate=device.ca / "issuing.pem")
        assert device.reload() is None
        device.wait_for_generation(1)
        device.stop()


def test_what_nobody_knows_is_told_once():
    with machine() as device:
        device.configure("enrollment pump-1", weight="3")
        device.configure("hub one", weight="3", wieght="4")
        device.configure("identity main", renwe="66%")
        device.groups["listener https"] = {"type": "https"}
        device.configure()
        device.start()
        device.wait_for_generation(1)
        warnings = device.ask_manager("ConfigurationWarnings")
        expected = [device.line_of("renwe="), device.line_of("wieght="), f"{device.line_of('[listener https]')}"]
        for where in expected:
            assert sum(where in warning for warning in warnings) == 1, (where, warnings)
            assert device.read_log().count(where) == 1, device.read_log()
        assert sum("[enrollment pump-1] weight" in warning for warning in warnings) == 1
        assert len(warnings) == 4, warnings
        device.stop()


# --- faults -----------------------------------------------------------------------------------------------------------------------


class FaultsBelow(Faults):
    """Below all paths that begin like this: the identity's store, the service's, or both of them."""

    def __init__(self, device, beginning="store"):
        super().__init__(device)
        self.environment["BREVET_FAULT_DIRECTORY"] = str(device.scratch / beginning)


def test_a_configuration_that_cannot_be_stored_is_tried_again():
    with machine() as device:
        faults = FaultsBelow(device, "store-of-service")
        device.start(**faults.environment)
        before = device.wait_for_generation(1)
        device.groups["hub two"] = {"host-name": "hub2.example.net"}
        device.configure("enrollment pump-1", hub="hub2.example.net")
        faults.arm(NO_IO, ALWAYS)
        assert device.reload() is None
        assert device.try_to("Renew") == "org.brevet.Error.Unreachable", device.properties()
        now = device.properties()
        assert now["Sha256"] == before["Sha256"] and "take its configuration over" in now["LastErrorText"], now
        assert faults.happened
        faults.disarm()
        device.wait_for("the identity by the new configuration", lambda now: now["AssignedHub"] == "hub2.example.net")
        device.stop()


def signed(device):
    """SHA-256 of each certificate that the CA has ever signed."""
    ledger = device.scratch / "ledger"
    return {line.split()[3] for line in ledger.read_text().splitlines() if line.startswith("signed ")} if ledger.exists() else set()


@contextlib.contextmanager
def counted_machine():
    """Its CA keeps a list of its own."""
    with machine() as device:
        os.mkfifo(device.scratch / "gate")
        device.configure("ca factory", type="scripted", certificate=device.ca / "root.pem", key=device.ca / "root.key", validity=None,
                         ledger="ledger", gate="gate", capabilities="idempotent")
        yield device


def recover(device, begun):
    """Starts it again after a death; in the end there is a whole identity, and no certificate without a record."""
    device.start()
    device.wait_for_generation(1)
    if begun is not None and device.properties()["Sha256"] == begun:
        device.act("Renew")
    now = device.wait_for_generation(1)
    assert device.installed() == now["Sha256"], (device.installed(), now)
    device.wait(lambda: device.unfinished() == [] and signed(device) == device.issued(),
                f"an inventory of all that was signed: {signed(device)}, {device.issued()}, {device.unfinished()}")
    return now


def die_provisioning(action, point):
    with counted_machine() as device:
        faults = FaultsBelow(device)
        faults.arm(action, point)
        device.spawn(**faults.environment)
        died = device.dies_or(lambda: device.emitted("Renewed"))
        there = device.installed()
        assert there is None or there in signed(device), (point, there)
        if died:
            recover(device, None)
        device.stop()
        return died


def test_killed_while_it_provisions():
    point = 1
    while die_provisioning(KILL if point % 2 else KILL_HALF, point):
        point += STEP
    assert point > MANY, f"only {point} calls were counted"


def test_killed_while_it_renews():
    with counted_machine() as device:
        point, died = 1, True
        while died:
            faults = FaultsBelow(device)
            device.start(**faults.environment)
            before = device.wait_for_generation(1)
            faults.arm(KILL if point % 2 else KILL_HALF, point)
            device.begin("Renew")
            died = device.dies_or(lambda: device.has_renewed(before))
            if died:
                there = device.installed()
                assert there == before["Sha256"] or there in signed(device), (point, before, there)
                recover(device, before["Sha256"])
            device.stop()
            point += STEP
        assert point > MANY, f"only {point} calls were counted"


# --- the guide --------------------------------------------------------------------------------------------------------------------


def read_guide():
    """The commands and the configuration of the guide's section about this."""
    section = re.search(r"^## One machine, no server\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL).group(1)
    return (re.search(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL).group(1),
            re.search(r"^```ini\n(.*?)^```", section, re.MULTILINE | re.DOTALL).group(1))


def read_page():
    """The configuration of the manual page."""
    page = PAGE.read_text().replace("\\-", "-")
    return re.search(r"^A device that is its own provisioning service.*?^\.EX\n(.*?)^\.EE", page, re.MULTILINE | re.DOTALL).group(1)


def use_example(commands, example):
    with machine() as device:
        state = device.scratch / "state"
        state.mkdir(mode=0o700)

        # Nobody but root may give files to another user; all else is done as it is written.
        def place(text):
            return text.replace("/var/lib/brevet", str(state)).replace("-o brevet -g brevet ", "").replace("chown ", ": chown ")

        subprocess.run(["sh", "-eu", "-c", place(commands)], check=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                       capture_output=True)
        device.configuration.write_text(place(example))
        device.start()
        assert device.ask_manager("ConfigurationError") == "" and device.ask_manager("ConfigurationWarnings") == []
        now = device.wait_for_generation(1)
        assert now["AssignedHub"] == "hub.example.net", now
        certificate = pathlib.Path(now["CertificateLocation"])
        command("openssl", "verify", "-x509_strict", "-CAfile", now["TrustBundleLocation"], "-untrusted", certificate, certificate)
        device.stop()


def test_the_example_of_the_guide_works():
    use_example(*read_guide())


def test_the_example_of_the_manual_page_works():
    use_example(read_guide()[0], read_page())


tap.run(tap.collect(dict(globals())))
