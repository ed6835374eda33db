#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fleet moves from the local CA to DigiCert and back while its devices renew, and nobody loses an identity on the way.

Each test goes on where the one before has stopped. The fleet checks every generation of every device by itself (fleet.py); what
DigiCert was asked is counted.
"""

import contextlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from admin import Admin
from certificates import issuer_of, read_assigned, read_certificates, subject_of
from digicert_line import DOCUMENT, ISSUER, ROOT, Digicert
from digicert_mock import API_KEY, LIFECYCLE_PROFILE
from dps import PREVIEW, Device, Service, make_csr
from fleet import UNREACHABLE, Fleet

LIFETIME = 400
SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
WORK = pathlib.Path(SCRATCH.name)
digicert = Digicert(SCRATCH.name, LIFETIME)
service = Service()
admin = Admin(service)
(service.directory / "keys/digicert.key").write_text(API_KEY + "\n")
fleet = None

LOCAL = f"type=local\ncertificate=ca/issuing.pem\nkey=ca/issuing.key\nvalidity={LIFETIME}s\nbackdate=0\n"
REMOTE = f"type=digicert\nprofile={LIFECYCLE_PROFILE}\napi-key-file=keys/digicert.key\n{digicert.settings()}"
LOCAL_ISSUER, LOCAL_ROOT = (subject_of(read_certificates((service.directory / f"ca/{name}.pem").read_text())[0])
                            for name in ("issuing", "root"))


def configure(plant):
    """The CA of the fleet is `plant`; `factory` is the way back."""
    (service.directory / "dps.conf.d/30-authorities.conf").write_text(
        f"[limits]\nrequests-per-device=0\n\n[plugin ca-digicert]\n{digicert.settings()}\n"
        f"[ca plant]\n{plant}\n[ca factory]\n{LOCAL}")


def reload(plant):
    configure(plant)
    nudge()


def nudge():
    """The service reads its configuration again, and looks after everything that it does now and then anyway."""
    before = service.read_log().count("Reloaded the configuration")
    service.reload()
    service.wait_for_log("Reloaded the configuration", before + 1)


def put(path, body):
    reply = service.operate("PUT", path, body, {"If-Match": "*"})
    assert reply.status == 200 and API_KEY.encode() not in reply.raw, reply


def trust(*authorities):
    """From now on, devices are told to trust these CAs."""
    put("/trustBundles/fleet", {"certificates": [], "certificateAuthorities": list(authorities)})


def wait_for_the_end_of(root, other):
    """The last device has moved, and so @root goes from all of them."""
    fleet.wait(lambda: count_behind("devices", "devicesToCome", "issuancesUnderWay") == 0, "nobody on the former CA")
    nudge()
    fleet.wait_for_trust(other, gone=[root])


def restart():
    service.kill()
    service.start()


def status(kind, name):
    """What an operator is shown of a CA or a trust bundle."""
    reply = service.operate("GET", f"/{kind}Status/{name}")
    assert reply.status == 200 and API_KEY.encode() not in reply.raw, reply
    return reply.json


def holders():
    """How many devices have each version of the trust bundle; the current one is the first."""
    shown = status("trustBundle", "fleet")
    versions = sorted(shown["versions"], key=lambda version: not version["isCurrent"])
    return [version["devices"] for version in versions] + [shown["devicesWithout"]] * (shown["devicesWithout"] > 0)


def count_behind(*members):
    earlier = status("certificateAuthority", "plant")["earlierVersions"]
    return sum(version.get(member, 0) for version in earlier for member in members)


def left_behind():
    """How many devices still use certificates of what `plant` stood for before."""
    return count_behind("devices")


def overview():
    """What `brevet admin ca status` says: devices on what `plant` stands for, on what it stood for, and with the current bundle."""
    [shown] = admin.ask("ca", "status")
    [plant] = [authority for authority in shown["certificateAuthorities"] if authority["name"] == "plant"]
    [bundle] = shown["trustBundles"]
    [current] = [version["devices"] for version in bundle["versions"] if version["isCurrent"]]
    return plant["devices"], sum(version["devices"] for version in plant["earlierVersions"]), current


def one_by_one(moved):
    """How many of the devices that are online have got there."""
    return sum(device.history[-1].issuer == moved for device in fleet.online)


def assert_no_failures(*allowed):
    found = fleet.failures(*allowed)
    assert found == [], found


def check_upstream():
    """Every certificate that DigiCert has signed for a device is one that it used; its latest may be on the way. While the device
    asks for one, DigiCert has been asked once more than it has signed."""
    def is_right(device):
        asked, signed = digicert.count("issue", device.name), digicert.signed(device.name)
        used = device.used(signed)
        return asked == len(signed) and signed in (used, used + signed[-1:])

    for device in fleet.devices:
        fleet.wait(lambda: is_right(device), f"what {device.name} has asked for")  # pylint: disable=cell-var-from-loop


# --- there ------------------------------------------------------------------------------------------------------------------------


def test_a_fleet_lives_on_the_local_ca():
    fleet.wait_for_renewals()
    fleet.wait_for_issuer(LOCAL_ISSUER)
    fleet.wait_for_trust(LOCAL_ROOT, gone=[ROOT])
    assert digicert.calls == [], digicert.calls


def test_all_devices_know_the_coming_ca_before_it_comes():
    put("/certificateAuthorities/works", DOCUMENT)
    trust("plant", "works")
    fleet.wait_for_trust(LOCAL_ROOT, ROOT)
    fleet.wait(lambda: holders() == [9], "all devices with the new trust bundle")
    assert overview() == (9, 0, 9)
    assert one_by_one(LOCAL_ISSUER) == 9 and digicert.count("issue") == 0


def test_devices_move_one_by_one_and_a_killed_service_goes_on():
    fleet.agents[0].go_offline()
    put("/certificateAuthorities/plant", DOCUMENT)
    fleet.wait(lambda: one_by_one(ISSUER) > 0, "the first device at DigiCert")
    restart()
    fleet.wait_for_issuer(ISSUER)
    fleet.wait_for_renewals()
    assert_no_failures(UNREACHABLE)
    fleet.wait_for_trust(LOCAL_ROOT, ROOT)
    check_upstream()


def test_a_device_that_was_away_is_waited_for():
    fleet.wait(lambda: left_behind() == 3, "three devices on the former CA")
    assert overview()[:2] == (6, 3)
    fleet.agents[0].come_back()
    fleet.wait_for_issuer(ISSUER)
    wait_for_the_end_of(LOCAL_ROOT, ROOT)
    fleet.wait(lambda: overview() == (9, 0, 9), "all devices where they belong")
    assert_no_failures()
    check_upstream()


def test_the_same_ca_from_a_file_is_no_swap():
    reload(REMOTE)
    reply = service.operate("DELETE", "/certificateAuthorities/plant")
    assert reply.status == 204, reply
    fleet.wait_for_renewals()
    assert one_by_one(ISSUER) == 9
    assert_no_failures()
    fleet.wait(lambda: left_behind() == 0, "nobody on a former CA")


# --- and back ---------------------------------------------------------------------------------------------------------------------


def begin(registration_id):
    """A device that is no part of the fleet asks for a certificate."""
    key = service.enroll(registration_id, **MEMBERS)
    _key, csr = make_csr(WORK, registration_id)
    device = Device(service, registration_id, key)
    reply = device.ask("PUT", "/register", PREVIEW, {"registrationId": registration_id, "clientCertificateCsr": csr.read_text()})
    assert reply.status == 202, reply
    return device, csr, reply.json["operationId"]


def test_a_ticket_outlives_the_swap_and_a_restart():
    trust("plant", "factory")
    fleet.wait_for_trust(LOCAL_ROOT, ROOT)
    digicert.plan_for("slow", "pending")
    device, csr, operation = begin("slow")
    service.wait_for(lambda: any("ticket" in entry for entry in service.stored("journal").values()), "the ticket")
    reload(LOCAL)
    fleet.wait_for_issuer(LOCAL_ISSUER)
    service.kill()
    looks = digicert.count("pickup")
    digicert.obey({"do": "approve"})
    service.start()
    device = Device(service, "slow", device.key)
    assert issuer_of(read_assigned(device.poll(operation))) == ISSUER
    assert digicert.count("issue", "slow") == 1 and digicert.count("pickup") == looks + 1
    # Whoever has failed while the service was dead has told of it before he renews again.
    fleet.wait_for_renewals()
    assert_no_failures(UNREACHABLE)
    # It alone keeps DigiCert's root where it is, until it has moved as well.
    fleet.wait_for_trust(LOCAL_ROOT, ROOT)
    fleet.wait(lambda: left_behind() == 1, "the one that is not in the fleet alone on the former CA")
    assert issuer_of(read_assigned(device.register(clientCertificateCsr=csr.read_text()))) == LOCAL_ISSUER
    wait_for_the_end_of(ROOT, LOCAL_ROOT)


def test_the_former_ca_still_revokes():
    revoked = digicert.signed("pump0")[-1]
    [entry] = [entry for entry in admin.ask("issued", "list", "pump0") if entry["sha256Thumbprint"] == revoked]
    admin.run("issued", "revoke", entry["id"], "--reason", "keyCompromise", "--yes")
    fleet.wait(lambda: digicert.count("revoke") > 0, "the revocation at DigiCert")
    assert list(digicert.revoked().values()) == ["key_compromise"] and digicert.signed(status="revoked") == [revoked]
    fleet.wait_for_renewals()
    assert digicert.count("revoke") == 1


def test_nobody_has_lost_anything_and_nothing_was_issued_in_vain():
    assert_no_failures()
    assert one_by_one(LOCAL_ISSUER) == 9
    fleet.check()
    for device in fleet.devices:
        asked, signed = digicert.count("issue", device.name), digicert.signed(device.name)
        assert asked == len(signed) and signed == device.used(signed), device.name
    assert digicert.violations == [] and API_KEY not in service.read_log()
    service.stop()


MEMBERS = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "plant"}, "trustBundleId": "fleet"}

try:
    configure(LOCAL)
    service.start()
    trust("plant")
    fleet = Fleet(service, **MEMBERS)
    tap.run(tap.collect(dict(globals())))
finally:
    with contextlib.ExitStack() as ends:
        ends.callback(digicert.stop)
        ends.callback(service.clean_up)
        if fleet is not None:
            ends.callback(fleet.clean_up)
