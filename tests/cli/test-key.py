#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and scripts notice of brevet key test."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from softhsm import PIN, Tokens
from tpm2_pkcs11 import TpmToken

BREVET = os.environ["BREVET"]
PATIENCE = 60
KEY = "pkcs11:token=devices;object=operational;type=private"


def brevet(environment, *arguments):
    done = subprocess.run([BREVET, "key", *(str(argument) for argument in arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE, env=environment)
    for secret in (PIN, "4321"):
        assert secret not in done.stderr and f'"{secret}"' not in done.stdout and f" {secret}\n" not in done.stdout, done
    return done


def test(tokens, uri, *options, pin=True):
    """The exit code, the document and what was said on standard error."""
    pins = ("--pin-file", tokens.pin_file) if pin else ()
    done = brevet(tokens.environment, "test", uri, "--module", tokens.module, "--json", *pins, *options)
    return done.returncode, json.loads(done.stdout), done.stderr


def assert_problem(outcome, exit_code, cause, *words):
    code, facts, errors = outcome
    assert code == exit_code and facts["problem"]["cause"] == cause, outcome
    for word in words:
        assert word in facts["problem"]["text"] and word in errors, outcome


def test_key_that_is_well():
    with Tokens("devices") as tokens:
        tokens.make_key("devices", "operational")
        code, facts, errors = test(tokens, KEY)
        assert code == 0 and errors == "" and facts["problem"] is None, (code, facts, errors)
        assert facts["uri"] == KEY and facts["loggedIn"] and facts["keys"] == ["operational"]
        assert facts["module"]["path"] == tokens.module and "PKCS11" in facts["module"]["description"] and facts["module"]["version"]
        assert facts["token"]["label"] == "devices" and facts["token"]["initialized"] and not facts["token"]["pinCountLow"]
        assert {"CKM_ECDSA", "CKM_EC_KEY_PAIR_GEN"} <= {mechanism["name"] for mechanism in facts["mechanisms"]}
        key = facts["key"]
        assert key["label"] == "operational" and key["type"] == "EC SECP256R1" and key["id"] and len(key["spkiSha256"]) == 64, key
        assert key["sensitive"] and key["neverExtractable"] and not key["extractable"] and key["certificates"] == []
        assert 0 < facts["signatureMilliseconds"] < 10000
        text = brevet(tokens.environment, "test", KEY, "--pin-file", tokens.pin_file, "--module", tokens.module).stdout
        for fact in ("devices", "CKM_ECDSA, ", "worked", "EC SECP256R1", key["id"], key["spkiSha256"], "cannot be taken out"):
            assert fact in text, f"{fact} is missing:\n{text}"
        assert re.search(r"Signature +made and verified in [0-9.]+ ms\n", text), text


def test_pin_in_the_uri():
    with Tokens("devices") as tokens:
        tokens.make_key("devices", "operational")
        code, facts, _ = test(tokens, f"{KEY}?pin-value={PIN}", pin=False)
        assert code == 0 and facts["uri"] == KEY, facts
        code, facts, _ = test(tokens, f"{KEY}?pin-source=file:{tokens.pin_file}", pin=False)
        assert code == 0, facts


def test_certificate_beside_the_key():
    with Tokens("devices") as tokens:
        tokens.make_key("devices", "operational")
        certificate = tokens.scratch / "certificate.pem"
        template = tokens.scratch / "template"
        template.write_text('cn = "pump-07"\nexpiration_days = 10\n')
        tokens.run("certtool", "--provider", tokens.plain_module, "--generate-self-signed", "--template", template, "--outfile", certificate,
                   "--load-privkey", f"{KEY}?pin-value={PIN}", "--load-pubkey", tokens.scratch / "operational.pub")
        tokens.run("p11tool", "--provider", tokens.plain_module, "--login", f"--set-pin={PIN}", "--write", "--label=cert",
                   f"--load-certificate={certificate}", "pkcs11:token=devices")
        code, facts, _ = test(tokens, KEY, "--certificate", certificate)
        assert code == 0 and facts["matchingCertificate"] == str(certificate), facts
        assert len(facts["key"]["certificates"]) == 1 and facts["key"]["certificates"][0].strip() == \
            certificate.read_text()[certificate.read_text().index("-----BEGIN"):].strip(), facts
        tokens.make_key("devices", "other")
        assert_problem(test(tokens, KEY.replace("operational", "other"), "--certificate", certificate), 5, "certificate",
                       "does not belong to the certificate of “CN=pump-07”")


def test_what_is_wrong():
    with Tokens("devices", "spare") as tokens:
        tokens.make_key("devices", "operational")
        assert_problem(test(tokens, KEY.replace("operational", "operation")), 5, "key", "no private key “operation”", "“operational”")
        assert_problem(test(tokens, KEY.replace("devices", "device")), 5, "token", "“device” is not there", "“devices”", "“spare”")
        assert_problem(test(tokens, KEY, pin=False), 5, "pin-missing", "needs a PIN and none is given")
        tokens.order("gone")
        assert_problem(test(tokens, KEY), 4, "token", "no PKCS#11 module shows any token")
        tokens.take_back("gone")
        tokens.order("locked")
        assert_problem(test(tokens, KEY), 3, "pin", "is locked after too many wrong PINs")
        tokens.take_back("locked")
        done = brevet(tokens.environment, "test", KEY, "--module", "/nonexistent.so")
        assert done.returncode == 5 and "“/nonexistent.so” cannot be read" in done.stderr, done
        done = brevet(tokens.environment, "test", KEY, "--module", tokens.configuration)
        assert done.returncode == 5 and "cannot be loaded" in done.stderr, done
        done = brevet(tokens.environment, "test", KEY, "--module", tokens.module, "--pin-file", "/nonexistent")
        assert done.returncode == 5 and "/nonexistent" in done.stderr, done


def test_wrong_pin_is_tried_once():
    with Tokens("devices") as tokens:
        tokens.make_key("devices", "operational")
        tokens.pin_file.write_text("4321\n")
        before = tokens.count_logins()
        assert_problem(test(tokens, KEY), 3, "pin", "refuses the PIN; it was tried once")
        assert tokens.count_logins() == before + 1
        tokens.order("final-try")
        code, facts, errors = test(tokens, KEY)
        assert code == 3 and "one try is left" in errors and facts["token"]["pinFinalTry"], facts


def test_place_that_is_not_ours():
    if os.geteuid() == 0:
        raise tap.Skip("root may read everything")
    with Tokens("devices") as tokens:
        (tokens.scratch / "tokens").chmod(0)
        done = brevet(tokens.environment, "test", KEY, "--module", tokens.module, "--pin-file", tokens.pin_file)
        (tokens.scratch / "tokens").chmod(0o700)
        assert done.returncode == 5 and f"this process may not use “{tokens.scratch}/tokens”" in done.stderr, done


def test_token_alone():
    with Tokens("devices") as tokens:
        tokens.make_key("devices", "operational")
        tokens.make_key("devices", "spare")
        code, facts, _ = test(tokens, "pkcs11:token=devices")
        assert code == 0 and facts["keys"] == ["operational", "spare"] and "key" not in facts, facts
        code, facts, _ = test(tokens, "pkcs11:token=devices", "--generate")
        assert code == 0 and facts["generationMilliseconds"] > 0 and facts["signatureMilliseconds"] > 0, facts
        code, facts, _ = test(tokens, "pkcs11:token=devices")
        assert facts["keys"] == ["operational", "spare"], facts


def openssl(*words):
    subprocess.run(["openssl", *(str(word) for word in words)], check=True, capture_output=True)


def test_file():
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        plain, locked, password = path / "plain.key", path / "locked.key", path / "password"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", plain)
        openssl("pkcs8", "-topk8", "-in", plain, "-out", locked, "-passout", "pass:sesame")
        openssl("req", "-x509", "-new", "-key", plain, "-subj", "/CN=pump-07", "-out", path / "own.pem")
        for file in (plain, locked):
            file.chmod(0o600)
        password.write_text("sesame\n")
        done = brevet(os.environ, "test", plain, "--json", "--certificate", path / "own.pem")
        facts = json.loads(done.stdout)
        assert done.returncode == 0 and facts["mode"] == "0600" and not facts["encrypted"], done
        assert facts["key"]["type"] == "EC SECP256R1" and facts["signatureMilliseconds"] > 0 and "PRIVATE" not in done.stdout, done
        assert brevet(os.environ, "test", locked, "--pin-file", password).returncode == 0
        password.write_text("open\n")
        done = brevet(os.environ, "test", locked, "--pin-file", password)
        assert done.returncode == 3 and "its password is wrong" in done.stderr, done
        done = brevet(os.environ, "test", locked)
        assert done.returncode == 5 and "no password is given" in done.stderr, done
        plain.chmod(0o644)
        done = brevet(os.environ, "test", plain, "--json")
        assert done.returncode == 5 and json.loads(done.stdout)["problem"]["cause"] == "permission" and "0644" in done.stderr, done
        done = brevet(os.environ, "test", path / "password")
        assert done.returncode == 5 and "holds no private key" in done.stderr, done
        done = brevet(os.environ, "test", path / "absent")
        assert done.returncode == 5 and "No such file" in done.stderr, done


def test_command_line():
    done = brevet(os.environ, "test", "--help")
    assert done.returncode == 0 and "brevet key test [OPTION…] URI" in done.stdout and "--generate" in done.stdout, done
    assert brevet(os.environ, "test").returncode == 2
    done = brevet(os.environ, "test", "pkcs11:devices")
    assert done.returncode == 2 and "“devices” is no part of a PKCS#11 URI" in done.stderr, done
    done = brevet(os.environ, "burn", "pkcs11:token=devices")
    assert done.returncode == 2 and "“burn”" in done.stderr, done


def test_tpm():
    with TpmToken() as token:
        code, facts, errors = test(token, "pkcs11:token=devices", "--generate")
        assert code == 0 and facts["keys"] == [] and facts["token"]["hardware"], (facts, errors)
        token.run("tpm2_ptool", "addkey", "--algorithm", "ecc256", "--label", "devices", "--userpin", PIN, "--key-label", "operational",
                  "--path", token.store)
        code, facts, errors = test(token, KEY)
        assert code == 0 and facts["key"]["neverExtractable"] and facts["key"]["type"] == "EC SECP256R1", (facts, errors)
        assert "TPM" in facts["module"]["description"], facts
        token.pin_file.write_text("4321\n")
        code, facts, errors = test(token, KEY)
        assert code == 3 and "refuses the PIN; it was tried once" in facts["problem"]["text"], (facts, errors)


tap.run(tap.collect(globals()))
