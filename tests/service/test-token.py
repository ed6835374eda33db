#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service whose CA key and TLS key are in a token: what its devices and its operator notice."""

import contextlib
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import DPS, PREVIEW, Device, Service, command, make_csr
from softhsm import FORGIVING, Tokens

ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}
HANDSHAKES = 200
THREADS = 8


def configure(service, tokens, ca="ca", tls="tls", module=None):
    """Overrides where the keys are; what they are stays."""
    (service.directory / "dps.conf.d").mkdir(exist_ok=True)
    (service.directory / "dps.conf.d/token.conf").write_text(
        f"[pkcs11]\nmodule={module or tokens.module}\n"
        f"[ca local]\nkey=pkcs11:token=service;object={ca};type=private\nkey-password-file={tokens.pin_file}\n"
        f"[listener https]\nkey=pkcs11:token=service;object={tls};type=private\nkey-password-file={tokens.pin_file}\n")


@contextlib.contextmanager
def tokens_and_service(start=True):
    """A service that has no key file any more."""
    with Tokens("service") as tokens:
        before = dict(os.environ)
        os.environ.update({name: tokens.environment[name] for name in ("SOFTHSM2_CONF", "BREVET_UNSTEADY_TOKEN")})
        service = Service()
        try:
            for label, file in (("ca", "ca/issuing.key"), ("tls", "tls/server.key")):
                tokens.import_key("service", label, service.directory / file)
                (service.directory / file).unlink()
            configure(service, tokens)
            if start:
                service.start()
            yield tokens, service
            if service.process is not None:
                service.stop()
        finally:
            service.clean_up()
            os.environ.clear()
            os.environ.update(before)


def enroll(service, registration_id):
    return Device(service, registration_id, service.enroll(registration_id, **ISSUE))


def issue(service, device):
    _, csr = make_csr(service.scratch, device.registration_id)
    return device.register(clientCertificateCsr=csr.read_text())


def assert_issued(service, reply):
    assert reply.status == 200 and reply.json["registrationState"]["status"] == "assigned", reply
    file = service.scratch / "issued.pem"
    file.write_text(reply.json["registrationState"]["issuedClientCertificate"])
    command("openssl", "verify", "-purpose", "sslclient", "-CAfile", service.directory / "ca/root.pem", "-untrusted",
            service.directory / "ca/issuing.pem", file)


def test_both_keys_in_a_token():
    with tokens_and_service() as (tokens, service):
        device = enroll(service, "dev-1")
        assert_issued(service, issue(service, device))


def test_many_at_once():
    """Handshakes on all workers, and signatures of the CA between them, with one token."""
    with tokens_and_service() as (tokens, service):
        devices = [enroll(service, f"dev-{number}") for number in range(THREADS)]
        failures = []

        def shake():
            try:
                for _ in range(HANDSHAKES // THREADS):
                    service.connect().connect()
            except Exception as failure:
                failures.append(failure)

        def sign(device):
            try:
                assert_issued(service, issue(service, device))
            except Exception as failure:
                failures.append(failure)

        begin = time.monotonic()
        threads = [threading.Thread(target=shake) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"# {HANDSHAKES / (time.monotonic() - begin):.0f} handshakes a second")
        for device in devices[:2]:
            thread = threading.Thread(target=sign, args=(device,))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        assert not failures, failures


def test_token_gone_and_back():
    with tokens_and_service() as (tokens, service):
        device = enroll(service, "dev-1")
        other = enroll(service, "dev-2")
        other.ask("GET", "/operations/none", PREVIEW)
        tokens.order("gone")
        # Connections that are open go on, and the device is told to come again.
        _, csr = make_csr(service.scratch, "dev-2")
        reply = other.ask("PUT", "/register", PREVIEW, {"registrationId": "dev-2", "clientCertificateCsr": csr.read_text()})
        assert reply.status == 202, reply
        operation = reply.json["operationId"]
        service.wait_for_log("the token “service” is not there")
        try:
            service.connect().connect()
            raise AssertionError("a handshake without a key")
        except OSError:
            pass
        assert service.process.poll() is None
        tokens.take_back("gone")
        assert_issued(service, other.poll(operation))
        service.wait_for_log("The key in the token works again")
        service.connect().connect()
        assert_issued(service, issue(service, device))


def test_token_that_softhsm_lost():
    """Its files were not there for a moment, or were being written when it looked."""
    with tokens_and_service() as (tokens, service):
        device = enroll(service, "dev-1")
        assert_issued(service, issue(service, device))
        _, csr = make_csr(service.scratch, "dev-2")
        other = enroll(service, "dev-2")
        other.ask("GET", "/operations/none", PREVIEW)
        with tokens.away():
            reply = other.ask("PUT", "/register", PREVIEW, {"registrationId": "dev-2", "clientCertificateCsr": csr.read_text()})
            assert reply.status == 202, reply
            service.wait_for_log("the token “service” is not there")
        assert_issued(service, other.poll(reply.json["operationId"]))
        service.connect().connect()


def test_another_program_works_in_the_token():
    with tokens_and_service(start=False) as (tokens, service):
        os.environ["ASAN_OPTIONS"] = FORGIVING
        service.start()
        devices = [enroll(service, f"dev-{number}") for number in range(THREADS)]
        with tokens.busy("service"):
            for device in devices:
                assert_issued(service, issue(service, device))


def test_key_rolled():
    """A new key under the same name is used with the certificate that belongs to it, from the next reload on, and never with another."""
    with tokens_and_service() as (tokens, service):
        key, request = make_csr(service.scratch, "localhost")
        tls = service.directory / "tls"
        (service.scratch / "extensions").write_text("subjectAltName=DNS:localhost\n")
        command("openssl", "x509", "-req", "-in", request, "-CA", tls / "ca.pem", "-CAkey", tls / "ca.key", "-CAcreateserial",
                "-out", tls / "rolled.pem", "-days", "10", "-extfile", service.scratch / "extensions")
        before = peer_certificate(service)
        tokens.delete_key("service", "tls")
        tokens.import_key("service", "tls", key)
        tokens.order("forget")
        refused = False
        try:
            peer_certificate(service)
        except OSError:
            refused = True
        assert refused
        service.wait_for_log("another key under the same name")
        service.reload()
        service.wait_for_log("does not belong to the certificate")
        (tls / "rolled.pem").rename(tls / "server.pem")
        service.reload()
        service.wait_for_log("Reloaded the configuration")
        assert peer_certificate(service) != before


def peer_certificate(service):
    connection = service.connect()
    connection.connect()
    return connection.sock.getpeercert(binary_form=True)


def fail_to_start(service, *words):
    done = command(DPS, "run", "--config", service.directory / "dps.conf", expect=None)
    assert done.returncode in (4, 5), done
    for word in words:
        assert word in done.stderr, done
    return done.returncode


def test_words_at_start():
    with tokens_and_service(start=False) as (tokens, service):
        configure(service, tokens, ca="cb")
        assert fail_to_start(service, "[ca local] key: ", "no private key “cb”; the private keys that it has: “ca”, “tls”") == 5
        configure(service, tokens, tls="tlz")
        assert fail_to_start(service, "[listener https] key: ", "no private key “tlz”") == 5
        configure(service, tokens, module="/nonexistent.so")
        assert fail_to_start(service, "token.conf:2: [pkcs11] module: ", "“/nonexistent.so” cannot be read") == 5
        configure(service, tokens)
        tokens.order("gone")
        assert fail_to_start(service, "[ca local] key: ", "“service” is not there") == 4
        tokens.take_back("gone")
        tokens.pin_file.write_text("987654321\n")
        before = tokens.count_logins()
        assert fail_to_start(service, "[ca local] key: ", "refuses the PIN; it was tried once") == 5
        assert tokens.count_logins() == before + 1


def test_restarts_do_not_lock_the_token():
    """systemd starts again what has ended, and the PIN is wrong each time."""
    with tokens_and_service(start=False) as (tokens, service):
        runtime = tokens.scratch / "run"
        runtime.mkdir()
        os.environ["RUNTIME_DIRECTORY"] = str(runtime)
        right = tokens.pin_file.read_text()
        tokens.pin_file.write_text("987654321\n")
        before = tokens.count_logins()
        fail_to_start(service, "refuses the PIN; it was tried once")
        for _ in range(3):
            fail_to_start(service, "has refused this PIN before", f"delete {runtime}/refused-pins")
        assert tokens.count_logins() == before + 1
        kept = runtime / "refused-pins"
        assert kept.stat().st_mode & 0o077 == 0 and "987654321" not in kept.read_text()
        tokens.pin_file.write_text(right)
        service.start()
        service.reload()
        service.wait_for_log("Reloaded the configuration")
        assert not kept.exists()


tap.run(tap.collect(globals()))
