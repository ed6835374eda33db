#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures brevet-dps beside the bare crypto of the same machine, in one run.

Rows are registrations (CSR in, certificate out) per second and the processor time that the service spends on one, in multiples of one
bare signature verification plus one signature: times differ from machine to machine, multiples hardly do. Rounds go A B A B; medians are
shown. Nothing here passes or fails on a time; a wrong answer does fail.
"""
import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))

from preload import preload

TICK = os.sysconf("SC_CLK_TCK")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10000, help="most idle connections")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def sas_token(resource, key, policy):
    expiry = str(int(time.time()) + 3600)
    encoded = urllib.parse.quote(resource, safe="")
    digest = hmac.new(base64.b64decode(key), f"{encoded}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest), safe="")
    return f"SharedAccessSignature sr={encoded}&sig={signature}&se={expiry}&skn={policy}"


class Service:
    """A service of its own in a scratch directory."""

    def __init__(self, build, workers=None, fsync_delay=None):
        self.directory = tempfile.mkdtemp(prefix="brevet-bench-")
        self.home = os.path.join(self.directory, "dps")
        program = os.path.join(build, "core/service/brevet-dps")
        environment = dict(os.environ, BREVET_PLUGIN_PATH=os.path.join(build, "plugins"))
        subprocess.run([program, "init", self.home, "--host-name", "localhost", "--address", "127.0.0.1", "--https-port", "1"],
                       env=environment, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.home, "dps.conf.d", "90-bench.conf"), "w", encoding="utf-8") as drop_in:
            drop_in.write("[listener https]\nport=0\nmaximum-requests-per-connection=1000000\nheader-timeout=10min\nidle-timeout=10min\n"
                          "maximum-connections-per-address=20000\n")
            if workers:
                drop_in.write(f"workers={workers}\n")
            drop_in.write("[limits]\nrequests-per-device=0\n")
        if fsync_delay is not None:
            environment.update(preload(os.path.join(build, "tests/bench/libslow-fsync.so")))
            environment["BREVET_FSYNC_MICROSECONDS"] = str(fsync_delay)
        ready = os.path.join(self.directory, "ready")
        with open(os.path.join(self.directory, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([program, "run", "--config", os.path.join(self.home, "dps.conf"), "--ready-file", ready],
                                            env=environment, stdout=subprocess.DEVNULL, stderr=log)
        while not os.path.exists(ready) or not os.path.getsize(ready):
            if self.process.poll() is not None:
                sys.exit("the service did not start:\n" + self.read_log())
            time.sleep(0.02)
        with open(ready, encoding="utf-8") as lines:
            self.port = int(lines.read().split("=")[1])
        with open(os.path.join(self.home, "dps.conf"), encoding="utf-8") as lines:
            self.scope = next(line.split("=")[1].strip() for line in lines if line.startswith("id-scope="))
        self.create_group()

    def read_log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8") as log:
            return log.read()

    @property
    def ca_file(self):
        return os.path.join(self.home, "tls/ca.pem")

    def create_group(self):
        with open(os.path.join(self.home, "keys/provisioningserviceowner-primary.key"), encoding="utf-8") as key:
            token = sas_token("localhost", key.read().strip(), "provisioningserviceowner")
        connection = http.client.HTTPSConnection("localhost", self.port, context=ssl.create_default_context(cafile=self.ca_file))
        body = {"enrollmentGroupId": "bench", "attestation": {"type": "symmetricKey"},
                "clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}
        connection.request("PUT", "/enrollmentGroups/bench?api-version=2021-11-01-preview", json.dumps(body),
                           {"Authorization": token, "Content-Type": "application/json"})
        reply = connection.getresponse()
        document = json.loads(reply.read())
        if reply.status != 200:
            sys.exit(f"the enrollment group was refused: {document}")
        self.group_key_file = os.path.join(self.directory, "group.key")
        with open(self.group_key_file, "w", encoding="utf-8") as key:
            key.write(document["attestation"]["symmetricKey"]["primaryKey"])

    def processor_seconds(self):
        return processor_seconds(self.process.pid)

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(next(line.split()[1] for line in status if line.startswith("VmRSS")))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def run_client(build, arguments, seconds, processor):
    """Returns requests per second, and the processor seconds of the peer for one request."""
    client = subprocess.Popen([os.path.join(build, "tests/bench/load-client"), "--seconds", str(seconds), *arguments],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if client.stdout.readline() != "ready\n":
        sys.exit("the load client did not get ready")
    before = processor()
    client.stdin.write("go\n")
    client.stdin.flush()
    result = json.loads(client.stdout.readline())
    spent = processor() - before
    client.wait()
    if result["errors"] or not result["requests"]:
        sys.exit(f"wrong answers: {result}")
    return result["requests"] / result["seconds"], spent / result["requests"], result


def registration_arguments(service, mode, threads=4, idle=0):
    return ["--host", "localhost", "--port", str(service.port), "--ca-file", service.ca_file, "--id-scope", service.scope,
            "--group-key-file", service.group_key_file, "--mode", mode, "--threads", str(threads), "--idle", str(idle)]


def bare_crypto(build):
    """Seconds for one verification and one signature with P-256, by the provider that the service uses."""
    output = subprocess.run([os.path.join(build, "tests/bench/bench-issuance"), "--json"], check=True, stdout=subprocess.PIPE,
                            text=True, env=dict(os.environ, BREVET_PLUGIN_PATH=os.path.join(build, "plugins"))).stdout
    return json.loads(output)


class Nginx:
    """A plain TLS server with the same certificate, as a peer for handshakes."""

    def __init__(self, service):
        self.directory = tempfile.mkdtemp(prefix="brevet-bench-nginx-")
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
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                http.client.HTTPSConnection("localhost", self.port, timeout=1,
                                            context=ssl.create_default_context(cafile=service.ca_file)).connect()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("nginx did not start")

    def processor_seconds(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
        return sum(processor_seconds(int(pid)) for pid in children)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get_arguments(port, ca_file, mode, status):
    return ["--host", "localhost", "--port", str(port), "--ca-file", ca_file, "--get", "/", "--mode", mode, "--threads", "4",
            "--devices", "1", "--expect", str(status)]


def measure_rows(arguments, rows):
    """Rounds A B C, A B C, …; medians of each row."""
    samples = {name: [] for name, _ in rows}
    for _ in range(arguments.rounds):
        for name, measure in rows:
            samples[name].append(measure())
    return {name: (statistics.median(rate for rate, *_ in values), statistics.median(cost for _, cost, *_ in values))
            for name, values in samples.items()}


def measure_registrations(arguments, results):
    build = arguments.build
    every = Service(build)
    single = Service(build, workers=1)

    def row(service, mode, idle=0):
        return lambda: run_client(build, registration_arguments(service, mode, idle=idle), arguments.seconds, service.processor_seconds)

    results.update(measure_rows(arguments, [
        ("registration, keep-alive, all workers", row(every, "keep-alive")),
        ("registration, new connection, all workers", row(every, "new")),
        ("registration, resumed connection, all workers", row(every, "resumed")),
        ("registration, keep-alive, one worker", row(single, "keep-alive")),
        ("registration, keep-alive, 10 idle connections", row(every, "keep-alive", 10)),
    ]))
    before = every.resident_kib()
    results[f"registration, keep-alive, {arguments.idle} idle connections"] = \
        measure_rows(arguments, [("idle", row(every, "keep-alive", arguments.idle))])["idle"]
    results["memory"] = {"resident MiB": every.resident_kib() / 1024, "before idle connections MiB": before / 1024}
    single.stop()
    return every


def measure_disk(arguments, results):
    for delay in (0, 1000, 5000):
        service = Service(arguments.build, fsync_delay=delay)
        rows = [(f"registration, keep-alive, 32 clients, fsync +{delay // 1000} ms",
                 lambda service=service: run_client(arguments.build, registration_arguments(service, "keep-alive", threads=32),
                                                    arguments.seconds, service.processor_seconds))]
        results.update(measure_rows(arguments, rows))
        service.stop()


def measure_tls(arguments, service, results):
    if shutil.which("nginx") is None:
        print("nginx is not installed: no comparison of TLS", file=sys.stderr)
        return
    nginx = Nginx(service)

    def row(peer, mode, status):
        return lambda: run_client(arguments.build, get_arguments(peer.port, service.ca_file, mode, status), arguments.seconds,
                                  peer.processor_seconds)

    # The same smallest request for both: brevet answers 404 to it, nginx 200.
    rows = [(f"{name}, smallest GET, {mode} connection", row(peer, mode, status))
            for mode in ("new", "resumed") for name, peer, status in (("brevet", service, 404), ("nginx", nginx, 200))]
    results.update(measure_rows(arguments, rows))
    nginx.stop()


def show(results, crypto, as_json):
    if as_json:
        print(json.dumps({"bare crypto": crypto, "rows": results}, indent=2))
        return
    unit = crypto["verify-sign"]["microseconds"] / 1e6
    print(f"one bare verification + signature (P-256): {unit * 1e6:.0f} µs of one core\n")
    print(f"{'':58}{'per second':>12}{'cost in units':>15}")
    for name, value in results.items():
        if name == "memory":
            continue
        rate, cost = value
        print(f"{name:58}{rate:12.0f}{cost / unit:15.2f}")
    print("\nmemory of the service: " + ", ".join(f"{value:.0f} {name}" for name, value in results["memory"].items()))


def main():
    arguments = parse_arguments()
    arguments.build = os.path.abspath(arguments.build)
    crypto = bare_crypto(arguments.build)
    results = {}
    service = measure_registrations(arguments, results)
    measure_tls(arguments, service, results)
    service.stop()
    measure_disk(arguments, results)
    show(results, crypto, arguments.json)


if __name__ == "__main__":
    main()
