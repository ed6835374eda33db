#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person notices of brevet register: messages, exit codes and files. The service is a small one of this test, which can lie."""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap

BREVET = os.environ["BREVET"]
KEY = base64.b64encode(b"a key of the device, 32 bytes...").decode()

# The modes of files are looked at, whatever the mask of whoever runs this.
os.umask(0o022)


def run(*command, expect=0, descriptors=()):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          pass_fds=descriptors)
    assert done.returncode == expect, f"{command} ended with {done.returncode}, not {expect}\n{done.stdout}\n{done.stderr}"
    return done


def openssl(*words):
    return run("openssl", *words).stdout


class World:
    """A directory with the files of a device, made once."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="brevet-test-"))
        for name in ("ca", "server", "device", "other"):
            openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", self.path / f"{name}.key")
        openssl("req", "-x509", "-new", "-key", self.file("ca.key"), "-out", self.file("ca.pem"), "-subj", "/CN=Test Root", "-days", 2)
        self.request("server", "localhost")
        self.sign("server", "subjectAltName=DNS:localhost")
        for name in ("device", "other"):
            self.request(name, "pump-07")
            self.sign(name, "extendedKeyUsage=clientAuth")
        self.file("symmetric.key").write_text(KEY + "\n")

    def file(self, name):
        return self.path / name

    def request(self, name, common_name):
        openssl("req", "-new", "-key", self.file(f"{name}.key"), "-out", self.file(f"{name}.csr"), "-subj", f"/CN={common_name}")

    def sign(self, name, extension):
        self.file("extensions").write_text(extension)
        openssl("x509", "-req", "-in", self.file(f"{name}.csr"), "-CA", self.file("ca.pem"), "-CAkey", self.file("ca.key"),
                "-CAcreateserial", "-days", 2, "-extfile", self.file("extensions"), "-out", self.file(f"{name}.pem"))


world = World()


def assigned(**members):
    state = {"registrationId": "pump-07", "status": "assigned", "assignedHub": "hub.example.net", "deviceId": "pump-07", **members}
    return 200, {"operationId": "op-1", "status": "assigned", "registrationState": state}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("content-length", "0"))
        self.server.asked.append((self.command, self.path, dict(self.headers), json.loads(self.rfile.read(length) or b"null")))
        status, body = self.server.answer
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_PUT = do_GET = answer

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def service(answer):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.file("server.pem"), world.file("server.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.answer, server.asked = answer, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def scratch():
    path = pathlib.Path(tempfile.mkdtemp(prefix="brevet-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def options(port=1, **changes):
    """The options of a registration; a change of None leaves one out, another adds or replaces one."""
    values = {"host": "localhost", "port": port, "ca-file": world.file("ca.pem"), "id-scope": "0ne0001", "registration-id": "pump-07",
              "symmetric-key-file": world.file("symmetric.key"), "timeout": 20}
    values.update({name.replace("_", "-"): value for name, value in changes.items()})
    return [word for name, value in values.items() if value is not None for word in (f"--{name}", value)]


def register(*words, expect=0, descriptors=()):
    return run(BREVET, "register", *words, expect=expect, descriptors=descriptors)


@contextlib.contextmanager
def pipe(content):
    """A file that can be read but once, as a shell makes it of <(COMMAND): its descriptor and its name."""
    reader, writer = os.pipe()

    def write():
        with contextlib.suppress(BrokenPipeError), open(writer, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield reader, f"/dev/fd/{reader}"
    finally:
        os.close(reader)
        thread.join()


def usage_error(*words, says):
    done = register(*words, expect=2)
    assert says in done.stderr, done.stderr
    assert "brevet register --help" in done.stderr, done.stderr
    assert done.stdout == "", done.stdout


def wrong_file(says, **changes):
    done = register(*options(**changes), expect=5)
    assert says in done.stderr and done.stdout == "", done.stderr


def test_program_help_and_version():
    assert "register" in run(BREVET, "--help").stdout
    assert run(BREVET, "--version").stdout.startswith("brevet ")
    assert "--cert-out" in run(BREVET, "register", "--help").stdout
    assert "register" in run(BREVET, "regster", expect=2).stderr
    run(BREVET, expect=2)


def test_missing_options_are_named():
    for name in ("host", "id-scope", "registration-id", "symmetric-key-file"):
        usage_error(*options(**{name: None}), says=f"--{name} is missing")
    usage_error(*options(host=""), says="--host is missing")
    usage_error(*options(symmetric_key_file=None, registration_id=None, key="x.key"), says="--registration-id is missing")
    usage_error(*options(symmetric_key_file=None, key="x.key"), says="--certificate is missing")
    usage_error(*options(symmetric_key_file=None, module="x.so"), says="--certificate is missing")
    usage_error(*options(symmetric_key_file=None, registration_id=None, certificate="x.pem"), says="--key is missing")
    usage_error(*options(symmetric_key_file=None, registration_id=None, tcti="swtpm"), says="--registration-id is missing")
    usage_error(*options(csr=world.file("device.csr")), says="--cert-out is missing")
    usage_error(*options(cert_out="x.pem"), says="--csr is missing")


def test_wrong_options_are_named():
    usage_error(*options(port=70000), says="70000")
    usage_error(*options(port=-1), says="-1")
    usage_error(*options(port="https"), says="https")
    usage_error(*options(timeout=0), says="--timeout 0")
    usage_error(*options(timeout=86401), says="86401")
    usage_error(*options(registration_id="pump 07"), says="pump 07")
    usage_error(*options(id_scope="a/b"), says="a/b")
    usage_error(*options(group_key_file=world.file("symmetric.key")), says="exclude each other")
    usage_error(*options(certificate="x.pem"), says="--symmetric-key-file and --certificate exclude each other")
    usage_error(*options(pin_file="x"), says="--symmetric-key-file and --pin-file exclude each other")
    usage_error(*options(tcti="device"), says="--symmetric-key-file and --tcti exclude each other")
    usage_error(*options(symmetric_key_file=None, group_key_file="x"), "--tpm", says="--group-key-file and --tpm exclude each other")
    usage_error(*options(symmetric_key_file=None, key="x.key"), "--tpm", says="--key and --tpm exclude each other")
    usage_error(*options(symmetric_key_file=None, transport="mqtt"), "--tpm", says="over MQTT")
    usage_error(*options(symmetric_key_file=None, transport="mqtt", tcti="device"), says="over MQTT")
    usage_error(*options(api_version="2021-06-01"), says="2021-06-01")
    usage_error(*options(api_version="2025-07-01-preview", trust_bundle_out="bundle.pem"), says="no trust bundle comes")
    usage_error(*options(), "--colour", says="--colour")
    usage_error(*options(), "surplus", says="surplus")


def test_wrong_files_are_named():
    with scratch() as path:
        (path / "empty").write_text("")
        (path / "text").write_text("hello")
        wrong_file("nowhere.key", symmetric_key_file=path / "nowhere.key")
        wrong_file(str(path / "text"), symmetric_key_file=path / "text")
        wrong_file(str(path / "text"), symmetric_key_file=None, group_key_file=path / "text")
        wrong_file("nowhere.pem", ca_file=path / "nowhere.pem")
        wrong_file("text", ca_file=path / "text")
        wrong_file("nowhere.csr", csr=path / "nowhere.csr", cert_out=path / "out.pem")
        for name in ("empty", "text"):
            wrong_file(name, csr=path / name, cert_out=path / "out.pem")
            wrong_file(name, payload=path / name)
        wrong_file("directory", csr=world.file("device.csr"), cert_out=path / "nowhere" / "out.pem")
        wrong_file("directory", csr=world.file("device.csr"), cert_out=path)
        wrong_file("directory", trust_bundle_out=path / "nowhere" / "out.pem")
        wrong_file("transport-carrier-pigeon", transport="carrier-pigeon")
        (path / "broken").write_text(KEY[:-3] + "*")
        assert KEY[:-3] not in register(*options(symmetric_key_file=path / "broken"), expect=5).stderr


def test_tampered_csr_is_refused():
    with scratch() as path:
        der = bytearray(base64.b64decode("".join(world.file("device.csr").read_text().splitlines()[1:-1])))
        der[-5] ^= 1
        (path / "bad.csr").write_bytes(der)
        wrong_file("bad.csr", csr=path / "bad.csr", cert_out=path / "out.pem")


def test_success_for_people():
    with scratch() as path, service(assigned(issuedClientCertificate=world.file("device.pem").read_text())) as dps:
        done = register(*options(dps.server_port, csr=world.file("device.csr"), cert_out=path / "device.pem"))
        for text in ("hub.example.net", "CN=pump-07", "CN=Test Root", "assigned", str(path / "device.pem")):
            assert text in done.stdout, done.stdout
        assert openssl("x509", "-in", path / "device.pem") == openssl("x509", "-in", world.file("device.pem"))
        assert (path / "device.pem").stat().st_mode & 0o777 == 0o644
        assert sorted(os.listdir(path)) == ["device.pem"]


def test_success_for_programs():
    root = world.file("ca.pem").read_text()
    reply = assigned(issuedClientCertificate=world.file("device.pem").read_text(), payload={"site": 7},
                     trustBundle={"id": "plant", "certificates": [{"certificate": root.replace("\n", "\r\n")}]})
    with scratch() as path, service(reply) as dps:
        (path / "payload").write_text('{"model": "P7"}')
        done = register(*options(dps.server_port, csr=world.file("device.csr"), cert_out=path / "device.pem",
                                 trust_bundle_out=path / "bundle.pem", payload=path / "payload"), "--json")
        facts = json.loads(done.stdout)
        assert facts["assignedHub"] == "hub.example.net" and facts["payload"] == {"site": 7}, facts
        assert facts["certificate"]["subject"] == "CN=pump-07" and facts["trustBundle"]["certificates"] == 1, facts
        assert openssl("x509", "-in", path / "bundle.pem") == root
        method, target, headers, body = dps.asked[0]
        assert (method, target) == ("PUT", "/0ne0001/registrations/pump-07/register?api-version=2021-11-01-preview")
        assert headers["Authorization"].lower().startswith("sharedaccesssignature sr=0ne0001%2fregistrations%2fpump-07&"), headers
        assert body["payload"] == {"model": "P7"} and body["registrationId"] == "pump-07", body


def test_csr_as_der_and_base64():
    base64_text = "".join(world.file("device.csr").read_text().splitlines()[1:-1])
    with scratch() as path, service(assigned(issuedClientCertificate=world.file("device.pem").read_text())) as dps:
        (path / "csr.der").write_bytes(base64.b64decode(base64_text))
        (path / "csr.txt").write_text(base64_text)
        for name in ("csr.der", "csr.txt"):
            register(*options(dps.server_port, csr=path / name, cert_out=path / "out.pem"))
        assert {asked[3]["clientCertificateCsr"] for asked in dps.asked} == {base64_text}


def test_files_may_be_pipes():
    """What a person has in a password manager needs no file."""
    with scratch() as path, service(assigned(issuedClientCertificate=world.file("device.pem").read_text())) as dps:
        with pipe(world.file("symmetric.key").read_bytes()) as (key, key_name), pipe(b'{"model": "P7"}') as (payload, payload_name), \
             pipe(world.file("device.csr").read_bytes()) as (csr, csr_name), pipe(world.file("ca.pem").read_bytes()) as (ca, ca_name):
            register(*options(dps.server_port, symmetric_key_file=key_name, payload=payload_name, csr=csr_name, ca_file=ca_name,
                              cert_out=path / "device.pem"), descriptors=(key, payload, csr, ca))
        assert dps.asked[0][3]["payload"] == {"model": "P7"}, dps.asked
        with pipe(KEY.encode()) as (key, name):
            register(*options(dps.server_port, symmetric_key_file=None, group_key_file=name), descriptors=(key,))
        shell = " ".join(shlex.quote(str(word)) for word in options(dps.server_port, symmetric_key_file=None))
        run("bash", "-c", f"{shlex.quote(BREVET)} register {shell} --symmetric-key-file <(echo {KEY})")


def test_wrong_pipes_are_named():
    for name, content, says in (("symmetric-key-file", b"hello", "not base64"), ("group-key-file", b"", "empty"),
                                ("csr", b"hello", "Cannot use the CSR"), ("payload", b"{", "not JSON"), ("ca-file", b"hello", "ca-file"),
                                ("symmetric-key-file", bytes(2 << 20), "more than 1048576 bytes"), ("payload", bytes(2 << 20), "1048576"),
                                ("ca-file", bytes(2 << 20), "1048576")):
        with scratch() as path, pipe(content) as (descriptor, file):
            words = {name: file}
            if name == "group-key-file":
                words["symmetric-key-file"] = None
            elif name == "csr":
                words["cert-out"] = path / "out.pem"
            done = register(*options(**words), expect=5, descriptors=(descriptor,))
            assert says in done.stderr and (name == "ca-file" or file in done.stderr), done.stderr
    assert "1048576" in register(*options(payload="/dev/zero"), expect=5).stderr


def test_versions_of_the_protocol():
    """Each has its own member for the CSR, and its own for the certificate."""
    request = "".join(world.file("device.csr").read_text().splitlines()[1:-1])
    issued = world.file("device.pem").read_text()
    bare = "".join(issued.splitlines()[1:-1])
    for version, asked, given in ((None, "clientCertificateCsr", {"issuedClientCertificate": issued}),
                                  ("2021-11-01-preview", "clientCertificateCsr", {"issuedClientCertificate": issued}),
                                  ("2025-07-01-preview", "csr", {"issuedCertificateChain": [bare]})):
        with scratch() as directory, service(assigned(**given)) as server:
            register(*options(server.server_port, api_version=version, csr=world.file("device.csr"), cert_out=directory / "out.pem"))
            _, path, _, body = server.asked[0]
            assert path.endswith(f"?api-version={version or '2021-11-01-preview'}"), path
            assert body[asked] == request and len([name for name in body if "csr" in name.lower()]) == 1, body
            assert (directory / "out.pem").read_text() == issued


def test_certificate_for_another_key_is_not_written():
    with scratch() as path, service(assigned(issuedClientCertificate=world.file("other.pem").read_text())) as dps:
        (path / "device.pem").write_text("the old one")
        done = register(*options(dps.server_port, csr=world.file("device.csr"), cert_out=path / "device.pem"), expect=1)
        assert "another key" in done.stderr and done.stdout == "", done.stderr
        assert (path / "device.pem").read_text() == "the old one"


def test_no_certificate_is_an_error():
    with scratch() as path, service(assigned()) as dps:
        done = register(*options(dps.server_port, csr=world.file("device.csr"), cert_out=path / "device.pem"), expect=3)
        assert "no certificate" in done.stderr and not (path / "device.pem").exists(), done.stderr


def test_missing_bundle_keeps_the_certificate():
    with scratch() as path, service(assigned(issuedClientCertificate=world.file("device.pem").read_text())) as dps:
        done = register(*options(dps.server_port, csr=world.file("device.csr"), cert_out=path / "device.pem",
                                 trust_bundle_out=path / "bundle.pem"), expect=3)
        assert "no trust bundle" in done.stderr and not (path / "bundle.pem").exists(), done.stderr
        assert (path / "device.pem").exists()


def test_other_name_in_csr_is_a_warning():
    reply = assigned(issuedClientCertificate=world.file("device.pem").read_text())
    with scratch() as path, service(reply) as dps:
        done = register(*options(dps.server_port, registration_id="pump-08", csr=world.file("device.csr"), cert_out=path / "device.pem"))
        assert "pump-07" in done.stderr and "pump-08" in done.stderr, done.stderr


def test_refusal_says_why():
    refusal = {"errorCode": 401002, "trackingId": "track-9", "message": "Unauthorized"}
    with service((401, refusal)) as dps:
        done = register(*options(dps.server_port), expect=3)
        for text in ("Unauthorized", "401002", "track-9"):
            assert text in done.stderr, done.stderr
        assert len(dps.asked) == 1


def test_unreachable_service():
    with service(assigned()) as dps:
        port = dps.server_port
    done = register(*options(port, timeout=1), expect=4)
    assert "localhost" in done.stderr and str(port) in done.stderr and "refused" in done.stderr, done.stderr


def test_untrusted_service():
    with scratch() as path, service(assigned()) as dps:
        openssl("req", "-x509", "-new", "-key", world.file("other.key"), "-out", path / "foreign.pem", "-subj", "/CN=Foreign", "-days", 2)
        done = register(*options(dps.server_port, ca_file=path / "foreign.pem", timeout=60), expect=5)
        assert "not issued by an authority" in done.stderr, done.stderr
        assert dps.asked == []


try:
    tap.run(tap.collect(globals()))
finally:
    shutil.rmtree(world.path)
