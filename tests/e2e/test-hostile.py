#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Strangers, thieves and forgers at the door of a real brevet-dps: each is told nothing but no, leaves nothing behind but a record in
the journal that says who, what and why, and does not keep the rightful device out.

A certificate without its key is no row of the table: TLS has the key proved in the handshake, and there is nothing to present.
"""

import base64
import dataclasses
import json
import pathlib
import re
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import enrollments
import mqtt_client
import pki
import sas_token
import swtpm
import tap
from agent import Agent, running_bus
from dps import PREVIEW
from hostile_world import (FOREIGN_TPM, HTTPS, MQTT, SERVICE, WORK, Certified, CertifiedGroup, Keyed, KeyedGroup, NamedRootGroup,
                           ReferredGroup, ShallowGroup, Stranger, Tpm, sign)
from soft_tpm import CannotOpen

REFUSED = "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a05"
NOT_AUTHORIZED = 5
COLLECTIONS = ("registrations", "operations", "journal", "certificates", "attestation-memories")
HOUR, DAY = 3600, 86400


# --- what they try ----------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Row:
    """@attack: given the rightful device, returns the stranger; @why: what the journal says; @enrollment: whether a record names the
    device's (nobody else's is ever named); @after: what the rightful device may do once the stranger is gone."""

    name: str
    device: type
    attack: typing.Callable
    why: str
    enrollment: bool = True
    ways: tuple = (HTTPS, MQTT)
    rightful_after: bool = True
    ahead: int = 0


def make_foreign(device):
    """A chain of somebody else's, for the right device."""
    root = pki.make_root("Foreign root")
    plant = pki.make_intermediate("Foreign plant", root)
    return Stranger(device.id, chain=(pki.make_leaf(device.id, plant), plant, root))


def imitate(device):
    """The same with every name and identifier as in the real one."""
    root = pki.make_root(device.root.subject, key_id=device.root.key_id)
    plant = pki.make_intermediate(device.plant.subject, root, key_id=device.plant.key_id)
    return Stranger(device.id, chain=(pki.make_leaf(device.id, plant), plant, root))


def below(device, leaf_options=None, **options):
    """A chain with another intermediate of the group's root."""
    middle = pki.make_intermediate("Odd plant", device.root, **options)
    return Stranger(device.id, chain=(pki.make_leaf(device.id, middle, **(leaf_options or {})), middle))


def forge_signature(device):
    leaf = pki.make_leaf(device.id, device.plant)
    leaf.der = leaf.der[:-1] + bytes([leaf.der[-1] ^ 1])
    return Stranger(device.id, chain=(leaf, device.plant))


def issue(**options):
    return lambda device: Stranger(device.id, chain=device.issue(device.id, **options))


def name(*attributes):
    """A certificate with this subject, in which {} stands for the device's id; the stranger claims to be the device."""
    def attack(device):
        filled = [attribute if isinstance(attribute, tuple) else attribute.format(device.id) for attribute in attributes]
        return Stranger(device.id, chain=device.issue(pki.name(*filled)))

    return attack


def raw_name(make, kind=pki.COMMON_NAME, tag=pki.UTF8_STRING):
    return lambda device: Stranger(device.id, chain=device.issue(pki.name((kind, tag, make(device.id)))))


def revoke(change, makes=lambda device: device.rightful()):
    """The operator does something; then the device comes as before."""
    def attack(device):
        assert device.rightful().ask().status in (200, 202)
        change(device)
        return makes(device)

    return attack


def operate(method, path, body=None, **headers):
    enrollments.succeed(SERVICE.operate(method, path, body, headers))


def disable_below_enabled(device):
    """The group nearest to the device is disabled; one of its root would take the device."""
    nearest = enrollments.x509("signingCertificates", primary=device.plant)
    enrollments.put_group(SERVICE, f"near-{device.number}", nearest, provisioningStatus="disabled")
    return device.rightful()


def use_device_as_authority(device):
    """Another device of the group makes itself an authority."""
    thief = pki.make_leaf("device-thief", device.plant)
    return Stranger(device.id, chain=(pki.make_leaf(device.id, thief), thief, device.plant))


def finish(device, stranger):
    """Registers to the end with what somebody shows; returns the blob with the key for the hub."""
    reply = stranger.ask()
    while reply.status == 202:
        path = f"/{SERVICE.id_scope}/registrations/{device.id}/operations/{reply.json['operationId']}?api-version={PREVIEW}"
        reply = SERVICE.ask("GET", path, headers={"Authorization": stranger.token})
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    return reply.json["registrationState"]["tpm"]["authenticationKey"]


def expect_closed(blob):
    """Nobody else can make use of it."""
    try:
        FOREIGN_TPM.open(blob)
    except CannotOpen:
        return
    raise AssertionError("another TPM opens the blob")


def use_key_of_hub(device):
    """The key that the device got for the hub is no key for the service."""
    blob = finish(device, device.rightful())
    expect_closed(blob)
    return Stranger(device.id, token=device.sign(blob), tpm=device.tpm.body)


def outlive_challenge(device):
    token = device.sign(device.challenge(), lifetime=DAY)
    SERVICE.journal.seconds_ahead = 61 * 60
    return Stranger(device.id, token=token, tpm=device.tpm.body)


def answer_for_foreign_storage_key(device):
    """Who knows the public endorsement key gets a challenge, and cannot open it."""
    mixed = {**FOREIGN_TPM.body, "endorsementKey": device.tpm.body["endorsementKey"]}
    expect_closed(device.challenge(mixed))
    return Stranger(device.id, token=sign(device.id, base64.b64encode(bytes(32)).decode()), tpm=mixed)


def among_groups(get_key):
    """A token of which nobody knows for which of several groups it was made."""
    def attack(device):
        KeyedGroup()
        return Stranger(device.id, token=sign(device.id, get_key(device)))

    return attack


KEY = base64.b64encode(b"a key that somebody made up").decode()

TOKENS = [
    Row("a made-up key", Keyed, lambda device: Stranger(device.id, token=sign(device.id, KEY)), "signature of the token matches neither"),
    Row("an expired token", Keyed, lambda device: Stranger(device.id, token=sign(device.id, device.key, lifetime=-HOUR)),
        r"token expired \d+ seconds ago"),
    Row("a captured token, hours later", Keyed, lambda device: device.rightful(), "token expired", ahead=2 * HOUR),
    Row("a captured token of another device", Keyed, lambda device: Stranger(device.id, token=Keyed().rightful().token),
        r"token is for “.*/device-\d+”, not for"),
    Row("a token of another device, for this one", Keyed, lambda device: Stranger(device.id, token=sign(device.id, Keyed().key)),
        "signature of the token matches neither"),
    Row("a token for another scope", Keyed,
        lambda device: Stranger(device.id, token=sas_token.make_token(f"0ne0OTHER/registrations/{device.id}", device.key, "registration")),
        "token is for “0ne0OTHER/registrations/"),
    Row("the group's key itself", KeyedGroup, among_groups(lambda device: device.keys["primaryKey"]),
        "none of .* matches no key derived", enrollment=False),
    Row("a key derived for another device of the group", KeyedGroup,
        among_groups(lambda device: enrollments.derived_key(device.keys, "device-other")),
        "none of .* matches no key derived", enrollment=False),
    Row("a wrong key for a device that is known", KeyedGroup,
        revoke(lambda device: None, lambda device: Stranger(device.id, token=sign(device.id, KEY))),
        "^Enrollment group .* matches no key derived from the group's"),
    Row("a token that names an operator's policy", Keyed,
        lambda device: Stranger(device.id, token=sas_token.make_token(f"{SERVICE.id_scope}/registrations/{device.id}", device.key,
                                                                      "provisioningserviceowner")),
        "names another key than “registration”"),
    Row("an operator's token", Keyed,
        lambda device: Stranger(device.id, token=sas_token.make_token("localhost", SERVICE.operator_key, "provisioningserviceowner")),
        "names another key than “registration”|token is for"),
    Row("nothing at all", Keyed, lambda device: Stranger(device.id), "neither a token nor a certificate", enrollment=False),
    Row("a certificate for a device that has a key", Keyed, lambda device: Stranger(device.id, chain=(pki.make_leaf(device.id),)),
        "There is no token, and the enrollment demands a symmetric key"),
    Row("the key of a disabled enrollment", Keyed,
        revoke(lambda device: enrollments.put_individual(SERVICE, device.id, {"type": "symmetricKey"}, provisioningStatus="disabled")),
        "is disabled", rightful_after=False),
    Row("the key of a deleted enrollment", Keyed, revoke(lambda device: operate("DELETE", f"/enrollments/{device.id}")),
        "no enrollment for the device|matches no key derived", enrollment=False, rightful_after=False),
]

INDIVIDUALS = [
    Row("a certificate of the same name", Certified, lambda device: Stranger(device.id, chain=(pki.make_leaf(device.id),)),
        "neither the primary nor the secondary one"),
    Row("the same key in another certificate", Certified,
        lambda device: Stranger(device.id, chain=(pki.make_leaf(device.id, key=device.leaf.key),)),
        "neither the primary nor the secondary one"),
    Row("the certificate of another device", Certified, lambda device: Stranger(device.id, chain=Certified().chain),
        "neither the primary nor the secondary one"),
    Row("the enrolled certificate behind a stranger's", Certified,
        lambda device: Stranger(device.id, chain=(pki.make_leaf(device.id), device.leaf)),
        "neither the primary nor the secondary one"),
    Row("the enrolled certificate after its end", Certified, lambda device: device.rightful(), "certificate .*expired", ahead=2 * DAY),
    Row("a disabled enrollment", Certified, revoke(lambda device: device.put(provisioningStatus="disabled")), "is disabled",
        rightful_after=False),
    Row("a token instead of the certificate", Certified, lambda device: Stranger(device.id, token=sign(device.id, KEY)),
        "no client certificate"),
    Row("the certificate in a header, from somebody who is no proxy", Certified,
        lambda device: Stranger(device.id, headers={"Client-Cert": f":{base64.b64encode(device.leaf.der).decode()}:",
                                                    "X-Forwarded-Client-Cert": device.leaf.pem.replace("\n", " "),
                                                    "X-SSL-Client-Cert": device.leaf.pem.replace("\n", "%0A")}),
        "neither a token nor a certificate", enrollment=False, ways=(HTTPS,)),
]

CHAINS = [
    Row("a foreign chain with the right CN", CertifiedGroup, make_foreign, "does not lead to|no enrollment group", enrollment=False),
    Row("a foreign chain with all the right names", CertifiedGroup, imitate, "not signed with its key"),
    Row("a chain without its intermediate", CertifiedGroup, lambda device: Stranger(device.id, chain=(device.leaf,)),
        "no enrollment group|does not lead to", enrollment=False),
    Row("a forged signature", CertifiedGroup, forge_signature, "does not lead to|signature", enrollment=False),
    Row("an intermediate that is no CA", CertifiedGroup, lambda device: below(device, ca=False), "Odd plant.* not .*CA"),
    Row("an intermediate that does not say what it is", CertifiedGroup, lambda device: below(device, ca=None), "Odd plant.* not .*CA"),
    Row("a path that is too long", ShallowGroup, lambda device: Stranger(device.id, chain=device.chain), "path is too long"),
    Row("a device's certificate as an authority", CertifiedGroup, use_device_as_authority, "device-thief.* not .*CA"),
    Row("a certificate signed by itself, with the authority's name", CertifiedGroup,
        lambda device: Stranger(device.id, chain=(pki.make_leaf(device.id, issuer_name=device.root.subject), device.plant)),
        "does not lead to|not signed with its key"),
    Row("the authority's own certificate", NamedRootGroup,
        lambda device: Stranger(device.id, chain=(device.root,)), "presents the group's primary signing certificate itself"),
    Row("an expired certificate", CertifiedGroup, issue(begins=-2 * DAY, ends=-60), "expired"),
    Row("a certificate that is not yet valid", CertifiedGroup, issue(begins=HOUR), "not valid before|not yet valid"),
    Row("an expired intermediate", CertifiedGroup, lambda device: below(device, begins=-2 * DAY, ends=-60), "Odd plant.*expired"),
    Row("an intermediate that is not yet valid", CertifiedGroup, lambda device: below(device, begins=HOUR),
        "Odd plant.*(not valid before|not yet valid)"),
    Row("a group whose own certificate has expired", CertifiedGroup,
        lambda device: Stranger(device.id, chain=(pki.make_leaf(device.id, device.root, ends=60 * DAY),)), "Root.*expired", ahead=31 * DAY),
    Row("a server's certificate", CertifiedGroup, issue(purposes=(pki.SERVER,)), "extendedKeyUsage without clientAuth"),
    Row("a certificate for code", CertifiedGroup, issue(purposes=(pki.CODE,)), "extendedKeyUsage without clientAuth"),
]

NAMES = [
    Row("a CN with a space", CertifiedGroup, name("{} "), "0x20"),
    Row("a CN with a line end", CertifiedGroup, name("{}\n"), "0x0a"),
    Row("a CN with a slash", CertifiedGroup, name("{}/admin"), "0x2f"),
    Row("a CN with wildcards", CertifiedGroup, name("*"), "0x2a"),
    Row("a CN in UTF-8", CertifiedGroup, name("{}ü"), "outside of ASCII"),
    Row("a CN with a letter that only looks like another", CertifiedGroup,
        lambda device: Stranger("pumpk", chain=device.issue("pump\u212a")), "outside of ASCII"),
    Row("a CN with a zero byte", CertifiedGroup, raw_name(lambda own: own.encode() + b"\0.example.net"), "zero byte"),
    Row("a CN in two bytes per letter", CertifiedGroup, raw_name(lambda own: own.encode("utf-16-be"), tag=pki.BMP_STRING), "BMPString"),
    Row("a CN of 65 characters", CertifiedGroup, lambda device: Stranger("d" * 65, chain=device.issue("d" * 65)), "65 bytes"),
    Row("a CN of 4000 characters", CertifiedGroup, lambda device: Stranger(device.id, chain=device.issue("d" * 4000)), "4000 bytes"),
    Row("an empty CN", CertifiedGroup, raw_name(lambda own: b""), "is empty"),
    Row("no CN", CertifiedGroup, raw_name(lambda own: own.encode(), kind=pki.ORGANISATION), "no common name"),
    Row("no name at all", CertifiedGroup, lambda device: Stranger(device.id, chain=device.issue(pki.sequence())), "no common name"),
    Row("two CNs, the right one first", CertifiedGroup, name("{}", "device-other"), "2 common names"),
    Row("two CNs, the right one last", CertifiedGroup, name("device-other", "{}"), "2 common names"),
    Row("the CN of another device", CertifiedGroup, name("device-other"), "is for the device “device-other”, not for"),
]

REVOCATIONS = [
    Row("a disabled group", CertifiedGroup, revoke(lambda device: device.put(provisioningStatus="disabled")), "is disabled",
        rightful_after=False),
    Row("a disabled group before an enabled one", CertifiedGroup, disable_below_enabled, "“near-.*is disabled", enrollment=False,
        rightful_after=False),
    Row("a deleted group", CertifiedGroup, revoke(lambda device: operate("DELETE", f"/enrollmentGroups/{device.group}")),
        "no enrollment group", enrollment=False, rightful_after=False),
    Row("a group with another signing certificate", CertifiedGroup, revoke(lambda device: device.put(pki.make_root("Successor"))),
        "no enrollment group|does not lead to", enrollment=False, rightful_after=False),
    Row("a group with a new certificate of the same name", CertifiedGroup,
        revoke(lambda device: device.put(pki.make_root(device.root.subject))), "not signed with its key", rightful_after=False),
    Row("a disabled device of an enabled group", CertifiedGroup,
        revoke(lambda device: enrollments.put_individual(SERVICE, device.id, enrollments.x509("clientCertificates", primary=device.leaf),
                                                         provisioningStatus="disabled")),
        "is disabled", enrollment=False, rightful_after=False),
    Row("a CA certificate that is not verified any more", ReferredGroup,
        revoke(lambda device: enrollments.put_authority(SERVICE, device.authority, device.root, verified=False)),
        "no enrollment group|exists and is verified", enrollment=False, rightful_after=False),
    Row("a CA certificate that is another one now", ReferredGroup,
        revoke(lambda device: enrollments.put_authority(SERVICE, device.authority, pki.make_root("Successor"))),
        "no enrollment group|does not lead to", enrollment=False, rightful_after=False),
]

TPMS = [
    Row("a foreign TPM", Tpm, lambda device: Stranger(device.id, tpm=FOREIGN_TPM.body), "endorsement key", ways=(HTTPS,)),
    Row("a foreign TPM with a token", Tpm,
        lambda device: Stranger(device.id, token=sign(device.id, KEY), tpm=FOREIGN_TPM.body), "endorsement key|token", ways=(HTTPS,)),
    Row("a challenge that another TPM should open", Tpm, answer_for_foreign_storage_key, "signature|key", ways=(HTTPS,)),
    Row("a guessed key before any challenge", Tpm, lambda device: Stranger(device.id, token=sign(device.id, KEY)),
        "challenge|signature|key", ways=(HTTPS, MQTT)),
    Row("the hub's key", Tpm, use_key_of_hub, "signature|key", ways=(HTTPS,)),
    Row("an answer to a challenge of yesterday", Tpm, outlive_challenge, "challenge|signature|key|old|ago", ways=(HTTPS,),
        rightful_after=False),
    Row("the answer of another device", Tpm, lambda device: Stranger(device.id, token=Tpm().rightful().token, tpm=device.tpm.body),
        "token is for", ways=(HTTPS,)),
    Row("an expired token by the right key", Tpm,
        lambda device: Stranger(device.id, token=device.sign(device.challenge(), lifetime=-HOUR), tpm=device.tpm.body), "token expired",
        ways=(HTTPS,)),
    Row("a device with a TPM over MQTT", Tpm, lambda device: Stranger(device.id), "neither a token nor a certificate", enrollment=False,
        ways=(MQTT,)),
    Row("a disabled enrollment of a TPM", Tpm,
        revoke(lambda device: enrollments.put_individual(SERVICE, device.id, enrollments.tpm(device.tpm.body["endorsementKey"]),
                                                         provisioningStatus="disabled"),
               lambda device: Stranger(device.id, tpm=device.tpm.body)),
        "is disabled", ways=(HTTPS,), rightful_after=False),
]

# --- what must follow -------------------------------------------------------------------------------------------------------------


def expect_silence(reply):
    """A refusal says no, and not why: the same words for everybody."""
    body = reply.json
    assert reply.status == 401 and body["errorCode"] == 401002 and body["message"] == "Unauthorized", reply
    assert set(body) == {"errorCode", "trackingId", "message", "timestampUtc"}, reply
    assert reply.headers["x-ms-request-id"] == body["trackingId"], reply
    return body["trackingId"]


def stored():
    return {collection: set(SERVICE.stored(collection)) for collection in COLLECTIONS}


def expect_record(since, row, device, stranger, tracking_id=None):
    """One record of the refusal: who, what and why."""
    SERVICE.wait_for(lambda: SERVICE.journal.find(since, MESSAGE_ID=REFUSED), f"the record of “{row.name}”")
    records = SERVICE.journal.find(since, MESSAGE_ID=REFUSED)
    assert len(records) == 1, records
    (record,) = records
    assert record["BREVET_REGISTRATION"] == stranger.registration_id and record["BREVET_ADDRESS"].startswith("127.0.0.1"), record
    assert tracking_id is None or record["BREVET_TRACKING_ID"] == tracking_id, record
    assert record["PRIORITY"] == "4" and re.search(row.why, record["MESSAGE"]), record
    assert record.get("BREVET_CERTIFICATE") == (stranger.chain[0].sha256 if stranger.chain else None), record
    if row.enrollment:
        assert record["BREVET_ENROLLMENT"] == device.enrollment and record["BREVET_MECHANISM"] == device.mechanism, record
    else:
        assert record.get("BREVET_ENROLLMENT") in (None, device.id, device.group, f"near-{device.number}"), record
    if stranger.token is not None:
        assert stranger.token.split("sig=")[1].split("&")[0] not in str(record), record
    return record


def refuse(row, device, way):
    """One stranger on one way, and all that must not come of it."""
    stranger = row.attack(device)
    SERVICE.journal.seconds_ahead = SERVICE.journal.seconds_ahead or row.ahead
    before, since = stored(), len(SERVICE.journal.records)
    if way == HTTPS:
        tracking_id = expect_silence(stranger.ask())
        record = expect_record(since, row, device, stranger, tracking_id)
    else:
        assert stranger.knock_mqtt() == NOT_AUTHORIZED
        record = expect_record(since, row, device, stranger)
    print(f"# {way}: {record}")
    assert stored() == before
    SERVICE.journal.seconds_ahead = 0


def expect_rightful(device):
    reply = device.rightful().ask()
    assert reply.status in (200, 202), f"the rightful device is refused: {reply}"


def make_case(row):
    def case():
        try:
            for way in row.ways:
                device = row.device()
                refuse(row, device, way)
                if row.rightful_after:
                    expect_rightful(device)
        finally:
            SERVICE.journal.seconds_ahead = 0

    case.__name__ = row.name
    return case


def test_the_service_starts():
    SERVICE.start()


def test_a_device_that_is_none():
    """Names that no registration id can be are refused before anybody asks who it is."""
    leaf = pki.make_leaf("pump 1")
    reply = Stranger("pump%201", chain=(leaf,)).ask()
    assert reply.status in (400, 404), reply
    assert Stranger("pump 1", chain=(leaf,)).knock_mqtt() in (2, 4, 5)


def test_a_ca_certificate_in_use():
    """It cannot be deleted below its group, where its name would be free for another."""
    device = ReferredGroup()
    reply = SERVICE.operate("DELETE", f"/certificates/{device.authority}", headers={"If-Match": device.etag})
    assert reply.status == 409 and device.group in reply.json["message"], reply


def test_a_flood_of_challenges():
    """Whoever knows an endorsement key can ask for challenges; the device that was given one keeps it."""
    device = Tpm()
    token = device.sign(device.challenge())
    mixed = {**FOREIGN_TPM.body, "endorsementKey": device.tpm.body["endorsementKey"]}
    for _ in range(20):
        device.challenge(mixed)
    device.tpm.open(finish(device, Stranger(device.id, token=token, tpm=device.tpm.body)))


def test_a_kept_connection():
    """A connection that was made before the group was disabled is no way round it."""
    device = CertifiedGroup()
    path = f"/{SERVICE.id_scope}/registrations/{device.id}/register?api-version={PREVIEW}"
    connection = SERVICE.connect(context=device.rightful().context())
    session = SERVICE.connect_mqtt(device.id, context=device.rightful().context())
    try:
        assert SERVICE.ask("PUT", path, {"registrationId": device.id}, connection=connection).status in (200, 202)
        assert session.connect() == 0
        session.subscribe()
        device.put(provisioningStatus="disabled")
        since = len(SERVICE.journal.records)
        tracking_id = expect_silence(SERVICE.ask("PUT", path, {"registrationId": device.id}, connection=connection))
        SERVICE.wait_for(lambda: SERVICE.journal.find(since, MESSAGE_ID=REFUSED, BREVET_TRACKING_ID=tracking_id), "a record")
        session.publish(mqtt_client.REGISTER.format("1"), b"{}")
        status, _rid, _retry_after, payload = session.answer()
        assert status == 401 and json.loads(payload)["message"] == "Unauthorized", (status, payload)
    finally:
        connection.close()
        session.close()


def test_the_operation_of_another():
    """What one device was assigned is nobody else's to read, however well he proves who he is."""
    device, thief = CertifiedGroup(), CertifiedGroup()
    reply = device.rightful().ask()
    operation = reply.json["operationId"]
    for owner in (device.id, thief.id):
        path = f"/{SERVICE.id_scope}/registrations/{owner}/operations/{operation}?api-version={PREVIEW}"
        connection = SERVICE.connect(context=thief.rightful().context())
        refused = SERVICE.ask("GET", path, connection=connection)
        connection.close()
        assert refused.status == (401 if owner == device.id else 404) and b"assignedHub" not in refused.raw, refused


def expect_brevetd_refused(attestation, registration_id, why):
    """The device is told as little as any stranger, and by its tracking id its operator finds what the service's operator knows."""
    with running_bus() as bus:
        agent = Agent(SERVICE, bus, registration_id, attestation=attestation)
        try:
            agent.start()
            now = agent.wait_for("a refusal", lambda now: now["State"] == "refused")
            assert "Unauthorized" in now["LastErrorText"] and not re.search(why, now["LastErrorText"]), now
            tracking_id = now["LastErrorTrackingId"]
            (record,) = SERVICE.journal.find(MESSAGE_ID=REFUSED, BREVET_TRACKING_ID=tracking_id)
            assert tracking_id in now["LastErrorText"] and re.search(why, record["MESSAGE"]), (now, record)
            assert agent.installed() is None
            agent.stop()
        finally:
            agent.clean_up()


def test_brevetd_with_a_foreign_tpm():
    swtpm.find_tools()
    device = Tpm()
    with swtpm.Tpm() as foreign:
        expect_brevetd_refused({"type": "tpm", "tcti": foreign.tcti}, device.id, "another TPM")


def test_brevetd_with_a_foreign_certificate():
    device = CertifiedGroup()
    stranger = imitate(device)
    certificate, key = stranger.chain[0].write(WORK, "brevetd", *stranger.chain[1:])
    expect_brevetd_refused({"type": "x509", "certificate": certificate, "key": key}, device.id, "not signed with its key")


def test_the_service_stops():
    SERVICE.stop()


def main():
    tables = [*TOKENS, *INDIVIDUALS, *CHAINS, *NAMES, *REVOCATIONS, *TPMS]
    try:
        tap.run([test_the_service_starts, *map(make_case, tables), test_a_device_that_is_none, test_a_ca_certificate_in_use, test_a_flood_of_challenges,
                 test_a_kept_connection, test_the_operation_of_another, test_brevetd_with_a_foreign_tpm,
                 test_brevetd_with_a_foreign_certificate, test_the_service_stops])
    finally:
        SERVICE.clean_up()


main()
