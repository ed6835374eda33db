# SPDX-License-Identifier: LGPL-2.1-or-later
# A device with a TPM, read by demo.sh: nothing secret is brought to it. The TPM is swtpm's.

tpm_id=gateway-12
tpm_directory=$scratch/tpm

has_tpm () {
  has_plugin attestation-tpm && command -v swtpm >/dev/null
}

# It goes into the background when it listens.
start_tpm () {
  mkdir -p "$tpm_directory/state"
  swtpm socket --tpm2 --tpmstate "dir=$tpm_directory/state" --server "type=unixio,path=$tpm_directory/socket" \
    --ctrl "type=unixio,path=$tpm_directory/socket.ctrl" --flags startup-clear,not-need-init --daemon --pid "file=$tpm_directory/pid"
  children+=("$(cat "$tpm_directory/pid")")
  tcti=swtpm:path=$tpm_directory/socket
}

show_tpm () {
  local sha256
  start_tpm
  "$BREVET" tpm show --create --tcti "$tcti" --json >"$scratch/tpm.json"
  cat "$scratch/tpm.json"
  sha256=$(member "$scratch/tpm.json" endorsementKeySha256)
  result="endorsement key with SHA-256 ${sha256:0:16}…"
}

enroll_tpm () {
  admin enrollment create "$tpm_id" --endorsement-key "$(member "$scratch/tpm.json" endorsementKey)" --certificate-authority "$ca_name"
  result="$tpm_id, certificates from $ca_name"
}

register_with_tpm () {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tpm_directory/device.key" -out "$tpm_directory/device.csr" \
    -subj "/CN=$tpm_id"
  "$BREVET" register --host localhost --port "$port" --ca-file "$service/tls/ca.pem" --id-scope "$id_scope" --registration-id "$tpm_id" \
    --tcti "$tcti" --csr "$tpm_directory/device.csr" --cert-out "$tpm_directory/device.pem" --json >"$scratch/registration.json"
  cat "$scratch/registration.json"
  result="assigned to $(member "$scratch/registration.json" assignedHub); no secret has left the TPM"
}
