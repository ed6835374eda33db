# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs scenarios: a plugin in ca-call, a front that misbehaves, the fake CA of its author; and judges what came of it.

Whatever the scenario, this must hold of every call (see World.judge):

- it ends, in bounded time, and the process lives on;
- no secret stands in anything that is said;
- the main loop comes round all the time;
- one issuance is one request: the plugin never asks twice by itself;
- what it says of a request that failed is true: where the CA has issued, or may have, it is ambiguous; “timeout” means that nothing
  was sent; a request of which something arrived was sent;
- a certificate that is not what was asked for is refused by the core's check.
"""

import fnmatch
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from front import Front
from signer import Signer

PATIENCE = 60
USUAL_TIMEOUT = 20
LONGEST_GAP = 1000

PENDING, FIND, REVOKE, URI = 2, 4, 8, 64
"""Capabilities (brevet-ca-backend.h)."""


class Skip(Exception):
    """The scenario makes no sense for this plugin; the text says why."""


class Caller:
    """ca-call, as long as it lives."""

    def __init__(self, program, plugin_directory, settings, log):
        self.log = log
        with open(log, "ab") as errors:
            self.process = subprocess.Popen([program, "--plugin-directory", plugin_directory, "--settings", settings],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
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
        self.process.stdin.write((json.dumps({**order, "id": identity}) + "\n").encode())
        self.process.stdin.flush()
        return identity

    def wait(self, identity):
        while identity not in self.answers:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"the call has not ended after {PATIENCE} s") from None
            if line is None:
                self.process.wait()
                raise AssertionError(f"the plugin ended its process with status {self.process.returncode}: {self.read_log()}")
            answer = json.loads(line)
            answer["line"] = line
            self.answers[answer["id"]] = answer
        return self.answers.pop(identity)

    def read_log(self):
        return Path(self.log).read_text(encoding="utf-8", errors="replace")[-4000:]

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
        self.caller, self.opened, self.said = None, None, []

    def close(self):
        """Returns what ca-call ended with."""
        status = self.caller.stop() if self.caller else 0
        log = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        self.front.stop()
        self.adapter.stop()
        shutil.rmtree(self.directory)
        return status, log

    def begin(self, timeout=USUAL_TIMEOUT, host=None, port=None):
        """A new instance of the plugin, of which nothing is known yet."""
        self.front.reset()
        self.signer.reset()
        self.said = []
        self.open(timeout, host, port)

    def open(self, timeout=USUAL_TIMEOUT, host=None, port=None):
        settings = self.adapter.settings(host or self.front.host, port or self.front.port, str(self.front.ca_file), timeout)
        lines = [f"{key}={value}" for key, value in {"type": self.adapter.type, **settings}.items()]
        self.file.write_text("[ca kit]\n" + "\n".join(lines) + "\n", encoding="utf-8")
        if self.caller is None:
            self.caller = Caller(self.program, self.plugin_directory, str(self.file), str(self.log))
        self.opened = self.call("open")
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

    def need(self, capability, what):
        if not self.can(capability):
            raise Skip(f"the plugin has no {what}")

    # --- what must hold ---

    def judge(self):
        for answer in self.said:
            for secret in self.adapter.secrets:
                assert secret not in answer["line"], f"a secret is told: {answer['line']}"
            assert answer["heartbeat"] <= LONGEST_GAP, f"the main loop stood still for {answer['heartbeat']} ms in {answer['do']}"
        log = self.caller.read_log()
        assert not any(secret in log for secret in self.adapter.secrets), "a secret stands in the log"
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

    def assert_refused(self, answer):
        """The core's check says no; or the plugin itself did."""
        assert "accepted" not in answer, "a certificate that nobody may have is accepted"
        assert answer["outcome"] in ("issued", "error"), f"no certificate: {show(answer)}"

    def assert_error(self, answer, *codes):
        assert answer["outcome"] == "error", f"an error is missing: {show(answer)}"
        assert not codes or answer["code"] in codes, f"one of {', '.join(codes)} is right here: {show(answer)}"
        assert answer["code"] not in ("foreign", "brevet"), f"the error is not of BREVET_CA_ERROR: {show(answer)}"

    def assert_recovered(self, answer, **members):
        """Nobody knows whether it was issued: the plugin says so, and finds it if it can. What was issued is one certificate."""
        self.assert_error(answer, "ambiguous")
        if self.can(FIND) and self.signer.issued:
            self.assert_issued(self.call("find", **members))
        assert len(self.signer.issued) <= 1, "issued twice"


def show(answer):
    return ", ".join(f"{key} {answer[key]}" for key in ("outcome", "code", "class", "message", "refusal", "wasSent") if key in answer)


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
