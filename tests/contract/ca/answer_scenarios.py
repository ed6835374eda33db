# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers that are whole, and wrong: refusals, redirections, nonsense."""

import datetime
import email.utils
import gzip
import socket
import tempfile
import threading
from pathlib import Path

from front import Front, render
from kit import FIND, REVOKE, scenario, show

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"
LONGEST_PAUSE = 86400 * 7
LONGEST_ANSWER = 64 << 20


def raw(make):
    """A behaviour that asks the fake CA, and sends what @make(status, headers, body) makes of its answer."""
    def behave(exchange):
        exchange.send(make(*exchange.forward()))
        exchange.close = True
    return behave


def lost(name, make, demand="ambiguous, and what was issued is found; or the certificate, if it can still be read"):
    @scenario(f"answer/{name}", demand)
    def play(world):
        world.begin()
        world.front.plan("issue", raw(make))
        answer = world.issue()
        if answer["outcome"] == "error":
            world.assert_recovered(answer)
        else:
            world.assert_issued(answer)


def with_body(body):
    return lambda status, headers, _body: render(status, headers, body)


def with_headers(extra):
    return lambda status, headers, body: render(status, [*headers, *extra], body)


JSON = [("Content-Type", "application/json")]
lost("html-with-success", lambda status, _headers, _body: render(status, [("Content-Type", "text/html")], HTML))
lost("wrong-content-type", lambda status, _headers, body: render(status, [("Content-Type", "text/plain")], body))
lost("no-content-type", lambda status, _headers, body: render(status, [], body))
lost("empty-body", with_body(b""))
lost("not-an-object", with_body(b"[]"))
lost("null", with_body(b"null"))
lost("other-object", with_body(b'{"welcome":"to the CA"}'))
lost("broken-json", lambda status, headers, body: render(status, headers, body[:-1]))
lost("invalid-utf-8", lambda status, headers, body: render(status, headers, body.replace(b"-----BEGIN", b"\xff\xfe\xc0-----BEGIN", 1)))
lost("nul-bytes", lambda status, headers, body: render(status, headers, body.replace(b'"', b'\0"', 1)))
lost("escaped-nul", lambda status, headers, body: render(status, headers, body.replace(b"-----BEGIN", b"\\u0000-----BEGIN", 1)))
lost("half-a-surrogate-pair", lambda status, headers, body: render(status, headers, body[:-1] + b',"note":"\\ud800"}'))
lost("other-half-of-a-pair", lambda status, headers, body: render(status, headers, body[:-1] + b',"note":"\\udc00"}'))
lost("broken-pair", lambda status, headers, body: render(status, headers, body[:-1] + b',"note":"\\ud800\\u0041"}'))
lost("nested", with_body(b'{"links":' + b"[" * 120000 + b"]" * 120000 + b"}"))
lost("nested-without-end", with_body(b'{"links":' + b"[" * 250000))
lost("deeply-nested", with_body(b'{"links":' + b"[" * 200000 + b"]" * 200000 + b"}"))
lost("deeply-nested-objects", with_body(b'{"a":' * 100000 + b"1" + b"}" * 100000))
lost("duplicate-keys", lambda status, headers, body: render(status, headers, b'{"note":1,"note":2,' + body[1:]))
lost("huge-number", lambda status, headers, body: render(status, headers, b'{"n":1e999999,' + body[1:]))
lost("oversized-body", with_body(b'{"note":"' + b"A" * (3 << 20) + b'"}'))
lost("gzip-not-asked-for", lambda status, headers, body: render(status, [*headers, ("Content-Encoding", "gzip")], gzip.compress(body)))
lost("zip-bomb", lambda status, headers, _body: render(status, [*headers, ("Content-Encoding", "gzip")], gzip.compress(bytes(50 << 20))))
lost("oversized-headers", with_headers([(f"X-Padding-{number}", "a" * 4000) for number in range(100)]))
lost("header-with-strange-bytes", with_headers([("X-Strange", "\x01\x7f")]))
lost("two-content-lengths", lambda status, headers, body: render(status, [*headers, ("Content-Length", str(len(body) - 7))], body))
lost("negative-content-length", lambda status, headers, body: render(status, headers, body).replace(b"Content-Length: ", b"Content-Length: -"))
lost("huge-content-length", lambda status, headers, body: render(status, headers, body).replace(b"Content-Length: ", b"Content-Length: 99999999999"))
lost("http-1.0", lambda status, headers, body: render(status, headers, body, version="HTTP/1.0"))
lost("garbage-status-line", lambda *_answer: b"\x16\x03\x01garbage\r\n\r\n")
lost("unknown-status", lambda status, headers, body: render(999, headers, body))
lost("status-000", lambda status, headers, body: render("000", headers, body))
lost("bare-text", lambda status, headers, body: body)
lost("two-answers-at-once", lambda status, headers, body: render(status, headers, body) + render(401, JSON, b"{}"))
lost("continue-first", lambda status, headers, body: b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + render(status, headers, body))
lost("early-hints-first", lambda status, headers, body: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + render(status, headers, body))
lost("switching-protocols", lambda status, headers, body: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")


@scenario("answer/endless-body", "ambiguous soon: an answer has a longest length")
def endless(world):
    def behave(exchange):
        exchange.forward()
        exchange.send(b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"note":"')
        for _ in range(4096):
            exchange.send(b"A" * 65536)
            swallowed.append(65536)

    swallowed = []
    world.begin(timeout=30)
    world.front.plan("issue", behave)
    answer = world.issue()
    world.assert_recovered(answer)
    assert sum(swallowed) < LONGEST_ANSWER, f"{sum(swallowed)} bytes were read, and there was no end"


@scenario("answer/endless-head", "ambiguous within the time-out: an answer has a longest length")
def endless_head(world):
    def behave(exchange):
        exchange.forward()
        exchange.send(b"HTTP/1.1 201 Created\r\n")
        for number in range(4096):
            exchange.send(b"X-Padding-%d: " % number + b"a" * 16384 + b"\r\n")

    world.begin(timeout=10)
    world.front.plan("issue", behave)
    world.assert_recovered(world.issue())


# --- refusals ---

def refusal(name, status, codes, demand, headers=(), check=None, after=False):
    """@headers: more of them, or a function that returns them; @after: the CA has issued all the same, and somebody between says this"""
    @scenario(f"answer/{name}", demand)
    def play(world):
        def behave(exchange):
            if after:
                exchange.forward()
            exchange.reply(status, [("Content-Type", world.adapter.content_type), *(headers() if callable(headers) else headers)],
                           world.adapter.refusal(status, "It is said with these words"))

        world.begin()
        world.front.plan("issue", behave)
        answer = world.issue()
        world.assert_error(answer, *codes)
        if after:
            world.assert_recovered(answer)
        if check:
            check(answer)


OPERATOR = ("auth", "config", "profile", "quota")
PERMANENT = ("invalid-csr", "invalid-request", "policy", "rejected")
refusal("400", 400, PERMANENT, "permanent")
refusal("401", 401, OPERATOR, "an operator must act")
refusal("403", 403, (*OPERATOR, "policy", "rejected"), "an operator must act, or permanent")
refusal("404", 404, (*OPERATOR, "invalid-request"), "an operator must act: a profile or an address is wrong")
refusal("408", 408, ("unavailable", "ambiguous"), "retryable: whoever says this waited in vain for the request")
refusal("409", 409, ("conflict", "rejected"), "conflict, which the core resolves by find")
refusal("422", 422, PERMANENT, "permanent")
refusal("500", 500, ("ambiguous",), "ambiguous: it may go on behind that")
refusal("502", 502, ("ambiguous",), "ambiguous", after=True)
refusal("504", 504, ("ambiguous",), "ambiguous", after=True)
refusal("500-after-issuing", 500, ("ambiguous",), "ambiguous", after=True)
refusal("418", 418, (*PERMANENT, *OPERATOR, "protocol"), "not retryable for ever")


def pause(low, high):
    def check(answer):
        assert low <= answer["retryAfter"] <= high, f"the pause is {answer['retryAfter']} s instead of {low} to {high} s"
    return check


def in_ten_minutes():
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=10)
    return [("Retry-After", email.utils.format_datetime(then, usegmt=True))]


refusal("429", 429, ("rate-limited",), "rate-limited", check=pause(-1, 300))
refusal("429-seconds", 429, ("rate-limited",), "rate-limited, with the pause", [("Retry-After", "17")], pause(17, 17))
refusal("429-date", 429, ("rate-limited",), "rate-limited, with the pause", in_ten_minutes, pause(400, 700))
refusal("429-past-date", 429, ("rate-limited",), "rate-limited, without a negative pause",
        [("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT")], pause(-1, 300))
refusal("429-nonsense", 429, ("rate-limited",), "rate-limited; nonsense is no pause", [("Retry-After", "soon")], pause(-1, 300))
refusal("429-negative", 429, ("rate-limited",), "rate-limited; no negative pause", [("Retry-After", "-5")], pause(-1, 300))
refusal("429-huge", 429, ("rate-limited",), "rate-limited; a pause of no more than a week",
        [("Retry-After", "99999999999999999999")], pause(-1, LONGEST_PAUSE))
refusal("429-large", 429, ("rate-limited",), "rate-limited; a pause of no more than a week", [("Retry-After", "4294967295")],
        pause(1, LONGEST_PAUSE))
refusal("503", 503, ("unavailable", "ambiguous"), "unavailable, with the pause", [("Retry-After", "30")], pause(30, 30))


@scenario("answer/429-storm", "each refusal is one request: the core decides when to ask again")
def storm(world):
    def behave(exchange):
        exchange.reply(429, JSON, world.adapter.refusal(429, "Too many"))

    world.begin()
    world.front.plan("issue", *[behave] * 100)
    for identity in [world.start("issue", name=f"dev-{number}") for number in range(8)]:
        world.assert_error(world.finish(identity), "rate-limited")
    assert world.front.count("issue") == 8, f"8 issuances became {world.front.count('issue')} requests"


@scenario("answer/echo", "an answer that repeats the request, with the credentials, tells nobody")
def echo(world):
    def behave(exchange):
        text = "; ".join(f"{name}: {value}" for name, value in exchange.headers)
        exchange.reply(400, JSON, world.adapter.refusal(400, text))

    world.begin()
    world.front.plan("issue", behave)
    world.assert_error(world.issue(), *PERMANENT, *OPERATOR)


@scenario("answer/words-for-terminals", "control characters of a CA reach no message")
def terminal(world):
    world.begin()
    world.front.plan("issue", lambda exchange: exchange.reply(400, JSON, world.adapter.refusal(400, "a\x1b[2Jb\nc\u202ed" + "x" * 5000)))
    answer = world.issue()
    world.assert_error(answer)
    for member in ("message", "upstreamMessage"):
        text = answer.get(member, "")
        assert "\x1b" not in text and "\n" not in text, f"{member} has control characters: {text!r}"
        assert len(text) < 2000, f"{member} has {len(text)} characters"


def redirection(status):
    @scenario(f"answer/redirect-{status}", "not followed: the credentials would go along; and not issued")
    def play(world):
        with tempfile.TemporaryDirectory() as directory:
            other = Front(Path(directory), world.adapter)
        # As trustworthy as the first one, so that nothing but the plugin prevents it.
        other.contexts["good"] = world.front.contexts["good"]
        try:
            world.begin()
            behave = [lambda exchange: exchange.reply(status, [("Location", f"https://{other.host}:{other.port}{exchange.path}")], b"")] * 3
            for verb in ("issue", "find", "trust"):
                world.front.plan(verb, *behave)
            answer = world.issue()
            world.assert_error(answer)
            assert answer["class"] in ("operator", "retryable", "ambiguous", "permanent")
            world.call("find")
            world.call("trust")
            assert world.front.count("issue") <= 1, "the redirection was followed, or it was asked again"
            assert not other.seen, f"the redirection was followed: {other.seen[0].method} {other.seen[0].path}"
        finally:
            other.stop()


for status in (301, 302, 303, 307, 308):
    redirection(status)


@scenario("answer/redirect-plain", "not followed into the clear either")
def redirect_plain(world):
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as plain:
        def accept():
            try:
                connection, _address = plain.accept()
                seen.append(connection.recv(4096))
                connection.close()
            except OSError:
                pass
        threading.Thread(target=accept, daemon=True).start()
        world.begin()
        location = f"http://127.0.0.1:{plain.getsockname()[1]}/"
        world.front.plan("issue", lambda exchange: exchange.reply(302, [("Location", location)], b""))
        world.assert_error(world.issue())
        plain.shutdown(socket.SHUT_RDWR)
    assert not seen, "the redirection was followed"


# --- other verbs ---

@scenario("answer/find-nonsense", "nonsense is never “not found”: the core would issue again")
def find_nonsense(world):
    world.begin()
    world.need(FIND, "find")
    world.assert_issued(world.issue())
    for body, kind in ((b"", "application/json"), (HTML, "text/html"), (b"[", "application/json"), (b"{}", "application/json"),
                       (b'{"links":' + b"[" * 200000, "application/json")):
        world.front.plan("find", lambda exchange, body=body, kind=kind: exchange.reply(200, [("Content-Type", kind)], body))
        answer = world.call("find")
        world.assert_error(answer)
        assert answer["code"] != "not-found", f"{body[:20]} is “not found”"


@scenario("answer/find-nothing", "what is not there is “not found”; a certificate for another key is not taken for it")
def find_nothing(world):
    world.begin()
    world.need(FIND, "find")
    world.assert_error(world.call("find", name="dev-1", key="another"), "not-found")
    world.assert_issued(world.issue(name="dev-1", key="first"))
    world.assert_error(world.call("find", name="dev-1", key="another"), "not-found")


@scenario("answer/find-known", "of several for one key the newest that the core misses; “not found” if it misses none")
def find_known(world):
    world.begin()
    world.need(FIND, "find")
    first = world.issue()
    world.front.plan("issue", lambda exchange: (exchange.forward(), exchange.cut()))
    world.assert_error(world.issue(), "ambiguous")
    found = world.insist("find", known=[first["id"]])
    world.assert_issued(found)
    assert found["accepted"] != first["accepted"], "found the certificate that the core has, and not the one that it misses"
    again = world.insist("find", known=[found["id"]])
    world.assert_issued(again)
    assert again["accepted"] == first["accepted"], "passed over an older one that the core misses"
    world.assert_error(world.insist("find", known=[first["id"], found["id"]]), "not-found")


@scenario("answer/find-somebody-else", "a refusal that is not the CA's is never “not found”, whatever its status: the core would issue again")
def find_somebody_else(world):
    world.begin()
    world.need(FIND, "find")
    world.assert_issued(world.issue())
    for status in (400, 401, 403, 404, 410, 429, 500, 502, 503):
        world.front.plan("find", lambda exchange, status=status: exchange.reply(status, [("Content-Type", "text/html")], HTML))
        answer = world.call("find")
        world.assert_error(answer)
        assert answer["code"] != "not-found", f"{status} with a page of some proxy is “not found”"


@scenario("answer/revoke-somebody-else", "an answer that is not the CA's is no revocation, and none that was refused for good: asked again, it succeeds")
def revoke_somebody_else(world):
    world.begin()
    world.need(REVOKE, "revoke")
    issued = world.issue()
    world.assert_issued(issued)
    for status in (200, 404, 409, 410, 422, 502):
        world.front.plan("revoke", lambda exchange, status=status: exchange.reply(status, [("Content-Type", "text/html")], HTML))
        answer = world.call("revoke", of=issued["id"])
        assert answer["outcome"] == "error", f"{status} with a page of some proxy is taken for a revocation"
        assert answer["class"] != "permanent", f"{status} with a page of some proxy is final: {show(answer)}"
    answer = world.insist("revoke", of=issued["id"])
    assert answer["outcome"] == "revoked", show(answer)


@scenario("answer/trust-nonsense", "trust that cannot be read is an error, and no certificate is accepted without trust")
def trust_nonsense(world):
    world.begin()
    for body, kind in ((b"", "application/json"), (HTML, "text/html"), (b"{}", "application/json"), (b"[]", "application/json")):
        world.front.plans.clear()
        world.front.plan("trust", *[lambda exchange, body=body, kind=kind: exchange.reply(200, [("Content-Type", kind)], body)] * 4)
        before = world.front.count("trust")
        answer = world.call("trust")
        if world.front.count("trust") == before:
            world.assert_trust(answer)
        else:
            world.assert_error(answer)
    before = world.front.count("trust")
    answer = world.issue()
    if world.front.count("trust") > before:
        world.assert_refused(answer)
    else:
        world.assert_issued(answer)
