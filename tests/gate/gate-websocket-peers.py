#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""WebSocket clients that others have written, at the front door: libsoup's and Node's."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "fixtures"))
sys.path.insert(0, str(HERE))

import tap
from gate_harness import PATIENCE, Server, World

world = World()


def check(*command):
    environment = dict(os.environ, NODE_TLS_REJECT_UNAUTHORIZED="0", NODE_NO_WARNINGS="1")
    with Server(world) as server:
        for task, expected in (("echo", ["protocol echo", "the same", "closed 3001"]),
                               ("lines", ["protocol LINES", "message close", "closed 1000"]),
                               ("text", ["protocol LINES", "closed 1003"])):
            done = subprocess.run([*command, str(server.port), task], env=environment, timeout=PATIENCE, text=True, capture_output=True)
            assert done.stdout.splitlines() == expected, (task, done.stdout, done.stderr)


def test_libsoup():
    check(os.environ["GATE_SOUP_WEBSOCKET"])


def test_node():
    node = os.environ.get("NODE")
    if not node:
        raise tap.Skip("node is not installed")
    command = [node, "--experimental-websocket", str(HERE / "node-websocket.mjs")]
    if subprocess.run([*command[:2], "-e", "new WebSocket"], capture_output=True, text=True).stderr.find("TypeError") < 0:
        raise tap.Skip("this Node has no WebSocket client")
    check(*command)


tap.run(tap.collect(globals()))
