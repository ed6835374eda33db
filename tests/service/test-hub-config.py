#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet-dps hub-config mosquitto: a real mosquitto, configured with nothing else, lets the right devices in and keeps them apart."""

import contextlib
import getpass
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures"))

import sas_token
import tap
from changes import wait_for_change
from dps import DPS, PATIENCE, Device, command, free_port, make_csr, running_service

MOSQUITTO = os.environ["MOSQUITTO"]
ISSUE = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": "local"}}


def issue(service, registration_id, key):
    """Registers a device; returns the options with which it connects to a hub."""
    secret, csr = make_csr(service.scratch, registration_id)
    reply = Device(service, registration_id, key).register(clientCertificateCsr=csr.read_text())
    assert reply.status == 200, reply
    state = reply.json["registrationState"]
    assert state["status"] == "assigned", state
    certificate = secret.with_suffix(".pem")
    certificate.write_text(state["issuedClientCertificate"])
    return ["--cert", certificate, "--key", secret]


def enroll(service, registration_id, authority="local"):
    policy = {"clientCertificateIssuancePolicy": {"certificateAuthorityName": authority}}
    return issue(service, registration_id, service.enroll(registration_id, **policy))


def add_authority(service, name, usage="keyCertSign,cRLSign", subject=None):
    """Another CA with a root of its own, from the next start on."""
    key, certificate = service.directory / f"ca/{name}.key", service.directory / f"ca/{name}.pem"
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-keyout", key,
            "-out", certificate, "-subj", f"/CN={subject or 'Root of ' + name}", "-addext", f"keyUsage=critical,{usage}",
            "-addext", "basicConstraints=critical,CA:TRUE")
    (service.directory / f"dps.conf.d/{name}.conf").write_text(f"[ca {name}]\ntype=local\ncertificate=ca/{name}.pem\nkey=ca/{name}.key\n")


def wait_for_trust(service, name):
    """Until the service has written down what a CA says is to be trusted."""
    store = service.directory / "store/dps.sqlite"

    def is_noted():
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT body FROM record WHERE collection = 'ca-versions' AND parent = ?", (name,)).fetchall()
        return any("trust" in json.loads(bytes(body)) for body, in rows)

    wait_for_change(is_noted, store.parent, PATIENCE, service.read_log)


class Hub:
    """A mosquitto with the files that hub-config writes, and beside them a listener for whoever reads what devices send."""

    def __init__(self, service):
        self.service = service
        self.directory = service.scratch / "hub"
        self.port, self.reader_port = free_port(), free_port()
        self.process = None
        self.log = service.scratch / "mosquitto.log"
        # The server certificate of the service does for its hub as well.
        self.options = ["--certificate", service.directory / "tls/server.pem", "--key", service.directory / "tls/server.key", "--port",
                        self.port]

    def configure(self, *options, expect=0):
        return command(DPS, "hub-config", "mosquitto", "--config", self.service.directory / "dps.conf", "--directory", self.directory,
                       "--json", *self.options, *options, expect=expect)

    def start(self, main=None):
        local = self.directory / "local.d"
        (local / "reader.conf").write_text(f"user {getpass.getuser()}\nlistener {self.reader_port} 127.0.0.1\nallow_anonymous true\n"
                                           f"acl_file {local}/reader.acl\n")
        (local / "reader.acl").write_text("topic readwrite devices/#\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", main or self.directory / "mosquitto.conf"], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        self.wait_for_log("running")
        return self

    def wait_for_log(self, text, times=1):
        wait_for_change(lambda: self.log.read_text().count(text) >= times, self.log.parent, PATIENCE, self.log.read_text, self.process)

    def reload(self):
        before = self.log.read_text().count("Reloading config")
        self.process.send_signal(1)
        self.wait_for_log("Reloading config", before + 1)

    def refresh(self, *options):
        """Writes the lists again. Their dates have seconds, and a hub prefers the newer of two lists."""
        before = self.read_list("-lastupdate")
        deadline = time.monotonic() + PATIENCE
        while self.read_list("-lastupdate") == before:
            assert time.monotonic() < deadline
            facts = json.loads(self.configure(*options).stdout)
        self.reload()
        return facts

    def read_list(self, *options):
        return command("openssl", "crl", "-in", self.directory / "crl.pem", "-noout", *options).stdout

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def client(self, program, *options, expect=0):
        return command(program, "-h", "localhost", "-V", "mqttv311", "-q", 1, *options, expect=expect)

    def publish(self, identity, topic, message, expect=0):
        """As a device; returns whether the hub acknowledged it."""
        trust = ["-p", self.port, "--cafile", self.service.directory / "tls/ca.pem"]
        return self.client("mosquitto_pub", *trust, *identity, "-t", topic, "-m", message, expect=expect).returncode == 0

    def read(self, *options):
        return self.client("mosquitto_sub", "-p", self.reader_port, "-i", "reader", "-c", "-t", "devices/+/messages/events/#",
                           *options).stdout

    def accepts(self, identity, registration_id):
        """Whether a message of a device arrives. A lasting session keeps it until it is read."""
        self.read("-E")
        accepted = self.publish(identity, f"devices/{registration_id}/messages/events/", f"from {registration_id}", expect=None)
        if accepted:
            assert self.read("-C", 1) == f"from {registration_id}\n"
        return accepted


@contextlib.contextmanager
def running_hub(service, *options):
    hub = Hub(service)
    hub.configure(*options)
    try:
        yield hub.start()
    finally:
        if sys.exc_info()[1] is not None:
            print("# " + hub.log.read_text().replace("\n", "\n# "))
        hub.stop()


def test_a_device_reaches_its_own_topics_and_no_others():
    with running_service() as service:
        first, second = enroll(service, "pump-1"), enroll(service, "Pump_2:a.b-3")
        with running_hub(service) as hub:
            hub.read("-E")
            # The hub acknowledges what it then drops; so the first message that arrives is the one after it.
            for topic in ("Pump_2:a.b-3/messages/events/", "pump-1/messages/devicebound/", "pump-1/other", "pump-1", ""):
                assert hub.publish(first, f"devices/{topic}", "forged")
            assert hub.publish(first, "devices/pump-1/messages/events/", "plain")
            assert hub.publish(second, "devices/Pump_2:a.b-3/messages/events/%24.ct=text", "with properties")
            assert hub.read("-C", 2) == "plain\nwith properties\n"


def test_a_device_hears_what_is_for_it():
    with running_service() as service:
        device, other = enroll(service, "pump-1"), enroll(service, "pump-2")
        with running_hub(service) as hub:
            # The other one calls itself as the first does, and gets neither its session nor its messages.
            options = ["-p", hub.port, "--cafile", service.directory / "tls/ca.pem", "-i", "pump-1", "-c", "-t",
                       "devices/+/messages/devicebound/#"]
            for identity in (device, other):
                hub.client("mosquitto_sub", *options, *identity, "-E")
            for name in ("pump-1", "pump-2"):
                hub.client("mosquitto_pub", "-p", hub.reader_port, "-t", f"devices/{name}/messages/devicebound/x", "-m", f"for {name}")
            assert hub.client("mosquitto_sub", *options, *other, "-C", 1).stdout == "for pump-2\n"
            assert hub.client("mosquitto_sub", *options, *device, "-C", 1).stdout == "for pump-1\n"


def test_strangers_are_refused():
    with running_service() as service:
        add_authority(service, "stranger")
        (service.directory / "dps.conf.d/stranger.conf").unlink()
        device = enroll(service, "pump-1")
        key, csr = make_csr(service.scratch, "pump-1-forged")
        forged = service.scratch / "forged.pem"
        command("openssl", "req", "-new", "-key", key, "-subj", "/CN=pump-1", "-out", csr)
        command("openssl", "x509", "-req", "-in", csr, "-CA", service.directory / "ca/stranger.pem", "-CAkey",
                service.directory / "ca/stranger.key", "-CAcreateserial", "-days", "1", "-out", forged)
        with running_hub(service) as hub:
            assert not hub.accepts([], "pump-1")
            assert not hub.accepts(["--cert", forged, "--key", key], "pump-1")
            tls = service.directory / "tls"
            assert not hub.accepts(["--cert", tls / "server.pem", "--key", tls / "server.key"], "pump-1")
            assert hub.accepts(device, "pump-1")
            for version, status in (("-tls1_1", 1), ("-tls1_2", 0), ("-tls1_3", 0)):
                command("openssl", "s_client", "-connect", f"localhost:{hub.port}", version, "-cipher", "DEFAULT:@SECLEVEL=0", *device,
                        expect=status)


def set_status(service, kind, name, status, **members):
    reply = service.operate("GET", f"/{kind}/{name}")
    assert reply.status == 200, reply
    body = {**reply.json, "provisioningStatus": status, **members}
    reply = service.operate("PUT", f"/{kind}/{name}", body, {"If-Match": reply.json["etag"]})
    assert reply.status == 200, reply


def test_a_disabled_device_is_refused_until_it_is_enabled():
    with running_service() as service:
        device, other = enroll(service, "pump-1"), enroll(service, "pump-2")
        with running_hub(service) as hub:
            assert hub.accepts(device, "pump-1")
            set_status(service, "enrollments", "pump-1", "disabled")
            assert hub.refresh()["revoked"] == 1
            assert not hub.accepts(device, "pump-1")
            assert hub.accepts(other, "pump-2")
            set_status(service, "enrollments", "pump-1", "enabled")
            assert hub.refresh()["revoked"] == 0
            assert hub.accepts(device, "pump-1")


def test_what_an_enrollment_admitted_goes_with_it():
    with running_service() as service:
        body = {"enrollmentGroupId": "line-4", "attestation": {"type": "symmetricKey"}, **ISSUE}
        assert service.operate("PUT", "/enrollmentGroups/line-4", body).status == 200
        keys = service.operate("POST", "/enrollmentGroups/line-4/attestationmechanism").json["symmetricKey"]
        devices = {name: issue(service, name, sas_token.derive_key(keys["primaryKey"], name)) for name in ("line-4-a", "line-4-b")}
        single = enroll(service, "pump-1")
        with running_hub(service) as hub:
            # Delete what admitted one, disable one of a group, then the group.
            assert service.operate("DELETE", "/enrollments/pump-1").status == 204
            hub.refresh()
            assert not hub.accepts(single, "pump-1")
            service.enroll("line-4-a")
            set_status(service, "enrollments", "line-4-a", "disabled")
            assert hub.refresh()["revoked"] == 2
            assert not hub.accepts(devices["line-4-a"], "line-4-a") and hub.accepts(devices["line-4-b"], "line-4-b")
            set_status(service, "enrollmentGroups", "line-4", "disabled")
            assert hub.refresh()["revoked"] == 3
            assert not hub.accepts(devices["line-4-b"], "line-4-b")


def test_several_authorities_share_a_hub():
    with running_service() as service:
        device = enroll(service, "pump-1")
        with running_hub(service) as hub:
            service.stop()
            add_authority(service, "second")
            # The same issuer under another name has the same list.
            (service.directory / "dps.conf.d/third.conf").write_text("[ca third]\ntype=local\ncertificate=ca/issuing.pem\n"
                                                                     "key=ca/issuing.key\n")
            service.start()
            other = enroll(service, "pump-2", "second")
            assert not hub.accepts(other, "pump-2")
            facts = hub.refresh()
            assert facts["certificateAuthorities"] == ["local", "second", "third"], facts
            assert (hub.directory / "crl.pem").read_text().count("BEGIN X509 CRL") == 2
            # A hub that runs takes up the new authority as well.
            assert hub.accepts(device, "pump-1") and hub.accepts(other, "pump-2")
            set_status(service, "enrollments", "pump-2", "disabled")
            hub.refresh()
            assert hub.accepts(device, "pump-1") and not hub.accepts(other, "pump-2")
            # One that is taken away is there for its devices until they have gone.
            (service.directory / "dps.conf.d/second.conf").unlink()
            facts = json.loads(hub.configure().stdout)
            assert facts["certificateAuthorities"] == ["local", "third"] and facts["earlier"] == ["second"], facts
            assert (hub.directory / "crl.pem").read_text().count("BEGIN X509 CRL") == 2


def test_a_new_key_under_the_same_name_has_a_list_of_its_own():
    """As when a certificate authority is renewed: devices of the former key come as long as those of the new one."""
    with running_service() as service:
        service.stop()
        add_authority(service, "former", subject="Works CA")
        add_authority(service, "renewed", subject="Works CA")
        service.start()
        devices = {name: enroll(service, f"pump-{name}", name) for name in ("former", "renewed")}
        with running_hub(service) as hub:
            assert all(hub.accepts(identity, f"pump-{name}") for name, identity in devices.items())
            set_status(service, "enrollments", "pump-former", "disabled")
            assert hub.refresh()["revoked"] == 1
            assert not hub.accepts(devices["former"], "pump-former") and hub.accepts(devices["renewed"], "pump-renewed")


def test_an_authority_without_lists_is_told_and_not_shut_out():
    with running_service() as service:
        device = enroll(service, "pump-1")
        service.stop()
        add_authority(service, "second", usage="keyCertSign")
        service.start()
        other = enroll(service, "pump-2", "second")
        hub = Hub(service)
        done = hub.configure()
        facts = json.loads(done.stdout)
        assert facts["withoutRevocationList"] == ["second"] and "nextUpdate" not in facts and "crl.pem" not in facts["files"], facts
        assert "“second” publishes no revocation list" in done.stderr, done.stderr
        with running_hub(service) as hub:
            assert hub.accepts(device, "pump-1") and hub.accepts(other, "pump-2")


def test_lists_may_be_required():
    """The operator's choice: then it is the devices of the authority without a list that are refused."""
    with running_service() as service:
        device, revoked = enroll(service, "pump-1"), enroll(service, "pump-3")
        service.stop()
        add_authority(service, "second", usage="keyCertSign")
        service.start()
        other = enroll(service, "pump-2", "second")
        set_status(service, "enrollments", "pump-3", "disabled")
        with running_hub(service, "--require-lists") as hub:
            done = hub.configure("--require-lists")
            facts = json.loads(done.stdout)
            assert facts["withoutRevocationList"] == ["second"] and facts["revoked"] == 1 and facts["brokerMust"] != "restart", facts
            assert "“second” publishes no revocation list; the hub refuses its devices" in done.stderr, done.stderr
            assert hub.accepts(device, "pump-1") and not hub.accepts(revoked, "pump-3") and not hub.accepts(other, "pump-2")
            done = hub.configure()
            assert json.loads(done.stdout)["brokerMust"] == "restart" and "--require-lists" in done.stderr, done
            hub.stop()
            hub.start()
            assert hub.accepts(device, "pump-1") and hub.accepts(revoked, "pump-3") and hub.accepts(other, "pump-2")


def test_lists_that_nobody_has_cannot_be_required():
    with running_service() as service:
        service.stop()
        add_authority(service, "second", usage="keyCertSign")
        (service.directory / "dps.conf.d/local.conf").write_text("[ca local]\ncertificate=ca/second.pem\nkey=ca/second.key\n")
        service.start()
        hub = Hub(service)
        done = hub.configure("--require-lists", expect=5)
        assert "--require-lists: No certificate authority publishes" in done.stderr and not hub.directory.exists(), done


def test_a_list_that_has_ended_shuts_its_devices_out():
    """As after seven days without a run; those of another authority come as before."""
    with running_service() as service:
        service.stop()
        add_authority(service, "second")
        service.start()
        device, other = enroll(service, "pump-1"), enroll(service, "pump-2", "second")
        with running_hub(service) as hub:
            assert hub.accepts(device, "pump-1") and hub.accepts(other, "pump-2")
            lists = (hub.directory / "crl.pem").read_text()
            ended = service.scratch / "ended.pem"
            (service.scratch / "index").write_text("")
            (service.scratch / "openssl.conf").write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={service.scratch}/index\ndefault_md=sha256\n"
                                                          "crl_extensions=y\n[y]\nauthorityKeyIdentifier=keyid\n")
            command("openssl", "ca", "-gencrl", "-config", service.scratch / "openssl.conf", "-cert", service.directory / "ca/second.pem",
                    "-keyfile", service.directory / "ca/second.key", "-crl_lastupdate", "20260101000000Z", "-crl_nextupdate",
                    "20260102000000Z", "-out", ended)
            first = re.findall("-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n", lists, re.S)
            issuers = [subprocess.run(["openssl", "crl", "-noout", "-issuer"], input=text, capture_output=True, text=True, check=True).stdout
                       for text in first]
            [kept] = [text for text, issuer in zip(first, issuers) if "Root of second" not in issuer]
            (hub.directory / "crl.pem").write_text(kept + ended.read_text())
            hub.stop()
            hub.start()
            assert hub.accepts(device, "pump-1") and not hub.accepts(other, "pump-2")
            assert json.loads(hub.configure().stdout)["brokerMust"] == "reload"
            hub.reload()
            assert hub.accepts(device, "pump-1") and hub.accepts(other, "pump-2")


def test_an_authority_without_trust_is_told():
    with running_service() as service:
        device = enroll(service, "pump-1")
        script = service.directory / "dps.conf.d/scripted.conf"
        # One that does not answer and has no devices can wait.
        script.write_text("[ca scripted]\ntype=scripted\ncertificate=ca/issuing.pem\nkey=ca/issuing.key\ntrusts=unavailable\n")
        hub = Hub(service)
        done = hub.configure()
        assert json.loads(done.stdout)["leftOut"] == ["scripted"] and "“scripted” does not answer and no device" in done.stderr, done
        script.write_text("[ca scripted]\ntype=scripted\ncertificate=ca/issuing.pem\nkey=ca/issuing.key\ntrusts=unsupported\n")
        done = hub.configure()
        assert json.loads(done.stdout)["withoutTrust"] == ["scripted"] and "“scripted” does not say" in done.stderr, done
        with running_hub(service) as hub:
            assert hub.accepts(device, "pump-1")


def test_an_object_that_cannot_be_reached_is_left_out():
    """Like the one that everybody stores first, whose host or key is not there yet."""
    with running_service() as service:
        if not any((pathlib.Path(path) / "ca-digicert").exists() for path in os.environ["BREVET_PLUGIN_PATH"].split(":")):
            raise tap.Skip("ca-digicert is not built")
        service.stop()
        (service.directory / "dps.conf.d/digicert.conf").write_text(f"[plugin ca-digicert]\nendpoint=https://localhost:{free_port()}\n")
        service.start()
        device = enroll(service, "pump-1")
        body = {"certificateAuthorityType": "DigiCertCertificateAuthority", "apiKey": "0123456789",
                "profileName": "11112222-3333-4444-5555-666677778888"}
        reply = service.operate("PUT", "/certificateAuthorities/myca1", body)
        assert reply.status == 200, reply
        hub = Hub(service)
        done = hub.configure()
        assert json.loads(done.stdout)["leftOut"] == ["myca1"] and "0123456789" not in done.stdout + done.stderr, done
        with running_hub(service) as hub:
            assert hub.accepts(device, "pump-1")


def test_what_an_authority_said_last_is_used_while_it_does_not_answer():
    with running_service() as service:
        service.stop()
        add_authority(service, "far")
        script = service.directory / "dps.conf.d/far.conf"
        script.write_text(script.read_text().replace("type=local", "type=scripted\nledger=ledger"))
        service.start()
        device = enroll(service, "pump-1", "far")
        wait_for_trust(service, "far")
        script.write_text(script.read_text() + "trusts=unavailable\n")
        done = Hub(service).configure()
        assert json.loads(done.stdout)["fromStore"] == ["far"] and "“far” does not answer; what it said last" in done.stderr, done
        with running_hub(service) as hub:
            assert hub.accepts(device, "pump-1")


def test_devices_of_the_ca_before_a_swap_are_let_in():
    """And turned away as well, by a list that the earlier CA still gives."""
    with running_service() as service:
        service.stop()
        add_authority(service, "works")
        add_authority(service, "next")
        service.start()
        before = enroll(service, "pump-1", "works")
        wait_for_trust(service, "works")
        service.stop()
        group = service.directory / "dps.conf.d/works.conf"
        group.write_text(group.read_text().replace("ca/works.", "ca/next."))
        (service.directory / "dps.conf.d/next.conf").unlink()
        service.start()
        after = enroll(service, "pump-2", "works")
        with running_hub(service) as hub:
            facts = json.loads(hub.configure().stdout)
            assert facts["earlier"] == ["works"] and facts["withoutRevocationList"] == [], facts
            assert hub.accepts(before, "pump-1") and hub.accepts(after, "pump-2")
            set_status(service, "enrollments", "pump-1", "disabled")
            hub.refresh()
            assert not hub.accepts(before, "pump-1") and hub.accepts(after, "pump-2")
        # Without its key, the earlier CA gives no list: that is said, and its devices are not shut out.
        (service.directory / "ca/works.key").unlink()
        done = Hub(service).configure()
        facts = json.loads(done.stdout)
        assert facts["earlier"] == ["works"] and facts["withoutRevocationList"] == ["works"], done
        assert "What “works” stood for earlier" in done.stderr and "Bring its key back" in done.stderr, done
        with running_hub(service) as hub:
            assert hub.accepts(before, "pump-1") and hub.accepts(after, "pump-2")
            done = hub.configure("--require-lists")
            assert json.loads(done.stdout)["brokerMust"] == "restart" and "the hub refuses the devices that" in done.stderr, done
            hub.stop()
            hub.start()
            assert not hub.accepts(before, "pump-1") and hub.accepts(after, "pump-2")


def test_a_second_run_replaces_what_has_changed():
    with running_service() as service:
        hub = Hub(service)
        facts = json.loads(hub.configure().stdout)
        assert facts["brokerMust"] == "restart" and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["nextUpdate"]), facts
        assert sorted(facts["files"]) == ["ca.pem", "crl.pem", "devices.acl", "mosquitto.conf"], facts
        names = {"ca.pem", "crl.pem", "devices.acl", "mosquitto.conf", "local.d"}
        before = {name: os.stat(hub.directory / name).st_ino for name in names}
        (hub.directory / "local.d/mine.conf").write_text("# mine\n")
        held = open(hub.directory / "crl.pem")
        contents = held.read()
        facts = json.loads(hub.configure().stdout)
        after = {name: os.stat(hub.directory / name).st_ino for name in names}
        assert facts["brokerMust"] == "reload" and {name for name in names if before[name] != after[name]} == {"crl.pem"}, (before, after)
        # Who has opened the old list still reads all of it.
        held.seek(0)
        assert held.read() == contents
        held.close()
        assert set(os.listdir(hub.directory)) == names and (hub.directory / "local.d/mine.conf").read_text() == "# mine\n"
        assert all(os.stat(hub.directory / name).st_mode & 0o444 == 0o444 for name in names)
        hub.options[-1] = free_port()
        assert json.loads(hub.configure().stdout)["brokerMust"] == "restart"


def test_without_a_directory_everything_is_printed():
    with running_service() as service:
        hub = Hub(service)
        hub.configure()
        base = [DPS, "hub-config", "mosquitto", "--config", service.directory / "dps.conf", *hub.options]
        text = command(*base).stdout
        expected = (hub.directory / "mosquitto.conf").read_text().replace(str(hub.directory), "/etc/mosquitto/brevet")
        assert text.startswith("# --- /etc/mosquitto/brevet/mosquitto.conf\n" + expected), text
        assert all(line.startswith("#") or not line for line in text.split(expected)[1].splitlines())
        assert "#| -----BEGIN X509 CRL-----" in text and "#| pattern write devices/%u/" in text
        contents = json.loads(command(*base, "--json").stdout)["files"]
        assert contents["mosquitto.conf"] == expected and "BEGIN CERTIFICATE" in contents["ca.pem"], contents


def test_a_new_service_has_a_hub_too():
    """Before its first start it has no store, and gets none by this."""
    with running_service() as service:
        service.stop()
        for path in (service.directory / "store").iterdir():
            path.unlink()
        hub = Hub(service)
        assert json.loads(hub.configure().stdout)["revoked"] == 0
        assert not list((service.directory / "store").iterdir())
        service.start()


def test_it_fits_into_a_configuration_that_is_there():
    """As Debian's, which includes a directory."""
    with running_service() as service:
        device = enroll(service, "pump-1")
        hub = Hub(service)
        hub.configure()
        main, included = service.scratch / "main.conf", service.scratch / "conf.d"
        included.mkdir()
        (included / "brevet.conf").symlink_to(hub.directory / "mosquitto.conf")
        main.write_text(f"persistence false\nlog_dest stderr\nuser {getpass.getuser()}\ninclude_dir {included}\n")
        try:
            hub.start(main)
            trust = ["-p", hub.port, "--cafile", service.directory / "tls/ca.pem"]
            assert hub.publish(device, "devices/pump-1/messages/events/", "x")
            assert hub.client("mosquitto_pub", *trust, "-t", "x", "-m", "x", expect=None).returncode != 0
        finally:
            hub.stop()


def test_the_name_of_the_hub_is_checked():
    with running_service() as service:
        hub = Hub(service)
        done = hub.configure()
        assert "server.pem is not for hub.example.net" in done.stderr, done.stderr
        assert "mosquitto as hub.example.net" in (hub.directory / "mosquitto.conf").read_text()
        done = hub.configure("--hub", "other.example.net", expect=5)
        assert "other.example.net" in done.stderr and "there are: hub.example.net" in done.stderr, done.stderr
        (service.directory / "dps.conf.d/hub.conf").write_text("[hub near]\nhost-name=localhost\n")
        done = hub.configure("--hub", "localhost")
        assert done.stderr == "", done.stderr


def test_what_is_wrong_is_explained():
    with tempfile.TemporaryDirectory(prefix="brevet-test-") as path:
        files = ["--certificate", "c.pem", "--key", "k.pem"]
        for arguments, words in (([], "mosquitto"), (["emqx", *files], "emqx"), (["mosquitto"], "--certificate"),
                                 (["mosquitto", "--key", "k"], "--certificate"), (["mosquitto", "--port", "0", *files], "--port"),
                                 (["mosquitto", "--directory", "a\nb", *files], "--directory"),
                                 (["mosquitto", "--certificate", "", "--key", "k"], "--certificate"), (["mosquitto", "x", *files], "x")):
            done = command(DPS, "hub-config", *arguments, expect=2)
            assert words in done.stderr and not done.stdout, done
        odd = pathlib.Path(path) / "a\nuser root"
        odd.mkdir()
        done = command(DPS, "hub-config", "mosquitto", *files, "--config", f"{path}/none.conf", cwd=odd, expect=2)
        assert "control characters" in done.stderr, done
        done = command(DPS, "hub-config", "mosquitto", *files, "--config", f"{path}/none.conf", expect=5)
        assert "none.conf" in done.stderr, done
        service = pathlib.Path(path) / "service"
        command(DPS, "init", service)
        (pathlib.Path(path) / "file").write_text("")
        done = command(DPS, "hub-config", "mosquitto", *files, "--config", service / "dps.conf", "--directory", f"{path}/file/hub",
                       expect=5)
        assert f"{path}/file/hub" in done.stderr, done
        configuration = (service / "dps.conf").read_text()
        (service / "dps.conf").write_text(configuration.replace("[ca local]", "[other local]"))
        done = command(DPS, "hub-config", "mosquitto", *files, "--config", service / "dps.conf", expect=5)
        assert "[ca NAME]" in done.stderr, done


tap.run(tap.collect(dict(globals())))
