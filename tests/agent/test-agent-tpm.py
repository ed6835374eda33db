# SPDX-License-Identifier: LGPL-2.1-or-later
"""A brevetd whose device has a TPM, and what becomes of it when the TPM is cleared, replaced, busy, locked or gone."""

import base64
import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "fixtures"))

import enrollments
import tap
from agent import NAME, PATH, Agent
from agent_world import running_world
from swtpm import Tpm, find_tools
from tpm_proxy import ACTIVATE_CREDENTIAL, AUTH_FAIL, GONE, HMAC, IMPORT, LOCKOUT, RETRY, TESTING, TpmProxy

WORLD = None


def put_enrollment(registration_id, endorsement_key):
    enrollments.put_individual(WORLD.service, registration_id, enrollments.tpm(base64.b64encode(endorsement_key).decode()),
                               **enrollments.ISSUE)


class TpmAgent:
    """A device with a TPM of its own behind a proxy, enrolled with its endorsement key."""

    def __init__(self, **settings):
        WORLD.devices += 1
        with contextlib.ExitStack() as ends:
            self.tpm = Tpm()
            ends.callback(self.tpm.clean_up)
            self.tpm.start()
            self.proxy = TpmProxy(self.tpm)
            ends.callback(self.proxy.stop)
            self.endorsement_key = self.tpm.make_endorsement_key()
            attestation = {"type": "tpm", "tcti": self.proxy.tcti, "handles-path": "tpm.json", "time-limit": "60s", **settings}
            self.agent = Agent(WORLD.service, WORLD.bus, f"tpm-{WORLD.devices}", port=WORLD.proxy.port, attestation=attestation)
            ends.callback(self.agent.clean_up)
            put_enrollment(self.agent.registration_id, self.endorsement_key)
            self.ends = ends.pop_all()

    def clean_up(self):
        self.ends.close()

    def get(self, generation=1):
        return self.agent.wait_for_generation(generation)

    def renew_in_vain(self, error):
        """An attempt that fails; the identity stays what it was. Returns what the bus says then."""
        before = self.agent.properties()
        found = self.agent.try_to("Renew")
        assert found == f"org.brevet.Error.{error}", f"{found}\n{self.agent.read_log()}"
        now = self.agent.wait_for_rest()
        assert now["Generation"] == before["Generation"] and now["Sha256"] == before["Sha256"], now
        return now


@contextlib.contextmanager
def provisioned(**settings):
    device = TpmAgent(**settings)
    try:
        device.agent.start()
        device.get()
        yield device
    finally:
        device.clean_up()


def assert_says(now, state, pattern):
    assert now["State"] == state, now
    assert re.search(pattern, now["Cause"]), now["Cause"]
    assert "the certificate in use is valid until" in now["Cause"], now["Cause"]


def test_provisions_and_renews():
    """It registers with the TPM, renews, and leaves nothing in the TPM's few slots"""
    with provisioned() as device:
        device.agent.act("Renew")
        assert device.get()["Generation"] == 2
        device.agent.stop()
        for kind in ["handles-transient", "handles-loaded-session", "handles-saved-session"]:
            assert device.tpm.run("tpm2_getcap", kind).stdout == b"", kind
        handles = json.loads((device.agent.scratch / "tpm.json").read_text())
        assert handles["endorsementKey"]["handle"] == "0x81010001" and handles["identityKey"]["keys"][0]["use"] == "hub", handles


def test_gone():
    """A TPM that is gone: the cause says so, the identity stays, and it goes on when the TPM is back"""
    with provisioned() as device:
        device.tpm.stop()
        assert_says(device.renew_in_vain("Unreachable"), "backing-off", r"TPM at swtpm:\S+ is (not reached|gone).*code 0x")
        device.tpm.start()
        device.get(2)


def test_gone_in_the_middle():
    """A TPM that goes while it works costs an attempt and nothing else"""
    with provisioned() as device:
        for command in [ACTIVATE_CREDENTIAL, IMPORT, HMAC]:
            device.proxy.faults = {command: GONE}
            assert_says(device.renew_in_vain("Unreachable"), "backing-off", "is gone: it could not .*code 0x")
        before = device.agent.properties()["Generation"]
        device.proxy.faults = {}
        device.get(before + 1)


def test_busy():
    """A TPM that another program holds is given up after the time limit, and used when it is free"""
    with provisioned() as device:
        device.agent.configure("attestation main", time_limit="1s")
        device.agent.bus.call(NAME, PATH, NAME, "Reload")
        holder = socket.socket(socket.AF_UNIX)
        holder.connect(str(device.tpm.path))
        now = device.agent.wait_for("a TPM that is busy", lambda found: "did not do its work in 1 s" in found["Cause"] or (
            found["State"] == "provisioned" and device.agent.begin("Renew")))
        assert_says(now, "backing-off", "another program may hold it")
        assert now["LastErrorName"] == "org.brevet.Error.Busy", now
        holder.close()
        device.get(2)


def test_stops_while_it_waits():
    """brevetd ends at once although the TPM does not answer, and goes on where it was"""
    with provisioned() as device:
        with socket.socket(socket.AF_UNIX) as holder:
            holder.connect(str(device.tpm.path))
            device.agent.begin("Renew")
            device.agent.wait_for("the attempt", lambda found: found["State"] == "renewing")
            device.agent.stop()
        device.agent.start()
        device.agent.act("Renew")
        assert device.get()["Generation"] == 2


def test_retries():
    """A TPM that asks for a command again gets it again, in the same attempt"""
    with provisioned() as device:
        device.proxy.faults = {IMPORT: [RETRY] * 8, HMAC: [TESTING] * 7}
        device.agent.act("Renew")
        assert device.get()["Generation"] == 2
        assert device.proxy.faults == {IMPORT: [], HMAC: []}


def test_locked():
    """A TPM that has locked itself: the cause says so and when it ends, and it goes on afterwards"""
    with provisioned() as device:
        device.proxy.faults = {IMPORT: LOCKOUT}
        now = device.renew_in_vain("Busy")
        assert_says(now, "backing-off", r"code 0x921.*locked the TPM against guessing: 0 failures.*one is forgotten every \d+ s")
        device.proxy.faults = {}
        device.get(2)


def test_counted_refusal_is_not_repeated():
    """After an authorisation that the TPM has counted as wrong, it is not given again"""
    with provisioned() as device:
        device.proxy.faults = {ACTIVATE_CREDENTIAL: AUTH_FAIL}
        device.renew_in_vain("NotConfigured")
        seen = sum(device.proxy.seen.values())
        now = device.renew_in_vain("NotConfigured")
        assert_says(now, "backing-off", "not asked again before the settings have changed")
        assert sum(device.proxy.seen.values()) == seen, device.proxy.seen


def test_cleared():
    """A cleared TPM is told of in the log; its keys are made anew, and the device stays the one that is enrolled"""
    with provisioned() as device:
        device.tpm.clear()
        device.agent.act("Renew")
        assert device.get()["Generation"] == 2
        assert re.search("another storage root key than before: its Name was 000b[0-9a-f]{64} and is 000b", device.agent.read_log())


def test_replaced():
    """Another TPM in the device is refused by the service, which the state says; with the right one it goes on"""
    with provisioned() as device:
        device.tpm.stop()
        own = device.tpm.state
        other = own.with_name("other")
        other.mkdir()
        device.tpm.state = other
        device.tpm.start()
        now = device.renew_in_vain("Rejected")
        assert_says(now, "refused", "401")
        assert re.search("another endorsement key than before: its Name was", device.agent.read_log())
        device.tpm.stop()
        device.tpm.state = own
        device.tpm.start()
        device.get(2)


def test_enrolled_with_another():
    """A device that is enrolled with another TPM is refused until the enrollment is right"""
    device = TpmAgent()
    try:
        with Tpm() as other:
            put_enrollment(device.agent.registration_id, other.make_endorsement_key())
        device.agent.start()
        now = device.agent.wait_for("a refusal", lambda found: found["State"] == "refused")
        assert now["Generation"] == 0 and "401" in now["Cause"], now
        put_enrollment(device.agent.registration_id, device.endorsement_key)
        device.get()
    finally:
        device.clean_up()


def test_owner():
    """The authorisation of the owner is needed and said to be needed; it works once it is given"""
    device = TpmAgent()
    try:
        device.tpm.run("tpm2_changeauth", "-c", "o", "landlord")
        device.agent.start()
        now = device.agent.wait_for("what is missing", lambda found: found["State"] == "backing-off")
        assert now["LastErrorName"] == "org.brevet.Error.NotConfigured", now
        assert "owner-authorization is wrong or missing" in now["Cause"], now
        (device.agent.scratch / "owner").write_text("landlord\n")
        device.agent.configure("attestation main", owner_authorization_file="owner")
        device.agent.process.send_signal(1)
        device.get()
    finally:
        device.clean_up()


def test_access_broker():
    """The same through tpm2-abrmd, which shares a TPM among programs"""
    if shutil.which("tpm2-abrmd") is None and not Path("/usr/sbin/tpm2-abrmd").exists():
        raise tap.Skip("tpm2-abrmd is not installed")
    device = TpmAgent()
    environment = dict(WORLD.bus.environment, ASAN_OPTIONS="", TSS2_LOG="all+NONE")
    broker = subprocess.Popen([shutil.which("tpm2-abrmd") or "/usr/sbin/tpm2-abrmd", "--allow-root", "--session",
                               f"--tcti={device.proxy.tcti}", "--flush-all"], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        WORLD.bus.wait(lambda: WORLD.bus.has_owner("com.intel.tss2.Tabrmd") or broker.poll() is not None, "the access broker")
        device.agent.configure("attestation main", tcti="tabrmd:bus_type=session")
        device.agent.start()
        device.get()
        broker.kill()
        broker.wait()
        assert_says(device.renew_in_vain("Unreachable"), "backing-off", "TPM at tabrmd:bus_type=session")
    finally:
        broker.kill()
        broker.wait()
        device.clean_up()


def main():
    global WORLD
    try:
        find_tools("tpm2_changeauth", "tpm2_clear")
    except tap.Skip as skip:
        print(f"1..0 # SKIP {skip}")
        return
    with running_world() as WORLD:
        tap.run(tap.collect(globals()))


main()
