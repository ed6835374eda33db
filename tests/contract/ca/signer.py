# SPDX-License-Identifier: LGPL-2.1-or-later
"""The certificate authority behind the fake CA of an adapter: signs well, and as badly as a scenario wants.

A fake CA calls `sign()` for each certificate that it issues, and `roots()` and `issuers()` for what it tells of itself.
"""

import base64
import hashlib
import os
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import pki

ALGORITHMS = {"sha256": ("1.2.840.10045.4.3.2", hashes.SHA256), "rsa-sha256": ("1.2.840.113549.1.1.11", hashes.SHA256),
              "rsa-sha1": ("1.2.840.113549.1.1.5", hashes.SHA1), "rsa-md5": ("1.2.840.113549.1.1.4", hashes.MD5)}
ANY_PURPOSE = "2.5.29.37.0"


def to_pem(der):
    text = base64.b64encode(der).decode()
    wrapped = "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{wrapped}\n-----END CERTIFICATE-----\n"


def new_spki():
    return pki.new_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def positive(number):
    return pki.integer(number)


def negative():
    return pki.der(0x02, b"\x80" + os.urandom(15))


class Wanted:
    """What the plugin asked for. @spki: DER of the public key"""

    def __init__(self, common_name, spki, uris):
        self.common_name, self.spki, self.uris = common_name, spki, list(uris)


class Issued:
    """A certificate that was issued. @der: the leaf; @pem: leaf and issuers, as they are to be sent; @spki_sha256: of its key"""

    def __init__(self, der, pem, wanted, serial):
        self.der, self.pem, self.wanted, self.serial = der, pem, wanted, serial
        self.leaf_pem = to_pem(der)
        self.spki_sha256 = hashlib.sha256(wanted.spki).hexdigest()
        self.revoked = False


class Signer:
    def __init__(self):
        self.lock = threading.Lock()
        self.root = pki.make_root("Kit root")
        self.issuing = pki.make_intermediate("Kit issuing", self.root)
        self.foreign = pki.make_root("Somebody else's root")
        self.expired = pki.make_intermediate("Kit expired", self.root, begins=-20 * pki.DAY, ends=-60)
        self.hidden = pki.make_intermediate("Kit hidden", self.issuing)
        key = rsa.generate_private_key(65537, 2048)
        self.old = pki.make_intermediate("Kit old", self.root, key=key, key_id=os.urandom(20))
        self.reset()

    def reset(self):
        self.plans, self.issued, self.last_serial = [], [], None

    def plan(self, misdeed):
        """The next certificate is made by @misdeed(signer, wanted), which returns (DER of the leaf, text to send)."""
        self.plans.append(misdeed)

    def roots(self):
        return [self.root.pem]

    def issuers(self):
        return [self.issuing.pem]

    def sign(self, common_name, spki, uris=()):
        """Issues a certificate. Returns an Issued."""
        wanted = Wanted(common_name, spki, uris)
        with self.lock:
            misdeed = self.plans.pop(0) if self.plans else well
            der, text = misdeed(self, wanted)
            issued = Issued(der, text, wanted, self.last_serial)
            self.issued.append(issued)
        return issued

    def make(self, wanted, issuer=None, serial=None, algorithm="sha256", spki=None, common_name=None, **options):
        """DER of a leaf. @serial: DER of the whole INTEGER"""
        issuer = issuer or self.issuing
        self.last_serial = serial or positive(int.from_bytes(b"\x40" + os.urandom(15), "big"))
        dotted, digest = ALGORITHMS[algorithm]
        # An algorithm without curve has NULL as its parameter.
        identifier = pki.sequence(pki.object_identifier(dotted), b"" if algorithm == "sha256" else pki.der(0x05))
        body = pki.sequence(pki.der(0xA0, pki.integer(2)), self.last_serial, identifier, issuer.subject,
                            pki.sequence(pki.moment(options.pop("begins", -60)), pki.moment(options.pop("ends", 10 * pki.DAY))),
                            pki.name(common_name or wanted.common_name), spki or wanted.spki,
                            pki.der(0xA3, pki.sequence(*extensions(issuer, wanted, **options))))
        if algorithm == "sha256":
            signature = issuer.key.sign(body, ec.ECDSA(digest()))
        else:
            signature = issuer.key.sign(body, padding.PKCS1v15(), digest())
        return pki.sequence(body, identifier, pki.der(0x03, b"\0", signature))


def extensions(issuer, wanted, ca=False, usages=(0,), purposes=(pki.CLIENT,), uris=None):
    names = wanted.uris if uris is None else uris
    yield pki.extension("2.5.29.19", True, pki.sequence(pki.boolean(True) if ca else b""))
    yield pki.extension("2.5.29.15", True, pki.bits(*usages))
    if purposes:
        yield pki.extension("2.5.29.37", False, pki.sequence(*map(pki.object_identifier, purposes)))
    yield pki.extension("2.5.29.35", False, pki.sequence(pki.der(0x80, issuer.key_id)))
    if names:
        yield pki.extension("2.5.29.17", False, pki.sequence(*[pki.der(0x86, uri.encode()) for uri in names]))


def well(signer, wanted):
    der = signer.make(wanted)
    return der, to_pem(der) + signer.issuing.pem


def bad_leaf(**options):
    """A misdeed: a leaf with these options of Signer.make(), and the usual chain."""
    def misdeed(signer, wanted):
        der = signer.make(wanted, **{key: value() if callable(value) else value for key, value in options.items()})
        return der, to_pem(der) + signer.issuing.pem
    return misdeed


def bad_issuer(name, *chain, **options):
    """A misdeed: the leaf is signed by the authority of this name, and these are sent along."""
    def misdeed(signer, wanted):
        der = signer.make(wanted, issuer=getattr(signer, name), **options)
        return der, to_pem(der) + "".join(getattr(signer, other).pem for other in chain)
    return misdeed


def bad_text(change):
    """A misdeed: a good leaf and chain, of which @change(signer, PEM of the leaf, PEM of the issuer) makes the text."""
    def misdeed(signer, wanted):
        der = signer.make(wanted)
        return der, change(signer, to_pem(der), signer.issuing.pem)
    return misdeed
