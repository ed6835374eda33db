/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-blob.h"

#include "brevet-error.h"
#include "brevet-tpm-cipher.h"
#include "brevet-tpm-wrap.h"

#include <string.h>
#include <tss2/tss2_mu.h>

#define SEED_SIZE 32

/* Clients import with AES-128 and nothing else. */
#define INNER_SIZE 16

#define KEY_SIZE_MAX 64

/* Takes @part over. */
static gboolean
add_part (GByteArray *blob, GBytes *part)
{
  if (part == NULL)
    return FALSE;
  g_byte_array_append (blob, g_bytes_get_data (part, NULL), g_bytes_get_size (part));
  g_bytes_unref (part);
  return TRUE;
}

/* Parts 2 and 4: a seed that only the holder of an RSA key can read. */
static GBytes *
encrypt_seed (BrevetTpmPublicArea *reader, BrevetSecret *seed, const char *label, GError **error)
{
  g_autoptr(GBytes) ciphertext = brevet_tpm_encrypt_oaep (reader->modulus, seed, label, error);
  TPM2B_ENCRYPTED_SECRET secret = { 0 };
  guint8 bytes[sizeof secret];
  gsize length = 0;
  TSS2_RC code;

  if (ciphertext == NULL)
    return NULL;
  secret.size = (UINT16) g_bytes_get_size (ciphertext);
  memcpy (secret.secret, g_bytes_get_data (ciphertext, NULL), secret.size);
  code = Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal (&secret, bytes, sizeof bytes, &length);
  if (code == TSS2_RC_SUCCESS)
    return g_bytes_new (bytes, length);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "A seed for the TPM could not be written: 0x%08x", code);
  return NULL;
}

static gboolean
add_credential (GByteArray *blob, BrevetTpmPublicArea *endorsement, BrevetTpmPublicArea *storage_root, BrevetSecret *inner,
                GError **error)
{
  g_autoptr(BrevetSecret) seed = brevet_secret_new_random (SEED_SIZE);

  return add_part (blob, brevet_tpm_wrap_credential (seed, endorsement->symmetric_bits, inner, storage_root->name, error)) &&
         add_part (blob, encrypt_seed (endorsement, seed, "IDENTITY", error));
}

static gboolean
add_duplicate (GByteArray *blob, BrevetTpmPublicArea *storage_root, BrevetSecret *key, BrevetSecret *inner, GError **error)
{
  g_autoptr(BrevetSecret) seed = brevet_secret_new_random (SEED_SIZE);
  g_autoptr(BrevetSecret) seed_value = brevet_secret_new_random (SEED_SIZE);
  g_autoptr(GBytes) name = NULL;
  g_autoptr(GBytes) public = brevet_tpm_wrap_public (seed_value, key, &name, error);
  g_autoptr(GBytes) wrapped = public != NULL ? brevet_tpm_wrap_inner (inner, seed_value, key, name, error) : NULL;

  return wrapped != NULL &&
         add_part (blob, brevet_tpm_wrap_outer (seed, storage_root->symmetric_bits, wrapped, name, error)) &&
         add_part (blob, encrypt_seed (storage_root, seed, "DUPLICATE", error)) &&
         add_part (blob, g_steal_pointer (&public));
}

GBytes *
brevet_tpm_blob_new (BrevetTpmPublicArea *endorsement, BrevetTpmPublicArea *storage_root, BrevetSecret *key, const char *text,
                     GError **error)
{
  g_autoptr(BrevetSecret) inner = brevet_secret_new_random (INNER_SIZE);
  g_autoptr(GByteArray) blob = g_byte_array_new ();
  gsize length;

  brevet_secret_get_data (key, &length);
  g_return_val_if_fail (length > 0 && length <= KEY_SIZE_MAX, NULL);
  if (!add_credential (blob, endorsement, storage_root, inner, error) ||
      !add_duplicate (blob, storage_root, key, inner, error) ||
      !add_part (blob, brevet_tpm_wrap_text (inner, text, error)))
    return NULL;
  return g_byte_array_free_to_bytes (g_steal_pointer (&blob));
}
