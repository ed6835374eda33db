/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-challenge.h"

#include "brevet-error.h"

#include <string.h>
#include <tss2/tss2_mu.h>

/* Far more than the parts can take. */
#define LARGEST_TEXT 16384

#define SHA256_SIZE 32

/* Of a key that came from outside none of these can be set. */
#define FOREIGN_ATTRIBUTES (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN)

static gboolean
reject (GError **error, const char *what)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The service's challenge is not one for a TPM: %s", what);
  return FALSE;
}

static gboolean
take_apart (const guint8 *data, gsize length, BrevetTpmChallenge *self)
{
  size_t offset = 0;

  return Tss2_MU_TPM2B_ID_OBJECT_Unmarshal (data, length, &offset, &self->credential) == TSS2_RC_SUCCESS &&
         Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal (data, length, &offset, &self->credential_secret) == TSS2_RC_SUCCESS &&
         Tss2_MU_TPM2B_PRIVATE_Unmarshal (data, length, &offset, &self->duplicate) == TSS2_RC_SUCCESS &&
         Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal (data, length, &offset, &self->duplicate_seed) == TSS2_RC_SUCCESS &&
         Tss2_MU_TPM2B_PUBLIC_Unmarshal (data, length, &offset, &self->public_area) == TSS2_RC_SUCCESS;
}

gboolean
brevet_tpm_challenge_is_such_key (const TPM2B_PUBLIC *public_area)
{
  const TPMT_PUBLIC *area = &public_area->publicArea;
  const TPMT_KEYEDHASH_SCHEME *scheme = &area->parameters.keyedHashDetail.scheme;

  return area->type == TPM2_ALG_KEYEDHASH && area->nameAlg == TPM2_ALG_SHA256 &&
         (area->objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) != 0 && (area->objectAttributes & TPMA_OBJECT_USERWITHAUTH) != 0 &&
         (area->objectAttributes & (FOREIGN_ATTRIBUTES | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)) == 0 &&
         (scheme->scheme == TPM2_ALG_NULL ||
          (scheme->scheme == TPM2_ALG_HMAC && scheme->details.hmac.hashAlg == TPM2_ALG_SHA256));
}

static gboolean
compute_name (const TPM2B_PUBLIC *public_area, TPM2B_NAME *name)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 buffer[sizeof (TPMT_PUBLIC)];
  size_t length = 0;
  size_t offset = 0;
  gsize size = SHA256_SIZE;

  if (Tss2_MU_TPMT_PUBLIC_Marshal (&public_area->publicArea, buffer, sizeof buffer, &length) != TSS2_RC_SUCCESS ||
      Tss2_MU_UINT16_Marshal (public_area->publicArea.nameAlg, name->name, sizeof name->name, &offset) != TSS2_RC_SUCCESS)
    return FALSE;
  g_checksum_update (checksum, buffer, (gssize) length);
  g_checksum_get_digest (checksum, name->name + offset, &size);
  name->size = (UINT16) (offset + size);
  return TRUE;
}

gboolean
brevet_tpm_challenge_parse (const char *base64, BrevetTpmChallenge *self, GError **error)
{
  g_autofree guint8 *data = NULL;
  gsize length = 0;

  memset (self, 0, sizeof *self);
  if (strlen (base64) > LARGEST_TEXT)
    return reject (error, "it is too long");
  data = g_base64_decode (base64, &length);
  if (!take_apart (data, length, self))
    return reject (error, "it does not hold credential, secret, duplicate, seed and public area of a key in base64");
  if (!brevet_tpm_challenge_is_such_key (&self->public_area) || !compute_name (&self->public_area, &self->name))
    return reject (error, "the key in it is not one for HMAC with SHA-256 that can be imported");
  return TRUE;
}
