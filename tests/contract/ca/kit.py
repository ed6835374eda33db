# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs scenarios: a plugin in ca-call, a front that misbehaves, the fake CA of its author; and judges what came of it.

Whatever the scenario, this must hold of every call (see World.judge):

- it ends, in bounded time, and the process lives on;
- no secret stands in anything that is said or logged, even with all debug messages;
- the main loop comes round all the time, and no library complains;
- one issuance is one request: the plugin never asks twice by itself;
- what it says of a request that failed is true: where the CA has issued, or may have, it is ambiguous; “timeout” means that nothing
  was sent; a request of which something arrived was sent;
- a certificate that is not what was asked for is refused by the core's check;
- once nobody uses the instance any more, nothing of it is left.
"""

import base64
import fnmatch
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from front import Front
from signer import Signer

PATIENCE = 120
USUAL_TIMEOUT = 60
LONGEST_GAP = 2500
"""Milliseconds. A busy machine makes everybody wait; who waits for an answer of the CA waits for longer (SLOW)."""
SLOW = 4

LIBRARY_FAULT = "g_object_unref: assertion 'G_IS_OBJECT (object)' failed"
"""Some versions of glib-networking say this of a connection that is reset in the moment before TLS begins. So critical warnings do not
end the process, as they do in other tests; they are looked for."""

IDEMPOTENT, PENDING, FIND, REVOKE, URI = 1, 2, 4, 8, 64
"""Capabilities (brevet-ca-backend.h)."""


class Skip(Exception):
    """The scenario makes no sense for this plugin; the text says why."""


def read_log(path):
    """Without the debug messages, which are for judging alone."""
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if "-DEBUG: " not in line)


class Caller:
    """ca-call, as long as it lives."""

    def __init__(self, program, plugin_directory, settings, log):
        self.log = log
        with open(log, "ab") as errors:
            self.process = subprocess.Popen([program, "--plugin-directory", plugin_directory, "--settings", settings],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            env={**os.environ, "G_DEBUG": "", "G_MESSAGES_DEBUG": "all"})
        self.lines = queue.Queue()
        self.answers = {}
        self.number = 0
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.decode())
        self.lines.put(None)

    def begin(self, order):
        self.number += 1
        identity = f"call-{self.number}"
        try:
            self.process.stdin.write((json.dumps({**order, "id": identity}) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail()
        return identity

    def fail(self):
        """Says why it has ended."""
        self.process.wait()
        log = read_log(self.log)
        raise AssertionError(f"the plugin ended its process with status {self.process.returncode}: {log[-4000:]}")

    def wait(self, identity):
        while identity not in self.answers:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"the call has not ended after {PATIENCE} s") from None
            if line is None:
                self.fail()
            if not line.startswith("{"):
                raise AssertionError(f"the plugin writes to the standard output of its process: {line}")
            answer = json.loads(line)
            answer["line"] = line
            self.answers[answer["id"]] = answer
        return self.answers.pop(identity)

    def stop(self):
        """Ends it, and returns its status: leaks are reported then."""
        self.process.stdin.close()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "that it does not end"


class World:
    """A plugin, its fake CA, and what stands between them. Made once; begin() makes it new for each scenario."""

    def __init__(self, adapter, program, plugin_directory):
        self.adapter, self.program, self.plugin_directory = adapter, program, plugin_directory
        self.directory = Path(tempfile.mkdtemp(prefix="brevet-kit-"))
        self.signer = Signer()
        adapter.start(self.directory, self.signer)
        self.front = Front(self.directory, adapter)
        self.file, self.log = self.directory / "ca.conf", self.directory / "ca-call.log"
        self.caller, self.opened, self.said, self.heard, self.pending = None, None, [], 0, False
        self.spellings = [spelling for secret in adapter.secrets for spelling in spell(secret)]

    def close(self):
        """Returns what ca-call ended with."""
        status = self.caller.stop() if self.caller else 0
        log = read_log(self.log) if self.log.exists() else ""
        self.front.stop()
        self.adapter.stop()
        shutil.rmtree(self.directory)
        return status, log

    def begin(self, timeout=USUAL_TIMEOUT, host=None, port=None):
        """A new instance of the plugin, of which nothing is known yet, and devices that the CA does not know either."""
        self.front.reset()
        if self.pending:
            self.adapter.decide(False)
        self.pending = False
        self.signer.reset()
        self.said = []
        self.open(timeout, host, port, forget=True)

    def open(self, timeout=USUAL_TIMEOUT, host=None, port=None, forget=False):
        settings = self.adapter.settings(host or self.front.host, port or self.front.port, str(self.front.ca_file), timeout)
        lines = [f"{key}={value}" for key, value in {"type": self.adapter.type, **settings}.items()]
        self.file.write_text("[ca kit]\n" + "\n".join(lines) + "\n", encoding="utf-8")
        if self.caller is None:
            self.caller = Caller(self.program, self.plugin_directory, str(self.file), str(self.log))
        self.opened = self.call("open", forget=forget)
        assert self.opened["outcome"] == "opened", f"the settings of the adapter are refused: {self.opened.get('message')}"

    # --- calls ---

    def start(self, verb, **members):
        return self.caller.begin({"do": verb, **members})

    def finish(self, identity):
        answer = self.caller.wait(identity)
        self.said.append(answer)
        return answer

    def call(self, verb, **members):
        return self.finish(self.start(verb, **members))

    def issue(self, **members):
        return self.call("issue", **members)

    def can(self, capability):
        return bool(self.opened["capabilities"] & capability)

    def begin_pending(self):
        """The next request to issue is pending. What still waits at the end is of no concern for the next scenario."""
        self.pending = True
        self.adapter.begin_pending()

    def insist(self, verb, **members):
        """Asks as the core does, whom a connection that has just gone does not discourage."""
        for _ in range(3):
            answer = self.call(verb, **members)
            if answer.get("class") != "retryable" or answer.get("retryAfter", -1) > 0:
                break
        return answer

    def need(self, capability, what):
        if not self.can(capability):
            raise Skip(f"the plugin has no {what}")

    def read_news(self):
        """What was logged since the last time."""
        with open(self.log, "rb") as log:
            log.seek(self.heard)
            news = log.read()
        self.heard += len(news)
        return news.decode(errors="replace")

    # --- what must hold ---

    def judge(self):
        assert not self.front.faults, f"the adapter, or its fake CA, failed: {self.front.faults[0]}"
        for answer in self.said:
            assert not any(secret in answer["line"] for secret in self.spellings), f"a secret is told: {answer['line']}"
            assert answer["heartbeat"] <= LONGEST_GAP, f"the main loop stood still for {answer['heartbeat']} ms in {answer['do']}"
        for line in self.read_news().splitlines():
            assert not any(secret in line for secret in self.spellings), f"a secret stands in the log: {line}"
            assert "-CRITICAL **" not in line or (self.front.resets and LIBRARY_FAULT in line), f"a critical warning: {line}"
        issues = [answer for answer in self.said if answer["do"] == "issue"]
        seen = [exchange for exchange in self.front.seen if exchange.verb == "issue"]
        assert len(seen) <= len(issues), f"{len(issues)} issuances became {len(seen)} requests to issue"
        if len(issues) == 1:
            self.judge_issue(issues[0], seen)
        violations = self.adapter.violations()
        assert not violations, f"the protocol does not allow: {violations}"

    def judge_issue(self, answer, seen):
        if seen:
            assert answer["wasSent"], "something of the request arrived, and it was not marked as sent"
        if answer["outcome"] != "error":
            return
        may_be = bool(self.signer.issued) or any(exchange.complete and not exchange.answered for exchange in seen)
        if may_be:
            assert answer["class"] == "ambiguous", f"the CA may have issued, but this says something else: {show(answer)}"
        if seen:
            assert answer["code"] != "timeout", f"“timeout” says that nothing was sent, but it was: {show(answer)}"

    # --- what scenarios say ---

    def assert_issued(self, answer):
        assert answer["outcome"] == "issued" and "accepted" in answer, f"not a good certificate: {show(answer)}"
        assert "wasSent" in answer and (answer["do"] != "issue" or answer["wasSent"]), "the request was not marked as sent"

    def assert_trust(self, answer):
        assert answer["outcome"] == "trust" and "BEGIN CERTIFICATE" in answer["certificates"], f"no trust: {show(answer)}"

    def assert_refused(self, answer):
        """The core's check says no; or the plugin itself did."""
        assert "accepted" not in answer, "a certificate that nobody may have is accepted"
        assert answer["outcome"] in ("issued", "error"), f"no certificate: {show(answer)}"

    def assert_error(self, answer, *codes):
        assert answer["outcome"] == "error", f"an error is missing: {show(answer)}"
        assert not codes or answer["code"] in codes, f"one of {', '.join(codes)} is right here: {show(answer)}"
        assert answer["code"] not in ("foreign", "brevet"), f"the error is not of BREVET_CA_ERROR: {show(answer)}"

    def assert_recovered(self, answer, **members):
        """Nobody knows whether it was issued: the plugin says so, and finds it if it can. What was issued is one certificate, also when
        a plugin asks again that says that it may."""
        self.assert_error(answer, "ambiguous")
        if self.can(FIND) and self.signer.issued:
            self.assert_issued(self.insist("find", **members))
        assert len(self.signer.issued) <= 1, "issued twice"
        if self.can(IDEMPOTENT):
            self.judge()
            self.front.plans.clear()
            self.assert_issued(self.insist("issue", **members, again=True))
            assert len(self.signer.issued) == 1, "the plugin says that it is idempotent; asked again with the same key, the CA issued twice"

    def finish_instance(self):
        """Nobody uses it any more."""
        answer = self.call("close")
        assert answer["freed"], "the instance is not freed when nobody uses it any more: a call that has ended keeps it (a GTask that was " \
                                "never returned or not unreferenced, a source, a signal handler)"


def spell(secret):
    """A secret, and what it looks like where it is only disguised."""
    data = secret.encode()
    yield secret
    yield base64.b64encode(data).decode().rstrip("=")
    yield data.hex()


def show(answer):
    members = ("outcome", "state", "ticket", "code", "class", "message", "refusal", "wasSent")
    return ", ".join(f"{key} {answer[key]}" for key in members if key in answer)


class Scenario:
    def __init__(self, name, demand, play):
        self.name, self.demand, self.play = name, demand, play


SCENARIOS = {}


def scenario(name, demand):
    """Registers a function that takes a World. @demand: what the contract asks for, in words."""
    def register(function):
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name, demand, function)
        return function
    return register


def reason_to_skip(adapter, name):
    return next((reason for pattern, reason in adapter.skips.items() if fnmatch.fnmatch(name, pattern)), None)


def play(world, item):
    """Plays one scenario. Returns None, or raises."""
    reason = reason_to_skip(world.adapter, item.name)
    if reason:
        raise Skip(reason)
    item.play(world)
    world.judge()
    world.finish_instance()
