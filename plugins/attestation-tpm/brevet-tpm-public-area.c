/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-public-area.h"

#include "brevet-error.h"
#include "brevet-tpm-cipher.h"

#include <string.h>
#include <tss2/tss2_mu.h>

/* A key that keeps others keeps its own private half for itself: else a secret could be opened outside of the TPM. */
#define ATTRIBUTES_REQUIRED (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)

#define PUBLIC_EXPONENT 65537

void
brevet_tpm_public_area_free (BrevetTpmPublicArea *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_clear_pointer (&self->name, g_bytes_unref);
  g_clear_pointer (&self->modulus, g_bytes_unref);
  g_free (self);
}

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list arguments;
  g_autofree char *reason = NULL;

  va_start (arguments, format);
  reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, reason);
  return FALSE;
}

/* The names of devices and enrollments hang on these bytes: only the one way in which a TPM writes them is good. */
static gboolean
unmarshal (GBytes *bytes, TPM2B_PUBLIC *public, GError **error)
{
  guint8 again[sizeof (TPM2B_PUBLIC)];
  gsize length, offset = 0;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  memset (public, 0, sizeof *public);
  if (length < 2 || length != 2u + (data[0] << 8 | data[1]) ||
      Tss2_MU_TPM2B_PUBLIC_Unmarshal (data, length, &offset, public) != TSS2_RC_SUCCESS || offset != length)
    return refuse (error, "the key is no TPM2B_PUBLIC as a TPM writes it");
  offset = 0;
  public->size = 0;
  if (Tss2_MU_TPM2B_PUBLIC_Marshal (public, again, sizeof again, &offset) != TSS2_RC_SUCCESS || offset != length ||
      memcmp (again, data, length) != 0)
    return refuse (error, "the key is no TPM2B_PUBLIC as a TPM writes it");
  return TRUE;
}

static gboolean
check_kind (const TPMT_PUBLIC *area, GError **error)
{
  if (area->type == TPM2_ALG_ECC)
    return refuse (error, "the key is an elliptic curve; only RSA keys can be used for attestation");
  if (area->type != TPM2_ALG_RSA)
    return refuse (error, "the key is of the type 0x%04x; only RSA keys can be used for attestation", area->type);
  if (area->nameAlg != TPM2_ALG_SHA256)
    return refuse (error, "the key is named by the hash 0x%04x instead of SHA-256", area->nameAlg);
  if ((area->objectAttributes & ATTRIBUTES_REQUIRED) != ATTRIBUTES_REQUIRED)
    return refuse (error, "the key has the attributes 0x%08x; it must be fixedTPM, fixedParent, restricted and decrypt",
                   area->objectAttributes);
  if ((area->objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) != 0)
    return refuse (error, "the key may sign; it must be restricted to decryption");
  return TRUE;
}

static gboolean
check_parameters (const TPMS_RSA_PARMS *parameters, GError **error)
{
  const TPMT_SYM_DEF_OBJECT *symmetric = &parameters->symmetric;

  if (symmetric->algorithm != TPM2_ALG_AES || symmetric->mode.aes != TPM2_ALG_CFB ||
      (symmetric->keyBits.aes != 128 && symmetric->keyBits.aes != 192 && symmetric->keyBits.aes != 256))
    return refuse (error, "the key protects others with something else than AES in CFB mode");
  if (parameters->scheme.scheme != TPM2_ALG_NULL)
    return refuse (error, "the key is bound to the scheme 0x%04x", parameters->scheme.scheme);
  if (parameters->keyBits != 2048 && parameters->keyBits != 3072)
    return refuse (error, "the key has %u bits instead of 2048 or 3072", parameters->keyBits);
  if (parameters->exponent != 0 && parameters->exponent != PUBLIC_EXPONENT)
    return refuse (error, "the key has the exponent %u instead of %u", parameters->exponent, PUBLIC_EXPONENT);
  return TRUE;
}

static gboolean
check_modulus (const TPMT_PUBLIC *area, GError **error)
{
  const TPM2B_PUBLIC_KEY_RSA *modulus = &area->unique.rsa;

  if (modulus->size != area->parameters.rsaDetail.keyBits / 8 || (modulus->buffer[0] & 0x80) == 0 ||
      (modulus->buffer[modulus->size - 1] & 1) == 0)
    return refuse (error, "the modulus of the key is not a number of %u bits that RSA can use", area->parameters.rsaDetail.keyBits);
  return TRUE;
}

static GBytes *
make_name (GBytes *bytes)
{
  guint8 name[2 + BREVET_TPM_DIGEST_SIZE] = { TPM2_ALG_SHA256 >> 8, TPM2_ALG_SHA256 & 0xff };
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  brevet_tpm_sha256 (data + 2, length - 2, NULL, 0, name + 2);
  return g_bytes_new (name, sizeof name);
}

BrevetTpmPublicArea *
brevet_tpm_public_area_parse (GBytes *bytes, GError **error)
{
  BrevetTpmPublicArea *self;
  TPM2B_PUBLIC public;
  const TPMT_PUBLIC *area = &public.publicArea;

  if (!unmarshal (bytes, &public, error) || !check_kind (area, error) || !check_parameters (&area->parameters.rsaDetail, error) ||
      !check_modulus (area, error))
    return NULL;
  self = g_new0 (BrevetTpmPublicArea, 1);
  self->bytes = g_bytes_ref (bytes);
  self->name = make_name (bytes);
  self->modulus = g_bytes_new (area->unique.rsa.buffer, area->unique.rsa.size);
  self->symmetric_bits = area->parameters.rsaDetail.symmetric.keyBits.aes;
  return self;
}

GBytes *
brevet_tpm_base64_decode (const char *text)
{
  g_autofree char *stripped = g_strstrip (g_strdup (text));
  g_autofree guchar *data = NULL;
  g_autofree char *again = NULL;
  gsize length = 0;

  if (*stripped == '\0')
    return NULL;
  data = g_base64_decode (stripped, &length);
  again = g_base64_encode (data, length);
  return length > 0 && strcmp (again, stripped) == 0 ? g_bytes_new_take (g_steal_pointer (&data), length) : NULL;
}

BrevetTpmPublicArea *
brevet_tpm_public_area_parse_base64 (const char *text, GError **error)
{
  g_autoptr(GBytes) bytes = brevet_tpm_base64_decode (text);

  if (bytes != NULL)
    return brevet_tpm_public_area_parse (bytes, error);
  refuse (error, "the key is not base64");
  return NULL;
}
