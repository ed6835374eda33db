/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-wrap.h"

#include "brevet-error.h"
#include "brevet-tpm-cipher.h"

#include <gnutls/gnutls.h>
#include <string.h>
#include <tss2/tss2_mu.h>

/* No fixedTPM, fixedParent and sensitiveDataOrigin: the key comes from outside. No lock-out by wrong guesses: there is nothing to
 * guess. */
#define KEY_ATTRIBUTES (TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA)

G_STATIC_ASSERT (TPM2_SHA256_DIGEST_SIZE == BREVET_TPM_DIGEST_SIZE);

static gboolean
check (TSS2_RC code, GError **error)
{
  if (code == TSS2_RC_SUCCESS)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "A structure for the TPM could not be written: 0x%08x", code);
  return FALSE;
}

/* Of a TPM2B, whatever is in it. */
static void
fill (UINT16 *size, guint8 *buffer, gsize capacity, gconstpointer data, gsize length)
{
  g_return_if_fail (length <= capacity);
  *size = (UINT16) length;
  memcpy (buffer, data, length);
}

static void
fill_secret (UINT16 *size, guint8 *buffer, gsize capacity, BrevetSecret *secret)
{
  gsize length;
  const guint8 *data = brevet_secret_get_data (secret, &length);

  fill (size, buffer, capacity, data, length);
}

/* PolicyCommandCode (Duplicate): the policy that the key's name has from where it was made; nothing on the device uses it. */
static void
fill_policy (TPM2B_DIGEST *policy)
{
  static const guint8 start[BREVET_TPM_DIGEST_SIZE] = { 0 };
  const guint32 commands[] = { GUINT32_TO_BE (TPM2_CC_PolicyCommandCode), GUINT32_TO_BE (TPM2_CC_Duplicate) };

  policy->size = BREVET_TPM_DIGEST_SIZE;
  brevet_tpm_sha256 (start, sizeof start, commands, sizeof commands, policy->buffer);
}

static void
fill_unique (TPM2B_DIGEST *unique, BrevetSecret *seed_value, BrevetSecret *key)
{
  gsize seed_length, key_length;
  const guint8 *seed_data = brevet_secret_get_data (seed_value, &seed_length);
  const guint8 *key_data = brevet_secret_get_data (key, &key_length);

  unique->size = BREVET_TPM_DIGEST_SIZE;
  brevet_tpm_sha256 (seed_data, seed_length, key_data, key_length, unique->buffer);
}

GBytes *
brevet_tpm_wrap_public (BrevetSecret *seed_value, BrevetSecret *key, GBytes **name, GError **error)
{
  TPM2B_PUBLIC public = { 0 };
  TPMT_PUBLIC *area = &public.publicArea;
  guint8 bytes[sizeof public];
  guint8 own_name[2 + BREVET_TPM_DIGEST_SIZE] = { TPM2_ALG_SHA256 >> 8, TPM2_ALG_SHA256 & 0xff };
  gsize length = 0;

  area->type = TPM2_ALG_KEYEDHASH;
  area->nameAlg = TPM2_ALG_SHA256;
  area->objectAttributes = KEY_ATTRIBUTES;
  area->parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_HMAC;
  area->parameters.keyedHashDetail.scheme.details.hmac.hashAlg = TPM2_ALG_SHA256;
  fill_policy (&area->authPolicy);
  fill_unique (&area->unique.keyedHash, seed_value, key);
  if (!check (Tss2_MU_TPM2B_PUBLIC_Marshal (&public, bytes, sizeof bytes, &length), error))
    return NULL;
  brevet_tpm_sha256 (bytes + 2, length - 2, NULL, 0, own_name + 2);
  *name = g_bytes_new (own_name, sizeof own_name);
  return g_bytes_new (bytes, length);
}

static gboolean
marshal_sensitive (BrevetSecret *seed_value, BrevetSecret *key, guint8 *bytes, gsize capacity, gsize *length, GError **error)
{
  TPM2B_SENSITIVE sensitive = { 0 };
  TPMT_SENSITIVE *area = &sensitive.sensitiveArea;
  TSS2_RC code;

  area->sensitiveType = TPM2_ALG_KEYEDHASH;
  fill_secret (&area->seedValue.size, area->seedValue.buffer, sizeof area->seedValue.buffer, seed_value);
  fill_secret (&area->sensitive.bits.size, area->sensitive.bits.buffer, sizeof area->sensitive.bits.buffer, key);
  *length = 0;
  code = Tss2_MU_TPM2B_SENSITIVE_Marshal (&sensitive, bytes, capacity, length);
  gnutls_memset (&sensitive, 0, sizeof sensitive);
  return check (code, error);
}

GBytes *
brevet_tpm_wrap_inner (BrevetSecret *inner, BrevetSecret *seed_value, BrevetSecret *key, GBytes *name, GError **error)
{
  guint8 plaintext[2 + BREVET_TPM_DIGEST_SIZE + sizeof (TPM2B_SENSITIVE)] = { 0, BREVET_TPM_DIGEST_SIZE };
  guint8 *sensitive = plaintext + 2 + BREVET_TPM_DIGEST_SIZE;
  gsize length, name_length;
  const guint8 *name_data = g_bytes_get_data (name, &name_length);
  GBytes *wrapped = NULL;

  if (marshal_sensitive (seed_value, key, sensitive, sizeof (TPM2B_SENSITIVE), &length, error))
    {
      brevet_tpm_sha256 (sensitive, length, name_data, name_length, plaintext + 2);
      length += 2 + BREVET_TPM_DIGEST_SIZE;
      if (brevet_tpm_encrypt_cfb (inner, plaintext, length, error))
        wrapped = g_bytes_new (plaintext, length);
    }
  gnutls_memset (plaintext, 0, sizeof plaintext);
  return wrapped;
}

/* Encrypts with a key derived from @seed for @name, and returns ‖integrity‖ciphertext‖, the two in one TPM2B. */
static GBytes *
protect (BrevetSecret *seed, guint bits, GBytes *plaintext, GBytes *name, GError **error)
{
  g_autoptr(BrevetSecret) storage_key = brevet_tpm_kdfa (seed, "STORAGE", name, bits);
  g_autoptr(BrevetSecret) integrity_key = brevet_tpm_kdfa (seed, "INTEGRITY", NULL, 8 * BREVET_TPM_DIGEST_SIZE);
  g_autoptr(GBytes) ciphertext = NULL;
  TPM2B_DIGEST integrity = { .size = BREVET_TPM_DIGEST_SIZE };
  TPM2B_PRIVATE whole = { 0 };
  guint8 bytes[sizeof whole];
  gsize plain_length, used = 0, length = 0;
  gconstpointer plain_data = g_bytes_get_data (plaintext, &plain_length);
  guint8 *data = g_memdup2 (plain_data, plain_length);

  ciphertext = g_bytes_new_take (data, plain_length);
  if (!brevet_tpm_encrypt_cfb (storage_key, data, plain_length, error))
    {
      gnutls_memset (data, 0, plain_length);
      return NULL;
    }
  brevet_tpm_cipher_hmac (integrity_key, ciphertext, name, integrity.buffer);
  if (!check (Tss2_MU_TPM2B_DIGEST_Marshal (&integrity, whole.buffer, sizeof whole.buffer, &used), error))
    return NULL;
  g_return_val_if_fail (used + plain_length <= sizeof whole.buffer, NULL);
  memcpy (whole.buffer + used, data, plain_length);
  whole.size = (UINT16) (used + plain_length);
  return check (Tss2_MU_TPM2B_PRIVATE_Marshal (&whole, bytes, sizeof bytes, &length), error) ? g_bytes_new (bytes, length) : NULL;
}

GBytes *
brevet_tpm_wrap_outer (BrevetSecret *seed, guint bits, GBytes *wrapped, GBytes *name, GError **error)
{
  return protect (seed, bits, wrapped, name, error);
}

/* TPM2B_ID_OBJECT and TPM2B_PRIVATE are the same on the wire: integrity and ciphertext behind one size. */
GBytes *
brevet_tpm_wrap_credential (BrevetSecret *seed, guint bits, BrevetSecret *inner, GBytes *storage_name, GError **error)
{
  TPM2B_DIGEST credential = { 0 };
  guint8 bytes[sizeof credential];
  gsize length = 0;
  g_autoptr(BrevetSecret) owner = NULL;
  g_autoptr(GBytes) plaintext = NULL;
  TSS2_RC code;

  fill_secret (&credential.size, credential.buffer, sizeof credential.buffer, inner);
  code = Tss2_MU_TPM2B_DIGEST_Marshal (&credential, bytes, sizeof bytes, &length);
  owner = brevet_secret_new (bytes, length);
  gnutls_memset (&credential, 0, sizeof credential);
  gnutls_memset (bytes, 0, sizeof bytes);
  if (!check (code, error))
    return NULL;
  /* The bytes stay the secret's, which wipes them. */
  plaintext = g_bytes_new_static (brevet_secret_get_data (owner, NULL), length);
  return protect (seed, bits, plaintext, storage_name, error);
}

GBytes *
brevet_tpm_wrap_text (BrevetSecret *inner, const char *text, GError **error)
{
  TPM2B_DATA data = { 0 };
  guint8 bytes[sizeof data];
  gsize length = 0;

  if (text != NULL)
    {
      fill (&data.size, data.buffer, sizeof data.buffer, text, MIN (strlen (text), sizeof data.buffer));
      if (!brevet_tpm_encrypt_cfb (inner, data.buffer, data.size, error))
        return NULL;
    }
  return check (Tss2_MU_TPM2B_DATA_Marshal (&data, bytes, sizeof bytes, &length), error) ? g_bytes_new (bytes, length) : NULL;
}
