#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roll-overs of a local CA: of the issuing key, of the root, and the cross certificate between two roots."""

import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from ceremony_world import snapshot, verify, world, x509


def test_the_issuing_key_rolls_over():
    """A new key under new names; the old files stay as they are"""
    with world() as here:
        root = here.set_up()
        before, old = snapshot(here.server / "ca"), here.settings()
        csr = here.rotate()
        assert here.settings() == old, "the switch came too early"
        assert here.rotate() == csr
        here.on_server("import", "factory", here.sign(csr, root))
        new = here.settings()
        assert new["certificate"] != old["certificate"] and new["key"] != old["key"], new
        after = snapshot(here.server / "ca")
        for path, digest in before.items():
            assert path.suffix == ".ceremony" or after[path] == digest, path
        status = here.status()
        assert status["replacedCertificate"] == old["certificate"] and "replacedUntil" in status, status
        assert x509(new["certificate"], "-subject") != x509(old["certificate"], "-subject")
        verify(root / "root.pem", new["certificate"])


def test_the_root_rolls_over():
    """Publish, wait, switch, retire; nothing goes too early"""
    with world() as here:
        old_root = here.set_up()
        new_root = here.init("next")
        old, new = here.sha256(old_root / "root.pem"), here.sha256(new_root / "root.pem")
        # Switching without publishing first is refused.
        signed = here.sign(here.rotate(), new_root)
        before = snapshot(here.server)
        refused = here.on_server("import", "factory", signed, "--root-sha256", new, "--force", expect=3)
        assert "not published" in refused.stderr and snapshot(here.server) == before, refused.stderr
        wrong = here.on_server("rotate", "factory", "--root", new_root / "root.pem", "--root-sha256", old, expect=3)
        assert "fingerprint" in wrong.stderr and snapshot(here.server) == before, wrong.stderr
        csr = here.rotate("--root", new_root / "root.pem", "--root-sha256", new)
        assert csr.with_suffix(".pem").name == signed.name
        assert [one["sha256"] for one in here.status()["trust"]] == [old, new]
        assert here.status()["rootRollOver"] == "published"
        assert here.rotate("--root", new_root / "root.pem", "--root-sha256", new) == csr
        # Nobody has looked whether the devices know it.
        before = snapshot(here.server)
        refused = here.on_server("import", "factory", signed, expect=3)
        assert "--census" in refused.stderr and snapshot(here.server) == before, refused.stderr
        refused = here.on_server("rotate", "factory", "--retire", expect=3)
        assert "has to sign first" in refused.stderr and snapshot(here.server) == before, refused.stderr
        census = here.scratch / "census.json"
        versions = [{"etag": "a", "devices": 4, "isCurrent": True, "certificates": [{"sha256": old}, {"sha256": new}]},
                    {"etag": "b", "devices": 2, "isCurrent": False, "certificates": [{"sha256": old}]}]
        bundle = {"id": "fleet", "certificateAuthorities": ["factory"], "versions": versions, "devicesWithout": 1}
        census.write_text(json.dumps(bundle))
        refused = here.on_server("import", "factory", signed, "--census", census, expect=3)
        assert "3 devices" in refused.stderr and snapshot(here.server) == before, refused.stderr
        census.write_text("{}")
        refused = here.on_server("import", "factory", signed, "--census", census, expect=5)
        assert "trust bundle that follows" in refused.stderr and snapshot(here.server) == before, refused.stderr
        ready = {**bundle, "versions": versions[:1], "devicesWithout": 0}
        # Nobody knows how many devices they speak for.
        census.write_text(json.dumps({**ready, "unreadableRecords": 1}))
        refused = here.on_server("import", "factory", signed, "--census", census, expect=3)
        assert "cannot be read" in refused.stderr and snapshot(here.server) == before, refused.stderr
        census.write_text(json.dumps({"trustBundles": [ready, {**bundle, "certificateAuthorities": ["another"]}]}))
        here.on_server("import", "factory", signed, "--census", census)
        assert here.status()["rootRollOver"] == "switched"
        assert [one["sha256"] for one in here.status()["trust"]] == [old, new]
        verify(new_root / "root.pem", here.settings()["certificate"])
        refused = here.on_server("rotate", "factory", "--retire", expect=3)
        assert "until" in refused.stderr, refused.stderr
        census.write_text(json.dumps({"name": "factory", "devices": 3, "earlierVersions": [{"devices": 2}]}))
        refused = here.on_server("rotate", "factory", "--retire", "--census", census, expect=3)
        assert "2 devices" in refused.stderr, refused.stderr
        moved = {"name": "factory", "devices": 5, "earlierVersions": [{"devices": 0}]}
        before = snapshot(here.server)
        census.write_text(json.dumps({**moved, "unreadableRecords": 1}))
        refused = here.on_server("rotate", "factory", "--retire", "--census", census, expect=3)
        assert "cannot be read" in refused.stderr and snapshot(here.server) == before, refused.stderr
        census.write_text(json.dumps(moved))
        here.on_server("rotate", "factory", "--retire", "--census", census)
        assert [one["sha256"] for one in here.status()["trust"]] == [new]
        assert "rootRollOver" not in here.status()


def test_a_root_that_has_not_signed_can_be_exchanged():
    """Whoever published the wrong root, or one that cannot sign any more, publishes another one"""
    with world() as here:
        first = here.set_up()
        lost, right = here.init("lost"), here.init("right")
        before = snapshot(here.server)
        refused = here.on_server("rotate", "factory", "--root", first / "root.pem", "--yes", expect=3)
        assert "is the root of [ca factory] already" in refused.stderr and snapshot(here.server) == before, refused.stderr
        csr = here.rotate("--root", lost / "root.pem", "--yes")
        assert here.rotate("--root", right / "root.pem", "--yes") == csr
        published = [one["sha256"] for one in here.status()["trust"]]
        assert published == [here.sha256(root / "root.pem") for root in (first, right)], published
        here.on_server("import", "factory", here.sign(csr, right), "--force")
        before = snapshot(here.server)
        for root in (right, lost):
            refused = here.on_server("rotate", "factory", "--root", root / "root.pem", "--yes", expect=3)
            assert "signs already" in refused.stderr and snapshot(here.server) == before, refused.stderr
        here.on_server("rotate", "factory", "--retire", "--force")
        assert [one["sha256"] for one in here.status()["trust"]] == [here.sha256(right / "root.pem")]


def test_a_cross_certificate_bridges_the_roll_over():
    """Who knows the old root alone can follow to certificates below the new one"""
    with world() as here:
        old_root = here.init("root", "--path-length", "2")
        here.on_server("import", "factory", here.sign(here.csr(), old_root), "--root-sha256", here.sha256(old_root / "root.pem"))
        new_root = here.init("next")
        shutil.copy(new_root / "root.pem", here.offline / "next.pem")
        here.ca("sign", "--cross", here.offline / "next.pem", "--directory", old_root, "--yes")
        cross = here.offline / "next-cross.pem"
        csr = here.rotate("--root", new_root / "root.pem", "--root-sha256", here.sha256(new_root / "root.pem"))
        signed = here.sign(csr, new_root)
        other = here.on_server("import", "factory", signed, "--force", "--cross", old_root / "root.pem", expect=3)
        assert "is not the root" in other.stderr, other.stderr
        forced = here.on_server("import", "factory", signed, "--force", "--cross", cross)
        assert "Warning" in forced.stderr, forced.stderr
        chain = here.settings()["certificate"]
        verify(old_root / "root.pem", chain, chain)
        verify(new_root / "root.pem", chain, chain)
        here.on_server("rotate", "factory", "--retire", "--force")
        assert [one["sha256"] for one in here.status()["trust"]] == [here.sha256(new_root / "root.pem")]
        assert here.status()["chain"][1]["issuer"] == "CN=Test next", here.status()


def test_a_root_that_lies_there_is_not_asked_for_another_CA():
    """Beside the keys may be the root that `init` has made for another CA; it neither signs nor is recommended"""
    with world() as here:
        other = here.init("other")
        for name in ("root.pem", "root.key"):
            shutil.copy(other / name, here.server / "ca" / name)
        root = here.set_up()
        done = here.on_server("rotate", "factory")
        assert "Next: carry it to the root's host" in done.stdout and done.stderr == "", done
        here.on_server("import", "factory", here.sign(here.csr(), root))
        assert [one["subject"] for one in here.status()["trust"]] == ["CN=Test root"], here.status()


def test_what_the_old_root_signs_in_its_roll_over_is_not_taken_unawares():
    """Whoever takes the wrong one of two roots learns it, and the key goes on waiting for the right one"""
    with world() as here:
        old_root = here.set_up()
        new_root = here.init("next")
        csr = here.rotate("--root", new_root / "root.pem", "--yes")
        wrong = here.sign(csr, old_root)
        before = snapshot(here.server)
        refused = here.on_server("import", "factory", wrong, "--yes", expect=3)
        assert "not the new one" in refused.stderr and snapshot(here.server) == before, refused.stderr
        wrong.unlink()
        here.on_server("import", "factory", here.sign(csr, new_root), "--force")
        assert here.status()["rootRollOver"] == "switched"


def test_the_old_root_may_go_on_signing_in_its_roll_over():
    """With --force, where the wait for devices takes longer than the issuing CA lives"""
    with world() as here:
        old_root = here.set_up()
        new_root = here.init("next")
        signed = here.sign(here.rotate("--root", new_root / "root.pem", "--yes"), old_root)
        here.on_server("import", "factory", signed, "--force")
        assert here.status()["rootRollOver"] == "published"
        verify(old_root / "root.pem", here.settings()["certificate"])


def test_a_short_root_signs_no_cross_certificate():
    """A root that allows one CA below it says so instead of signing what nobody could verify"""
    with world() as here:
        old_root, new_root = here.init(), here.init("next")
        refused = here.ca("sign", "--cross", new_root / "root.pem", "--directory", old_root, "--yes", "--out",
                          here.offline / "cross.pem", expect=3)
        assert "path length" in refused.stderr and not (here.offline / "cross.pem").exists(), refused.stderr


tap.run(tap.collect(globals()))
