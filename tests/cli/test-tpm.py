# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet tpm show against a software TPM, compared with what tpm2-tools say."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from swtpm import EK_HANDLE, SRK_HANDLE, Tpm, find_tools

BREVET = os.environ["BREVET"]
OK, FAILED, USAGE, REFUSED, UNREACHABLE, NOT_CONFIGURED = range(6)


def brevet(*arguments, expect=OK, language=None):
    """One call; returns what it printed, and what it said."""
    environment = dict(os.environ, **({"LANGUAGE": language, "LC_ALL": "C.UTF-8"} if language else {}))
    environment.pop("TSS2_LOG", None)
    done = subprocess.run([BREVET, "tpm", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, env=environment)
    assert done.returncode == expect, done
    return done.stdout, done.stderr


def handles(tpm):
    return tpm.run("tpm2_getcap", "handles-persistent").stdout.decode().split()[1::2]


def test_shows_what_tools_show():
    """Keys, hashes, handles and the default registration id are those that tpm2-tools say"""
    with Tpm() as tpm:
        endorsement_key, storage_root_key = tpm.make_endorsement_key(), tpm.make_storage_root_key()
        before = handles(tpm)
        shown = json.loads(brevet("show", "--tcti", tpm.tcti, "--json")[0])
        digest = hashlib.sha256(endorsement_key)
        assert base64.b64decode(shown["endorsementKey"]) == endorsement_key and len(endorsement_key) == 316, shown
        assert base64.b64decode(shown["storageRootKey"]) == storage_root_key and len(storage_root_key) == 284, shown
        assert shown["endorsementKeySha256"] == digest.hexdigest(), shown
        assert shown["storageRootKeySha256"] == hashlib.sha256(storage_root_key).hexdigest(), shown
        assert shown["registrationId"] == base64.b32encode(digest.digest()).decode().rstrip("=").lower(), shown
        assert (shown["endorsementKeyHandle"], shown["storageRootKeyHandle"]) == (EK_HANDLE, SRK_HANDLE), shown
        assert shown["manufacturer"] == "IBM" and "identityKeyHandle" not in shown and "lockout" not in shown, shown
        text, said = brevet("show", "--tcti", tpm.tcti)
        assert shown["endorsementKey"] in text and shown["registrationId"] in text and "none yet" in text and said == "", text
        assert handles(tpm) == before


def test_makes_keys_when_told():
    """Without --create nothing is made, and what is missing is said; with it, the keys are there afterwards"""
    with Tpm() as tpm:
        text, said = brevet("show", "--tcti", tpm.tcti, expect=NOT_CONFIGURED)
        assert "IBM" in text and "neither endorsement key nor storage root key yet; --create makes them" in said, said
        assert handles(tpm) == []
        shown = json.loads(brevet("show", "--tcti", tpm.tcti, "--create", "--json")[0])
        assert handles(tpm) == [SRK_HANDLE, EK_HANDLE], handles(tpm)
        assert base64.b64decode(shown["endorsementKey"]) == tpm.make_endorsement_key("0x81010005")


def test_configured():
    """The agent's configuration says which TPM, and with which handles"""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="brevet-tpm-show-"))
    try:
        with Tpm() as tpm:
            path = directory / "agent.conf"
            tpm.make_endorsement_key("0x81010001")
            tpm.make_storage_root_key("0x81000033")
            group = f"type=tpm\ntcti={tpm.tcti}\nhandles-path=handles.json\n"
            path.write_text(f"[attestation key]\ntype=symmetric-key\n[attestation one]\n{group}")
            assert json.loads(brevet("show", "-c", path, "--json")[0])["storageRootKeyHandle"] == "0x81000033"
            assert not (directory / "handles.json").exists()
            path.write_text(f"[attestation one]\n{group}[attestation two]\n{group}")
            assert "say which one is meant" in brevet("show", "-c", path, expect=NOT_CONFIGURED)[1]
            brevet("show", "-c", path, "two")
            assert "no group [attestation three] with type=tpm" in brevet("show", "-c", path, "three", expect=NOT_CONFIGURED)[1]
            path.write_text("[attestation key]\ntype=symmetric-key\n")
            assert "give --tcti" in brevet("show", "-c", path, expect=NOT_CONFIGURED)[1]
            path.write_text(f"[attestation one]\n{group}identity-key-handle=7\n")
            assert "agent.conf:5: [attestation one] identity-key-handle: “7” is not" in brevet("show", "-c", path,
                                                                                               expect=NOT_CONFIGURED)[1]
    finally:
        shutil.rmtree(directory)


def test_manufactured():
    """The certificate of a TPM as makers deliver it is told with its issuer"""
    find_tools("swtpm_setup", "swtpm_localca", "certtool")
    tpm = Tpm()
    try:
        (tpm.scratch / "ca").mkdir()
        (tpm.scratch / "localca.conf").write_text("".join(f"{name} = {tpm.scratch}/ca/{file}\n" for name, file in [
            ("statedir", ""), ("signingkey", "signkey.pem"), ("issuercert", "issuercert.pem"), ("certserial", "certserial")]))
        (tpm.scratch / "localca.options").write_text("--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n")
        (tpm.scratch / "setup.conf").write_text(f"create_certs_tool = swtpm_localca\n"
                                                f"create_certs_tool_config = {tpm.scratch}/localca.conf\n"
                                                f"create_certs_tool_options = {tpm.scratch}/localca.options\n")
        tpm.run("swtpm_setup", "--tpm2", "--tpmstate", tpm.state, "--createek", "--create-ek-cert", "--config",
                tpm.scratch / "setup.conf", "--overwrite")
        tpm.start()
        shown = json.loads(brevet("show", "--tcti", tpm.tcti, "--json", expect=NOT_CONFIGURED)[0])
        assert "swtpm-localca" in shown["endorsementCertificateIssuer"], shown
        assert hashlib.sha256(base64.b64decode(shown["endorsementCertificate"])).hexdigest() == shown["endorsementCertificateSha256"]
        assert "swtpm-localca" in brevet("show", "--tcti", tpm.tcti, expect=NOT_CONFIGURED)[0]
    finally:
        tpm.clean_up()


def test_troubles():
    """What is wrong is said in a sentence, with an exit code of its own"""
    assert "no command “look”" in brevet("look", expect=USAGE)[1]
    assert "leave --config and NAME out" in brevet("show", "--tcti", "device", "main", expect=USAGE)[1]
    assert "There is no TPM at /dev/none" in brevet("show", "--tcti", "device:/dev/none", expect=UNREACHABLE)[1]
    said = brevet("show", "--tcti", "swtpm:path=/nowhere", expect=UNREACHABLE)[1]
    assert "is not reached: code 0x" in said and len(said.splitlines()) == 1, said
    assert "“gibberish” names no TPM" in brevet("show", "--tcti", "gibberish", expect=NOT_CONFIGURED)[1]
    assert "--create" in brevet("show", "--help")[0]


def main():
    try:
        find_tools()
    except tap.Skip as skip:
        print(f"1..0 # SKIP {skip}")
        return
    tap.run(tap.collect(dict(globals())))


main()
