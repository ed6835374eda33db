# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices whose keys are in a token of SoftHSM. What is in the token is asked with p11tool, which knows nothing of brevet."""

import contextlib
import json

from agent import CERTIFICATE, KEY, NAME, PATH, fingerprint
from dps import command
from softhsm import SECURITY_OFFICER_PIN, Tokens

TOKEN = "devices"
# None that is found by chance in something else.
PIN = "4711-0815"


class Hsm(Tokens):
    """Tokens, and a look into them from outside."""

    def __init__(self, *labels):
        super().__init__()
        self.pin_file.write_text(PIN + "\n")
        for label in labels:
            self.run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SECURITY_OFFICER_PIN)

    def labels(self, token=TOKEN, kind="privkeys"):
        return super().labels(token, kind)

    def make_key(self, label, token=TOKEN):  # pylint: disable=arguments-differ
        self.p11tool("--generate-privkey=ecdsa", "--curve=secp256r1", f"--label={label}", f"pkcs11:token={token}")

    def remove_key(self, label, token=TOKEN):
        for half in ("private", "public"):
            self.p11tool("--delete", f"pkcs11:token={token};object={label};type={half}")


class TokenDevice:
    """One device and its tokens. Everything else is what the agent has."""

    def __init__(self, agent, hsm):
        self.agent = agent
        self.hsm = hsm
        self.correct_pin()
        self.environment = {name: hsm.environment[name] for name in ("SOFTHSM2_CONF", "BREVET_UNSTEADY_TOKEN")}
        agent.groups["pkcs11"] = {"module": hsm.module}
        agent.configure("identity main", key_token=f"pkcs11:token={TOKEN}", key_token_pin_file="pin")

    def start(self, **environment):
        self.agent.start(**self.environment, **environment)
        return self

    def provision(self, **environment):
        self.start(**environment)
        return self.agent.wait_for_generation(1)

    def reload(self):
        self.agent.bus.call(NAME, PATH, NAME, "Reload")

    def use(self):
        """What an application does with a new identity."""
        return self.agent.bus.call(NAME, self.agent.path, "org.brevet.Agent1.Identity", "GetCertificate")[0]

    def records(self, place=""):
        directory = self.agent.store / "current" / f"identity-main{place}"
        return {path.name: path.read_text(errors="replace") for path in directory.iterdir()} if directory.is_dir() else {}

    def stored_labels(self):
        """Labels of the keys that the records speak of: those that are made, and all."""
        made, named = set(), set()
        for place in ("", "-previous", "-staged"):
            generation = json.loads(self.records(place).get("generation", "{}"))
            if "keyLabel" in generation:
                named.add(generation["keyLabel"])
                made.update([generation["keyLabel"]] if "keySpki" in generation else [])
        return made, named

    def look(self, *arguments):
        """What p11tool says of a token, while brevetd may be at work there."""
        said = []

        def is_said():
            said.append(self.hsm.look(*arguments))
            return said[-1]

        self.agent.look_until(is_said, f"an answer to {arguments}")
        return said[-1]

    def check(self, token=TOKEN):
        """The identity in use is whole: its key is in the token, cannot be taken out, and belongs to the certificate."""
        now = self.agent.properties()
        records = self.records()
        assert KEY not in records, sorted(records)
        label = json.loads(records["generation"])["keyLabel"]
        assert now["KeyLocation"] == f"pkcs11:token={token};object={label};type=private", now["KeyLocation"]
        certificate = self.agent.scratch / "seen.pem"
        certificate.write_text(records[CERTIFICATE])
        assert fingerprint(certificate) == now["Sha256"]
        wanted = command("openssl", "x509", "-in", certificate, "-noout", "-pubkey").stdout
        url = f"pkcs11:token={token};object={label};type=public"
        found = self.look("--export", url)
        assert found[found.index("-----BEGIN"):].strip() == wanted.strip(), (found, wanted)
        self.check_secrecy(token, label)
        return label

    def check_secrecy(self, token, label):
        printed = self.look("--list-all", f"pkcs11:token={token};object={label};type=private")
        assert "CKA_SENSITIVE" in printed and "CKA_PRIVATE" in printed and "CKA_EXTRACTABLE" not in printed, printed
        texts = [path.read_bytes() for path in (self.agent.store / "current" / "identity-main").iterdir()]
        texts.append(self.agent.read_log().encode())
        for text in texts:
            assert b"PRIVATE KEY" not in text and b"pin-value" not in text and PIN.encode() not in text

    def wait_for_labels(self, wanted, token=TOKEN):
        """Waits until the token has both halves of these keys, and no others."""
        self.wait_for_token(lambda there: there == sorted(2 * wanted), f"{wanted} in the token {token}", token)

    def wait_for_token(self, condition, what, token=TOKEN):
        def look():
            there = self.hsm.labels(token, "all")
            return there is not None and condition(there)

        self.agent.look_until(look, what)

    def correct_pin(self):
        (self.agent.scratch / "pin").write_text(PIN + "\n")


@contextlib.contextmanager
def token_device(world, tokens=(TOKEN,), **members):
    with Hsm(*tokens) as hsm, world.device(**members) as agent:
        yield TokenDevice(agent, hsm)
