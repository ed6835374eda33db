#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures brevet-dps beside the bare crypto of the same machine, in one run.

Rows are registrations (CSR in, certificate out) or connections per second and the processor time that the service spends on one, in
multiples of one bare signature verification plus one signature: times differ from machine to machine, multiples hardly do. Rounds
go A B A B; medians are shown. Nothing here passes or fails on a time; a wrong answer does fail.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))

from bench_fleet import make_fleets
from bench_peers import Mosquitto, Nginx, Service, find_mosquitto

# What a process needs beside its connections.
SPARE_FILES = 200
# Whatever is made with the first connections is no cost of one.
FIRST_CONNECTIONS = 10
# How a device registers: in one question, whose reply waits for the result, or with polls.
WAYS = (
    ("HTTPS, waiting", "https", ("--wait",)),
    ("MQTT, waiting", "mqtt", ("--protocol", "mqtt")),
    ("MQTT over WebSocket, waiting", "https", ("--protocol", "websocket")),
    ("HTTPS, polling", "https", ()),
    ("MQTT, polling", "mqtt-poll", ("--protocol", "mqtt")),
)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10000, help="most idle connections")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="what to measure (default: everything)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def start_client(build, arguments):
    """A client that has prepared everything and waits for its start."""
    client = subprocess.Popen([os.path.join(build, "tests/bench/load-client"), *arguments],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if client.stdout.readline() != "ready\n":
        sys.exit("the load client did not get ready")
    return client


def run_client(build, arguments, seconds, processor):
    """Returns requests per second, and the processor seconds of the peer for one request."""
    client = start_client(build, ["--seconds", str(seconds), *arguments])
    before = processor()
    client.stdin.write("go\n")
    client.stdin.flush()
    result = json.loads(client.stdout.readline())
    spent = processor() - before
    client.wait()
    if result["errors"] or not result["requests"]:
        sys.exit(f"wrong answers: {result}")
    return result["requests"] / result["seconds"], spent / result["requests"], result


def address_arguments(service, port, *, threads=4, idle=0):
    """A client of any server, for devices of this service."""
    return ["--host", "localhost", "--port", str(port), "--ca-file", service.ca_file, "--id-scope", service.scope,
            "--group-key-file", service.group_key_file, "--threads", str(threads), "--idle", str(idle)]


def registration_arguments(service, mode, **options):
    return [*address_arguments(service, service.ports["https"], **options), "--mode", mode, "--wait"]


def bare_crypto(build):
    """Seconds for one verification and one signature with P-256, by the provider that the service uses."""
    output = subprocess.run([os.path.join(build, "tests/bench/bench-issuance"), "--json"], check=True, stdout=subprocess.PIPE,
                            text=True, env=dict(os.environ, BREVET_PLUGIN_PATH=os.path.join(build, "plugins"))).stdout
    return json.loads(output)


def measure_rows(arguments, rows):
    """Rounds A B C, A B C, …; medians of each row."""
    samples = {name: [] for name, _ in rows}
    for _ in range(arguments.rounds):
        for name, measure in rows:
            samples[name].append(measure())
    return {name: (statistics.median(rate for rate, *_ in values), statistics.median(cost for _, cost, *_ in values))
            for name, values in samples.items()}


def row(arguments, peer, client_arguments):
    return lambda: run_client(arguments.build, client_arguments, arguments.seconds, peer.processor_seconds)


def measure_registrations(arguments, results, other):
    every = Service(arguments.build)
    single = Service(arguments.build, workers=1)

    def registration(service, mode, **options):
        return row(arguments, service, registration_arguments(service, mode, **options))

    results.update(measure_rows(arguments, [
        ("registration, keep-alive, all workers", registration(every, "keep-alive")),
        ("registration, new connection, all workers", registration(every, "new")),
        ("registration, resumed connection, all workers", registration(every, "resumed")),
        ("registration, keep-alive, one worker", registration(single, "keep-alive")),
        ("registration, keep-alive, 10 idle connections", registration(every, "keep-alive", idle=10)),
    ]))
    before = every.resident_kib()
    results[f"registration, keep-alive, {arguments.idle} idle connections"] = \
        measure_rows(arguments, [("idle", registration(every, "keep-alive", idle=arguments.idle))])["idle"]
    other["memory, resident"] = f"{every.resident_kib() / 1024:.0f} MiB, {before / 1024:.0f} MiB before the idle connections"
    single.stop()
    every.stop()


def measure_tls(arguments, results, _other):
    if shutil.which("nginx") is None:
        print("nginx is not installed: no comparison of TLS", file=sys.stderr)
        return
    service = Service(arguments.build)
    nginx = Nginx(service)

    def get(peer, port, mode, status):
        return row(arguments, peer, ["--host", "localhost", "--port", str(port), "--ca-file", service.ca_file, "--get", "/",
                                     "--mode", mode, "--threads", "4", "--devices", "1", "--expect", str(status)])

    # The same smallest request for both: brevet answers 404 to it, nginx 200.
    peers = (("brevet", service, service.ports["https"], 404), ("nginx", nginx, nginx.port, 200))
    results.update(measure_rows(arguments, [(f"{name}, smallest GET, {mode} connection", get(peer, port, mode, status))
                                            for mode in ("new", "resumed") for name, peer, port, status in peers]))
    nginx.stop()
    service.stop()


def fleet_arguments(service, fleet):
    return ["--host", "localhost", "--port", str(service.ports["https"]), "--ca-file", service.ca_file, "--id-scope", service.scope,
            "--wait", *fleet]


def measure_attestations(arguments, results, _other):
    """What it costs to prove who one is: registrations of individual devices and of groups. Groups of others must not count."""
    services = Service(arguments.build), Service(arguments.build)
    fleets = make_fleets(*services)
    results.update(measure_rows(arguments, [
        (f"registration, {name}, {title}",
         row(arguments, service, [*fleet_arguments(service, fleet), "--threads", "4", "--mode", mode]))
        for mode, title in (("new", "new connection"), ("keep-alive", "kept connection")) for name, service, fleet in fleets]))
    for service in services:
        service.stop()


def measure_mqtt(arguments, results, _other):
    """Registrations over MQTT and HTTPS beside each other."""
    service = Service(arguments.build)
    results.update(measure_rows(arguments, [
        (f"registration, {name}, {title}",
         row(arguments, service, [*address_arguments(service, service.ports[port]), *options, "--mode", mode]))
        for mode, title in (("new", "new connection"), ("resumed", "resumed connection"), ("keep-alive", "kept connection"))
        for name, port, options in WAYS]))
    service.stop()


def measure_connections(arguments, results, _other):
    """TLS, CONNECT, CONNACK. brevet checks a token and looks an enrollment up for it."""
    service = Service(arguments.build)
    peers = [("brevet", service, service.ports["mqtt"])]
    if find_mosquitto():
        mosquitto = Mosquitto(service)
        peers.append(("mosquitto", mosquitto, mosquitto.port))
    else:
        print("mosquitto is not installed: no comparison of MQTT connections", file=sys.stderr)
    results.update(measure_rows(arguments, [
        (f"{name}, MQTT connect, {mode} connection",
         row(arguments, peer, [*address_arguments(service, port), "--protocol", "mqtt", "--connect", "--mode", mode]))
        for mode in ("new", "resumed") for name, peer, port in peers]))
    for _, peer, _ in reversed(peers):
        peer.stop()


def idle_kib(arguments, service, peer, port, protocol):
    """What one more idle connection costs; a server keeps freed memory, so each is measured on a fresh one."""
    address = address_arguments(service, port, threads=0, idle=FIRST_CONNECTIONS)
    start_client(arguments.build, [*address, "--protocol", protocol]).communicate("go\n")
    before = peer.resident_kib()
    client = start_client(arguments.build, [*address[:-1], str(arguments.idle), "--protocol", protocol])
    grown = peer.resident_kib() - before
    client.communicate("go\n")
    return grown / arguments.idle


def measure_idle(arguments, _results, other):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < arguments.idle + SPARE_FILES:
        print(f"a process may open {limit} files only: no measurement of {arguments.idle} idle connections", file=sys.stderr)
        return
    kinds = (("HTTPS", "https", "https"), ("MQTT", "mqtt", "mqtt"), ("MQTT over WebSocket", "websocket", "https"))
    for title, protocol, port in kinds:
        service = Service(arguments.build)
        cost = idle_kib(arguments, service, service, service.ports[port], protocol)
        other[f"memory per idle connection, {title}"] = f"{cost:.1f} KiB"
        service.stop()
    if find_mosquitto():
        service = Service(arguments.build)
        mosquitto = Mosquitto(service)
        cost = idle_kib(arguments, service, mosquitto, mosquitto.port, "mqtt")
        other["memory per idle connection, mosquitto"] = f"{cost:.1f} KiB"
        mosquitto.stop()
        service.stop()


def measure_disk(arguments, results, _other):
    for delay in (0, 1000, 5000):
        service = Service(arguments.build, fsync_delay=delay)
        results.update(measure_rows(arguments, [
            (f"registration, keep-alive, 32 clients, fsync +{delay // 1000} ms",
             row(arguments, service, registration_arguments(service, "keep-alive", threads=32)))]))
        service.stop()


def count_instructions(arguments, peer, options):
    """Instructions of the peer for one request, in millions: other work on the machine does not change them."""
    options = [*options, "--threads", "1", "--devices", "8"]
    run_client(arguments.build, options, arguments.seconds, lambda: 0)
    client = start_client(arguments.build, ["--seconds", str(arguments.seconds * 3), *options])
    peer.count_from_here()
    result = json.loads(client.communicate("go\n")[0])
    return peer.instructions() / result["requests"] / 1e6


def measure_instructions(arguments, _results, other):
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted", file=sys.stderr)
        return
    service = Service(arguments.build, counted=True)
    mosquitto = Mosquitto(service, counted=True) if find_mosquitto() else None
    for mode, title in (("new", "new connection"), ("keep-alive", "kept connection")):
        for name, port, options in WAYS:
            address = address_arguments(service, service.ports[port])
            count = count_instructions(arguments, service, [*address, *options, "--mode", mode])
            other[f"instructions, registration, {name}, {title}"] = f"{count:.2f} million"
    for name, peer, port in (("brevet", service, service.ports["mqtt"]), ("mosquitto", mosquitto, mosquitto and mosquitto.port)):
        for mode in ("new", "resumed") if peer else ():
            address = address_arguments(service, port)
            count = count_instructions(arguments, peer, [*address, "--protocol", "mqtt", "--connect", "--mode", mode])
            other[f"instructions, {name}, MQTT connect, {mode} connection"] = f"{count:.2f} million"
    if mosquitto:
        mosquitto.stop()
    service.stop()


def measure_attestation_instructions(arguments, _results, other):
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted", file=sys.stderr)
        return
    services = Service(arguments.build, counted=True), Service(arguments.build, counted=True)
    fleets = make_fleets(*services, clients=1, devices=8)
    for mode, title in (("new", "new connection"), ("keep-alive", "kept connection")):
        for name, service, fleet in fleets:
            count = count_instructions(arguments, service, [*fleet_arguments(service, fleet), "--mode", mode])
            other[f"instructions, registration, {name}, {title}"] = f"{count:.2f} million"
    for service in services:
        service.stop()


MEASUREMENTS = {
    "registrations": measure_registrations,
    "tls": measure_tls,
    "attestations": measure_attestations,
    "mqtt": measure_mqtt,
    "connections": measure_connections,
    "idle": measure_idle,
    "disk": measure_disk,
    "instructions": measure_instructions,
    "attestation-instructions": measure_attestation_instructions,
}


def show(results, other, crypto, as_json):
    if as_json:
        print(json.dumps({"bare crypto": crypto, "rows": results, "other": other}, indent=2))
        return
    unit = crypto["verify-sign"]["microseconds"] / 1e6
    print(f"one bare verification + signature (P-256): {unit * 1e6:.0f} µs of one core\n")
    if results:
        print(f"{'':64}{'per second':>12}{'cost in units':>15}")
    for name, (rate, cost) in results.items():
        print(f"{name:64}{rate:12.0f}{cost / unit:15.2f}")
    for name, value in other.items():
        print(f"{name}: {value}")


def main():
    arguments = parse_arguments()
    arguments.build = os.path.abspath(arguments.build)
    # Everybody started from here may open as many files as the system allows.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crypto = bare_crypto(arguments.build)
    results, other = {}, {}
    for name in arguments.only or MEASUREMENTS:
        MEASUREMENTS[name](arguments, results, other)
    show(results, other, crypto, arguments.json)


if __name__ == "__main__":
    main()
