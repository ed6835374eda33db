#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sample configuration, its manual page and the service know the same keys."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import tap
from dps import Service, free_port

DATA = pathlib.Path(__file__).parent.parent.parent / "data"
SAMPLE = (DATA / "dps.conf.sample").read_text()


def sample_keys():
    return set(re.findall(r"^#?([a-z0-9-]+)=", SAMPLE, re.MULTILINE))


def test_the_service_starts_with_every_key_of_the_sample():
    service = Service()
    try:
        text = re.sub(r"^#([a-z0-9-]+=)", r"\1", SAMPLE, flags=re.MULTILINE)
        text = re.sub(r"^port=.*$", lambda _: f"port={free_port()}", text, flags=re.MULTILINE)
        (service.directory / "dps.conf").write_text(text)
        for name in re.findall(r"keys/pump-[a-z0-9-]+\.key", text):
            (service.directory / name).write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
        (service.directory / "keys/digicert.key").write_text("0123456789\n")
        text = text.replace("api-key-credential=", "#api-key-credential=").replace("secrets-key-credential=", "#secrets-key-credential=")
        (service.directory / "keys/secrets.key").write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
        (service.directory / "keys/secrets.key").chmod(0o600)
        (service.directory / "tpm-makers.pem").write_text((service.directory / "ca/root.pem").read_text())
        service.start()
        service.stop()
        assert "dps.conf:" not in service.read_log(), service.read_log()
    finally:
        service.clean_up()


def test_a_key_that_nobody_knows_is_reported():
    service = Service()
    try:
        (service.directory / "dps.conf.d/10-wrong.conf").write_text("[service]\nmaximum-weight=30s\n\n[nonsense]\na=b\n")
        service.start()
        service.stop()
        log = service.read_log()
        assert "10-wrong.conf:2" in log and "maximum-weight" in log and "nonsense" in log, log
    finally:
        service.clean_up()


def test_the_manual_page_explains_every_key():
    page = (DATA / "man/brevet-dps.conf.5").read_text().replace("\\-", "-")
    missing = {key for key in sample_keys() if not re.search(rf"^\.BR? .*\b{re.escape(key)}\b", page, re.MULTILINE)}
    assert not missing, missing


def test_the_sample_shows_every_key_of_the_manual_page():
    page = (DATA / "man/brevet-dps.conf.5").read_text().replace("\\-", "-")
    explained = set()
    for line in re.findall(r"^\.TP\n\.BR? (.*)$", page, re.MULTILINE):
        explained |= {word.strip('", ') for word in line.split()} - {""}
    # Secrets that few need, shown in the manual page alone.
    left_out = {"key-password-file", "key-password-credential"}
    assert explained - left_out <= sample_keys(), explained - left_out - sample_keys()


tap.run(tap.collect(dict(globals())))
