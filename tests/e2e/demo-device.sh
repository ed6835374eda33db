# SPDX-License-Identifier: LGPL-2.1-or-later
# The device part of the demo, read by demo.sh: a device that nobody touches provisions itself, tells over D-Bus how it is, renews, and
# uses the new certificate at the hub. It has a bus of its own, on which the agent is started by the first question.

device_id=kiosk-17
device_ca=shortlived
new_authority='/CN=Kiosk works CA'
device_log=$scratch/brevetd.log

# add_short_lived_authority [PATH]: a CA whose certificates live so briefly that a renewal can be watched.
add_short_lived_authority () {
  mkdir -p "$service/dps.conf.d"
  cat >"$service/dps.conf.d/10-short-lived.conf" <<TEXT
[ca $device_ca]
type=local
certificate=${1:-ca/issuing}.pem
key=${1:-ca/issuing}.key
validity=2min
backdate=0
TEXT
}

# A certificate that the device has from the beginning, to prove who it is to the provisioning service and to nobody else.
certify_device () {
  mkdir -m 0700 "$scratch/device"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Kiosk makers CA' \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$scratch/makers.key" -out "$scratch/makers.pem"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$device_id" -CA "$scratch/makers.pem" \
    -CAkey "$scratch/makers.key" -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth \
    -keyout "$scratch/device/onboarding.key" -out "$scratch/device/onboarding.pem"
  result="CN=$device_id, issued by CN=Kiosk makers CA"
}

enroll_devices () {
  admin enrollment create --group kiosks --certificate "$scratch/makers.pem" --certificate-authority "$device_ca" \
    --trust-bundle "$trust_bundle_name"
  result="group kiosks, certificates from $device_ca live for two minutes"
}

configure_device () {
  cp "$service/tls/ca.pem" "$scratch/device/dps-ca.pem"
  cat >"$scratch/device/agent.conf" <<TEXT
[identity main]
id-scope=$id_scope
registration-id=$device_id
# Two thirds of the lifetime unless something else is wanted; here six seconds.
renew=114s
renewal-jitter=0

[transport main]
type=https
host=localhost
port=$port
ca-file=dps-ca.pem

[attestation main]
type=x509
certificate=onboarding.pem
key=onboarding.key

[store device]
type=file
directory=state
TEXT
  result="agent.conf with service, scope, registration id and certificate"
}

# Paths may have spaces: D-Bus takes them quoted as a shell does in a service file, and as a URI does in an address.
start_bus () {
  local program address
  program=$(/usr/bin/python3 -c 'import shlex, sys; print(shlex.join(sys.argv[1:]))' \
    "$BREVETD" --bus session --config "$scratch/device/agent.conf")
  address=unix:path=$(/usr/bin/python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$scratch/bus/socket")
  mkdir -p "$scratch/bus/services"
  cat >"$scratch/bus/services/org.brevet.Agent1.service" <<TEXT
[D-BUS Service]
Name=org.brevet.Agent1
Exec=$program
TEXT
  cat >"$scratch/bus/session.conf" <<TEXT
<busconfig>
  <type>session</type>
  <listen>$address</listen>
  <auth>EXTERNAL</auth>
  <servicedir>services</servicedir>
  <policy context="default"><allow send_destination="*"/><allow own="*"/><allow eavesdrop="false"/></policy>
</busconfig>
TEXT
  background "$device_log" "unix:path=" dbus-daemon --config-file="$scratch/bus/session.conf" --nofork --print-address=1
  export DBUS_SESSION_BUS_ADDRESS=$address
  result="the agent is not running"
}

# wait_for_event NAME: the next such line of brevet monitor; leaves it in $event.
wait_for_event () {
  while read -r -t 60 event <&"$events"; do
    printf '%s\n' "$event"
    if [[ $event == *"\"event\":\"$1\""* || $event == *"\"event\" : \"$1\""* ]]; then
      return
    fi
    if [[ $event == *failed* ]]; then
      because "the device says: $event"
    fi
  done
  because "there was no event $1"
}

# property NAME: of the identity, as any program on the bus reads it.
property () {
  gdbus call --session --dest org.brevet.Agent1 --object-path /org/brevet/Agent1/identities/main \
    --method org.freedesktop.DBus.Properties.Get org.brevet.Agent1.Identity "$1" | sed "s/^(<'\\?//; s/'\\?>,)\$//"
}

ask_device () {
  exec {events}< <(exec "$BREVET" monitor --bus session --json 2>>"$device_log")
  children+=("$!")
  # The first question starts the agent; whether its answer comes before or after the provisioning does not matter here.
  [ "$(property RegistrationId)" = "$device_id" ] || because "the agent does not answer over D-Bus"
  until [ "$(property State)" = provisioned ]; do
    wait_for_event state
  done
  first_certificate=$(property Sha256)
  result="provisioned, hub $(property AssignedHub), certificate ${first_certificate:0:16}…"
}

show_status () {
  "$BREVET" status --bus session
  "$BREVET" show certificate --bus session >"$scratch/shown.pem"
  openssl verify -x509_strict -purpose sslclient -CAfile "$service/ca/root.pem" -untrusted "$scratch/shown.pem" "$scratch/shown.pem"
  result="exit code 0; openssl verify accepts the certificate"
}

# Hub, key, certificate and trust bundle are what D-Bus says; only the port is not the usual one.
send_as_device () {
  backend -E
  "$BREVET" send --bus session --port "$hub_port" "hello with ${1:-the first certificate}"
  backend -C 1 -W 20 >"$scratch/received"
  result="the hub took: $(cat "$scratch/received")"
}

# How many devices use certificates of which CA: the one that the name stands for, and those that it stood for before.
show_authority () {
  # 1 says that one of them is down: DigiCert, whose key here is none.
  admin ca status || [ $? -eq 1 ]
  admin ca status "$device_ca" --json >"$scratch/authority.json"
  result=$(/usr/bin/python3 -c 'import json, sys
status = json.load(open(sys.argv[1]))
print(status["name"] + ": " + ", ".join("{} on {}{}".format(version["devices"], version["trust"][0]["subject"], former)
      for versions, former in (([status], ""), (status["earlierVersions"], " (former)")) for version in versions))' \
    "$scratch/authority.json")
}

swap_authority () {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "$new_authority" \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$scratch/works.key" -out "$scratch/works.pem"
  add_short_lived_authority "$scratch/works"
  await_reload "${children[0]}" "$service_log" 'Reloaded the configuration'
  reconfigure_hub
  result="[ca $device_ca] names certificate and key of ${new_authority#/}; service and hub go on"
}

wait_for_renewal () {
  local before after second_certificate
  before=$(openssl x509 -in "$scratch/shown.pem" -noout -pubkey)
  until [ "$(property Issuer)" = "${new_authority#/}" ] && [ "$(property State)" = provisioned ]; do
    wait_for_event state
  done
  "$BREVET" show certificate --bus session >"$scratch/renewed.pem"
  after=$(openssl x509 -in "$scratch/renewed.pem" -noout -pubkey)
  [ "$before" != "$after" ] || because "the new certificate is for the old key"
  second_certificate=$(property Sha256)
  result="certificate ${second_certificate:0:16}…, with a new key, from ${new_authority#/}"
}

send_as_renewed_device () {
  send_as_device "the new certificate"
}

ask_device_without_service () {
  local sha256 process
  process=$(gdbus call --session --dest org.freedesktop.DBus --object-path /org/freedesktop/DBus \
    --method org.freedesktop.DBus.GetConnectionUnixProcessID org.brevet.Agent1 | sed 's/[^0-9]*[0-9]* \([0-9]*\).*/\1/')
  kill -KILL "$process"
  wait_for_event agent-stopped
  # The question starts it again.
  sha256=$(property Sha256)
  [ -n "$sha256" ] || because "the device has lost its identity"
  openssl x509 -in "$(property CertificateLocation)" -noout -subject -enddate
  result="certificate ${sha256:0:16}… is still there"
}
