# SPDX-License-Identifier: LGPL-2.1-or-later
"""brevet-dps installed on a machine with systemd: users, socket, readiness, reload, watchdog, restarts, credentials, sandbox."""

import base64
import os
import pathlib
import pwd
import shutil
import signal
import socket
import stat

import mqtt_client
import sas_token
import tap
from dps import PREVIEW, Device, command, make_csr
from machine import CHECK_MANUAL, InstalledService, Unit, check_restarts_for_ever, check_sandbox, check_watchdog

service = None
unit = Unit("brevet-dps.service")
mqtt_socket = Unit("brevet-dps-mqtt.socket")


def mode_and_owner(path):
    status = os.stat(path)
    return oct(stat.S_IMODE(status.st_mode)), pwd.getpwuid(status.st_uid).pw_name


def test_users_and_directories_are_there_after_the_boot():
    for user in ("brevet", "brevet-dps"):
        assert pwd.getpwnam(user).pw_shell.endswith("nologin"), pwd.getpwnam(user)
        assert mode_and_owner(f"/var/lib/{user}") == ("0o700", user), mode_and_owner(f"/var/lib/{user}")
    assert mode_and_owner("/etc/brevet") == ("0o755", "root")
    for name in ("agent", "dps"):
        assert mode_and_owner(f"/etc/brevet/{name}-credentials") == ("0o700", "root")
    # What may hold a secret of one service is closed to the other.
    pathlib.Path("/etc/brevet/dps.conf.d/secret.conf").write_text("# secret\n")
    command("runuser", "-u", "brevet-dps", "--", "cat", "/etc/brevet/dps.conf.d/secret.conf")
    command("runuser", "-u", "brevet", "--", "cat", "/etc/brevet/dps.conf.d/secret.conf", expect=1)
    command("runuser", "-u", "nobody", "--", "cat", "/etc/brevet/dps.conf.d/secret.conf", expect=1)
    os.unlink("/etc/brevet/dps.conf.d/secret.conf")


def test_systemd_analyze_finds_nothing_wrong_with_the_units():
    done = command("systemd-analyze", "verify", CHECK_MANUAL, "brevet-dps.service", "brevet-dps.socket", "brevet-dps-mqtt.socket")
    assert "brevet" not in done.stderr, done.stderr


def test_only_root_sets_the_service_up_and_only_once():
    global service
    init = ["brevet-dps", "init", "--system", "--host-name", "localhost"]
    refused = command("runuser", "-u", "brevet-dps", "--", *init, expect=5)
    assert "Only root" in refused.stderr, refused.stderr
    assert os.listdir("/var/lib/brevet-dps") == []
    command(*init, "/srv/dps", expect=2)
    told = command(*init).stdout
    assert told.startswith("/etc/brevet/dps.conf is ready") and "systemctl enable --now brevet-dps.socket" in told, told
    os.unlink("/etc/brevet/dps.conf")
    shutil.rmtree("/var/lib/brevet-dps/service")
    service = InstalledService()
    assert service.facts["configuration"] == "/etc/brevet/dps.conf", service.facts
    status = os.stat("/etc/brevet/dps.conf")
    assert mode_and_owner("/etc/brevet/dps.conf") == ("0o640", "root") and status.st_gid == pwd.getpwnam("brevet-dps").pw_gid
    assert mode_and_owner(service.directory / "ca/issuing.key") == ("0o600", "brevet-dps")
    assert {mode_and_owner(path)[1] for path in [service.directory, *service.directory.rglob("*")]} == {"brevet-dps"}
    before = pathlib.Path("/etc/brevet/dps.conf").read_text()
    assert "nothing was changed" in command(*init, expect=3).stderr
    # Nor is anything left behind where only the other half is there already.
    os.unlink("/etc/brevet/dps.conf")
    command(*init, expect=3)
    assert not os.path.exists("/etc/brevet/dps.conf") and os.listdir("/var/lib/brevet-dps") == ["service"]
    pathlib.Path("/etc/brevet/dps.conf").write_text(before)
    command("systemd-tmpfiles", "--create", "brevet.conf")
    assert mode_and_owner("/etc/brevet/dps.conf") == ("0o640", "root")


def test_the_tls_certificate_is_renewed_in_its_place():
    path = service.directory / "tls/server.pem"
    before = path.read_text()
    command("brevet-dps", "init", "--system", "--renew-tls", "--host-name", "localhost", "--host-name", "dps.example.net")
    assert path.read_text() != before and mode_and_owner(path)[1] == "brevet-dps"
    assert "dps.example.net" in command("openssl", "x509", "-in", path, "-noout", "-ext", "subjectAltName").stdout


def test_the_first_connection_starts_the_service_and_is_answered():
    service.socket.start()
    assert unit["ActiveState"] == "inactive"
    # A unit that wants credentials of a directory that is not there does not start, so this one must make it.
    os.rmdir("/etc/brevet/dps-credentials")
    reply = service.operate("GET", "/enrollments/pump-07")
    assert reply.status == 404, reply
    assert unit["ActiveState"] == "active"
    command("systemd-tmpfiles", "--create", "brevet.conf")


def test_systemctl_status_says_that_and_where_it_listens():
    assert unit["SubState"] == "running"
    assert "https on port 443" in unit["StatusText"], unit["StatusText"]
    assert unit.user == "brevet-dps", unit.user
    assert "The provisioning service is ready" in unit.log()


def test_a_device_gets_a_certificate():
    key = service.enroll("pump-07", clientCertificateIssuancePolicy={"certificateAuthorityName": "local"})
    _, csr = make_csr(pathlib.Path("/tmp"), "pump-07")
    body = csr.read_text().replace("-----BEGIN CERTIFICATE REQUEST-----", "").replace("-----END CERTIFICATE REQUEST-----", "")
    reply = Device(service, "pump-07", key).register(clientCertificateCsr="".join(body.split()))
    assert reply.status == 200 and reply.json["status"] == "assigned", reply
    assert "BEGIN CERTIFICATE" in reply.json["registrationState"]["issuedClientCertificate"], reply


def test_systemctl_reload_takes_over_a_new_configuration():
    process = unit.pid
    service.configure("[service]\nhost-names=localhost;dps.example.net\n")
    token = sas_token.make_token("dps.example.net", service.operator_key, "provisioningserviceowner")
    path, headers = f"/enrollments/pump-07?api-version={PREVIEW}", {"Authorization": token}
    assert service.ask("GET", path, headers=headers).status == 401
    unit.reload()
    unit.wait_for_log("Reloaded the configuration")
    assert service.ask("GET", path, headers=headers).status == 200
    assert unit.pid == process and unit["ActiveState"] == "active"


def test_a_reload_with_a_mistake_changes_nothing_and_is_seen_in_the_status():
    process = unit.pid
    service.configure("[service]\nretry-after=soon\n")
    unit.reload()
    unit.wait_for("the mistake in the status", lambda: "50-test.conf:2" in unit["StatusText"])
    unit.wait_for_property("ActiveState", "active")
    assert unit.pid == process
    assert service.operate("GET", "/enrollments/pump-07").status == 200
    service.configure("")
    unit.reload()
    unit.wait_for("the port in the status", lambda: unit["StatusText"].startswith("Listening: ") and "https on port 443" in unit["StatusText"])


def test_a_killed_service_comes_back_and_answers_who_came_meanwhile():
    unit.set(RestartSec="300ms")
    killed = unit.kill(signal.SIGKILL)
    reply = service.operate("GET", "/enrollments/pump-07")
    assert reply.status == 200 and reply.json["registrationId"] == "pump-07", reply
    assert unit.is_up_after(killed)
    unit.unset()


def test_a_service_that_hangs_is_replaced():
    check_watchdog(unit)
    assert service.operate("GET", "/enrollments/pump-07").status == 200


def test_no_number_of_failures_makes_systemd_give_up():
    check_restarts_for_ever(unit)
    assert service.operate("GET", "/enrollments/pump-07").status == 200


def test_a_mistake_at_the_start_is_healed_without_the_administrator():
    service.configure("[service]\nretry-after=soon\n")
    unit.set(RestartSec="100ms")
    systemctl_start = command("systemctl", "restart", unit.name, expect=None)
    assert systemctl_start.returncode != 0
    assert "50-test.conf:2" in unit.log(), unit.log()
    service.configure("")
    unit.wait_for_property("ActiveState", "active")
    assert service.operate("GET", "/enrollments/pump-07").status == 200
    unit.unset()


def test_a_key_comes_from_a_credential_that_only_root_can_read():
    key = base64.b64encode(os.urandom(32)).decode()
    path = pathlib.Path("/etc/brevet/dps-credentials/reader-key")
    path.touch(0o600)
    path.write_text(key + "\n")
    command("runuser", "-u", "brevet-dps", "--", "cat", path, expect=1)
    service.configure("[policy reader]\nrights=EnrollmentRead\nprimary-key-credential=dps_reader-key\n")
    unit.restart()
    token = sas_token.make_token("localhost", key, "reader")
    reply = service.ask("GET", f"/enrollments/pump-07?api-version={PREVIEW}", headers={"Authorization": token})
    assert reply.status == 200, reply


def test_the_sandbox_leaves_nothing_but_its_own_state():
    check_sandbox(unit, "brevet-dps", "/var/lib/brevet")


def test_devices_find_the_socket_of_mqtt():
    service.configure(f"[listener mqtt]\ntype=mqtt\ncertificate={service.directory}/tls/server.pem\nkey={service.directory}/tls/server.key\n"
                      "address=192.0.2.1\nport=1\n")
    unit.stop()
    mqtt_socket.start()
    unit.start()
    unit.wait_for("the port in the status", lambda: "mqtt on port 8883" in unit["StatusText"])
    service.mqtt_port = 8883
    session = service.connect_mqtt("pump-08")
    assert session.connect(service.enroll("pump-08")) == 0
    session.subscribe()
    session.publish(mqtt_client.REGISTER.format(1))
    assert session.answer()[0] == 200
    session.close()


def test_stopping_ends_cleanly():
    mqtt_socket.stop()
    service.socket.stop()
    unit.stop()
    assert unit["Result"] == "success" and unit["ExecMainStatus"] == "0"
    assert "The provisioning service has stopped" in unit.log()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 443)) != 0


tap.run(tap.collect(dict(globals())))
