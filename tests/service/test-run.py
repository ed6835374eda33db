#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How brevet-dps run begins and ends: requests in flight, impatient operators, addresses that are taken."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import sas_token
import tap
from dps import DPS, PATIENCE, PREVIEW, Service, command

BODY = json.dumps({"registrationId": "pump-07", "attestation": {"type": "symmetricKey"}}).encode()


def begin_request(service):
    """A request of an operator whose head is admitted and whose body is still to come."""
    stream = service.context().wrap_socket(socket.create_connection(("127.0.0.1", service.port), PATIENCE),
                                           server_hostname="localhost")
    token = sas_token.make_token("localhost", service.operator_key, "provisioningserviceowner")
    stream.sendall(f"PUT /enrollments/pump-07?api-version={PREVIEW} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n"
                   f"Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n".encode())
    answer = stream.recv(4096)
    assert answer.startswith(b"HTTP/1.1 100 "), answer
    return stream


def wait_until_closed(service):
    while True:
        try:
            socket.create_connection(("127.0.0.1", service.port), PATIENCE).close()
        except ConnectionResetError:
            continue
        except ConnectionRefusedError:
            return


def finish_request(stream):
    stream.sendall(BODY)
    answer = b""
    while chunk := stream.recv(4096):
        answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 ") and b"connection: close" in answer, answer


def check_stop(*signals):
    service = Service()
    try:
        service.start()
        stream = begin_request(service)
        service.process.send_signal(signals[0])
        wait_until_closed(service)
        for further in signals[1:]:
            service.process.send_signal(further)
        if len(signals) > 1:
            # The main loop takes signals in one turn: when this one has had its effect, so have the others.
            service.reload()
            service.wait_for_log("Reloaded the configuration")
        finish_request(stream)
        assert service.process.wait(PATIENCE) == 0, service.read_log()
        service.process.stdout.close()
        service.log.close()
        service.process = None
    finally:
        service.clean_up()


def test_a_request_in_flight_is_answered_before_the_end():
    check_stop(signal.SIGTERM)


def test_a_second_signal_does_not_cut_what_the_first_one_spares():
    check_stop(signal.SIGTERM, signal.SIGINT, signal.SIGTERM)


def test_a_second_listener_that_cannot_be_opened_ends_the_first_one_too():
    service = Service()
    try:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            (service.directory / "dps.conf.d/10-second.conf").write_text(
                f"[listener second]\ntype=https\naddress=127.0.0.1\nport={port}\ncertificate=tls/server.pem\nkey=tls/server.key\n")
            done = command(DPS, "run", "--config", service.directory / "dps.conf", expect=3)
        assert str(port) in done.stderr and done.stderr.count("\n") == 1 and done.stdout == "", done
        (service.directory / "dps.conf.d/10-second.conf").unlink()
        service.start()
        service.stop()
    finally:
        service.clean_up()


def test_a_ready_file_that_cannot_be_written_ends_the_service():
    service = Service()
    try:
        missing = service.scratch / "missing/ready"
        done = command(DPS, "run", "--config", service.directory / "dps.conf", "--ready-file", missing, expect=5)
        assert str(missing) in done.stderr and done.stderr.count("\n") == 1, done
    finally:
        service.clean_up()


def full_pipe():
    """Whoever writes into it waits until somebody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\n")
    os.set_blocking(writer, True)
    return open(reader, "rb"), writer


def catches(process, number):
    [caught] = re.findall(r"SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())
    return int(caught, 16) >> number - 1 & 1


def test_a_reload_that_comes_too_early_is_made_up_for():
    """Whoever changes the configuration of a service that only starts does not end it, and need not ask again."""
    service = Service()
    try:
        (service.directory / "dps.conf.d/90-mistake.conf").write_text("[service]\nmistake=1\n")
        service.log, writer = full_pipe()
        # It comes to a stop with the warning that it has of its configuration, before there is anybody to be ready.
        service.process = subprocess.Popen([DPS, "run", "--config", service.directory / "dps.conf"], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE, stderr=writer)
        os.close(writer)
        service.wait_for(lambda: catches(service.process, signal.SIGHUP), "the handler of the signal")
        service.reload()
        lines = iter(service.log.readline, b"")
        assert any(b"mistake" in line for line in lines)
        assert any(b"The provisioning service is ready" in line for line in lines)
        assert any(b"Reloaded the configuration" in line for line in lines)
        service.stop()
    finally:
        service.clean_up()


tap.run(tap.collect(dict(globals())))
