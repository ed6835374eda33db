# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections that break: after each range of bytes of the request and of the answer."""

from front import CutRequest, render
from kit import FIND, REVOKE, scenario, show


def lost(world, *behaviours, **members):
    """One issuance that breaks, and what is made of it."""
    world.begin()
    world.front.plan("issue", *behaviours)
    answer = world.issue(**members)
    world.assert_error(answer, "ambiguous", "unavailable")
    return answer


def play_cut_request(world, cut):
    """Ambiguous, unless the plugin knows that nothing complete has arrived; was sent in any case."""
    answer = lost(world, *[cut] * 20)
    assert answer["wasSent"], "something of the request arrived, and it was not marked as sent"
    assert not world.signer.issued


for count in (1, 30, 60, 100, 150, 200, 250, 300):
    @scenario(f"cut/request-head/{count}", "ambiguous (or unavailable, where that is certain); asked once")
    def cut_head(world, cut=CutRequest(count=count)):
        play_cut_request(world, cut)

for body in (0, 1, 10, 100, 500, -100, -10, -1):
    @scenario(f"cut/request-body/{body}", "ambiguous (or unavailable, where that is certain); asked once")
    def cut_body(world, cut=CutRequest(count=None, body=body)):
        play_cut_request(world, cut)


@scenario("cut/request-whole", "ambiguous: all of it arrived, and there is no answer")
def cut_whole(world):
    answer = lost(world, *[lambda exchange: exchange.cut()] * 20)
    world.assert_error(answer, "ambiguous")


@scenario("cut/answer-nothing", "ambiguous, and what was issued is found")
def cut_answer(world):
    def behave(exchange):
        exchange.forward()
        exchange.cut()

    world.assert_recovered(lost(world, *[behave] * 20))


@scenario("cut/answer-orderly", "the same where the connection is closed in good order, without an answer")
def cut_orderly(world):
    def behave(exchange):
        exchange.forward()
        exchange.connection.unwrap()
        exchange.cut()

    world.assert_recovered(lost(world, *[behave] * 20))


def cut_after(choose):
    """Sends the first bytes of the answer: @choose(head, body) says how many."""
    def behave(exchange):
        status, headers, body = exchange.forward()
        data = render(status, headers, body)
        exchange.send(data[:choose(len(data) - len(body), len(body))])
        exchange.cut()
    return behave


PLACES = {f"status-line/{count}": (lambda head, body, count=count: count) for count in (1, 5, 9, 12, 16)}
PLACES.update({f"head/{share}": (lambda head, body, share=share: 20 + (head - 24) * share // 8) for share in range(8)})
PLACES["head/-1"] = lambda head, body: head - 1
PLACES.update({f"body/{share}": (lambda head, body, share=share: head + body * share // 12) for share in range(12)})
PLACES["body/-1"] = lambda head, body: head + body - 1

for name, choose in PLACES.items():
    @scenario(f"cut/answer-{name}", "ambiguous, and what was issued is found")
    def cut_answer_at(world, choose=choose):
        world.assert_recovered(lost(world, *[cut_after(choose)] * 20))


@scenario("cut/answer-chunked", "a chunked answer that breaks off is ambiguous")
def cut_chunked(world):
    def behave(exchange):
        status, headers, body = exchange.forward()
        head = render(status, headers, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        half = body[:len(body) // 2]
        exchange.send(head + b"%x\r\n" % len(half) + half + b"\r\n")
        exchange.cut()

    world.assert_recovered(lost(world, *[behave] * 20))


@scenario("cut/answer-chunk-without-end", "all of the text, but not the last chunk: an answer, or ambiguous")
def chunk_without_end(world):
    def behave(exchange):
        status, headers, body = exchange.forward()
        head = render(status, headers, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        exchange.send(head + b"%x\r\n" % len(body) + body + b"\r\n")
        exchange.cut()

    world.begin()
    world.front.plan("issue", *[behave] * 20)
    answer = world.issue()
    if answer["outcome"] == "error":
        world.assert_recovered(answer)
    else:
        world.assert_issued(answer)


@scenario("cut/answer-shorter-than-said", "a body that is shorter than Content-Length, in good order, is ambiguous")
def shorter(world):
    def behave(exchange):
        status, headers, body = exchange.forward()
        exchange.send(render(status, headers, body).replace(b"Content-Length: ", b"Content-Length: 1"))
        exchange.connection.unwrap()
        exchange.cut()

    world.begin()
    world.front.plan("issue", *[behave] * 20)
    answer = world.issue()
    if answer["outcome"] == "error":
        world.assert_recovered(answer)
    else:
        world.assert_issued(answer)


@scenario("cut/revoke", "a revocation that breaks off is retryable; a second one succeeds")
def cut_revoke(world):
    world.begin()
    world.need(REVOKE, "revoke")
    issued = world.issue()
    world.assert_issued(issued)
    world.front.plan("revoke", *[lambda exchange: (exchange.forward(), exchange.cut())] * 2)
    answer = world.call("revoke", of=issued["id"])
    if answer["outcome"] == "error":
        assert answer["class"] in ("retryable", "ambiguous"), show(answer)
        world.front.plans.clear()
        answer = world.insist("revoke", of=issued["id"])
    assert answer["outcome"] == "revoked", show(answer)
    bodies = {exchange.body for exchange in world.front.seen if exchange.verb == "revoke"}
    assert len(bodies) == 1, f"asked again, it was another request: {bodies}"


@scenario("cut/find", "a search that breaks off is retryable, and never “not found”")
def cut_find(world):
    world.begin()
    world.need(FIND, "find")
    world.assert_issued(world.issue())
    world.front.plan("find", *[lambda exchange: exchange.cut()] * 4)
    answer = world.call("find")
    assert answer["outcome"] == "issued" or answer["class"] == "retryable", show(answer)
