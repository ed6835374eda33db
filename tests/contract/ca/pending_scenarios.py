# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests that wait, and what a restart leaves of them."""

from front import render
from kit import FIND, PENDING, scenario, show
from signer import bad_leaf, new_spki


def begin(world):
    world.begin()
    world.need(PENDING, "pending requests")
    world.begin_pending()
    answer = world.issue()
    assert answer["outcome"] == "pending", f"not pending: {answer}"
    assert 0 < len(answer["ticket"]) <= 4096 and answer["ticket"].isascii() and answer["ticket"].isprintable(), answer["ticket"]
    return answer["ticket"]


@scenario("pending/issued", "a ticket, then the certificate: one request to issue, one certificate")
def issued(world):
    ticket = begin(world)
    waiting = world.call("poll", ticket=ticket)
    assert waiting["outcome"] == "pending", show(waiting)
    world.adapter.decide(True)
    world.assert_issued(world.call("poll", ticket=waiting["ticket"]))
    assert len(world.signer.issued) == 1


@scenario("pending/after-restart", "a ticket is good for a new instance")
def restart(world):
    ticket = begin(world)
    world.open()
    world.adapter.decide(True)
    world.assert_issued(world.call("poll", ticket=ticket))


@scenario("pending/endless", "asked ten times, it is pending ten times, with a ticket that stays good")
def endless(world):
    ticket = begin(world)
    for _ in range(10):
        answer = world.call("poll", ticket=ticket)
        assert answer["outcome"] == "pending", show(answer)
        ticket = answer["ticket"]
    assert world.front.count("issue") == 1


@scenario("pending/rejected", "rejected: permanent")
def rejected(world):
    ticket = begin(world)
    world.adapter.decide(False)
    world.assert_error(world.call("poll", ticket=ticket), "rejected", "policy")


@scenario("pending/wrong-key", "what comes of a pending request is checked as well")
def wrong_key(world):
    ticket = begin(world)
    world.signer.plan(bad_leaf(spki=new_spki))
    world.adapter.decide(True)
    world.assert_refused(world.call("poll", ticket=ticket))


@scenario("pending/foreign-tickets", "a ticket of another plugin, or another day: gone, and no request that somebody else chose")
def foreign(world):
    world.begin()
    world.need(PENDING, "pending requests")
    for ticket in ("x", "../certificate", "a b", "a?b=c", "tlm/", "/", "%2e%2e%2f", "x" * 4096, "#", "\u0085"):
        answer = world.call("poll", ticket=ticket)
        world.assert_error(answer, "ticket-expired", "not-found", "invalid-request")
    assert world.front.count("issue") == 0
    for exchange in world.front.seen:
        assert exchange.verb in ("poll", "trust", "unknown"), f"a ticket became another request: {exchange.method} {exchange.path}"
        assert " " not in exchange.path and "/../" not in exchange.path, f"a ticket stands in a path as it is: {exchange.path}"


@scenario("pending/too-long-ticket", "an id that is longer than a ticket may be is an error, and nothing crashes")
def too_long(world):
    world.begin()
    world.need(PENDING, "pending requests")
    for ticket in ("a" * 5000, "a\nb", "\u00e4", ""):
        status, body = world.adapter.pending_answer(ticket)
        world.front.reset()
        world.front.plan("issue", lambda exchange: exchange.reply(status, [("Content-Type", world.adapter.content_type)], body))
        world.said = []
        answer = world.issue()
        if answer["outcome"] == "error":
            assert answer["class"] == "ambiguous", show(answer)
        else:
            assert answer["outcome"] == "pending" and 0 < len(answer["ticket"]) <= 4096, show(answer)


@scenario("pending/poll-breaks-off", "a poll that breaks off is retryable; the ticket stays good")
def poll_breaks(world):
    ticket = begin(world)
    world.front.plan("poll", *[lambda exchange: exchange.cut()] * 3)
    answer = world.call("poll", ticket=ticket)
    assert answer["outcome"] == "error" and answer["class"] in ("retryable", "ambiguous"), show(answer)
    world.front.plans.clear()
    world.adapter.decide(True)
    world.assert_issued(world.insist("poll", ticket=ticket))


@scenario("pending/answer-lost-after-issuing", "the answer of the poll that issued is lost: polled again, or found; issued once")
def poll_lost(world):
    ticket = begin(world)
    world.adapter.decide(True)
    world.front.plan("poll", lambda exchange: (exchange.forward(), exchange.cut()), )
    answer = world.call("poll", ticket=ticket)
    if answer["outcome"] == "error":
        assert answer["class"] in ("retryable", "ambiguous"), show(answer)
        answer = world.insist("poll", ticket=ticket)
        if answer["outcome"] == "error":
            world.need(FIND, "find")
            answer = world.insist("find")
    world.assert_issued(answer)
    assert len(world.signer.issued) == 1, "issued twice"


def poll_status(status, codes, headers=(), pause=None):
    @scenario(f"pending/poll-{status}", f"one of {', '.join(codes)}")
    def play(world):
        ticket = begin(world)
        world.front.plan("poll", lambda exchange: exchange.reply(status, [("Content-Type", world.adapter.content_type), *headers],
                                                                 world.adapter.refusal(status, "No")))
        answer = world.call("poll", ticket=ticket)
        world.assert_error(answer, *codes)
        assert pause is None or answer["retryAfter"] == pause, f"the pause is {answer['retryAfter']} s instead of {pause} s"


poll_status(401, ("auth", "config"))
poll_status(404, ("ticket-expired", "not-found"))
poll_status(429, ("rate-limited",), [("Retry-After", "17")], 17)
poll_status(500, ("unavailable", "ambiguous"))
poll_status(503, ("unavailable",))


@scenario("pending/html", "a page of some proxy in place of an answer is no decision, whatever its status")
def html(world):
    ticket = begin(world)
    for status in (200, 404, 410):
        page = render(status, [("Content-Type", "text/html")], b"<html>Sign in</html>")
        world.front.plan("poll", lambda exchange, page=page: exchange.send(page))
        answer = world.call("poll", ticket=ticket)
        assert answer["outcome"] == "error" and answer["class"] != "permanent", f"{status} ends the request for good: {show(answer)}"
    world.adapter.decide(True)
    world.assert_issued(world.call("poll", ticket=ticket))


@scenario("pending/reply-lost-after-issuance", "issued, and nobody heard of it: found by its public key, with a new instance as well")
def reply_lost(world):
    world.begin()
    world.need(FIND, "find")
    world.front.plan("issue", *[lambda exchange: (exchange.forward(), exchange.cut())] * 3)
    world.assert_error(world.issue(), "ambiguous")
    world.open()
    world.assert_issued(world.call("find"))
    assert len(world.signer.issued) == 1 and world.front.count("issue") == 1
