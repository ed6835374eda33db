#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A very small certificate authority over HTTP, the counterpart of the example plugin. It really signs.

    example_ca.py DIRECTORY

writes root.pem, server.pem and token into DIRECTORY, serves HTTPS on a free port of 127.0.0.1, and prints its address. It needs
python3-cryptography.
"""

import datetime
import hashlib
import http.server
import ipaddress
import json
import secrets
import ssl
import sys
import threading
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
SIGNING = dict(content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
               decipher_only=False)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def common_name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Issued:
    """@pem: leaf and issuers"""

    def __init__(self, text, spki_sha256):
        self.pem, self.spki_sha256, self.revoked = text, spki_sha256, False


class Signer:
    """A root that signs devices itself, and its own server."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **SIGNING)
        self.root = self.build("Example root", self.key.public_key(), 3650, usage, ca=True)

    def build(self, subject, public_key, days, usage, *more, ca=False):
        now = datetime.datetime.utcnow()
        issuer = common_name("Example root")
        builder = (x509.CertificateBuilder().subject_name(common_name(subject)).issuer_name(issuer).public_key(public_key)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(minutes=1)).not_valid_after(now + days * DAY)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True).add_extension(usage, critical=True))
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def sign(self, subject, spki, uris=()):
        usage = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **SIGNING)
        more = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
        if uris:
            more.append(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]))
        leaf = self.build(subject, serialization.load_der_public_key(spki), 30, usage, *more)
        return Issued(pem(leaf), hashlib.sha256(spki).hexdigest())

    def sign_server(self, address):
        """A certificate and its key, as one PEM text."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **SIGNING)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        leaf = self.build(address, key.public_key(), 30, usage, names, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return private.decode() + pem(leaf)

    def roots(self):
        return [pem(self.root)]

    def issuers(self):
        return []


class ExampleCa:
    """The CA itself. @approves: whether requests are issued at once"""

    def __init__(self, signer, token):
        self.signer, self.token, self.approves = signer, token, True
        self.lock = threading.Lock()
        self.issued, self.pending = [], []

    def answer(self, method, path, query, headers, body):
        """Returns a status and an object."""
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"error": "the token is wrong"}
        words = path.strip("/").split("/")
        with self.lock:
            if (method, path) == ("GET", "/ca"):
                return 200, {"name": "Example CA", "roots": self.signer.roots(), "issuers": self.signer.issuers()}
            if (method, path) == ("POST", "/certificates"):
                return self.issue(json.loads(body))
            if (method, path) == ("GET", "/certificates"):
                return self.find(query["publicKey"][0])
            if method == "GET" and words[0] == "requests":
                return self.pick_up(words[1])
            if method == "POST" and words[0] == "certificates" and words[2:] == ["revocation"]:
                return self.revoke(int(words[1]))
        return 404, {"error": "there is no such thing"}

    def issue(self, wanted):
        csr = x509.load_pem_x509_csr(wanted["csr"].encode())
        if not csr.is_signature_valid:
            return 400, {"error": "the CSR is not signed by its key"}
        uris = [wanted["uri"]] if "uri" in wanted else []
        arguments = (wanted["commonName"], csr.public_key().public_bytes(DER, SPKI), uris)
        if self.approves:
            return 201, self.show(self.sign(arguments))
        self.pending.append(["waits", arguments])
        return 202, {"request": str(len(self.pending) - 1)}

    def sign(self, arguments):
        self.issued.append(self.signer.sign(*arguments))
        return len(self.issued) - 1

    def show(self, number):
        return {"id": str(number), "chain": self.issued[number].pem}

    def pick_up(self, text):
        if not text.isdigit() or int(text) >= len(self.pending):
            return 404, {"error": "there is no such request"}
        entry = self.pending[int(text)]
        if entry[0] == "approved":
            entry[0] = self.sign(entry[1])
        if entry[0] == "waits":
            return 202, {"request": text}
        if entry[0] == "rejected":
            return 410, {"error": "somebody said no"}
        return 200, self.show(entry[0])

    def find(self, spki_sha256):
        live = [number for number, entry in enumerate(self.issued) if entry.spki_sha256 == spki_sha256 and not entry.revoked]
        return 200, {"certificates": [self.show(number) for number in reversed(live)]}

    def revoke(self, number):
        if self.issued[number].revoked:
            return 409, {"error": "it is revoked already"}
        self.issued[number].revoked = True
        return 204, None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        path, _question, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, shown = self.server.ca.answer(self.command, path, urllib.parse.parse_qs(query), self.headers, body)
        data = json.dumps(shown).encode() if shown is not None else b""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, *_arguments):
        pass


def serve(ca, context=None):
    """Serves @ca on a free port, in threads. Returns the server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.ca = ca
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def main():
    directory, signer, token = sys.argv[1], Signer(), secrets.token_hex(16)
    for name, text in (("root.pem", pem(signer.root)), ("server.pem", signer.sign_server("127.0.0.1")), ("token", token)):
        with open(f"{directory}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/server.pem")
    server = serve(ExampleCa(signer, token), context)
    print(f"https://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
