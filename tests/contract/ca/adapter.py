# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kit must know about a plugin and the CA that it asks. Derive from Adapter, and name the class in the file that is given
to `run --adapter`: the last class of the file that is derived from Adapter is taken."""


class Adapter:
    type = None
    """The value of `type=` in the group [ca …]."""

    uses_tls = True
    """Whether the fake CA speaks TLS."""

    secrets = ()
    """Texts that must never be seen in a message: keys, tokens."""

    skips = {}
    """Scenarios that make no sense for this protocol, and why: name or beginning of names with “*” → reason."""

    content_type = "application/json"
    """Of an answer of this CA."""

    port = None
    """Of the fake CA on 127.0.0.1, once it is started."""

    def start(self, directory, signer):
        """Starts a well-behaved fake CA. It must have all certificates signed by @signer: `signer.sign (common name, DER of the public
        key, URIs)` returns an Issued (signer.py), and `signer.roots ()` and `signer.issuers ()` are PEM texts of what it tells of itself."""
        raise NotImplementedError

    def stop(self):
        """Ends the fake CA."""

    def settings(self, host, port, ca_file, timeout):
        """Settings of the group for a plugin that asks the kit, which stands before the fake CA, at @host and @port over TLS, and waits for
        @timeout seconds."""
        raise NotImplementedError

    def classify(self, method, path):
        """Which verb a request is for: issue, poll, find, revoke, or anything else, such as trust."""
        raise NotImplementedError

    def refusal(self, status, message):
        """The body of an answer that says no with these words, as this CA writes it."""
        raise NotImplementedError

    def answer(self, text):
        """The body of an answer of success whose certificates are @text, and its status."""
        raise NotImplementedError

    def begin_pending(self):
        """The next request to issue is pending, until decide() is called."""
        raise NotImplementedError

    def decide(self, approved):
        """What is pending is issued, or rejected."""
        raise NotImplementedError

    def pending_answer(self, ticket):
        """Status and body of an answer that says that the request is pending under this id."""
        raise NotImplementedError

    def violations(self):
        """What the plugin has sent since the last time that the protocol does not allow, as texts."""
        return []
