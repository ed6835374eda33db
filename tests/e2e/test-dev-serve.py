#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""./dev serve: a service that is ready when its env file appears, and gone without a trace of it when it is stopped."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import sas_token
import tap
from changes import wait_for_change
from dps import PATIENCE, free_port

DEV = pathlib.Path(__file__).parent.parent.parent / "dev"
MQTT = (pathlib.Path(os.environ["BREVET_BUILD"]) / "plugins/transport-mqtt/transport-mqtt.plugin").exists()
NAMES = ["DPS_HOST", "DPS_ADDR", "DPS_HTTPS_PORT", "DPS_MQTT_PORT", "SERVER_CA", "ID_SCOPE", "SERVICE_KEY_NAME", "SERVICE_KEY", "HUB_HOST",
         "ISSUER_CA", "CA_NAME"]


@contextlib.contextmanager
def scratch():
    path = pathlib.Path(tempfile.mkdtemp(prefix="brevet-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


class Serve:
    def __init__(self, directory, *options):
        self.directory = directory
        self.log = directory.parent / "log"
        stale = self.identify_env()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([DEV, "serve", directory, *map(str, options)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_change(lambda: self.identify_env() not in (None, stale), self.directory, PATIENCE, self.log.read_text, self.process)
        # A shell reads it, as its users do.
        script = ". \"$0\" && printf '%s\\n' " + " ".join(f'"${name}"' for name in NAMES)
        values = subprocess.run(["sh", "-euc", script, directory / "env"], stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE)
        self.env = dict(zip(NAMES, values.stdout.splitlines()))
        assert len(self.env) == len(NAMES), values.stdout

    def identify_env(self):
        try:
            status = os.stat(self.directory / "env")
            return status.st_ino, status.st_mtime_ns
        except FileNotFoundError:
            return None

    def ask(self, path):
        """Over the address that env names, for the host that env names, verified by the file that env names."""
        key = self.env
        token = sas_token.make_token(key["DPS_HOST"], key["SERVICE_KEY"], key["SERVICE_KEY_NAME"])
        host, port = key["DPS_HOST"], key["DPS_HTTPS_PORT"]
        done = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--cacert", key["SERVER_CA"], "--resolve",
                               f"{host}:{port}:{key['DPS_ADDR']}", "-H", f"Authorization: {token}",
                               f"https://{host}:{port}{path}?api-version=2021-11-01-preview"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + self.log.read_text()
        return done.stdout

    def ask_for_connack(self):
        """A stranger is answered in MQTT: identifier or credentials are wrong."""
        address = (self.env["DPS_ADDR"], int(self.env["DPS_MQTT_PORT"]))
        context = ssl.create_default_context(cafile=self.env["SERVER_CA"])
        with socket.create_connection(address, PATIENCE) as raw, context.wrap_socket(raw, server_hostname=self.env["DPS_HOST"]) as stream:
            stream.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x")
            reply = stream.recv(4)
        assert reply[:2] == b"\x20\x02" and reply[3] in (2, 4, 5), reply

    def stop(self, sent=signal.SIGTERM):
        self.process.send_signal(sent)
        status = self.process.wait(PATIENCE)
        assert status == 0, f"{status}\n{self.log.read_text()}"
        assert not (self.directory / "env").exists() and not (self.directory / "ready").exists()


def test_it_serves_as_its_env_says():
    with scratch() as path:
        port = free_port()
        serve = Serve(path / "s", "--https-port", port, "--dps-host", "dps.example.net", "--hub-host", "hub1.example.net")
        env = serve.env
        assert env["DPS_HOST"] == "dps.example.net" and env["HUB_HOST"] == "hub1.example.net" and env["DPS_HTTPS_PORT"] == str(port), env
        assert env["SERVICE_KEY_NAME"] == "provisioningserviceowner", env
        for name in ("SERVER_CA", "ISSUER_CA"):
            assert os.path.isabs(env[name]) and "BEGIN CERTIFICATE" in pathlib.Path(env[name]).read_text(), env
        assert os.stat(path / "s/env").st_mode & 0o077 == 0, "env holds a key"
        assert "LocalCertificateAuthority" in serve.ask(f"/certificateAuthorities/{env['CA_NAME']}")
        serve.stop()


def test_it_serves_mqtt_too():
    if not MQTT:
        raise tap.Skip("this build has no plugin for MQTT")
    with scratch() as path:
        port = free_port()
        serve = Serve(path / "s", "--mqtt-port", port)
        assert serve.env["DPS_MQTT_PORT"] == str(port), serve.env
        serve.ask_for_connack()
        serve.stop()
        # Made before there was MQTT.
        configuration = path / "s/dps.conf"
        text = configuration.read_text()
        start, end = text.index("[listener mqtt]"), text.index("[store main]")
        configuration.write_text(text[:start] + text[end:])
        serve = Serve(path / "s")
        serve.ask_for_connack()
        ports = serve.env["DPS_MQTT_PORT"]
        serve.stop()
        serve = Serve(path / "s")
        assert serve.env["DPS_MQTT_PORT"] == ports, serve.env
        serve.stop()


def test_the_same_directory_keeps_everything():
    with scratch() as path:
        first = Serve(path / "s")
        first.stop(signal.SIGINT)
        second = Serve(path / "s")
        second.stop()
        assert first.env == second.env, (first.env, second.env)


def test_names_and_ports_can_change():
    with scratch() as path:
        first = Serve(path / "s")
        first.stop()
        port = free_port()
        changed = {"DPS_HOST": "new.example.net", "DPS_HTTPS_PORT": str(port), "HUB_HOST": "hub2.example.net"}
        options = [f"--https-port={port}", "--dps-host=new.example.net", "--hub-host=hub2.example.net"]
        if MQTT:
            changed["DPS_MQTT_PORT"] = str(free_port())
            options.append(f"--mqtt-port={changed['DPS_MQTT_PORT']}")
        second = Serve(path / "s", *options)
        assert second.env == {**first.env, **changed}, second.env
        second.ask(f"/certificateAuthorities/{second.env['CA_NAME']}")
        second.stop()


def test_other_files_in_the_directory_are_left_alone():
    with scratch() as path:
        (path / "s").mkdir()
        (path / "s/notes").write_text("mine")
        (path / "s/env").write_text("DPS_HOST=stale")
        serve = Serve(path / "s")
        assert serve.env["DPS_HOST"] == "localhost" and (path / "s/notes").read_text() == "mine"
        serve.stop()


def test_a_killed_script_leaves_no_service_behind():
    with scratch() as path:
        serve = Serve(path / "s")
        script = serve.process.pid
        children = pathlib.Path(f"/proc/{script}/task/{script}/children").read_text().split()
        assert len(children) == 1, children
        service = os.pidfd_open(int(children[0]))
        serve.process.kill()
        serve.process.wait(PATIENCE)
        ended, _, _ = select.select([service], [], [], PATIENCE)
        os.close(service)
        assert ended, "the service goes on"
        serve = Serve(path / "s")
        serve.stop()


def test_what_goes_wrong_is_explained():
    with scratch() as path:
        serve = Serve(path / "s")
        done = subprocess.run([DEV, "serve", path / "t", "--https-port", serve.env["DPS_HTTPS_PORT"]], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 1 and "in use" in done.stderr and not (path / "t/env").exists(), done
        serve.stop()
        for arguments in ([], ["a", "b"], ["a", "--https-port"], ["a", "--nonsense"]):
            done = subprocess.run([DEV, "serve", *arguments], stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False, cwd=path)
            assert done.returncode == 2 and "serve" in done.stderr and not (path / "a").exists(), done


tap.run(tap.collect(dict(globals())))
