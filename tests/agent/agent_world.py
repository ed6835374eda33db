# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of a brevetd in trouble share: one service, one bus, a proxy between, devices, and a disk that fails."""

import contextlib
import mmap
import os
import pathlib
import sqlite3
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

from agent import Agent, Bus
from dps import Service
from preload import preload
from proxy import Proxy

# What a call that writes can meet, as in fault-shim.c, and when.
KILL, NO_IO, NO_SPACE, SHORT, KILL_HALF = range(1, 6)
NEVER, ALWAYS = 0, -1

SETTINGS = """[limits]
requests-per-device=0

[ca brief]
type=local
certificate=ca/issuing.pem
key=ca/issuing.key
validity=70s
backdate=0
"""


class World:
    """A service behind a proxy, and a bus."""

    def __init__(self, settings=SETTINGS):
        self.service = Service()
        self.proxy = self.bus = None
        self.devices = 0
        self.configure(settings)

    def configure(self, settings):
        (self.service.directory / "dps.conf.d/50-test.conf").write_text(settings)

    def start(self):
        self.service.start()
        self.proxy = Proxy(self.service.port)
        self.bus = Bus()
        return self

    def end(self):
        # Each of them, also when the one before could not be ended.
        with contextlib.ExitStack() as ends:
            ends.callback(self.service.clean_up)
            if self.proxy is not None:
                ends.callback(self.proxy.stop)
            if self.bus is not None:
                ends.callback(self.bus.remove)

    def issued(self, agent):
        """SHA-256 of each certificate that the service has issued to a device."""
        with contextlib.closing(sqlite3.connect(f"file:{self.service.directory}/store/dps.sqlite?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT json_extract(body, '$.sha256') FROM record WHERE collection = 'certificates' AND "
                                    "json_extract(body, '$.registrationId') = ?", (agent.registration_id,)).fetchall()
        return {sha256 for (sha256,) in rows}

    @contextlib.contextmanager
    def device(self, **members):
        """A device that nobody has started yet, on its way to the service through the proxy."""
        self.devices += 1
        agent = Agent(self.service, self.bus, f"pump-{self.devices}", port=self.proxy.port, **members)
        try:
            yield agent
        finally:
            agent.clean_up()

    @contextlib.contextmanager
    def provisioned(self, **members):
        """A device that runs and has its first identity."""
        with self.device(**members) as agent:
            agent.start()
            agent.wait_for_generation(1)
            yield agent


@contextlib.contextmanager
def running_world(settings=SETTINGS):
    made = World(settings)
    try:
        yield made.start()
    finally:
        made.end()


class Faults:
    """What happens below brevetd when it writes: fault-shim.c, and the page through which it is told."""

    def __init__(self, agent):
        path = agent.scratch / "faults"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        # The sanitizer insists on being the first library of a process; it works as the second one, too.
        options = os.environ.get("ASAN_OPTIONS", "")
        self.environment = {**preload(os.environ["BREVET_FAULT_SHIM"]), "BREVET_FAULT_CONTROL": str(path),
                            "BREVET_FAULT_DIRECTORY": str(agent.store), "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}

    def arm(self, action, at):
        """@at counts from the next call on."""
        struct.pack_into("4i", self.page, 0, 0, at, action, 0)

    def disarm(self):
        self.arm(0, NEVER)

    @property
    def calls(self):
        return struct.unpack_from("i", self.page, 0)[0]

    @property
    def happened(self):
        return struct.unpack_from("i", self.page, 12)[0] > 0
