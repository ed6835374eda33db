#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A CA that takes its time, beside one that does not: two hundred devices wait at DigiCert, and others do not notice."""

import concurrent.futures
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import enrollments
import tap
from certificates import issuer_of, read_assigned
from digicert_line import ISSUER, Digicert
from digicert_mock import API_KEY, LIFECYCLE_PROFILE
from dps import PREVIEW, Device, Service

WAITING = 200
IN_FLIGHT = 6
FAST = 24
# Where one CA delayed the other, a registration would take as long as that takes.
SLOWER = 20
CLIENTS = 8

SCRATCH = tempfile.TemporaryDirectory(prefix="brevet-test-")
digicert = Digicert(SCRATCH.name)
service = Service()
(service.directory / "keys/digicert.key").write_text(API_KEY + "\n")
(service.directory / "dps.conf.d/30-slow.conf").write_text(f"""[limits]
requests-per-device=0

[ca slow]
type=digicert
profile={LIFECYCLE_PROFILE}
api-key-file=keys/digicert.key
{digicert.settings(timeout="90s", maximum_in_flight=IN_FLIGHT, maximum_queued=1000, burst=1000, requests_per_minute=60000)}
""")


def make_request(registration_id):
    """A PEM text; made in this process, since there are hundreds."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, registration_id)]))
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


class Group:
    """Devices of one enrollment group, whose CA is @authority."""

    def __init__(self, authority):
        self.authority = authority
        self.keys = enrollments.symmetric_keys(service, f"group-{authority}", group=True, clientCertificateIssuancePolicy={
            "certificateAuthorityName": authority})

    def device(self, number):
        registration_id = f"{self.authority}-{number}"
        return Device(service, registration_id, enrollments.derived_key(self.keys, registration_id))


def register(device):
    """One registration from beginning to end; returns how long it took."""
    csr = make_request(device.registration_id)
    began = time.monotonic()
    assert issuer_of(read_assigned(device.register(clientCertificateCsr=csr))) != ISSUER
    return time.monotonic() - began


def begin(device):
    reply = device.ask("PUT", "/register", PREVIEW, {"registrationId": device.registration_id,
                                                    "clientCertificateCsr": make_request(device.registration_id)})
    assert reply.status == 202, reply
    return reply.json["operationId"]


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(function, items))


def describe_queue(name):
    """What an operator is shown: how many wait, and how many are being answered."""
    reply = service.operate("GET", f"/certificateAuthorityStatus/{name}")
    assert reply.status == 200, reply
    return reply.json["queue"]["queued"], reply.json["queue"]["inFlight"]


def register_at_fast(first):
    return statistics.median(in_parallel(register, [FAST_GROUP.device(first + number) for number in range(FAST)]))


def test_devices_of_another_ca_do_not_wait_with_those_of_the_slow_one():
    alone = register_at_fast(0)
    digicert.hold(0)
    SLOW.extend((device, begin(device)) for device in map(SLOW_GROUP.device, range(WAITING)))
    digicert.wait(lambda: digicert.asking == IN_FLIGHT, "the first questions")
    # Nothing has been answered there, and nothing will be until these have their certificates.
    beside = register_at_fast(FAST)
    assert len(digicert.arrivals) == IN_FLIGHT and digicert.signed() == []
    assert beside < SLOWER * alone + 1, (alone, beside)
    print(f"# median of a registration: {alone:.3f} s alone, {beside:.3f} s beside {WAITING} that wait")


def test_those_that_wait_are_seen():
    queued, in_flight = describe_queue("slow")
    assert in_flight == IN_FLIGHT and queued == WAITING - IN_FLIGHT, (queued, in_flight)
    assert describe_queue("local") == (0, 0)
    for device, operation in SLOW[::50]:
        assert device.ask("GET", f"/operations/{operation}", PREVIEW).status == 202


def test_each_answer_lets_one_more_through_in_the_order_of_arrival():
    for number in range(1, 11):
        digicert.admit(1)
        digicert.wait(lambda: len(digicert.arrivals) == IN_FLIGHT + number, "the next question")
    digicert.hold(None)
    digicert.wait(lambda: len(digicert.arrivals) == WAITING, "the last question")
    assert digicert.most_asking <= IN_FLIGHT
    # Those that are let through at the same time may overtake each other on the way, but nobody overtakes more than those.
    for place, seat in enumerate(digicert.arrivals):
        assert int(seat.removeprefix("slow-")) - place <= IN_FLIGHT, (place, seat)


def test_all_that_have_waited_get_their_certificates():
    replies = in_parallel(lambda waiting: waiting[0].poll(waiting[1]), SLOW)
    assert {issuer_of(read_assigned(reply)) for reply in replies} == {ISSUER}
    assert digicert.count("issue") == WAITING == len(set(digicert.signed()))
    assert digicert.violations == []
    service.stop()


service.start()
SLOW = []
try:
    SLOW_GROUP, FAST_GROUP = Group("slow"), Group("local")
    tap.run(tap.collect(dict(globals())))
finally:
    digicert.stop()
    service.clean_up()
