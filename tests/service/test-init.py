#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an operator notices of brevet-dps init: a directory that works, or none at all."""

import base64
import configparser
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import DPS, command

FILES = {
    "dps.conf": 0o644, "tls/ca.pem": 0o644, "tls/ca.key": 0o600, "tls/server.pem": 0o644, "tls/server.key": 0o600,
    "ca/root.pem": 0o644, "ca/root.key": 0o600, "ca/issuing.pem": 0o644, "ca/issuing.key": 0o600,
    "keys/provisioningserviceowner-primary.key": 0o600, "keys/provisioningserviceowner-secondary.key": 0o600,
}
MQTT = any((pathlib.Path(path) / "transport-mqtt/transport-mqtt.plugin").exists() for path in os.environ["BREVET_PLUGIN_PATH"].split(":"))
DIRECTORIES = {"": 0o700, "tls": 0o755, "ca": 0o755, "keys": 0o700, "store": 0o700, "dps.conf.d": 0o755}


@contextlib.contextmanager
def scratch():
    path = pathlib.Path(tempfile.mkdtemp(prefix="brevet-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def init(directory, *options, expect=0):
    return command(DPS, "init", directory, *options, expect=expect)


def snapshot(directory):
    """Every file below a directory with its content, to see that nothing has changed."""
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
            for path in directory.rglob("*")}


def read_config(directory):
    config = configparser.RawConfigParser(strict=True, delimiters=["="], comment_prefixes=["#"])
    config.optionxform = str
    config.read(directory / "dps.conf")
    return config


def x509(path, *options):
    return command("openssl", "x509", "-in", path, "-noout", *options).stdout


def test_everything_is_there_with_fitting_permissions():
    with scratch() as path:
        old_umask = os.umask(0o022)
        init(path / "service")
        os.umask(old_umask)
        found = {str(entry.relative_to(path / "service")) for entry in (path / "service").rglob("*")}
        assert found == set(FILES) | set(DIRECTORIES) - {""}, found
        for name, mode in {**FILES, **DIRECTORIES}.items():
            assert stat.S_IMODE((path / "service" / name).stat().st_mode) == mode, name
        assert os.listdir(path) == ["service"], os.listdir(path)


def test_the_configuration_says_what_was_asked_for():
    with scratch() as path:
        init(path / "s", "--host-name", "dps.example.net", "--host-name", "DPS2.example.net", "--address", "127.0.0.1", "--https-port",
             "8443", "--mqtt-port", "8444" if MQTT else "0", "--hub", "hub1.example.net", "--hub", "hub2.example.net", "--id-scope", "0ne12345678", "--ca-name", "factory")
        config = read_config(path / "s")
        assert config["service"]["id-scope"] == "0ne12345678"
        assert config["service"]["host-names"] == "dps.example.net;dps2.example.net"
        assert config["listener https"]["address"] == "127.0.0.1" and config["listener https"]["port"] == "8443"
        if MQTT:
            expected = {**config["listener https"], "type": "mqtt", "port": "8444"}
            assert dict(config["listener mqtt"]) == expected, dict(config["listener mqtt"])
        assert config["ca factory"]["type"] == "local"
        assert [config[name]["host-name"] for name in config.sections() if name.startswith("hub ")] == ["hub1.example.net",
                                                                                                        "hub2.example.net"]
        for group, key in [("listener https", "certificate"), ("listener https", "key"), ("ca factory", "certificate"),
                           ("ca factory", "key"), ("policy provisioningserviceowner", "primary-key-file"),
                           ("policy provisioningserviceowner", "secondary-key-file")]:
            assert (path / "s" / config[group][key]).is_file(), (group, key)


def test_mqtt_is_left_out_where_it_is_not_wanted():
    with scratch() as path:
        init(path / "without", "--mqtt-port", "0")
        assert not read_config(path / "without").has_section("listener mqtt")
        # Nor where there is no plugin for it.
        environment = {**os.environ, "BREVET_PLUGIN_PATH": str(path)}
        done = command(DPS, "init", path / "bare", env=environment)
        assert not read_config(path / "bare").has_section("listener mqtt") and "no MQTT" in done.stdout, done
        done = command(DPS, "init", path / "none", "--mqtt-port", "8883", env=environment, expect=2)
        assert "no plugin for MQTT" in done.stderr and not (path / "none").exists(), done


def test_defaults_are_usable():
    with scratch() as path:
        init(path / "one")
        init(path / "two")
        one, two = read_config(path / "one"), read_config(path / "two")
        assert one["service"]["host-names"].split(";")[0] == "localhost"
        assert one["listener https"]["port"] == "443"
        assert one.get("listener mqtt", "port", fallback=None) == ("8883" if MQTT else None)
        assert one["hub localhost"]["host-name"] == "localhost"
        scope = one["service"]["id-scope"]
        assert scope.startswith("0ne") and len(scope) == 11 and scope[3:] == scope[3:].upper() and int(scope[3:], 16) >= 0, scope
        assert scope != two["service"]["id-scope"]


def test_operator_keys_are_random():
    with scratch() as path:
        init(path / "s")
        keys = [base64.b64decode((path / "s" / f"keys/provisioningserviceowner-{which}.key").read_text().strip(), validate=True)
                for which in ("primary", "secondary")]
        assert [len(key) for key in keys] == [32, 32] and keys[0] != keys[1]


def test_the_server_certificate_fits_its_names():
    with scratch() as path:
        init(path / "s", "--host-name", "dps.example.net", "--host-name", "localhost", "--host-name", "192.0.2.7")
        ca, server = path / "s/tls/ca.pem", path / "s/tls/server.pem"
        for option, name in [("-verify_hostname", "dps.example.net"), ("-verify_hostname", "localhost"), ("-verify_ip", "192.0.2.7"),
                             ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1")]:
            command("openssl", "verify", "-x509_strict", "-purpose", "sslserver", option, name, "-CAfile", ca, server)
        command("openssl", "verify", "-verify_hostname", "other.example.net", "-CAfile", ca, server, expect=2)
        assert server.read_text().count("BEGIN CERTIFICATE") == 2
        assert command("openssl", "pkey", "-in", path / "s/tls/server.key", "-pubout").stdout == x509(server, "-pubkey")


def test_the_certificate_authorities_are_root_and_issuing():
    with scratch() as path:
        init(path / "s")
        root, issuing = path / "s/ca/root.pem", path / "s/ca/issuing.pem"
        command("openssl", "verify", "-x509_strict", "-CAfile", root, issuing)
        assert issuing.read_text().endswith(root.read_text()) and issuing.read_text().count("BEGIN CERTIFICATE") == 2
        for file, length, curve, years in [(root, 1, "P-384", 20), (issuing, 0, "P-256", 5)]:
            text = x509(file, "-text")
            assert f"CA:TRUE, pathlen:{length}" in text and f"NIST CURVE: {curve}" in text, text
            assert "Certificate Sign, CRL Sign" in text, text
            x509(file, "-checkend", str((years * 365 - 1) * 86400))
            command("openssl", "x509", "-in", file, "-noout", "-checkend", str((years * 366 + 1) * 86400), expect=1)
            key = file.with_suffix(".key")
            assert command("openssl", "pkey", "-in", key, "-pubout").stdout == x509(file, "-pubkey")


def test_devices_and_server_have_different_roots():
    with scratch() as path:
        init(path / "s")
        command("openssl", "verify", "-CAfile", path / "s/ca/root.pem", path / "s/tls/server.pem", expect=2)
        command("openssl", "verify", "-CAfile", path / "s/tls/ca.pem", path / "s/ca/issuing.pem", expect=2)


def test_json_names_what_was_made():
    with scratch() as path:
        facts = json.loads(init(path / "s", "--json", "--https-port", "8443").stdout)
        assert facts["directory"] == str(path / "s") and facts["httpsPort"] == 8443, facts
        assert facts.get("mqttPort") == (8883 if MQTT else None), facts
        assert facts["idScope"] == read_config(path / "s")["service"]["id-scope"]
        for member in ("configuration", "policyPrimaryKeyFile", "serverCaFile", "rootCertificateFile", "rootKeyFile"):
            assert pathlib.Path(facts[member]).is_file(), member


def test_the_text_says_what_to_do_and_keeps_the_secrets():
    with scratch() as path:
        done = init(path / "s")
        for text in ("ca/root.key", f"brevet-dps run --config {path}/s/dps.conf", "tls/ca.pem", "SharedAccessKeyName="):
            assert text in done.stdout, done.stdout
        assert ":443;" not in done.stdout and ":8443;Shared" in init(path / "t", "--https-port", "8443").stdout
        for which in ("primary", "secondary"):
            key = (path / f"s/keys/provisioningserviceowner-{which}.key").read_text().strip()
            assert key not in done.stdout + done.stderr + (path / "s/dps.conf").read_text()


def test_an_empty_directory_is_taken():
    with scratch() as path:
        (path / "s").mkdir()
        init(path / "s/")
        assert (path / "s/dps.conf").is_file() and os.listdir(path) == ["s"]


def test_a_directory_in_use_is_refused_and_left_alone():
    with scratch() as path:
        init(path / "s")
        (path / "other").mkdir()
        (path / "other/file").write_text("mine")
        before = snapshot(path)
        for name in ("s", "other", "other/file"):
            done = init(path / name, expect=3)
            assert name in done.stderr and done.stdout == "", done.stderr
        assert snapshot(path) == before


def test_of_two_at_once_one_wins():
    with scratch() as path:
        running = [subprocess.Popen([DPS, "init", str(path / "s")], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
        codes = sorted(process.wait(60) for process in running if process.communicate() is not None)
        assert codes == [0, 3, 3, 3], codes
        assert os.listdir(path) == ["s"], os.listdir(path)


def test_a_directory_that_cannot_be_made_is_explained():
    with scratch() as path:
        done = init(path / "missing/s", expect=5)
        assert str(path / "missing") in done.stderr, done.stderr
        assert os.listdir(path) == []


def test_a_full_disk_leaves_nothing():
    with scratch() as path:
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", path],
                                               stderr=subprocess.DEVNULL, check=False).returncode != 0:
            raise tap.Skip("this needs the right to mount a small file system")
        try:
            # Each size makes it fail at another place; one page holds one file or directory.
            for blocks in range(1, 12):
                command("mount", "-o", f"remount,size={blocks * 4}k", path)
                done = init(path / "s", expect=None)
                if done.returncode == 0:
                    assert blocks > 4, "a service directory does not fit into so little"
                    break
                assert done.returncode in (1, 5) and "No space left" in done.stderr, (blocks, done.returncode, done.stderr)
                assert os.listdir(path) == [], (blocks, os.listdir(path))
            command("mount", "-o", "remount,size=1m", path)
            if not (path / "s").exists():
                init(path / "s")
        finally:
            command("umount", path)


def test_a_mount_point_is_explained():
    with scratch() as path:
        (path / "s").mkdir()
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path / "s"], stderr=subprocess.DEVNULL,
                                               check=False).returncode != 0:
            raise tap.Skip("this needs the right to mount a file system")
        try:
            assert "mount point" in init(path / "s", expect=5).stderr
            assert os.listdir(path) == ["s"] and os.listdir(path / "s") == []
        finally:
            command("umount", path / "s")


def test_wrong_command_lines_change_nothing():
    with scratch() as path:
        target = path / "s"
        for arguments, named in [
                ([], ""), ([target, path / "t"], ""), ([""], ""), ([target, "--nonsense"], "nonsense"), ([target, "--host-name", ""], ""),
                ([target, "--host-name", "a b"], "a b"), ([target, "--host-name", "-a"], "-a"), ([target, "--host-name", "a/b"], "a/b"),
                ([target, "--host-name", "a;b"], "a;b"), ([target, "--hub", "x]y"], "x]y"), ([target, "--hub", "a\nb"], "--hub"),
                ([target, "--hub", "::1"], "::1"), ([target, "--address", "localhost"], "localhost"), ([target, "--https-port", "0"], "--https-port"),
                ([target, "--https-port", "65536"], "65536"), ([target, "--https-port", "x"], "x"),
                ([target, "--mqtt-port", "65536"], "65536"), ([target, "--mqtt-port", "-1"], "--mqtt-port"),
                ([target, "--mqtt-port", "443"], "HTTPS" if MQTT else "--mqtt-port"), ([target, "--id-scope", "a/b"], "a/b"),
                ([target, "--id-scope", ""], "--id-scope"), ([target, "--ca-name", "a b"], "a b"), ([target, "--ca-name", ".x"], ".x"),
                ([target, "--ca-name", "x" * 129], "--ca-name"), ([target, "--renew-tls", "--hub", "a"], "--renew-tls")]:
            done = command(DPS, "init", *arguments, expect=2)
            assert named in done.stderr and done.stdout == "", (arguments, done.stderr)
            assert os.listdir(path) == [], arguments


def test_help_is_help():
    text = command(DPS, "init", "--help").stdout
    for option in ("--host-name", "--address", "--https-port", "--mqtt-port", "--hub", "--id-scope", "--ca-name", "--renew-tls", "--json"):
        assert option in text, text


def test_tls_can_be_renewed():
    with scratch() as path:
        init(path / "s", "--host-name", "old.example.net")
        before = snapshot(path / "s")
        old_serial = x509(path / "s/tls/server.pem", "-serial")
        command(DPS, "init", "--renew-tls", path / "s")
        ca, server = path / "s/tls/ca.pem", path / "s/tls/server.pem"
        command("openssl", "verify", "-verify_hostname", "old.example.net", "-CAfile", ca, server)
        assert x509(server, "-serial") != old_serial
        command(DPS, "init", "--renew-tls", path / "s", "--host-name", "new.example.net")
        command("openssl", "verify", "-verify_hostname", "new.example.net", "-CAfile", ca, server)
        command("openssl", "verify", "-verify_hostname", "old.example.net", "-CAfile", ca, server, expect=2)
        after = snapshot(path / "s")
        assert {name for name in before if before[name] != after[name]} == {pathlib.Path("tls/server.pem")}
        assert set(before) == set(after)


def test_tls_cannot_be_renewed_without_its_ca():
    with scratch() as path:
        init(path / "s")
        (path / "s/tls/ca.key").unlink()
        before = snapshot(path / "s")
        assert "tls/ca.key" in command(DPS, "init", "--renew-tls", path / "s", expect=5).stderr
        assert snapshot(path / "s") == before
        assert "dps.conf" in command(DPS, "init", "--renew-tls", path / "nothing", expect=5).stderr


tap.run(tap.collect(dict(globals())))
