/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-key-private.h"

#include "brevet-error.h"
#include "brevet-token.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

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

  if (brevet_token_is_uri (location))
    return brevet_key_token_load (location, password, error);

  contents = brevet_secret_new_from_file (location, error);
  if (contents == NULL)
    return NULL;
  pem = brevet_secret_get_data (contents, &length);
  self = brevet_key_new ();
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
  if (!brevet_key_finish (self, self->privkey, &local_error))
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

  self = brevet_key_new ();
  code = import_pem (self, pem, strlen (pem), NULL);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text is no unencrypted private key in PEM: %s",
                   gnutls_strerror (code));
      return NULL;
    }
  return brevet_key_finish (self, self->privkey, error) ? g_steal_pointer (&self) : NULL;
}

static BrevetSecret *
encode_pem (BrevetKey *self, BrevetSecret *password, GError **error)
{
  gnutls_x509_privkey_t x509;
  gnutls_datum_t pem = { NULL, 0 };
  BrevetSecret *secret = NULL;
  const char *text = password != NULL ? (const char *) brevet_secret_get_data (password, NULL) : NULL;
  int code;

  if (gnutls_privkey_get_type (self->privkey) != GNUTLS_PRIVKEY_X509)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "The key is in a token and cannot be written to a file");
      return NULL;
    }
  code = gnutls_privkey_export_x509 (self->privkey, &x509);
  if (code >= 0)
    {
      code = gnutls_x509_privkey_export2_pkcs8 (x509, GNUTLS_X509_FMT_PEM, text,
                                                text != NULL ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN, &pem);
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

BrevetSecret *
brevet_key_to_pem (BrevetKey *self, GError **error)
{
  g_return_val_if_fail (self != NULL, NULL);

  return encode_pem (self, NULL, error);
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

static gboolean
save (BrevetKey *self, const char *path, BrevetSecret *password, GError **error)
{
  g_autoptr(BrevetSecret) pem = encode_pem (self, password, error);
  const guint8 *data;
  gsize length;

  if (pem == NULL)
    return FALSE;
  data = brevet_secret_get_data (pem, &length);
  return write_new_file (path, data, length, error);
}

gboolean
brevet_key_save (BrevetKey *self, const char *path, GError **error)
{
  g_return_val_if_fail (self != NULL && path != NULL, FALSE);

  return save (self, path, NULL, error);
}

gboolean
brevet_key_save_encrypted (BrevetKey *self, const char *path, BrevetSecret *password, GError **error)
{
  g_return_val_if_fail (self != NULL && path != NULL && password != NULL, FALSE);

  return save (self, path, password, error);
}
