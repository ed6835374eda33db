#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures brevetd beside certmonger and a daemon that does nothing, in one run.

All are on a private bus. brevetd and certmonger hold one identity with a P-256 key; brevetd has it from a brevet-dps of this
machine, certmonger from the authority that it has built in. Rounds go A B C A B C; medians are shown, and how far the middle half
spreads. Nothing here passes or fails on a time or a size; what does not work fails.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
BARE_NAME = "org.brevet.Bare"
CERTMONGER_NAME = "org.fedorahosted.certmonger"
CERTMONGER_REQUEST = "org.fedorahosted.certmonger.request"
# What meson takes for a test that cannot run here.
SKIPPED = 77
SIZES = ("Rss", "Pss", "Private_Dirty")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--rounds", type=int, default=15, help="starts of each, and renewals")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds for which wakeups are counted")
    parser.add_argument("--settle", type=float, default=1.0, help="seconds of rest before memory is looked at")
    parser.add_argument("--no-instructions", action="store_true", help="do not count instructions (needs valgrind, takes its time)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


# --- what the kernel says about a process -----------------------------------------------------------------------------------------


def memory(pid):
    """KiB."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    values = dict(line.split()[:2] for line in text.splitlines() if line[0].isupper())
    return {name: int(values[f"{name}:"]) for name in SIZES}


def processor_seconds(pid):
    """Of all threads of a process, those that have ended too, and of the children that it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    children = (int(fields[13]) + int(fields[14])) / TICK
    # clock_getcpuclockid(3), which Python does not have for other processes.
    return time.clock_gettime((~pid << 3) | 2) + children


def wakeups(pid):
    total = 0
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        total += sum(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))
    return total


# --- the three daemons ------------------------------------------------------------------------------------------------------------


class Daemon:
    """A program that takes a name on a bus."""

    title = bus_name = ""

    def __init__(self, bus):
        self.bus = bus
        self.process = None

    def spawn(self):
        raise NotImplementedError

    def start(self):
        """Returns the seconds from before its execution until its name was seen on the bus."""
        self.bus.owners.pop(self.bus_name, None)
        began = time.monotonic()
        self.process = self.spawn()
        self.bus.wait(lambda: self.bus.owners.get(self.bus_name) or self.process.poll() is not None,
                      f"{self.bus_name} on the bus")
        if self.process.poll() is not None:
            sys.exit(f"{self.title} ended with {self.process.returncode}")
        return self.bus.owner_changed_at[self.bus_name] - began

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait()
        self.process = None
        self.bus.wait(lambda: not self.bus.has_owner(self.bus_name), "the end of a name")
        self.bus.settle()

    def clean_up(self):
        self.stop()


class Bare(Daemon):
    title, bus_name = "bare daemon", BARE_NAME

    def __init__(self, bus, build):
        super().__init__(bus)
        self.program = build / "tests/bench/bare-daemon"

    def spawn(self):
        return subprocess.Popen([self.program, self.bus_name], env=self.bus.environment)


class Brevetd(Daemon):
    title, bus_name = "brevetd", "org.brevet.Agent1"

    def __init__(self, bus, device):
        super().__init__(bus)
        self.device = device

    def spawn(self):
        return self.device.spawn().process

    def stop(self):
        if self.process is not None:
            self.device.stop()
            self.process = None

    def enroll(self):
        self.device.wait_for_generation(1)

    def renew(self):
        """Returns seconds until the new identity was announced."""
        self.bus.signals.clear()
        began = time.monotonic()
        self.device.begin("Renew")
        self.device.wait_for_signal("Renewed")
        elapsed = time.monotonic() - began
        self.device.wait_for("its rest", lambda now: now["State"] == "provisioned")
        return elapsed


class Certmonger(Daemon):
    title, bus_name = "certmonger", CERTMONGER_NAME

    def __init__(self, bus):
        super().__init__(bus)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="brevet-bench-certmonger-"))
        self.environment = dict(bus.environment, HOME=str(self.directory))
        for name in ("REQUESTS", "CAS", "TMP", "CONFIG", "LOCAL_CA"):
            path = self.directory / name.lower()
            path.mkdir()
            self.environment["CERTMONGER_TMPDIR" if name == "TMP" else f"CERTMONGER_{name}_DIR"] = str(path)

    @staticmethod
    def is_installed():
        return shutil.which("certmonger", path=f"{os.environ['PATH']}:/usr/sbin") is not None and shutil.which("getcert") is not None

    def spawn(self):
        program = shutil.which("certmonger", path=f"{os.environ['PATH']}:/usr/sbin")
        return subprocess.Popen([program, "-s", "-n"], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def enroll(self):
        subprocess.run(["getcert", "request", "-s", "-c", "SelfSign", "-G", "EC", "-g", "256", "-N", "CN=pump-1", "-w",
                        "-k", self.directory / "key.pem", "-f", self.directory / "certificate.pem"], env=self.environment,
                       check=True, stdout=subprocess.DEVNULL)
        self.wait_for_rest()

    def request(self):
        return self.bus.call(self.bus_name, "/org/fedorahosted/certmonger", "org.fedorahosted.certmonger", "get_requests")[0][0]

    def wait_for_rest(self):
        path = self.request()
        self.bus.wait(lambda: self.bus.call(self.bus_name, path, CERTMONGER_REQUEST, "get_status")[0] == "MONITORING",
                      "certmonger's rest")

    def renew(self):
        path = self.request()
        self.bus.settle()
        self.bus.signals.clear()
        began = time.monotonic()
        self.bus.call(self.bus_name, path, CERTMONGER_REQUEST, "rekey")
        self.bus.wait(lambda: any(name == "SavedCertificate" for _, _, name, _ in self.bus.signals), "certmonger's certificate")
        elapsed = time.monotonic() - began
        self.wait_for_rest()
        return elapsed

    def clean_up(self):
        super().clean_up()
        shutil.rmtree(self.directory)


# --- the measurements -------------------------------------------------------------------------------------------------------------


def look_at(daemon, settle):
    time.sleep(settle)
    return memory(daemon.process.pid)


def measure_starts(daemons, rounds):
    """Each with the identity that it has got before."""
    samples = {daemon.title: [] for daemon in daemons}
    for _ in range(rounds):
        for daemon in daemons:
            samples[daemon.title].append(daemon.start() * 1e3)
            daemon.stop()
    return samples


def measure_first_run(daemons, settle):
    result = {}
    for daemon in daemons:
        daemon.start()
        if isinstance(daemon, (Brevetd, Certmonger)):
            daemon.enroll()
        result[daemon.title] = look_at(daemon, settle)
        daemon.stop()
    return result


def measure_restart(daemons, service, arguments):
    """Without the network, as after a power cut."""
    sizes, turns = {}, {}
    service.stop()
    for daemon in daemons:
        daemon.start()
        sizes[daemon.title] = look_at(daemon, arguments.settle)
    before = {daemon.title: wakeups(daemon.process.pid) for daemon in daemons}
    time.sleep(arguments.idle)
    for daemon in daemons:
        turns[daemon.title] = (wakeups(daemon.process.pid) - before[daemon.title]) * 60 / arguments.idle
        daemon.stop()
    service.start()
    return sizes, turns


def measure_renewals(daemons, arguments):
    renewing = [daemon for daemon in daemons if isinstance(daemon, (Brevetd, Certmonger))]
    first, sizes = {}, {}
    times = {daemon.title: [] for daemon in renewing}
    costs = {daemon.title: [] for daemon in renewing}
    for daemon in renewing:
        daemon.start()
        daemon.renew()
        first[daemon.title] = look_at(daemon, arguments.settle)
    for _ in range(arguments.rounds):
        for daemon in renewing:
            before = processor_seconds(daemon.process.pid)
            times[daemon.title].append(daemon.renew() * 1e3)
            costs[daemon.title].append((processor_seconds(daemon.process.pid) - before) * 1e3)
    for daemon in renewing:
        sizes[daemon.title] = look_at(daemon, arguments.settle)
        daemon.stop()
    return first, sizes, times, costs


def count_instructions(device, renewals):
    """Instructions of a whole life with so many renewals."""
    output = device.scratch / "callgrind"
    device.start(wrapper=("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={output}"))
    for number in range(renewals):
        device.act("Renew")
        assert device.properties()["State"] == "provisioned", number
    device.stop()
    for line in output.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    sys.exit("callgrind has counted nothing")


def measure_instructions(device):
    start, one, three = (count_instructions(device, renewals) for renewals in (0, 1, 3))
    return {"start and end": start, "first renewal": one - start, "each further renewal": (three - one) // 2}


# --- showing ----------------------------------------------------------------------------------------------------------------------


def middle(values):
    """Median and the distance between the quartiles."""
    if len(values) < 2:
        return values[0], 0.0
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, high - low


def show_times(title, unit, samples):
    print(f"\n{title}")
    reference = middle(samples["brevetd"])[0]
    for name, values in samples.items():
        median, spread = middle(values)
        print(f"  {name:24}{median:9.1f} {unit}   ± {spread / 2:.1f}   {median / reference:6.2f} × brevetd")


def show_sizes(title, sizes):
    print(f"\nMemory in KiB, {title:40}{'resident':>12}{'proportional':>14}{'own and dirty':>15}")
    for name, values in sizes.items():
        print(f"  {name:54}" + "".join(f"{values[size]:>{width}}" for size, width in zip(SIZES, (12, 14, 15))))


def show(results):
    show_times("From execution to the name on the bus", "ms", results["start"])
    for title, sizes in results["memory"].items():
        show_sizes(title, sizes)
    print("\nWakeups in a minute without the service")
    for name, value in results["wakeups"].items():
        print(f"  {name:24}{value:9.1f}")
    show_times("From the call to the new certificate (new key; brevetd over TLS from a service, certmonger from itself)", "ms",
               results["renewal"])
    show_times("Processor time of that in the daemon and its children", "ms", results["renewal cost"])
    if "instructions" in results:
        print("\nInstructions of brevetd in millions")
        for name, value in results["instructions"].items():
            print(f"  {name:24}{value / 1e6:9.1f}")


def choose_daemons(stack, bus, build, device):
    daemons = [Brevetd(bus, device), Bare(bus, build)]
    if Certmonger.is_installed():
        daemons.append(Certmonger(bus))
    else:
        print("certmonger is not installed: no comparison with it (apt-get install certmonger)", file=sys.stderr)
    for daemon in daemons:
        stack.callback(daemon.clean_up)
    return daemons


def measure(arguments, daemons, service, device):
    results = {"memory": {}}
    results["memory"]["after the first run"] = measure_first_run(daemons, arguments.settle)
    results["start"] = measure_starts(daemons, arguments.rounds)
    results["memory"]["started again, without the service"], results["wakeups"] = measure_restart(daemons, service, arguments)
    once, often, results["renewal"], results["renewal cost"] = measure_renewals(daemons, arguments)
    results["memory"]["after one renewal"] = once
    results["memory"][f"after {arguments.rounds + 1} renewals"] = often
    if arguments.no_instructions:
        return results
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted", file=sys.stderr)
        return results
    results["instructions"] = measure_instructions(device)
    return results


def main():
    arguments = parse_arguments()
    if os.geteuid() != 0:
        print("brevetd hides its memory from all but root: run this as root", file=sys.stderr)
        sys.exit(SKIPPED)
    build = pathlib.Path(arguments.build).resolve()
    os.environ.update(BREVET_DPS=str(build / "core/service/brevet-dps"), BREVETD=str(build / "core/agent/brevetd"),
                      BREVET_PLUGIN_PATH=str(build / "plugins"))
    sys.path.insert(0, str(FIXTURES))
    # They read the environment.
    from agent import Agent, running_bus
    from dps import Service
    with contextlib.ExitStack() as stack:
        bus = stack.enter_context(running_bus())
        service = Service()
        stack.callback(service.clean_up)
        service.start()
        device = Agent(service, bus)
        stack.callback(device.clean_up)
        results = measure(arguments, choose_daemons(stack, bus, build, device), service, device)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)


if __name__ == "__main__":
    main()
