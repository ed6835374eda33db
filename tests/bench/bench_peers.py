# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: a brevet-dps of its own, and other servers with the same certificate beside it."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import sas_token
from preload import preload

TICK = os.sysconf("SC_CLK_TCK")
# Nothing in the way of a client that is always the same address and wants everything at once.
LISTENERS = {
    "https": "type=https\nmaximum-requests-per-connection=1000000\nheader-timeout=10min\nidle-timeout=10min\n",
    "mqtt": "type=mqtt\nmaximum-keep-alive=2h\n",
    "mqtt-poll": "type=mqtt\nwait=0\nwebsocket=false\n",
}


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """A process with a scratch directory. Its instructions are counted if `counted`; it is some fifty times slower then."""

    def __init__(self, name, counted=False):
        self.directory = tempfile.mkdtemp(prefix=f"brevet-bench-{name}-")
        self.process = None
        self.dumps = 0
        self.wrapper = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={self.directory}/callgrind"] if counted else []

    def processor_seconds(self):
        return processor_seconds(self.process.pid)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(next(line.split()[1] for line in status if line.startswith("VmRSS")))

    def control_callgrind(self, option):
        subprocess.run(["callgrind_control", option, str(self.process.pid)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def count_from_here(self):
        self.control_callgrind("-z")

    def instructions(self):
        """Instructions since count_from_here()."""
        self.dumps += 1
        self.control_callgrind("-d")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError), open(f"{self.directory}/callgrind.{self.dumps}", encoding="utf-8") as dump:
                for line in dump:
                    if line.startswith("totals:"):
                        return int(line.split()[1])
            time.sleep(0.05)
        sys.exit("callgrind has counted nothing")

    def wait_until_it_accepts(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{self.process.args[0]} did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory)


class Service(Peer):
    """A service of its own in a scratch directory."""

    def __init__(self, build, workers=None, fsync_delay=None, counted=False):
        super().__init__("service", counted)
        self.home = os.path.join(self.directory, "dps")
        program = os.path.join(build, "core/service/brevet-dps")
        environment = dict(os.environ, BREVET_PLUGIN_PATH=os.path.join(build, "plugins"))
        subprocess.run([program, "init", self.home, "--host-name", "localhost", "--address", "127.0.0.1", "--https-port", "1"],
                       env=environment, check=True, stdout=subprocess.DEVNULL)
        self.configure(workers)
        if fsync_delay is not None:
            environment.update(preload(os.path.join(build, "tests/bench/libslow-fsync.so")))
            environment["BREVET_FSYNC_MICROSECONDS"] = str(fsync_delay)
        ready = os.path.join(self.directory, "ready")
        with open(os.path.join(self.directory, "log"), "w", encoding="utf-8") as log:
            command = [*self.wrapper, program, "run", "--config", os.path.join(self.home, "dps.conf"), "--ready-file", ready]
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        while not os.path.exists(ready) or not os.path.getsize(ready):
            if self.process.poll() is not None:
                sys.exit("the service did not start:\n" + self.read_log())
            time.sleep(0.02)
        with open(ready, encoding="utf-8") as lines:
            self.ports = {name: int(port) for name, port in (line.strip().split("=") for line in lines if "=" in line)}
        with open(os.path.join(self.home, "dps.conf"), encoding="utf-8") as lines:
            self.scope = next(line.split("=")[1].strip() for line in lines if line.startswith("id-scope="))
        self.create_group()

    def configure(self, workers):
        with open(os.path.join(self.home, "dps.conf.d", "90-bench.conf"), "w", encoding="utf-8") as drop_in:
            for name, settings in LISTENERS.items():
                drop_in.write(f"[listener {name}]\n{settings}address=127.0.0.1\nport=0\n"
                              "certificate=tls/server.pem\nkey=tls/server.key\n"
                              "maximum-connections=100000\nmaximum-connections-per-address=100000\n")
                if workers:
                    drop_in.write(f"workers={workers}\n")
            drop_in.write("[limits]\nrequests-per-device=0\n")

    def read_log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8") as log:
            return log.read()

    @property
    def ca_file(self):
        return os.path.join(self.home, "tls/ca.pem")

    def connect(self):
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection("localhost", self.ports["https"], context=context)

    def ask(self, connection, method, path, body, token=None):
        """One request; returns status and document."""
        headers = {"Content-Type": "application/json", **({"Authorization": token} if token is not None else {})}
        connection.request(method, f"{path}?api-version=2021-11-01-preview", json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())

    def enroll(self, enrollments):
        """Puts enrollments, by path; all devices get certificates. Returns the last document."""
        with open(os.path.join(self.home, "keys/provisioningserviceowner-primary.key"), encoding="utf-8") as key:
            token = sas_token.make_token("localhost", key.read().strip(), "provisioningserviceowner")
        connection = self.connect()
        for path, body in enrollments.items():
            body = {**body, "clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}
            status, document = self.ask(connection, "PUT", path, body, token)
            if status != 200:
                sys.exit(f"the enrollment {path} was refused: {document}")
        connection.close()
        return document

    def create_group(self):
        document = self.enroll({"/enrollmentGroups/bench": {"enrollmentGroupId": "bench", "attestation": {"type": "symmetricKey"}}})
        self.group_key_file = os.path.join(self.directory, "group.key")
        with open(self.group_key_file, "w", encoding="utf-8") as key:
            key.write(document["attestation"]["symmetricKey"]["primaryKey"])


class Nginx(Peer):
    """A plain TLS server with the same certificate, as a peer for handshakes."""

    def __init__(self, service):
        super().__init__("nginx")
        self.port = free_port()
        tls = os.path.join(service.home, "tls")
        configuration = os.path.join(self.directory, "nginx.conf")
        with open(configuration, "w", encoding="utf-8") as text:
            text.write(f"""
daemon off; worker_processes auto; pid {self.directory}/pid; error_log {self.directory}/error.log; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000;
  server {{
    listen 127.0.0.1:{self.port} ssl; ssl_certificate {tls}/server.pem; ssl_certificate_key {tls}/server.key;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m; ssl_session_tickets on;
    location / {{ return 200 "ok"; }}
  }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-c", configuration], stderr=subprocess.DEVNULL)
        self.wait_until_it_accepts()

    def processor_seconds(self):
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], stdout=subprocess.PIPE, text=True, check=False)
        return sum(processor_seconds(int(pid)) for pid in found.stdout.split())


def find_mosquitto():
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Mosquitto(Peer):
    """A broker that lets everybody in, as a peer for connections: it checks no token and looks nobody up."""

    def __init__(self, service, counted=False):
        super().__init__("mosquitto", counted)
        self.port = free_port()
        tls = os.path.join(service.home, "tls")
        configuration = os.path.join(self.directory, "mosquitto.conf")
        with open(configuration, "w", encoding="utf-8") as text:
            text.write(f"user root\nlog_type error\nlog_dest stderr\nallow_anonymous true\nset_tcp_nodelay true\n"
                       f"listener {self.port} 127.0.0.1\ncertfile {tls}/server.pem\nkeyfile {tls}/server.key\n")
        self.process = subprocess.Popen([*self.wrapper, find_mosquitto(), "-c", configuration], stderr=subprocess.DEVNULL)
        self.wait_until_it_accepts()
