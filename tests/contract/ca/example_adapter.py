# SPDX-License-Identifier: LGPL-2.1-or-later
"""The adapter of the tutorial's plugin: the shortest one, to begin with."""

import json
import sys
from pathlib import Path

from adapter import Adapter

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "docs/examples/ca-example"))
import example_ca  # pylint: disable=wrong-import-position

TOKEN = "example-token-0123456789abcdef"


class ExampleAdapter(Adapter):
    type = "example"
    uses_tls = False
    secrets = (TOKEN,)

    def start(self, directory, signer):
        self.ca = example_ca.ExampleCa(signer, TOKEN)
        self.server = example_ca.serve(self.ca)
        self.port = self.server.server_address[1]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def settings(self, host, port, ca_file, timeout):
        return {"address": f"https://{host}:{port}", "token": TOKEN, "ca-file": ca_file, "timeout": f"{timeout}s"}

    def classify(self, method, path):
        words = path.partition("?")[0].strip("/").split("/")
        if words[0] == "certificates" and len(words) == 1:
            return {"POST": "issue", "GET": "find"}[method]
        return {"certificates": "revoke", "requests": "poll", "ca": "trust"}.get(words[0], "unknown")

    def refusal(self, status, message):
        return json.dumps({"error": message}).encode()

    def answer(self, text):
        return 201, json.dumps({"id": "0", "chain": text}).encode()

    def begin_pending(self):
        self.ca.approves = False

    def decide(self, approved):
        self.ca.approves = True
        for entry in self.ca.pending:
            if entry[0] == "waits":
                entry[0] = "approved" if approved else "rejected"

    def pending_answer(self, ticket):
        return 202, json.dumps({"request": ticket}).encode()
