#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevetd in each version of the protocol that it speaks, against a real service."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from agent_world import running_world

import tap
from agent import NAME, PATH, TRUST_BUNDLE
from dps import command
from gi.repository import GLib

WORLD = None
OLD, NEW = "2021-11-01-preview", "2025-07-01-preview"


def make_root(directory, name):
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            directory / f"{name}.key", "-out", directory / f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")
    return (directory / f"{name}.pem").read_text()


def put_bundle(pem):
    reply = WORLD.service.operate("PUT", "/trustBundles/bundle", {"certificates": [{"certificate": pem}]}, {"If-Match": "*"})
    assert reply.status == 200, reply


def device(**members):
    return WORLD.device(trustBundleId="bundle", **members)


def reload(agent):
    agent.bus.call(NAME, PATH, NAME, "Reload")


def bundle_of(agent):
    return agent.read_installed().get(TRUST_BUNDLE, "").strip()


def test_both_versions_give_a_certificate():
    for version in (OLD, NEW):
        with device() as agent:
            agent.configure("identity main", api_version=version)
            agent.start()
            now = agent.wait_for_generation(1)
            assert agent.installed() == now["Sha256"] and WORLD.issued(agent) == {now["Sha256"]}, now
            agent.act("Renew")
            now = agent.wait_for_generation(2)
            assert agent.installed() == now["Sha256"] and len(WORLD.issued(agent)) == 2, now
            assert now["TrustBundleProblems"] == [] and now["LastErrorText"] == "", now


def test_trust_bundle_comes_in_the_older_version_alone():
    with device() as agent:
        put_bundle(root := make_root(agent.scratch, "service"))
        agent.start()
        assert agent.wait_for_generation(1)["TrustBundleEtag"] != ""
        assert bundle_of(agent) == root.strip()
    with device() as agent:
        local = make_root(agent.scratch, "local")
        agent.configure("identity main", api_version=NEW, local_trust_file="local.pem", trust_bundle_poll="10s")
        agent.start()
        now = agent.wait_for_generation(1)
        assert now["TrustBundleEtag"] == "" and bundle_of(agent) == local.strip(), now
        assert "trust bundle" not in agent.read_log(), agent.read_log()


def test_another_version_is_no_other_identity():
    with device() as agent:
        put_bundle(make_root(agent.scratch, "service"))
        agent.start()
        before = agent.wait_for_generation(1)
        for version in (NEW, OLD):
            agent.configure("identity main", api_version=version)
            reload(agent)
            now = agent.properties()
            assert (now["State"], now["Sha256"]) == ("provisioned", before["Sha256"]), now
            agent.act("Renew")
            before = agent.wait_for_generation(before["Generation"] + 1)
        assert before["Generation"] == 3 and len(WORLD.issued(agent)) == 3 and before["TrustBundleEtag"] != "", before


def test_unknown_version_is_a_mistake_of_the_configuration():
    with device() as agent:
        agent.start()
        before = agent.wait_for_generation(1)
        agent.configure("identity main", api_version="2019-03-31")
        try:
            reload(agent)
            raise AssertionError("the mistake was not noticed")
        except GLib.Error as error:
            for word in ("agent.conf:", "[identity main]", "api-version", "“2019-03-31”", OLD, NEW):
                assert word in error.message, (word, error.message)
        assert agent.properties()["Sha256"] == before["Sha256"]


def main():
    global WORLD
    with running_world() as WORLD:
        put_bundle((WORLD.service.directory / "ca/root.pem").read_text())
        tap.run(tap.collect(dict(globals())))


main()
