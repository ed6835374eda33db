# SPDX-License-Identifier: LGPL-2.1-or-later
"""Before there is a request, and around it: connections, TLS, time."""

import socket
import threading

from front import ADDRESS, render
from kit import FIND, PENDING, REVOKE, SLOW, Skip, scenario, show

NOT_SENT = ("unavailable", "timeout")

SHORT, LONGEST_SHORT = 3, 20000
"""A time-out that is waited for, in seconds, and how long that may take on a busy machine, in milliseconds."""


def certainly_not_sent(world, answer, *codes):
    world.assert_error(answer, *codes)
    assert not answer["wasSent"], "it was not sent, and marked as sent"
    assert world.front.count("issue") == 0 and not world.signer.issued


@scenario("connection/well", "issues a certificate that the core accepts; asks once")
def well(world):
    world.begin()
    world.assert_issued(world.issue())
    assert world.front.count("issue") == 1


@scenario("connection/refused", "unavailable; not sent")
def refused(world):
    with socket.create_server((ADDRESS, 0)) as closed:
        port = closed.getsockname()[1]
    world.begin(port=port)
    certainly_not_sent(world, world.issue(), "unavailable")


@scenario("connection/unknown-host", "unavailable or an operator's; not sent")
def unknown_host(world):
    world.begin(host="ca.invalid")
    certainly_not_sent(world, world.issue(), "unavailable", "timeout", "config")


@scenario("connection/reset-at-accept", "unavailable; not sent")
def reset_at_accept(world):
    world.begin()
    world.front.plan_connection(*["reset"] * 20)
    certainly_not_sent(world, world.issue(), "unavailable")


@scenario("connection/reset-in-between", "unavailable, and not sent: what is asked before the request to issue does not count")
def reset_in_between(world):
    def end(exchange):
        answer = exchange.forward()
        world.front.plan_connection(*["reset"] * 20)
        exchange.reply(*answer)
        exchange.cut()

    world.begin()
    world.front.plan("trust", *[end] * 20)
    answer = world.issue()
    if world.front.count("issue"):
        raise Skip("the plugin asks for nothing before it asks to issue")
    certainly_not_sent(world, answer, "unavailable")


@scenario("connection/handshake-stalls", "timeout or unavailable within the time-out; not sent")
def handshake_stalls(world):
    world.begin(timeout=SHORT)
    world.front.plan_connection(*["stall"] * 20)
    answer = world.issue()
    certainly_not_sent(world, answer, *NOT_SENT)
    assert answer["milliseconds"] < LONGEST_SHORT, f"took {answer['milliseconds']} ms with a time-out of {SHORT} s"


def register_tls(kind):
    @scenario(f"connection/tls-{kind}", "an operator must act, or unavailable; not sent: nobody but the CA gets the credentials")
    def tls(world):
        world.begin()
        world.front.plan_connection(*[kind] * 20)
        certainly_not_sent(world, world.issue(), "config", "unavailable", "auth")
        assert not world.front.seen, "a request was made"


for kind in ("expired", "wrong-name", "unknown-root"):
    register_tls(kind)


@scenario("connection/closed-after-handshake", "ambiguous, or unavailable where nothing was sent")
def closed_after_handshake(world):
    world.begin()
    world.front.plan_connection(*["closed"] * 20)
    answer = world.issue()
    world.assert_error(answer, "ambiguous", "unavailable")
    assert answer["code"] == "ambiguous" or not answer["wasSent"], "marked as sent, and not ambiguous"


@scenario("connection/answer-just-in-time", "a slow answer is an answer")
def just_in_time(world):
    def slowly(exchange):
        answer = exchange.forward()
        exchange.wait(1.5)
        exchange.reply(*answer)

    world.begin(timeout=10)
    world.front.plan("issue", slowly)
    world.assert_issued(world.issue())


def slow(verb, capability=None):
    @scenario(f"connection/slow/{verb}", "a slow answer is an answer, and nothing waits for it but its own call")
    def play(world):
        def slowly(exchange):
            answer = exchange.forward()
            exchange.wait(SLOW)
            exchange.reply(*answer)

        world.begin(timeout=60)
        if capability:
            world.need(capability, verb)
        ticket = None
        if verb == "poll":
            world.begin_pending()
            ticket = world.issue()["ticket"]
        issued = world.issue(name="dev-2") if verb != "issue" else {}
        world.front.plan("trust" if verb == "check" else verb, *[slowly] * 2)
        members = {"poll": {"ticket": ticket}, "revoke": {"of": issued.get("id")}, "find": {"name": "dev-2"}}
        answer = world.call(verb, **members.get(verb, {}))
        assert answer["outcome"] != "error", show(answer)


for verb, capability in (("issue", None), ("check", None), ("trust", None), ("find", FIND), ("poll", PENDING), ("revoke", REVOKE)):
    slow(verb, capability)


@scenario("connection/identity", "one line that names the CA: the same with other time-outs, another one for another address")
def identity(world):
    names = []
    for members in ({}, {"timeout": 7}, {"host": "ca.invalid"}):
        world.begin(**members)
        names.append(world.opened["identity"])
    assert names[0] and names[0].isprintable(), f"not printable: {names[0]!r}"
    assert names[0] == names[1], f"changes with a time-out: “{names[0]}” and “{names[1]}”"
    assert names[0] != names[2], f"is the same for another address: “{names[0]}”"


@scenario("connection/answer-too-late", "ambiguous when the time is over; what was issued is found")
def too_late(world):
    def never(exchange):
        exchange.forward()
        exchange.wait_for_peer()
        exchange.cut()

    world.begin(timeout=SHORT)
    world.front.plan("issue", never)
    answer = world.issue()
    assert answer["milliseconds"] < LONGEST_SHORT, f"took {answer['milliseconds']} ms with a time-out of {SHORT} s"
    world.assert_recovered(answer)


@scenario("connection/deadline", "the deadline of the request goes before the plugin's own time-out")
def deadline(world):
    world.begin(timeout=60)
    world.front.plan("issue", lambda exchange: (exchange.forward(), exchange.wait_for_peer(), exchange.cut()))
    answer = world.issue(deadline=SHORT * 1000)
    assert answer["milliseconds"] < LONGEST_SHORT, f"took {answer['milliseconds']} ms with {SHORT} s left"
    world.assert_recovered(answer)


@scenario("connection/cancelled-after-sending", "cancelled at once, and marked as sent")
def cancelled(world):
    world.begin(timeout=30)
    world.front.plan("issue", lambda exchange: (exchange.forward(), exchange.wait_for_peer(), exchange.cut()))
    answer = world.issue(cancel="sent")
    world.assert_error(answer, "cancelled")
    assert answer["wasSent"] and answer["milliseconds"] < LONGEST_SHORT


@scenario("connection/cancelled-before-sending", "cancelled at once; nothing is sent later")
def cancelled_early(world):
    world.begin(timeout=30)
    world.front.plan_connection(*["stall"] * 20)
    answer = world.issue(cancel=200)
    certainly_not_sent(world, answer, "cancelled")
    assert answer["milliseconds"] < LONGEST_SHORT


@scenario("connection/dribble", "an answer byte by byte is an answer")
def dribble(world):
    def slowly(exchange):
        for byte in render(*exchange.forward()):
            exchange.send(bytes([byte]))
        exchange.answered = True

    world.begin(timeout=60)
    world.front.plan("issue", slowly)
    world.assert_issued(world.issue())


@scenario("connection/dribble-without-end", "the time-out is for the whole answer, not for each byte")
def dribble_without_end(world):
    def endlessly(exchange):
        exchange.forward()
        exchange.send(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Slow: ")
        while not exchange.front.stopping.wait(0.1):
            exchange.send(b"a")

    world.begin(timeout=SHORT)
    world.front.plan("issue", endlessly)
    answer = world.issue()
    assert answer["milliseconds"] < LONGEST_SHORT, f"took {answer['milliseconds']} ms with a time-out of {SHORT} s"
    world.assert_recovered(answer)


@scenario("connection/kept-connection-closed", "a connection that was closed between two requests does no harm")
def kept_connection_closed(world):
    def close_after(exchange):
        exchange.reply(*exchange.forward())
        exchange.cut()

    world.begin()
    for verb in ("trust", "issue", "find"):
        world.front.plan(verb, *[close_after] * 4)
    world.call("check")
    world.assert_issued(world.issue())
    answer = world.call("find")
    assert answer["outcome"] == "issued" or answer["code"] in ("unsupported", "unavailable"), show(answer)


@scenario("connection/kept-connection-dies", "a kept connection that ends with the request to issue: ambiguous, and not asked again")
def kept_connection_dies(world):
    world.begin()
    world.call("check")
    world.call("find")
    world.front.plan("issue", *[lambda exchange: (exchange.forward(), exchange.cut())] * 20)
    answer = world.issue()
    assert world.front.count("issue") == 1, "asked again"
    world.assert_recovered(answer)


@scenario("connection/trust/refused", "trust that cannot be had is an error, or is known from before; no certificate is lost")
def trust_refused(world):
    world.begin()
    world.front.plan("trust", *[lambda exchange: exchange.cut()] * 20)
    answer = world.call("trust")
    world.assert_error(answer, "unavailable", "protocol", "config")


@scenario("connection/check-is-a-finding", "a CA that is down is a finding of check, not an error")
def check_down(world):
    world.begin()
    world.front.plan_connection(*["reset"] * 20)
    answer = world.call("check")
    assert answer["outcome"] == "health" and answer["state"] == "down", show(answer)


@scenario("connection/two-mixed-up", "two at once whose answers are mixed up: neither certificate is accepted")
def mixed_up(world):
    answers, both = [], threading.Barrier(2, timeout=60)

    def swap(number):
        def behave(exchange):
            answer = exchange.forward()
            answers.append((number, answer))
            both.wait()
            exchange.reply(*next(other for index, other in answers if index != number))
        return behave

    world.begin()
    world.front.plan("issue", swap(0), swap(1))
    first, second = world.start("issue", name="dev-1"), world.start("issue", name="dev-2")
    for identity in (first, second):
        world.assert_refused(world.finish(identity))


@scenario("connection/many-at-once", "as many as the plugin's own hint allows, in parallel, each with its own certificate")
def many(world):
    world.begin(timeout=60)
    number = min(world.opened["maximumInFlight"] or 8, 8)
    for identity in [world.start("issue", name=f"dev-{index}") for index in range(number)]:
        world.assert_issued(world.finish(identity))
    assert len(world.signer.issued) == number
