#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job of brevet from end to end, with the tools that operators and devices have: curl, openssl, mosquitto. ./dev demo runs it,
# and so does the test suite. BREVET, BREVET_DPS and BREVETD name the programs; --keep keeps the scratch directory.
set -eEuo pipefail

: "${BREVET:?names the program brevet}" "${BREVET_DPS:?names the program brevet-dps}" "${BREVETD:?names the program brevetd}"
fixtures=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../fixtures
keep=no
case ${1:-} in
  --keep) keep=yes ;;
  '') ;;
  *)
    echo "demo: unknown option $1" >&2
    exit 2
    ;;
esac

registration_id=my-registration-id
ca_name=mylocalca1
trust_bundle_name=mytrustbundle1
version=2021-11-01-preview
scratch=$(mktemp -d)
log=$scratch/demo.log
service_log=$scratch/brevet-dps.log
hub_log=$scratch/mosquitto.log
children=()
current='the preparation'
began=$(date +%s%N)

export LC_ALL=C.UTF-8
exec 3>&1

# --- the frame ----------------------------------------------------------------------------------------------------------------------

seconds_since () {
  awk -v a="$1" -v b="$(date +%s%N)" 'BEGIN { printf "%.2f s", (b - a) / 1e9 }'
}

clean_up () {
  for child in "${children[@]}"; do
    kill -TERM "$child" 2>/dev/null || true
  done
  for child in "${children[@]}"; do
    wait "$child" 2>/dev/null || true
  done
  if [ "$keep" = yes ]; then
    echo "The scratch directory is kept: $scratch" >&3
  else
    rm -rf "$scratch"
  fi
}

show_tail () {
  if [ -s "$1" ]; then
    printf '\n--- the end of %s\n' "$(basename "$1")" >&3
    tail -n 25 "$1" >&3
  fi
}

step_failed () {
  # A subshell only ends; the shell around it reports.
  [ "$BASH_SUBSHELL" -eq 0 ] || exit 1
  trap - ERR
  printf 'FAILED\n\nThe step that failed: %s.\n' "$current" >&3
  if [ -n "${reason:-}" ]; then
    printf 'Why: %s\n' "$reason" >&3
  fi
  show_tail "$log"
  show_tail "$service_log"
  show_tail "$hub_log"
  show_tail "$device_log"
  exit 1
}

# because REASON: the step cannot go on.
because () {
  reason=$1
  step_failed
}

# step SENTENCE FUNCTION: what the function prints goes to the log, what it says with "result" to the reader.
step () {
  local start
  start=$(date +%s%N)
  current=$1
  result=ok
  reason=''
  printf '%s … ' "$1" >&3
  printf '\n=== %s\n' "$1" >>"$log"
  "$2" >>"$log" 2>&1
  printf '%s (%s)\n' "$result" "$(seconds_since "$start")" >&3
}

# A build may be without some plugins.
has_plugin () {
  local directory
  local IFS=:
  for directory in ${BREVET_PLUGIN_PATH:-}; do
    [ ! -e "$directory/$1/$1.plugin" ] || return 0
  done
  return 1
}

free_port () {
  PYTHONPATH=$fixtures /usr/bin/python3 -c 'import ports; print(ports.free_port())'
}

# background LOG PATTERN COMMAND...: starts a program and waits until it prints a line with PATTERN.
background () {
  local file=$1 pattern=$2 output line
  shift 2
  exec {output}< <(exec "$@" 2>&1)
  children+=("$!")
  while read -r -t 60 line <&"$output"; do
    printf '%s\n' "$line" >>"$file"
    if [[ $line == *"$pattern"* ]]; then
      cat <&"$output" >>"$file" &
      return
    fi
  done
  because "$1 was not ready"
}

# member FILE EXPRESSION: a value from a JSON file.
member () {
  /usr/bin/python3 -c 'import json, sys; value = json.load(open(sys.argv[1]))
for name in sys.argv[2].split("."): value = value[name]
print(value)' "$1" "$2"
}

# expect STATUS FILE: the last status line that curl -i wrote.
expect () {
  local status
  cat "$2"
  echo
  status=$(sed -n 's/^HTTP\/[0-9.]* \([0-9]*\).*/\1/p' "$2" | tail -n 1)
  [ "$status" = "$1" ] || because "the service answered ${status:-nothing} instead of $1"
}

# --- the steps ----------------------------------------------------------------------------------------------------------------------

make_service () {
  service=$scratch/service
  port=$(free_port)
  mqtt_port=0
  ! has_plugin transport-mqtt || mqtt_port=$(free_port)
  "$BREVET_DPS" init "$service" --host-name localhost --address 127.0.0.1 --https-port "$port" --mqtt-port "$mqtt_port" --hub localhost \
    --json >"$scratch/init.json"
  id_scope=$(member "$scratch/init.json" idScope)
  add_short_lived_authority
  keep_digicert_out
  result="scope $id_scope, root and issuing CA, TLS certificate, operator's keys"
}

# The document's API key is none, and the real DigiCert shall not be bothered with it: its objects go to a port where nobody listens.
keep_digicert_out () {
  printf '\n[plugin ca-digicert]\nendpoint=https://localhost:%s\n' "$(free_port)" >>"$service/dps.conf"
}

start_service () {
  background "$service_log" "Ready:" "$BREVET_DPS" run --config "$service/dps.conf"
  dps_service_endpoint=localhost:$port
  # The seed's commands for trust bundles verify the server's certificate, the others do not.
  export CURL_CA_BUNDLE=$service/tls/ca.pem
  result="https://$dps_service_endpoint"
  [ "$mqtt_port" = 0 ] || result="$result, mqtts://localhost:$mqtt_port"
}

sign_in () {
  service_api_sas_token=$("$fixtures/sas_token.py" --resource localhost --key-name provisioningserviceowner \
    --key-file "$service/keys/provisioningserviceowner-primary.key")
  result="a token of policy provisioningserviceowner"
}

connect_digicert () {
  curl -k -L -i -X PUT "https://$dps_service_endpoint/certificateAuthorities/myca1?api-version=$version" -H "Authorization: $service_api_sas_token" -H 'Content-Type: application/json' -H 'Content-Encoding: utf-8' -d'{"certificateAuthorityType":"DigiCertCertificateAuthority","apiKey":"0123456789","profileName":"11112222-3333-4444-5555-666677778888"}' >"$scratch/reply"
  expect 200 "$scratch/reply"
  ! grep -q 0123456789 "$scratch/reply" || because "the reply shows the API key"
  ! grep -q 0123456789 "$service"/store/* || because "the database shows the API key"
  result="myca1 is stored, and its API key neither shown again nor readable in the database"
}

connect_local () {
  curl -k -L -i -X PUT "https://$dps_service_endpoint/certificateAuthorities/$ca_name?api-version=$version" -H "Authorization: $service_api_sas_token" -H 'Content-Type: application/json' -H 'Content-Encoding: utf-8' -d'{"certificateAuthorityType":"LocalCertificateAuthority","profileName":"local"}' >"$scratch/reply"
  expect 200 "$scratch/reply"
  result="$ca_name is the CA that init made"
}

enroll () {
  curl -k -L -i -X PUT -H "Content-Type: application/json" -H "Content-Encoding:  utf-8" -H "Authorization: $service_api_sas_token" "https://$dps_service_endpoint/enrollments/$registration_id?api-version=$version" -H "If-Match: *" -d '{ "registrationId": "'"$registration_id"'", "attestation": { "type": "symmetricKey" }, "clientCertificateIssuancePolicy": {"certificateAuthorityName":"'"$ca_name"'"} }' >"$scratch/reply"
  expect 200 "$scratch/reply"
  result="$registration_id, symmetric key, certificates from $ca_name"
}

# The device's makers put this key into the device.
fetch_key () {
  curl -k -i -X POST -H "Content-Length: 0" -H "Authorization: $service_api_sas_token" "https://$dps_service_endpoint/enrollments/$registration_id/attestationmechanism?api-version=$version" >"$scratch/reply"
  expect 200 "$scratch/reply" >/dev/null
  sed '1,/^\r$/d' "$scratch/reply" >"$scratch/attestation.json"
  (umask 077; member "$scratch/attestation.json" symmetricKey.primaryKey >"$scratch/device.key")
  result="the service made $(base64 -d "$scratch/device.key" | wc -c) random bytes"
}

# The hub's own server certificate comes from a CA that the device learns of by its trust bundle alone.
make_hub_ca () {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/hub-ca.key" -out "$scratch/hub-ca.pem" -days 30 \
    -subj '/CN=Demo hub CA' -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/hub.key" -out "$scratch/hub.csr" -subj /CN=localhost
  printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n' >"$scratch/hub.ext"
  openssl x509 -req -in "$scratch/hub.csr" -CA "$scratch/hub-ca.pem" -CAkey "$scratch/hub-ca.key" -CAcreateserial -days 30 -sha256 \
    -extfile "$scratch/hub.ext" -out "$scratch/hub.pem"
  result="CN=Demo hub CA"
}

create_trust_bundle () {
  /usr/bin/python3 -c 'import json, sys
pem = open(sys.argv[1]).read().replace("\n", "\r\n")
json.dump({"certificates": [{"certificate": pem}]}, open(sys.argv[2], "w"), indent=4)' \
    "$scratch/hub-ca.pem" "$scratch/sample-put-trustbundle-payload.json"
  cd "$scratch"
  curl -v -X PUT -H "Authorization: $service_api_sas_token" -H 'Content-Type: application/json' "https://$dps_service_endpoint/trustBundles/$trust_bundle_name?api-version=$version" -d @sample-put-trustbundle-payload.json >"$scratch/bundle.json" 2>"$scratch/curl-verbose"
  sed 's/^< //' "$scratch/curl-verbose" >"$scratch/reply"
  cd /
  grep -v -i '^> authorization' "$scratch/curl-verbose"
  expect 200 "$scratch/reply" >/dev/null
  [ "$(member "$scratch/bundle.json" id)" = "$trust_bundle_name" ]
  result="$trust_bundle_name with the hub's CA"
}

get_enrollment () {
  cd "$scratch"
  curl -X GET -H "Content-Type: application/json" -H "Content-Encoding:  utf-8" -H "Authorization: $service_api_sas_token" "https://$dps_service_endpoint/enrollments/$registration_id?api-version=$version" >enrollment.json
  cd /
  ! grep -q -F "$(cat "$scratch/device.key")" "$scratch/enrollment.json" || because "the reply shows the device's key"
  etag=$(member "$scratch/enrollment.json" etag)
  result="enrollment.json, etag $etag, without keys"
}

edit_enrollment () {
  /usr/bin/python3 -c 'import json, sys
enrollment = json.load(open(sys.argv[1]))
enrollment["trustBundleId"] = sys.argv[2]
json.dump(enrollment, open(sys.argv[1], "w"), indent=4)' "$scratch/enrollment.json" "$trust_bundle_name"
  cd "$scratch"
  curl -k -L -i -X PUT -H "Content-Type: application/json" -H "Content-Encoding:  utf-8" -H "Authorization: $service_api_sas_token" "https://$dps_service_endpoint/enrollments/$registration_id?api-version=$version" -H "If-Match: $etag" -d @enrollment.json >reply
  expect 200 reply >/dev/null
  curl -k -L -i -X PUT -H "Content-Type: application/json" -H "Content-Encoding:  utf-8" -H "Authorization: $service_api_sas_token" "https://$dps_service_endpoint/enrollments/$registration_id?api-version=$version" -H "If-Match: $etag" -d @enrollment.json >reply
  expect 412 reply
  cd /
  result="it names $trust_bundle_name now; the same etag again is refused with 412"
}

make_csr () {
  cd "$scratch"
  (umask 077; openssl ecparam -genkey -name prime256v1 -out ec256-key-pair.key)
  openssl req -new -key ec256-key-pair.key -out ecc256.csr -subj "/CN=$registration_id"
  cd /
  result="P-256, CN=$registration_id"
}

register () {
  "$BREVET" register --host localhost --port "$port" --ca-file "$service/tls/ca.pem" --id-scope "$id_scope" \
    --registration-id "$registration_id" --symmetric-key-file "$scratch/device.key" --csr "$scratch/ecc256.csr" \
    --cert-out "$scratch/device.pem" --trust-bundle-out "$scratch/trust-bundle.pem" --json >"$scratch/registration.json"
  cat "$scratch/registration.json"
  hub=$(member "$scratch/registration.json" assignedHub)
  [ "$hub" = localhost ] || because "the device was assigned to $hub"
  result="assigned to $hub"
}

# The same device, the same question, as most devices ask it.
register_over_mqtt () {
  "$BREVET" register --transport mqtt --host localhost --port "$mqtt_port" --ca-file "$service/tls/ca.pem" --id-scope "$id_scope" \
    --registration-id "$registration_id" --symmetric-key-file "$scratch/device.key" --csr "$scratch/ecc256.csr" \
    --cert-out "$scratch/device.pem" --trust-bundle-out "$scratch/trust-bundle.pem" --json >"$scratch/registration.json"
  cat "$scratch/registration.json"
  result="assigned to $(member "$scratch/registration.json" assignedHub), another certificate"
}

check_certificate () {
  local key_of_certificate key_of_device
  openssl verify -x509_strict -purpose sslclient -CAfile "$service/ca/root.pem" -untrusted "$scratch/device.pem" "$scratch/device.pem"
  key_of_certificate=$(openssl x509 -in "$scratch/device.pem" -noout -pubkey)
  key_of_device=$(openssl pkey -in "$scratch/ec256-key-pair.key" -pubout)
  [ "$key_of_certificate" = "$key_of_device" ] || because "the certificate is for another key"
  subject=$(openssl x509 -in "$scratch/device.pem" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')
  issuer=$(openssl x509 -in "$scratch/device.pem" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//')
  expiry=$(openssl x509 -in "$scratch/device.pem" -noout -enddate | sed 's/^notAfter=//')
  [ "$subject" = "CN=$registration_id" ] || because "the subject is $subject"
  cmp "$scratch/trust-bundle.pem" "$scratch/hub-ca.pem" || because "the trust bundle is not the one that was stored"
  result="openssl verify accepts it for TLS clients"
}

configure_hub () {
  "$BREVET_DPS" hub-config mosquitto --config "$service/dps.conf" --directory "$scratch/hub" --certificate "$scratch/hub.pem" \
    --key "$scratch/hub.key" --port "$hub_port" --json >"$scratch/hub.json"
  cat "$scratch/hub.json"
}

# What reads the messages of all devices has a listener of its own.
add_backend () {
  backend_port=$(free_port)
  cat >"$scratch/hub/local.d/backend.conf" <<TEXT
user $(id -un)
listener $backend_port 127.0.0.1
allow_anonymous true
acl_file $scratch/hub/local.d/backend.acl
TEXT
  echo 'topic read devices/+/messages/events/#' >"$scratch/hub/local.d/backend.acl"
}

start_hub () {
  hub_port=$(free_port)
  configure_hub
  add_backend
  background "$hub_log" "running" "$(PATH=$PATH:/usr/sbin:/sbin command -v mosquitto)" -c "$scratch/hub/mosquitto.conf"
  hub_process=${children[-1]}
  result="port $hub_port: certificates required, each device its own topics, nobody who is revoked"
}

# The hub learns what has changed at the service.
reconfigure_hub () {
  configure_hub
  await_reload "$hub_process" "$hub_log" 'Reloading config'
}

# await_reload PROCESS LOG TEXT: has it read its configuration again, which it says in its log.
await_reload () {
  local lines output reader
  lines=$(wc -l <"$2")
  kill -HUP "$1"
  exec {output}< <(exec tail -n "+$((lines + 1))" -f "$2")
  reader=$!
  timeout 60 grep -q -m 1 "$3" <&"$output" || because "there is no “$3” in $2"
  kill "$reader"
  exec {output}<&-
}

# with_identity PROGRAM...: as the device: its certificate, its key, its trust bundle, the hub that it was assigned to.
with_identity () {
  "$@" -h "$hub" -p "$hub_port" --cafile "$scratch/trust-bundle.pem" --cert "$scratch/device.pem" --key "$scratch/ec256-key-pair.key" -V mqttv311
}

# backend OPTION...: as the operator's backend. Its lasting session keeps what arrives between two calls, so nothing depends on who is
# faster.
backend () {
  mosquitto_sub -h localhost -p "$backend_port" -V mqttv311 -i backend -c -q 1 -t 'devices/+/messages/events/#' "$@"
}

send_messages () {
  local topic=devices/$registration_id/messages/events/
  backend -E
  for number in {1..10}; do
    echo "{\"message\": $number}"
  done >"$scratch/sent"
  with_identity mosquitto_pub -i "$registration_id" -q 1 -t "$topic" -l <"$scratch/sent"
  backend -C 10 -W 20 >"$scratch/received"
  cmp "$scratch/sent" "$scratch/received" || because "not all messages arrived"
  result="$(wc -l <"$scratch/received") messages arrived"
}

send_without_certificate () {
  if mosquitto_pub -h "$hub" -p "$hub_port" --cafile "$scratch/trust-bundle.pem" -V mqttv311 -q 1 -t "devices/$registration_id/messages/events/" -m x; then
    because "the hub took a message without a certificate"
  fi
  result="refused by the hub"
}

# Whom the service does not welcome any more, the hub need not either.
disable_device () {
  /usr/bin/python3 -c 'import json, sys
enrollment = json.load(open(sys.argv[1]))
enrollment["provisioningStatus"] = "disabled"
json.dump(enrollment, open(sys.argv[1], "w"), indent=4)' "$scratch/enrollment.json"
  curl -k -L -i -X PUT -H "Content-Type: application/json" -H "Authorization: $service_api_sas_token" "https://$dps_service_endpoint/enrollments/$registration_id?api-version=$version" -H "If-Match: *" -d "@$scratch/enrollment.json" >"$scratch/reply"
  expect 200 "$scratch/reply" >/dev/null
  reconfigure_hub
  if with_identity mosquitto_pub -i "$registration_id" -q 1 -t "devices/$registration_id/messages/events/" -m x; then
    because "the hub took a message of a disabled device"
  fi
  result="revoked, and refused by the hub"
}

stop_service () {
  kill -TERM "${children[0]}"
  wait "${children[0]}" || because "brevet-dps ended with exit code $?"
  result="exit code 0"
}

# admin WORD...: what an operator does with brevet instead of curl.
admin () {
  (umask 077; printf 'HostName=%s;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=%s\n' "$dps_service_endpoint" \
    "$(cat "$service/keys/provisioningserviceowner-primary.key")" >"$scratch/dps.connection")
  "$BREVET" admin "$@" --connection-string-file "$scratch/dps.connection" --ca-file "$service/tls/ca.pem"
}

# shellcheck source=demo-tpm.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/demo-tpm.sh"
# shellcheck source=demo-device.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/demo-device.sh"

trap step_failed ERR
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "An operator makes a service directory with brevet-dps init" make_service
step "The service starts with a local CA" start_service
step "The operator signs in" sign_in
step "curl connects the DigiCert CA, as the seed document says" connect_digicert
step "The same command connects the local CA" connect_local
step "curl enrolls the device" enroll
step "The device's key is fetched" fetch_key
step "openssl makes the hub's own CA and certificate" make_hub_ca
step "curl creates a trust bundle" create_trust_bundle
step "curl reads the enrollment" get_enrollment
step "The enrollment is edited and put back with its etag" edit_enrollment
step "openssl makes the device's key and CSR" make_csr
step "brevet register gets the certificate" register
[ "$mqtt_port" = 0 ] || step "The same over MQTT" register_over_mqtt
step "openssl checks the certificate" check_certificate
step "brevet-dps hub-config makes mosquitto a hub" start_hub
step "The device sends ten messages with its certificate" send_messages
step "Somebody without a certificate tries it too" send_without_certificate
step "The operator disables the device" disable_device

echo >&3
if has_tpm; then
  step "A device with a TPM shows what the operator must know" show_tpm
  step "brevet admin enrolls it" enroll_tpm
  step "brevet register proves itself with the TPM" register_with_tpm
  echo >&3
fi

step "The makers of another device give it an onboarding certificate" certify_device
step "brevet admin enrolls all devices with certificates of this CA" enroll_devices
step "The device is given a configuration" configure_device
step "The device's bus starts" start_bus
step "The first question over D-Bus starts the agent, which provisions itself" ask_device
step "brevet status tells how it is" show_status
step "The device sends a message" send_as_device
step "brevet admin ca status tells whose certificates are in use" show_authority
step "Another CA takes the place of that one, by its group of the configuration" swap_authority
step "Nobody does anything, and the certificate is renewed" wait_for_renewal
step "brevet admin ca status tells who has moved" show_authority
step "The device sends a message again" send_as_renewed_device
step "The service stops" stop_service
step "The agent is killed, and asked again without a service" ask_device_without_service

cat >&3 <<TEXT

Done in $(seconds_since "$began").
  Subject       $subject
  Issuer        $issuer
  Expires       $expiry
  Hub           $hub
  Trust bundle  $trust_bundle_name: $(grep -c BEGIN "$scratch/trust-bundle.pem") certificate, $(openssl x509 -in "$scratch/trust-bundle.pem" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')
TEXT
