# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates that nobody may have, and good ones in odd clothes."""

import os

import pki
from kit import REVOKE, URI, scenario
from signer import ANY_PURPOSE, bad_issuer, bad_leaf, bad_text, negative, new_spki, positive, to_pem

HOUR, DAY = 3600, pki.DAY


def refused(name, misdeed, demand="refused by the core's check, and can be revoked", revocable=True):
    @scenario(f"certificate/{name}", demand)
    def play(world):
        world.begin()
        world.signer.plan(misdeed)
        answer = world.issue()
        world.assert_refused(answer)
        if revocable and answer["outcome"] == "issued" and world.can(REVOKE):
            revoked = world.call("revoke", of=answer["id"])
            assert revoked["outcome"] == "revoked", f"what must not live cannot be revoked: {revoked}"


def accepted(name, misdeed, demand="accepted: it is what was asked for"):
    @scenario(f"certificate/{name}", demand)
    def play(world):
        world.begin()
        world.signer.plan(misdeed)
        world.assert_issued(world.issue())


refused("wrong-key", bad_leaf(spki=new_spki))
refused("wrong-subject", bad_leaf(common_name="dev-2"))
refused("subject-with-more", bad_leaf(common_name="dev-1 "))
refused("ca-true", bad_leaf(ca=True))
refused("key-cert-sign", bad_leaf(usages=(0, 5)))
refused("crl-sign", bad_leaf(usages=(0, 6)))
refused("no-digital-signature", bad_leaf(usages=(2,)))
refused("no-client-auth", bad_leaf(purposes=(pki.SERVER,)))
refused("no-purpose", bad_leaf(purposes=()))
refused("any-purpose", bad_leaf(purposes=(pki.CLIENT, ANY_PURPOSE)))
refused("server-too", bad_leaf(purposes=(pki.CLIENT, pki.SERVER)))
refused("code-signing", bad_leaf(purposes=(pki.CLIENT, pki.CODE)))
refused("uri-not-asked-for", bad_leaf(uris=["urn:somebody:else"]))
refused("expired", bad_leaf(begins=-10 * DAY, ends=-60))
refused("not-yet-valid", bad_leaf(begins=2 * DAY, ends=5 * DAY))
refused("far-too-long", bad_leaf(ends=20 * 365 * DAY))
refused("expired-issuer", bad_issuer("expired", "expired"))
refused("partial-chain", bad_issuer("hidden"))
refused("partial-chain-with-others", bad_issuer("hidden", "issuing", "root"))
refused("foreign-root", bad_issuer("foreign", "foreign"))
refused("sha-1", bad_issuer("old", "old", algorithm="rsa-sha1"))
refused("md5", bad_issuer("old", "old", algorithm="rsa-md5"))
refused("negative-serial", bad_leaf(serial=negative), revocable=False)
refused("serial-zero", bad_leaf(serial=lambda: positive(0)), revocable=False)
refused("long-serial", bad_leaf(serial=lambda: positive(int.from_bytes(b"\x41" + os.urandom(24), "big"))), revocable=False)
refused("clock-one-hour-fast", bad_leaf(begins=HOUR, ends=5 * DAY))
refused("clock-one-day-fast", bad_leaf(begins=DAY, ends=5 * DAY))
refused("clock-one-day-slow-and-short", bad_leaf(begins=-DAY, ends=-DAY + 12 * HOUR))
accepted("clock-one-hour-slow", bad_leaf(begins=-HOUR, ends=5 * DAY))
accepted("clock-one-day-slow", bad_leaf(begins=-DAY, ends=5 * DAY))
accepted("clock-a-little-fast", bad_leaf(begins=120, ends=5 * DAY))
accepted("rsa-issuer", bad_issuer("old", "old", algorithm="rsa-sha256"))
accepted("root-included", bad_text(lambda signer, leaf, issuer: leaf + issuer + signer.root.pem))
accepted("chain-reversed", bad_text(lambda signer, leaf, issuer: leaf + signer.root.pem + issuer))
accepted("duplicates", bad_text(lambda signer, leaf, issuer: leaf + leaf + issuer + issuer + leaf))
accepted("unrelated-extras", bad_text(lambda signer, leaf, issuer: leaf + issuer + signer.foreign.pem + signer.hidden.pem))
accepted("crlf", bad_text(lambda signer, leaf, issuer: (leaf + issuer).replace("\n", "\r\n")))
accepted("no-final-newline", bad_text(lambda signer, leaf, issuer: (leaf + issuer).rstrip("\n")))
accepted("text-around", bad_text(lambda signer, leaf, issuer: f"subject=CN = dev-1\n{leaf}\nissuer: a CA\n{issuer}\nthe end\n"))

def unreadable(name, change):
    @scenario(f"certificate/{name}", "ambiguous, or refused: something was issued, and it cannot be read")
    def play(world):
        world.begin()
        world.signer.plan(bad_text(change))
        answer = world.issue()
        if answer["outcome"] == "error":
            world.assert_error(answer, "ambiguous")
        else:
            world.assert_refused(answer)


unreadable("no-text", lambda signer, leaf, issuer: "")
unreadable("no-pem", lambda signer, leaf, issuer: "it was issued")
unreadable("damaged", lambda signer, leaf, issuer: leaf.replace("MII", "MIX") + issuer)
unreadable("cut-off", lambda signer, leaf, issuer: leaf[:len(leaf) // 2])
unreadable("other-pem", lambda signer, leaf, issuer: leaf.replace("CERTIFICATE", "PUBLIC KEY"))
unreadable("leaf-last", lambda signer, leaf, issuer: issuer + leaf)
unreadable("issuers-only", lambda signer, leaf, issuer: issuer + signer.root.pem)
unreadable("a-thousand", lambda signer, leaf, issuer: leaf + issuer * 1000)
unreadable("garbage-der", lambda signer, leaf, issuer: to_pem(os.urandom(600)) + issuer)


@scenario("certificate/leaf-only", "accepted with the issuers that the plugin knows, or refused")
def leaf_only(world):
    world.begin()
    world.signer.plan(bad_text(lambda signer, leaf, issuer: leaf))
    answer = world.issue()
    assert answer["outcome"] == "issued", answer
    assert "accepted" not in answer or answer["accepted"].count("BEGIN") == 2, "handed out without its issuer"


@scenario("certificate/leaf-reversed", "issuer first, leaf last: refused, or put in order")
def leaf_reversed(world):
    world.begin()
    world.signer.plan(bad_text(lambda signer, leaf, issuer: signer.root.pem + issuer + leaf))
    answer = world.issue()
    if answer["outcome"] == "error":
        world.assert_error(answer, "ambiguous")


@scenario("certificate/uri", "has the URI that was asked for")
def uri(world):
    world.begin()
    world.need(URI, "URIs")
    world.assert_issued(world.issue(uri="urn:brevet:dev-1"))


@scenario("certificate/uri-missing", "refused: it lacks the URI that was asked for")
def uri_missing(world):
    world.begin()
    world.need(URI, "URIs")
    world.signer.plan(bad_leaf(uris=[]))
    world.assert_refused(world.issue(uri="urn:brevet:dev-1"))


@scenario("certificate/serial-reused", "refused: the number names another certificate of this issuer")
def serial_reused(world):
    world.begin()
    number = positive(int.from_bytes(b"\x42" + os.urandom(15), "big"))
    world.signer.plan(bad_leaf(serial=number))
    world.signer.plan(bad_leaf(serial=number))
    world.assert_issued(world.issue(name="dev-1"))
    world.assert_refused(world.issue(name="dev-2"))


@scenario("certificate/of-another-request", "refused: it is that of another device")
def of_another(world):
    world.begin()
    first = []

    def remember(exchange):
        first.append(exchange.forward())
        exchange.reply(*first[0])

    def repeat(exchange):
        exchange.forward()
        exchange.reply(*first[0])

    world.front.plan("issue", remember, repeat)
    world.assert_issued(world.issue(name="dev-1"))
    world.assert_refused(world.issue(name="dev-2"))


@scenario("certificate/renewed", "the same device gets a second certificate, with the same key and with another one")
def renewed(world):
    world.begin()
    serials = set()
    for key in ("a", "a", "b"):
        answer = world.issue(name="dev-1", key=key)
        world.assert_issued(answer)
        serials.add(answer["accepted"])
    assert len(serials) == 3, "the same certificate twice"


@scenario("certificate/revoked-twice", "what is revoked already is a success")
def revoked_twice(world):
    world.begin()
    world.need(REVOKE, "revoke")
    answer = world.issue()
    for reason in (4, 1):
        revoked = world.call("revoke", of=answer["id"], reason=reason)
        assert revoked["outcome"] == "revoked", revoked
