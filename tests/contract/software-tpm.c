/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "software-tpm.h"

#include <gcrypt.h>
#include <gnutls/crypto.h>
#include <string.h>

#define DIGEST_SIZE 32
#define INNER_SIZE 16

/* One key pair, and what the outside knows of it. */
typedef struct {
  gcry_sexp_t private;
  guint symmetric_bits;
  GBytes *modulus;
  GByteArray *area;  /* TPM2B_PUBLIC */
  char *text;
  guint8 name[2 + DIGEST_SIZE];
} Key;

struct _SoftwareTpm
{
  Key endorsement;
  Key storage_root;
};

/* A part of the blob that is being read. */
typedef struct {
  const guint8 *data;
  gsize left;
} Reader;

static void
append_hex (GByteArray *array, const char *hex)
{
  for (; *hex != '\0'; hex += 2)
    {
      guint8 byte = (guint8) (g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));

      g_byte_array_append (array, &byte, 1);
    }
}

static void
append_u16 (GByteArray *array, guint value)
{
  guint8 bytes[] = { (guint8) (value >> 8), (guint8) value };

  g_byte_array_append (array, bytes, 2);
}

/* The templates of protocol/dps.md §6.1. */
static void
make_area (Key *key, const char *attributes_and_policy)
{
  gsize size = g_bytes_get_size (key->modulus);

  key->area = g_byte_array_new ();
  append_hex (key->area, "00000001000b");
  append_hex (key->area, attributes_and_policy);
  append_hex (key->area, "0006");
  append_u16 (key->area, key->symmetric_bits);
  append_hex (key->area, "00430010");
  append_u16 (key->area, (guint) size * 8);
  append_hex (key->area, "00000000");
  append_u16 (key->area, (guint) size);
  g_byte_array_append (key->area, g_bytes_get_data (key->modulus, NULL), size);
  key->area->data[0] = (guint8) ((key->area->len - 2) >> 8);
  key->area->data[1] = (guint8) (key->area->len - 2);
  key->text = g_base64_encode (key->area->data, key->area->len);
  key->name[0] = 0;
  key->name[1] = 0x0b;
  gnutls_hash_fast (GNUTLS_DIG_SHA256, key->area->data + 2, key->area->len - 2, key->name + 2);
}

static GBytes *
get_number (gcry_sexp_t expression, const char *token)
{
  gcry_sexp_t found = gcry_sexp_find_token (expression, token, 0);
  gcry_mpi_t number = gcry_sexp_nth_mpi (found, 1, GCRYMPI_FMT_USG);
  unsigned char *data;
  size_t length;
  GBytes *bytes;

  gcry_mpi_aprint (GCRYMPI_FMT_USG, &data, &length, number);
  bytes = g_bytes_new (data, length);
  gcry_free (data);
  gcry_mpi_release (number);
  gcry_sexp_release (found);
  return bytes;
}

static void
make_key (Key *key, const char *attributes_and_policy)
{
  gcry_sexp_t parameters, pair;

  g_assert_cmpuint (gcry_sexp_build (&parameters, NULL, "(genkey (rsa (nbits 4:2048) (transient-key)))"), ==, 0);
  g_assert_cmpuint (gcry_pk_genkey (&pair, parameters), ==, 0);
  key->private = gcry_sexp_find_token (pair, "private-key", 0);
  key->modulus = get_number (key->private, "n");
  gcry_sexp_release (pair);
  gcry_sexp_release (parameters);
  make_area (key, attributes_and_policy);
}

static void
key_clear (Key *key)
{
  gcry_sexp_release (key->private);
  g_bytes_unref (key->modulus);
  g_byte_array_unref (key->area);
  g_free (key->text);
}

static void
make_storage_root_key (SoftwareTpm *self, guint bits)
{
  self->storage_root.symmetric_bits = bits;
  make_key (&self->storage_root, "00030472" "0000");
}

SoftwareTpm *
software_tpm_new (guint storage_bits)
{
  SoftwareTpm *self = g_new0 (SoftwareTpm, 1);

  self->endorsement.symmetric_bits = 128;
  make_key (&self->endorsement, "000300b2" "0020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa");
  make_storage_root_key (self, storage_bits);
  return self;
}

void
software_tpm_free (SoftwareTpm *self)
{
  key_clear (&self->endorsement);
  key_clear (&self->storage_root);
  g_free (self);
}

void
software_tpm_clear (SoftwareTpm *self)
{
  guint bits = self->storage_root.symmetric_bits;

  key_clear (&self->storage_root);
  make_storage_root_key (self, bits);
}

const char *
software_tpm_get_endorsement_key (SoftwareTpm *self)
{
  return self->endorsement.text;
}

const char *
software_tpm_get_storage_root_key (SoftwareTpm *self)
{
  return self->storage_root.text;
}

GBytes *
software_tpm_get_endorsement_modulus (SoftwareTpm *self)
{
  return self->endorsement.modulus;
}

static Reader
take (Reader *reader, gsize size)
{
  Reader part = { reader->data, size };

  g_assert_cmpuint (reader->left, >=, size);
  reader->data += size;
  reader->left -= size;
  return part;
}

static guint
take_u16 (Reader *reader)
{
  Reader number = take (reader, 2);

  return (guint) number.data[0] << 8 | number.data[1];
}

static Reader
take_sized (Reader *reader)
{
  guint size = take_u16 (reader);

  return take (reader, size);
}

/* Returns: whether this key can read it; the 32 bytes are in @seed then */
static gboolean
decrypt_seed (Key *key, Reader secret, const char *label, guint8 seed[DIGEST_SIZE])
{
  gcry_sexp_t cipher, plain = NULL;
  const char *data;
  size_t length;
  gboolean ok;

  g_assert_cmpuint (secret.left, ==, g_bytes_get_size (key->modulus));
  g_assert_cmpuint (gcry_sexp_build (&cipher, NULL, "(enc-val (flags oaep) (hash-algo sha256) (label %b) (rsa (a %b)))",
                                     (int) strlen (label) + 1, label, (int) secret.left, secret.data),
                    ==, 0);
  ok = gcry_pk_decrypt (&plain, cipher, key->private) == 0;
  if (ok)
    {
      gcry_sexp_t value = gcry_sexp_find_token (plain, "value", 0);

      data = gcry_sexp_nth_data (value != NULL ? value : plain, value != NULL ? 1 : 0, &length);
      g_assert_cmpuint (length, ==, DIGEST_SIZE);
      memcpy (seed, data, DIGEST_SIZE);
      gcry_sexp_release (value);
    }
  gcry_sexp_release (plain);
  gcry_sexp_release (cipher);
  return ok;
}

/* KDFa: counter, label, zero, context, bits. */
static void
derive (const guint8 seed[DIGEST_SIZE], const char *label, const guint8 *context, gsize context_length, guint bits,
        guint8 digest[DIGEST_SIZE])
{
  g_autoptr(GByteArray) message = g_byte_array_new ();

  append_hex (message, "00000001");
  g_byte_array_append (message, (const guint8 *) label, strlen (label));
  append_hex (message, "00");
  g_byte_array_append (message, context, context_length);
  append_hex (message, "0000");
  append_u16 (message, bits);
  gnutls_hmac_fast (GNUTLS_MAC_SHA256, seed, DIGEST_SIZE, message->data, message->len, digest);
}

static void
decrypt (const guint8 *key, guint bits, guint8 *data, gsize length)
{
  gcry_cipher_hd_t cipher;
  guint8 zeros[16] = { 0 };

  gcry_cipher_open (&cipher, bits == 128 ? GCRY_CIPHER_AES128 : GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_CFB, 0);
  gcry_cipher_setkey (cipher, key, bits / 8);
  gcry_cipher_setiv (cipher, zeros, sizeof zeros);
  g_assert_cmpuint (gcry_cipher_decrypt (cipher, data, length, NULL, 0), ==, 0);
  gcry_cipher_close (cipher);
}

/* Checks the integrity of @protected over @name, and decrypts it.
 * Returns: (transfer full) (nullable): the plaintext */
static GByteArray *
unprotect (const guint8 seed[DIGEST_SIZE], guint bits, Reader protected, const guint8 name[2 + DIGEST_SIZE])
{
  guint8 key[DIGEST_SIZE], digest[DIGEST_SIZE];
  Reader integrity = take_sized (&protected);
  g_autoptr(GByteArray) message = g_byte_array_new ();
  GByteArray *plain;

  g_assert_cmpuint (integrity.left, ==, DIGEST_SIZE);
  g_byte_array_append (message, protected.data, protected.left);
  g_byte_array_append (message, name, 2 + DIGEST_SIZE);
  derive (seed, "INTEGRITY", NULL, 0, 256, key);
  gnutls_hmac_fast (GNUTLS_MAC_SHA256, key, DIGEST_SIZE, message->data, message->len, digest);
  if (memcmp (digest, integrity.data, DIGEST_SIZE) != 0)
    return NULL;
  derive (seed, "STORAGE", name, 2 + DIGEST_SIZE, bits, key);
  plain = g_byte_array_new ();
  g_byte_array_append (plain, protected.data, protected.left);
  decrypt (key, bits, plain->data, plain->len);
  return plain;
}

static gboolean
activate (SoftwareTpm *self, Reader credential, Reader secret, guint8 inner[INNER_SIZE])
{
  guint8 seed[DIGEST_SIZE];
  g_autoptr(GByteArray) plain = NULL;
  Reader reader, value;

  if (!decrypt_seed (&self->endorsement, secret, "IDENTITY", seed))
    return FALSE;
  plain = unprotect (seed, self->endorsement.symmetric_bits, credential, self->storage_root.name);
  if (plain == NULL)
    return FALSE;
  reader = (Reader) { plain->data, plain->len };
  value = take_sized (&reader);
  g_assert_cmpuint (reader.left, ==, 0);
  g_assert_cmpuint (value.left, ==, INNER_SIZE);
  memcpy (inner, value.data, INNER_SIZE);
  return TRUE;
}

/* What all clients need of the identity key's public area. */
static void
check_public (Reader area, guint8 unique[DIGEST_SIZE])
{
  g_autoptr(GByteArray) head = g_byte_array_new ();
  Reader value;

  append_hex (head, "0008000b00040440" "0020bef56b8c1cc84e11edd717528d2cd99356bd2bbf8f015209c3f84aeeaba8e8a2" "0005000b");
  g_assert_cmpmem (take (&area, head->len).data, head->len, head->data, head->len);
  value = take_sized (&area);
  g_assert_cmpuint (value.left, ==, DIGEST_SIZE);
  memcpy (unique, value.data, DIGEST_SIZE);
  g_assert_cmpuint (area.left, ==, 0);
}

/* Takes the inner wrapping off, and the sensitive area apart. */
static BrevetSecret *
unwrap (GByteArray *wrapped, const guint8 inner[INNER_SIZE], const guint8 name[2 + DIGEST_SIZE], const guint8 unique[DIGEST_SIZE])
{
  g_autoptr(GByteArray) message = g_byte_array_new ();
  guint8 digest[DIGEST_SIZE];
  Reader reader, integrity, area, seed_value, key;

  decrypt (inner, 128, wrapped->data, wrapped->len);
  reader = (Reader) { wrapped->data, wrapped->len };
  integrity = take_sized (&reader);
  g_byte_array_append (message, reader.data, reader.left);
  g_byte_array_append (message, name, 2 + DIGEST_SIZE);
  gnutls_hash_fast (GNUTLS_DIG_SHA256, message->data, message->len, digest);
  g_assert_cmpmem (integrity.data, integrity.left, digest, DIGEST_SIZE);

  area = take_sized (&reader);
  g_assert_cmpuint (reader.left, ==, 0);
  g_assert_cmpuint (take_u16 (&area), ==, 0x0008);
  g_assert_cmpuint (take_u16 (&area), ==, 0);
  seed_value = take_sized (&area);
  key = take_sized (&area);
  g_assert_cmpuint (area.left, ==, 0);

  g_byte_array_set_size (message, 0);
  g_byte_array_append (message, seed_value.data, seed_value.left);
  g_byte_array_append (message, key.data, key.left);
  gnutls_hash_fast (GNUTLS_DIG_SHA256, message->data, message->len, digest);
  g_assert_cmpmem (unique, DIGEST_SIZE, digest, DIGEST_SIZE);
  return brevet_secret_new (key.data, key.left);
}

BrevetSecret *
software_tpm_open (SoftwareTpm *self, const char *blob)
{
  gsize length;
  g_autofree guchar *bytes = g_base64_decode (blob, &length);
  Reader reader = { bytes, length };
  Reader credential = take_sized (&reader), secret = take_sized (&reader), duplicate = take_sized (&reader);
  Reader seed_secret = take_sized (&reader), public = take_sized (&reader);
  guint8 inner[INNER_SIZE], seed[DIGEST_SIZE], unique[DIGEST_SIZE], name[2 + DIGEST_SIZE] = { 0x00, 0x0b };
  g_autoptr(GByteArray) wrapped = NULL;

  take_sized (&reader);
  g_assert_cmpuint (reader.left, ==, 0);
  check_public (public, unique);
  if (!activate (self, credential, secret, inner) || !decrypt_seed (&self->storage_root, seed_secret, "DUPLICATE", seed))
    return NULL;
  gnutls_hash_fast (GNUTLS_DIG_SHA256, public.data, public.left, name + 2);
  wrapped = unprotect (seed, self->storage_root.symmetric_bits, duplicate, name);
  return wrapped != NULL ? unwrap (wrapped, inner, name, unique) : NULL;
}
