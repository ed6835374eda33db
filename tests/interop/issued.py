# SPDX-License-Identifier: LGPL-2.1-or-later
"""CSRs and issued certificates as openssl sees them."""

import base64
import subprocess

from dps import PATIENCE, command, make_csr

ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}


def make_csr_text(directory, name, member):
    """A CSR for a member of a registration: PEM for the older one, as the SDKs' samples have it, base64 of DER for the newer."""
    path = make_csr(directory, name)[1]
    if member == "clientCertificateCsr":
        return path.read_text()
    der = subprocess.run(["openssl", "req", "-in", path, "-outform", "DER"], stdout=subprocess.PIPE, check=True,
                         timeout=PATIENCE).stdout
    return base64.b64encode(der).decode()


def pem_of(chain):
    """PEM text of a list of certificates in base64, in its order."""
    return "".join(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
                   for text in (base64.encodebytes(base64.b64decode(one, validate=True)).decode() for one in chain))


def check_issued(service, directory, name, state, member):
    """What a hub would check of the certificate in a final state, and that it is for the key that the CSR was made with. It has the
    form that goes with the member of the CSR."""
    if member == "clientCertificateCsr":
        assert "issuedCertificateChain" not in state, state
        pem = state["issuedClientCertificate"]
    else:
        assert "issuedClientCertificate" not in state and len(state["issuedCertificateChain"]) >= 2, state
        pem = pem_of(state["issuedCertificateChain"])
    leaf = directory / f"{name}.pem"
    leaf.write_text(pem)
    command("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", service.directory / "ca/root.pem",
            "-untrusted", leaf, leaf)
    assert command("openssl", "x509", "-in", leaf, "-noout", "-subject", "-nameopt", "RFC2253").stdout == f"subject=CN={name}\n"
    assert (command("openssl", "x509", "-in", leaf, "-noout", "-pubkey").stdout
            == command("openssl", "pkey", "-in", directory / f"{name}.key", "-pubout").stdout)
