#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd with keys in tokens: what is in the token is what the identity needs, and nothing else of it; a token that is not there,
full, locked or hanging costs no identity. The tokens are SoftHSM's, looked at with p11tool."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import ALWAYS, KILL, NO_SPACE, Faults, running_world
from token_world import TOKEN, token_device

import tap
from agent import KEY
from softhsm import FORGIVING

WORLD = None
# More than a commit of the storage, or a token that makes a key, makes: else the shim has no effect.
MANY = 15
LABEL = re.compile(r"brevet-main-[0-9a-f]{16}-([0-9]+)-[0-9a-f]{8}")


def device(**options):
    return token_device(WORLD, **options)


def number_of(label):
    return int(LABEL.fullmatch(label).group(1))


def test_keys_are_made_and_renewed_and_removed_in_the_token():
    with device() as pump:
        pump.hsm.make_key("of-another-program")
        pump.hsm.make_key("brevet-main-0123456789abcdef-1-01234567")
        strangers = pump.hsm.labels()
        now = pump.provision()
        assert "pin" not in now["KeyLocation"], now
        first = pump.check()
        assert number_of(first) == 1
        pump.agent.act("Renew")
        second = pump.check()
        assert number_of(second) == 2
        pump.wait_for_labels(strangers + [first, second])
        # Nobody has used the second one: the third takes its place, and the first is gone.
        pump.agent.act("Renew")
        third = pump.check()
        pump.wait_for_labels(strangers + [second, third])
        pump.use()
        pump.wait_for_labels(strangers + [third])
        pump.agent.stop()


def test_with_rekey_no_the_key_stays():
    with device() as pump:
        pump.agent.configure("identity main", rekey="no")
        before = pump.provision()
        label = pump.check()
        pump.agent.act("Renew")
        now = pump.agent.properties()
        assert now["Generation"] == 2 and now["Sha256"] != before["Sha256"] and pump.check() == label
        pump.use()
        pump.agent.act("Reprovision")
        assert pump.check() != label
        pump.agent.stop()
        # All of it is read back.
        pump.start()
        pump.agent.wait_for_generation(3)
        pump.check()
        pump.agent.stop()


def test_kinds_of_keys():
    for kind in ("p384", "rsa"):
        with device() as pump:
            pump.agent.configure("identity main", key_type=kind)
            pump.provision()
            pump.check()
            pump.agent.stop()


def test_a_kind_that_the_token_cannot_make_is_named():
    with device() as pump:
        pump.hsm.order("no-keys")
        pump.start()
        text = pump.agent.wait_for_signal("Failed")[1]
        assert f"No key (p256) can be made in the token “pkcs11:token={TOKEN}”" in text, text
        pump.hsm.take_back("no-keys")
        pump.agent.wait_for_generation(1)
        pump.check()
        pump.wait_for_labels([pump.check()])
        pump.agent.stop()


# --- killed -----------------------------------------------------------------------------------------------------------------------


def check_tidiness(pump):
    """The token has what the records speak of, and nothing else, once brevetd has had time to look. Of a key that was being made
    there may be only the label. What SoftHSM had not written yet has no label: nobody can tell whose it was."""
    def is_tidy(there):
        made, named = pump.stored_labels()
        return all(there.count(label) == 2 for label in made) and set(there) - {""} <= named

    pump.wait_for_token(is_tidy, "what is stored, in the token")
    pump.check()


def die_provisioning(pump, faults, point):
    faults.arm(KILL, point)
    pump.agent.spawn(**pump.environment, **faults.environment)
    died = pump.agent.dies_or(lambda: pump.agent.emitted("Renewed"))
    faults.disarm()
    if died:
        pump.provision(**faults.environment)
        check_tidiness(pump)
    return died


def die_renewing(pump, faults, point):
    before = pump.agent.properties()
    faults.arm(KILL, point)
    pump.agent.begin("Renew")
    died = pump.agent.dies_or(lambda: pump.agent.has_renewed(before))
    faults.disarm()
    if died:
        now = pump.provision(**faults.environment)
        assert now["Generation"] >= before["Generation"], now
        check_tidiness(pump)
    return died


def die_everywhere(find_directory, step):
    """brevetd dies at each @step-th call that writes below a directory, in the first provisioning, and then in renewals."""
    point, died = 1, True
    while died:
        with device() as pump:
            faults = Faults(pump.agent)
            faults.environment["BREVET_FAULT_DIRECTORY"] = str(find_directory(pump))
            died = die_provisioning(pump, faults, point)
            if died:
                die_renewing(pump, faults, point + 1)
        point += step
    assert point > MANY, f"only {point} calls were counted"


def test_killed_while_the_records_are_written():
    die_everywhere(lambda pump: pump.agent.store, 17)


def test_killed_while_the_token_is_written():
    die_everywhere(lambda pump: pump.hsm.scratch / "tokens", 31)


def test_a_label_without_a_key_and_a_key_without_a_generation():
    with device() as pump:
        pump.provision()
        label = pump.check()
        pump.agent.stop()
        orphan = label.replace("-1-", "-2-")[:-8] + "0badc0de"
        pump.hsm.make_key(orphan)
        pump.start()
        pump.wait_for_labels([label])
        pump.agent.stop()


# --- a token in trouble -----------------------------------------------------------------------------------------------------------


def test_a_token_that_is_not_there_at_the_start():
    with device() as pump:
        pump.provision()
        label = pump.check()
        certificate = pump.use()
        pump.agent.stop()
        pump.hsm.order("gone")
        pump.start()
        now = pump.agent.wait_for("the trouble", lambda now: f"pkcs11:token={TOKEN}" in now["Cause"])
        assert now["State"] == "backing-off" and now["Generation"] == 1 and now["NextAttempt"] > 0, now
        assert "valid until" in now["Cause"] and label in now["KeyLocation"], now
        assert pump.use() == certificate
        pump.hsm.take_back("gone")
        now = pump.agent.wait_for("the recovery", lambda now: now["State"] == "provisioned")
        assert "token" not in now["Cause"] and now["Generation"] == 1
        assert pump.check() == label
        pump.agent.stop()


def test_a_token_that_goes_while_it_is_needed():
    with device() as pump:
        before = pump.provision()
        pump.check()
        pump.hsm.order("gone")
        assert pump.agent.try_to("Renew") is not None
        now = pump.agent.properties()
        assert now["Sha256"] == before["Sha256"] and "token" in now["LastErrorText"], now
        pump.hsm.take_back("gone")
        pump.agent.wait_for_generation(1)
        pump.agent.act("Renew")
        pump.use()
        check_tidiness(pump)
        pump.agent.stop()


def test_a_token_that_softhsm_missed_at_the_start():
    with device() as pump:
        with pump.hsm.away():
            pump.start()
            assert "is not there" in pump.agent.wait_for_signal("Failed")[1]
        pump.agent.wait_for_generation(1)
        pump.wait_for_labels([pump.check()])
        pump.agent.stop()


def test_a_token_that_softhsm_lost():
    with device() as pump:
        before = pump.provision()
        with pump.hsm.away():
            assert pump.agent.try_to("Renew") is not None
            assert pump.agent.properties()["Sha256"] == before["Sha256"]
        pump.agent.wait_for_generation(2)
        pump.use()
        check_tidiness(pump)
        pump.agent.stop()


def test_a_token_that_another_program_works_in():
    def is_tidy(there):
        made, named = pump.stored_labels()
        return made <= set(there) <= named | {"", "busy"}

    with device() as pump:
        with pump.hsm.busy(TOKEN):
            pump.start(ASAN_OPTIONS=FORGIVING)
            pump.agent.wait_for_generation(1)
            for generation in range(2, 5):
                while pump.agent.properties()["Generation"] < generation:
                    pump.agent.try_to("Renew")
        pump.use()
        pump.wait_for_token(is_tidy, "what is stored, and what the other left, in the token")
        pump.agent.stop()


def test_a_key_that_cannot_be_removed_is_removed_later():
    with device() as pump:
        pump.provision()
        pump.agent.act("Renew")
        second = pump.check()
        pump.hsm.order("gone")
        pump.use()
        pump.agent.wait_for("the trouble", lambda now: f"pkcs11:token={TOKEN}" in now["Cause"])
        assert pump.agent.properties()["PreviousGeneration"] == 0
        pump.agent.kill()
        pump.hsm.take_back("gone")
        pump.start()
        pump.wait_for_labels([second])
        pump.agent.stop()


def test_a_wrong_pin_is_tried_once():
    with device() as pump:
        (pump.agent.scratch / "pin").write_text("9999\n")
        pump.start()
        # Tried once a second, but for the PIN.
        pump.agent.wait_for_signal("Failed", 4)
        now = pump.agent.properties()
        assert "PIN" in now["LastErrorText"] and "9999" not in now["LastErrorText"] + now["Cause"], now
        assert pump.hsm.count_logins() == 1, pump.hsm.count_logins()
        # The same configuration again is no other PIN.
        pump.reload()
        pump.agent.wait_for_signal("Failed", 5)
        assert pump.hsm.count_logins() == 1, pump.hsm.count_logins()
        pump.correct_pin()
        pump.reload()
        pump.agent.wait_for_generation(1)
        pump.wait_for_labels([pump.check()])
        pump.agent.stop()


def test_a_full_token():
    with device() as pump:
        faults = Faults(pump.agent)
        faults.arm(NO_SPACE, ALWAYS)
        faults.environment["BREVET_FAULT_DIRECTORY"] = str(pump.hsm.scratch / "tokens")
        pump.start(**faults.environment)
        text = pump.agent.wait_for_signal("Failed")[1]
        assert f"in the token “pkcs11:token={TOKEN}”" in text, text
        faults.disarm()
        # SoftHSM gives up a token that it could not write, until it is initialised again.
        pump.agent.wait_for_generation(1)
        check_tidiness(pump)
        pump.agent.stop()


def test_a_token_that_hangs_holds_up_nothing():
    with device() as pump:
        pump.agent.configure("identity main", timeout="5s")
        pump.provision()
        label = pump.check()
        with pump.hsm.hanging():
            pump.agent.begin("Renew")
            pump.agent.wait_for("the attempt", lambda now: now["State"] == "renewing")
            # It answers, and gives up after the time that the configuration gives it.
            assert "did not answer within 5 seconds" in pump.agent.wait_for_signal("Failed")[1]
            assert label in pump.agent.properties()["KeyLocation"]
            pump.agent.begin("Renew")
            pump.agent.wait_for("the attempt", lambda now: now["State"] == "renewing")
            pump.agent.stop()
        pump.start()
        pump.agent.wait_for_generation(1)
        pump.agent.act("Renew")
        pump.use()
        check_tidiness(pump)
        pump.agent.stop()


def test_a_key_that_was_lost_is_replaced():
    with device() as pump:
        pump.provision()
        label = pump.check()
        pump.agent.stop()
        pump.hsm.remove_key(label)
        pump.start()
        pump.agent.wait_for_generation(2)
        assert pump.check() != label and "does not have the key" in pump.agent.read_log()
        pump.use()
        check_tidiness(pump)
        pump.agent.stop()


# --- another place ----------------------------------------------------------------------------------------------------------------


def test_from_file_to_token_to_token_to_file():
    with device(tokens=(TOKEN, "others")) as pump:
        registered = len(WORLD.issued(pump.agent))
        pump.agent.configure("identity main", key_token=None, key_token_pin_file=None)
        pump.provision()
        assert KEY in pump.records()
        pump.wait_for_labels([])
        pump.agent.configure("identity main", key_token=f"pkcs11:token={TOKEN}", key_token_pin_file="pin")
        pump.reload()
        pump.agent.wait_for_generation(2)
        first = pump.check()
        assert KEY in pump.records("-previous")
        pump.agent.configure("identity main", key_token="pkcs11:token=others")
        pump.reload()
        pump.agent.wait_for_generation(3)
        pump.check("others")
        pump.wait_for_labels([first])
        pump.use()
        pump.wait_for_labels([])
        # The PIN alone removes what is left.
        pump.agent.configure("identity main", key_token=None)
        pump.agent.stop()
        pump.start()
        pump.agent.wait_for_generation(4)
        assert pump.agent.properties()["KeyLocation"].endswith(KEY) and KEY in pump.records()
        pump.use()
        pump.wait_for_labels([], "others")
        assert len(WORLD.issued(pump.agent)) == registered + 4
        pump.agent.stop()


def test_without_a_pin_what_is_left_is_told_and_stays():
    with device() as pump:
        pump.provision()
        label = pump.check()
        pump.agent.stop()
        pump.agent.configure("identity main", key_token=None, key_token_pin_file=None)
        pump.start()
        pump.agent.wait_for_generation(2)
        pump.use()
        pump.agent.look_until(lambda: "may be left in the token" in pump.agent.read_log(), "the warning")
        pump.wait_for_labels([label])
        pump.agent.stop()


def test_two_identities_share_a_token():
    with device() as pump, WORLD.device() as other:
        pump.agent.groups["identity second"] = dict(pump.agent.groups["identity main"], **{
            "registration-id": other.registration_id, "attestation": "second"})
        pump.agent.groups["attestation second"] = {"type": "symmetric-key", "key-file": other.scratch / "device.key"}
        pump.agent.configure()
        pump.start()
        pump.agent.wait_for_generation(1)
        pump.wait_for_token(lambda there: len(there) == 4, "both keys")
        pump.agent.act("Renew")
        pump.use()
        pump.wait_for_token(lambda there: len(there) == 4 and sum(label.startswith("brevet-second-") for label in there) == 2,
                            "both keys")
        pump.agent.stop()


def main():
    global WORLD
    with running_world() as WORLD:
        tap.run(tap.collect(globals()))


main()
