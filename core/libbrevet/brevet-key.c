/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-key.h"

#include "brevet-error.h"
#include "brevet-x509-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/pkcs11.h>
#include <string.h>
#include <unistd.h>

struct _BrevetKey
{
  gnutls_privkey_t privkey;
  char            *uri;   /* NULL: in memory. May hold a PIN. */
  BrevetSecret    *pin;
  char             spki_sha256[BREVET_SHA256_HEX_SIZE];

  gnutls_digest_algorithm_t digest;
};

G_DEFINE_BOXED_TYPE (BrevetKey, brevet_key, brevet_key_ref, brevet_key_unref)

static BrevetKey *
key_new (void)
{
  BrevetKey *self = g_atomic_rc_box_new0 (BrevetKey);

  gnutls_privkey_init (&self->privkey);
  return self;
}

static void
key_clear (gpointer data)
{
  BrevetKey *self = data;

  gnutls_privkey_deinit (self->privkey);
  g_clear_pointer (&self->uri, brevet_secret_free_text);
  g_clear_pointer (&self->pin, brevet_secret_unref);
}

BrevetKey *
brevet_key_ref (BrevetKey *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_key_unref (BrevetKey *self)
{
  g_atomic_rc_box_release_full (self, key_clear);
}

static gboolean
key_finish (BrevetKey *self, GError **error)
{
  gnutls_pubkey_t pubkey;
  gboolean ok;
  int code;

  gnutls_pubkey_init (&pubkey);
  code = gnutls_pubkey_import_privkey (pubkey, self->privkey, 0, 0);
  if (code < 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The public half of the key cannot be read: %s", gnutls_strerror (code));
  else if (gnutls_pubkey_get_preferred_hash_algorithm (pubkey, &self->digest, NULL) < 0)
    self->digest = GNUTLS_DIG_UNKNOWN;
  ok = code >= 0 && brevet_x509_spki_sha256 (pubkey, self->spki_sha256, error);
  gnutls_pubkey_deinit (pubkey);
  return ok;
}

BrevetKey *
brevet_key_generate (BrevetKeyKind kind, GError **error)
{
  static const struct
  {
    gnutls_pk_algorithm_t algorithm;
    unsigned int          bits;
  } parameters[] = {
    [BREVET_KEY_KIND_EC_P256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1) },
    [BREVET_KEY_KIND_EC_P384] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP384R1) },
    [BREVET_KEY_KIND_RSA_2048] = { GNUTLS_PK_RSA, 2048 },
    [BREVET_KEY_KIND_RSA_3072] = { GNUTLS_PK_RSA, 3072 },
    [BREVET_KEY_KIND_ED25519] = { GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_ED25519) },
  };
  g_autoptr(BrevetKey) self = NULL;
  int code;

  g_return_val_if_fail ((guint) kind < G_N_ELEMENTS (parameters), NULL);

  self = key_new ();
  code = gnutls_privkey_generate (self->privkey, parameters[kind].algorithm, parameters[kind].bits, 0);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Making a key failed: %s", gnutls_strerror (code));
      return NULL;
    }
  return key_finish (self, error) ? g_steal_pointer (&self) : NULL;
}

/* Tokens lock themselves after a few wrong PINs, so a PIN is tried once. */
static int
give_pin (void *user_data, int attempt, const char *token_url, const char *token_label, unsigned int flags, char *pin,
          size_t pin_max)
{
  BrevetSecret *secret = user_data;
  const guint8 *data;
  gsize length;

  if (secret == NULL || attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0)
    return GNUTLS_E_PKCS11_PIN_ERROR;
  data = brevet_secret_get_data (secret, &length);
  if (length >= pin_max)
    return GNUTLS_E_PKCS11_PIN_ERROR;
  memcpy (pin, data, length + 1);
  return 0;
}

static BrevetKey *
load_from_token (const char *uri, BrevetSecret *pin, GError **error)
{
  g_autoptr(BrevetKey) self = key_new ();
  g_autoptr(GError) local_error = NULL;
  int code;

  self->uri = g_strdup (uri);
  if (pin != NULL)
    self->pin = brevet_secret_ref (pin);
  gnutls_privkey_set_pin_function (self->privkey, give_pin, self->pin);
  code = gnutls_privkey_import_url (self->privkey, uri, 0);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The token does not give the key that the PKCS#11 URI names: %s", gnutls_strerror (code));
      return NULL;
    }
  if (!key_finish (self, &local_error))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The key in the token cannot be used: %s",
                   local_error->message);
      return NULL;
    }
  return g_steal_pointer (&self);
}

static int
import_pem (BrevetKey *self, const void *pem, gsize length, const char *password)
{
  gnutls_datum_t data = { (guint8 *) pem, length };

  return gnutls_privkey_import_x509_raw (self->privkey, &data, GNUTLS_X509_FMT_PEM, password, 0);
}

BrevetKey *
brevet_key_load (const char *location, BrevetSecret *password, GError **error)
{
  g_autoptr(BrevetKey) self = NULL;
  g_autoptr(BrevetSecret) contents = NULL;
  g_autoptr(GError) local_error = NULL;
  const guint8 *pem;
  gsize length;
  int code;

  g_return_val_if_fail (location != NULL, NULL);

  if (g_ascii_strncasecmp (location, "pkcs11:", strlen ("pkcs11:")) == 0)
    return load_from_token (location, password, error);

  contents = brevet_secret_new_from_file (location, error);
  if (contents == NULL)
    return NULL;
  pem = brevet_secret_get_data (contents, &length);
  self = key_new ();
  code = import_pem (self, pem, length, password != NULL ? (const char *) brevet_secret_get_data (password, NULL) : NULL);
  if (code == GNUTLS_E_DECRYPTION_FAILED || code == GNUTLS_E_PKCS11_PIN_ERROR)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The private key in “%s” is encrypted and %s", location,
                   password != NULL ? "its password is wrong" : "no password is given");
      return NULL;
    }
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” holds no private key in PEM: %s", location,
                   gnutls_strerror (code));
      return NULL;
    }
  if (!key_finish (self, &local_error))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s”: %s", location, local_error->message);
      return NULL;
    }
  return g_steal_pointer (&self);
}

BrevetKey *
brevet_key_new_from_pem (const char *pem, GError **error)
{
  g_autoptr(BrevetKey) self = NULL;
  int code;

  g_return_val_if_fail (pem != NULL, NULL);

  self = key_new ();
  code = import_pem (self, pem, strlen (pem), NULL);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text is no unencrypted private key in PEM: %s",
                   gnutls_strerror (code));
      return NULL;
    }
  return key_finish (self, error) ? g_steal_pointer (&self) : NULL;
}

BrevetSecret *
brevet_key_to_pem (BrevetKey *self, GError **error)
{
  gnutls_x509_privkey_t x509;
  gnutls_datum_t pem = { NULL, 0 };
  BrevetSecret *secret = NULL;
  int code;

  g_return_val_if_fail (self != NULL, NULL);

  if (gnutls_privkey_get_type (self->privkey) != GNUTLS_PRIVKEY_X509)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "The key is in a token and cannot be written to a file");
      return NULL;
    }
  code = gnutls_privkey_export_x509 (self->privkey, &x509);
  if (code >= 0)
    {
      code = gnutls_x509_privkey_export2_pkcs8 (x509, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
      gnutls_x509_privkey_deinit (x509);
    }
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Encoding the key failed: %s", gnutls_strerror (code));
      return NULL;
    }
  secret = brevet_secret_new (pem.data, pem.size);
  gnutls_memset (pem.data, 0, pem.size);
  gnutls_free (pem.data);
  return secret;
}

/* RFC 7512: attributes behind the question mark say how to get at the token. */
static gboolean
uri_has_pin (const char *uri)
{
  const char *query = strchr (uri, '?');

  return query != NULL && (strstr (query, "pin-value=") != NULL || strstr (query, "pin-source=") != NULL);
}

BrevetSecret *
brevet_key_to_uri (BrevetKey *self)
{
  const guint8 *data;
  gsize length;
  char *pin, *uri;
  BrevetSecret *secret;

  g_return_val_if_fail (self != NULL, NULL);

  if (self->uri == NULL)
    return NULL;
  if (self->pin == NULL || uri_has_pin (self->uri))
    return brevet_secret_new (self->uri, strlen (self->uri));
  data = brevet_secret_get_data (self->pin, &length);
  pin = g_uri_escape_bytes (data, length, NULL);
  uri = g_strconcat (self->uri, strchr (self->uri, '?') != NULL ? "&" : "?", "pin-value=", pin, NULL);
  secret = brevet_secret_new (uri, strlen (uri));
  brevet_secret_free_text (pin);
  brevet_secret_free_text (uri);
  return secret;
}

static gboolean
write_durably (int fd, const guint8 *data, gsize length)
{
  while (length > 0)
    {
      gssize written = write (fd, data, length);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return FALSE;
      data += written;
      length -= written;
    }
  return fsync (fd) == 0;
}

/* The name is durable only when its directory is. */
static gboolean
sync_directory_of (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean ok;

  if (fd < 0)
    return FALSE;
  ok = fsync (fd) == 0;
  close (fd);
  return ok;
}

static gboolean
write_new_file (const char *path, const guint8 *data, gsize length, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  gboolean ok;
  int saved_errno;

  if (fd < 0)
    {
      saved_errno = errno;
      g_set_error (error, BREVET_ERROR, saved_errno == EEXIST ? BREVET_ERROR_CONFLICT : BREVET_ERROR_FAILED,
                   "The key file “%s” cannot be made: %s", path, g_strerror (saved_errno));
      return FALSE;
    }
  ok = write_durably (fd, data, length);
  saved_errno = errno;
  if (close (fd) != 0 && ok)
    {
      saved_errno = errno;
      ok = FALSE;
    }
  if (ok && !sync_directory_of (path))
    {
      saved_errno = errno;
      ok = FALSE;
    }
  if (!ok)
    {
      g_unlink (path);
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Writing the key file “%s” failed: %s", path,
                   g_strerror (saved_errno));
    }
  return ok;
}

gboolean
brevet_key_save (BrevetKey *self, const char *path, GError **error)
{
  g_autoptr(BrevetSecret) pem = NULL;
  const guint8 *data;
  gsize length;

  g_return_val_if_fail (self != NULL && path != NULL, FALSE);

  pem = brevet_key_to_pem (self, error);
  if (pem == NULL)
    return FALSE;
  data = brevet_secret_get_data (pem, &length);
  return write_new_file (path, data, length, error);
}

const char *
brevet_key_get_spki_sha256 (BrevetKey *self)
{
  return self->spki_sha256;
}

static int
fill_csr (BrevetKey *self, gnutls_x509_crq_t crq, gnutls_pubkey_t pubkey, const char *common_name)
{
  gnutls_digest_algorithm_t digest;
  int code;

  code = gnutls_pubkey_import_privkey (pubkey, self->privkey, 0, 0);
  if (code >= 0)
    code = gnutls_pubkey_get_preferred_hash_algorithm (pubkey, &digest, NULL);
  if (code >= 0)
    code = gnutls_x509_crq_set_version (crq, 1);
  if (code >= 0)
    code = gnutls_x509_crq_set_dn_by_oid (crq, GNUTLS_OID_X520_COMMON_NAME, 0, common_name, strlen (common_name));
  if (code >= 0)
    code = gnutls_x509_crq_set_pubkey (crq, pubkey);
  if (code >= 0)
    code = gnutls_x509_crq_privkey_sign (crq, self->privkey, digest, 0);
  return code;
}

GBytes *
brevet_key_create_csr (BrevetKey *self, const char *common_name, GError **error)
{
  gnutls_x509_crq_t crq;
  gnutls_pubkey_t pubkey;
  gnutls_datum_t der = { NULL, 0 };
  GBytes *bytes;
  int code;

  g_return_val_if_fail (self != NULL && common_name != NULL, NULL);

  gnutls_x509_crq_init (&crq);
  gnutls_pubkey_init (&pubkey);
  code = fill_csr (self, crq, pubkey, common_name);
  if (code >= 0)
    code = gnutls_x509_crq_export2 (crq, GNUTLS_X509_FMT_DER, &der);
  gnutls_pubkey_deinit (pubkey);
  gnutls_x509_crq_deinit (crq);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Making a certificate request failed: %s", gnutls_strerror (code));
      return NULL;
    }
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  return bytes;
}

/*
 * brevet_key_get_digest:
 *
 * Returns: the hash that fits the key best; %GNUTLS_DIG_UNKNOWN leaves the choice to GnuTLS
 */
gnutls_digest_algorithm_t
brevet_key_get_digest (BrevetKey *self)
{
  return self->digest;
}

gnutls_privkey_t
brevet_key_get_privkey (BrevetKey *self)
{
  return self->privkey;
}
