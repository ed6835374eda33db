/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GnuTLS hashes and authenticates, as everywhere in brevet; libgcrypt does what GnuTLS cannot: RSA-OAEP with a label, and CFB with
 * feedback of whole blocks. */

#include "brevet-tpm-cipher.h"

#include "brevet-error.h"

#include <gcrypt.h>
#include <gnutls/crypto.h>
#include <string.h>

#define GCRYPT_VERSION_MIN "1.10.0"

/* Holds the seeds that are being encrypted: some dozen bytes for each thread. */
#define SECURE_MEMORY_SIZE 32768

/* 65537: %d would write its decimal digits. */
#define PUBLIC_EXPONENT "(e #010001#)"

/* libgcrypt has been safe for threads without further ado since 1.6; only its initialisation must happen once. */
static gpointer
init_once (gpointer data)
{
  if (gcry_control (GCRYCTL_INITIALIZATION_FINISHED_P) != 0)
    return GINT_TO_POINTER (gcry_check_version (GCRYPT_VERSION_MIN) != NULL);
  if (gcry_check_version (GCRYPT_VERSION_MIN) == NULL)
    return GINT_TO_POINTER (FALSE);
  /* Memory that cannot be locked is still wiped; nobody needs to read about it on standard error. */
  gcry_control (GCRYCTL_SUSPEND_SECMEM_WARN);
  gcry_control (GCRYCTL_INIT_SECMEM, SECURE_MEMORY_SIZE, 0);
  gcry_control (GCRYCTL_INITIALIZATION_FINISHED, 0);
  return GINT_TO_POINTER (TRUE);
}

gboolean
brevet_tpm_cipher_init (GError **error)
{
  static GOnce once = G_ONCE_INIT;

  if (GPOINTER_TO_INT (g_once (&once, init_once, NULL)))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "libgcrypt %s is too old for TPM attestation, which needs %s",
               gcry_check_version (NULL), GCRYPT_VERSION_MIN);
  return FALSE;
}

static void
set_error (GError **error, const char *what, gcry_error_t code)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "%s failed in libgcrypt: %s", what, gcry_strerror (code));
}

void
brevet_tpm_sha256 (gconstpointer first, gsize first_length, gconstpointer second, gsize second_length,
                   guint8 digest[BREVET_TPM_DIGEST_SIZE])
{
  gnutls_hash_hd_t hash;

  if (gnutls_hash_init (&hash, GNUTLS_DIG_SHA256) < 0)
    g_error ("SHA-256 is not available");
  gnutls_hash (hash, first, first_length);
  if (second != NULL)
    gnutls_hash (hash, second, second_length);
  gnutls_hash_deinit (hash, digest);
}

static gnutls_hmac_hd_t
begin_hmac (BrevetSecret *key)
{
  gnutls_hmac_hd_t hmac;
  gsize length;
  const guint8 *data = brevet_secret_get_data (key, &length);

  if (gnutls_hmac_init (&hmac, GNUTLS_MAC_SHA256, data, length) < 0)
    g_error ("HMAC-SHA256 is not available");
  return hmac;
}

static void
add_bytes (gnutls_hmac_hd_t hmac, GBytes *bytes)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (bytes, &length);

  gnutls_hmac (hmac, data, length);
}

void
brevet_tpm_cipher_hmac (BrevetSecret *key, GBytes *first, GBytes *second, guint8 digest[BREVET_TPM_DIGEST_SIZE])
{
  gnutls_hmac_hd_t hmac = begin_hmac (key);

  add_bytes (hmac, first);
  add_bytes (hmac, second);
  gnutls_hmac_deinit (hmac, digest);
}

/* One round gives 256 bits, which is all that is ever asked for. */
BrevetSecret *
brevet_tpm_kdfa (BrevetSecret *key, const char *label, GBytes *context, guint bits)
{
  const guint32 counter = GUINT32_TO_BE (1);
  const guint32 size = GUINT32_TO_BE (bits);
  guint8 digest[BREVET_TPM_DIGEST_SIZE];
  gnutls_hmac_hd_t hmac;
  BrevetSecret *derived;

  g_return_val_if_fail (bits % 8 == 0 && bits <= 8 * sizeof digest, NULL);
  hmac = begin_hmac (key);
  gnutls_hmac (hmac, &counter, sizeof counter);
  gnutls_hmac (hmac, label, strlen (label) + 1);
  if (context != NULL)
    add_bytes (hmac, context);
  gnutls_hmac (hmac, &size, sizeof size);
  gnutls_hmac_deinit (hmac, digest);
  derived = brevet_secret_new (digest, bits / 8);
  gnutls_memset (digest, 0, sizeof digest);
  return derived;
}

static int
get_cipher (gsize key_length)
{
  return key_length == 16 ? GCRY_CIPHER_AES128 : key_length == 24 ? GCRY_CIPHER_AES192 : GCRY_CIPHER_AES256;
}

gboolean
brevet_tpm_encrypt_cfb (BrevetSecret *key, guint8 *data, gsize length, GError **error)
{
  static const guint8 zeros[16] = { 0 };
  gsize key_length;
  const guint8 *key_data = brevet_secret_get_data (key, &key_length);
  gcry_cipher_hd_t cipher;
  gcry_error_t code = gcry_cipher_open (&cipher, get_cipher (key_length), GCRY_CIPHER_MODE_CFB, GCRY_CIPHER_SECURE);

  if (code == 0)
    {
      code = gcry_cipher_setkey (cipher, key_data, key_length);
      if (code == 0)
        code = gcry_cipher_setiv (cipher, zeros, sizeof zeros);
      if (code == 0)
        code = gcry_cipher_encrypt (cipher, data, length, NULL, 0);
      gcry_cipher_close (cipher);
    }
  if (code != 0)
    set_error (error, "AES", code);
  return code == 0;
}

/* What libgcrypt builds from secure memory lies in secure memory, and is wiped with it. */
static gcry_error_t
build_plaintext (BrevetSecret *secret, const char *label, gcry_sexp_t *plaintext)
{
  gsize length;
  const guint8 *data = brevet_secret_get_data (secret, &length);
  guint8 *copy = gcry_malloc_secure (length);
  gcry_error_t code;

  if (copy == NULL)
    return gcry_error (GPG_ERR_ENOMEM);
  memcpy (copy, data, length);
  code = gcry_sexp_build (plaintext, NULL, "(data (flags oaep) (hash-algo sha256) (label %b) (value %b))",
                          (int) strlen (label) + 1, label, (int) length, copy);
  gcry_free (copy);
  return code;
}

static gcry_error_t
build_public_key (GBytes *modulus, gcry_sexp_t *key)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (modulus, &length);
  gcry_mpi_t number = NULL;
  gcry_error_t code = gcry_mpi_scan (&number, GCRYMPI_FMT_USG, data, length, NULL);

  if (code == 0)
    code = gcry_sexp_build (key, NULL, "(public-key (rsa (n %m) " PUBLIC_EXPONENT "))", number);
  gcry_mpi_release (number);
  return code;
}

/* A number may have leading zeros that libgcrypt does not write. */
static GBytes *
take_ciphertext (gcry_sexp_t ciphertext, gsize size)
{
  gcry_sexp_t value = gcry_sexp_find_token (ciphertext, "a", 0);
  gcry_mpi_t number = value != NULL ? gcry_sexp_nth_mpi (value, 1, GCRYMPI_FMT_USG) : NULL;
  g_autofree guint8 *bytes = g_malloc0 (size);
  gsize length = 0;
  GBytes *result = NULL;

  if (number != NULL && gcry_mpi_print (GCRYMPI_FMT_USG, NULL, 0, &length, number) == 0 && length <= size &&
      gcry_mpi_print (GCRYMPI_FMT_USG, bytes + (size - length), length, NULL, number) == 0)
    result = g_bytes_new_take (g_steal_pointer (&bytes), size);
  gcry_mpi_release (number);
  gcry_sexp_release (value);
  return result;
}

GBytes *
brevet_tpm_encrypt_oaep (GBytes *modulus, BrevetSecret *secret, const char *label, GError **error)
{
  gcry_sexp_t plaintext = NULL, key = NULL, ciphertext = NULL;
  GBytes *result = NULL;
  gcry_error_t code = build_plaintext (secret, label, &plaintext);

  if (code == 0)
    code = build_public_key (modulus, &key);
  if (code == 0)
    code = gcry_pk_encrypt (&ciphertext, plaintext, key);
  if (code == 0)
    {
      result = take_ciphertext (ciphertext, g_bytes_get_size (modulus));
      if (result == NULL)
        code = gcry_error (GPG_ERR_INTERNAL);
    }
  gcry_sexp_release (plaintext);
  gcry_sexp_release (key);
  gcry_sexp_release (ciphertext);
  if (code != 0)
    set_error (error, "RSA-OAEP", code);
  return result;
}
