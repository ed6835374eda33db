/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sealed secret is base64 of: a byte that says how it was made, the beginning of the digest of its key, the nonce, and what the
 * cipher makes of the secret. The place is authenticated along with it, so that nobody moves a sealed secret to where it would be
 * sent to another host. */

#include "secret-seal.h"

#include "brevet-error.h"
#include "secret-key-file.h"

#include <gnutls/crypto.h>
#include <string.h>

#define DEFAULT_NAME "secrets.key"
#define FORM         1
#define KEY_SIZE     BREVET_SECRET_KEY_SIZE
#define KEY_ID_SIZE  8
#define NONCE_SIZE   12
#define TAG_SIZE     16
#define HEADER_SIZE  (1 + KEY_ID_SIZE + NONCE_SIZE)
#define LONGEST_TEXT (128 * 1024)

struct _BrevetSecretSeal
{
  char      *path;      /* of the file that may be made, or NULL */
  char      *named;     /* of the file that the operator has named, or NULL */
  char      *source;    /* where keys come from, for messages */
  GMutex     mutex;
  char      *forbidden; /* under the mutex: why no key may be made */
  GPtrArray *keys;      /* under the mutex: BrevetSecret; the first one seals */
};

static void
seal_clear (gpointer data)
{
  BrevetSecretSeal *self = data;

  g_free (self->path);
  g_free (self->named);
  g_free (self->source);
  g_free (self->forbidden);
  g_clear_pointer (&self->keys, g_ptr_array_unref);
  g_mutex_clear (&self->mutex);
}

BrevetSecretSeal *
brevet_secret_seal_ref (BrevetSecretSeal *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_secret_seal_unref (BrevetSecretSeal *self)
{
  g_atomic_rc_box_release_full (self, seal_clear);
}

static gboolean
read_named_keys (BrevetSecretSeal *self, BrevetSettings *service, gboolean *found, GError **error)
{
  g_autofree char *path = brevet_settings_get_path (service, "secrets-key-file");
  const char *credential = brevet_settings_get_string (service, "secrets-key-credential", NULL);
  g_autoptr(BrevetSecret) text = NULL;
  g_autoptr(GError) cause = NULL;

  if (!brevet_settings_get_secret (service, "secrets-key", &text, error))
    return FALSE;
  *found = text != NULL;
  if (text == NULL)
    return TRUE;
  g_free (self->source);
  self->source = path != NULL ? g_strdup (path) : credential != NULL ? g_strdup_printf ("the credential %s", credential)
                                                                     : g_strdup ("secrets-key of [service]");
  self->named = g_strdup (path);
  if ((path == NULL || brevet_secret_key_file_check (path, &cause)) && brevet_secret_keys_parse (text, self->keys, &cause))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (service, path != NULL ? "secrets-key-file" : "secrets-key-credential", "%s",
                                                   cause->message));
  return FALSE;
}

/* The same for the service and for whoever looks into its store from outside, without the service's environment. */
static char *
find_default_path (BrevetConfig *config, BrevetSettings *service)
{
  BrevetSettings *store = brevet_config_get_group (config, "store", brevet_settings_get_string (service, "store", "main"));
  g_autofree char *file = store != NULL ? brevet_settings_get_path (store, "file") : NULL;
  g_autofree char *directory = file != NULL ? g_path_get_dirname (file) : NULL;

  return directory != NULL ? g_build_filename (directory, DEFAULT_NAME, NULL)
                           : brevet_settings_get_state_path (service, "secrets-key-file", DEFAULT_NAME);
}

static gboolean
read_default_key (BrevetSecretSeal *self, BrevetConfig *config, BrevetSettings *service, GError **error)
{
  g_autoptr(GError) cause = NULL;

  self->path = find_default_path (config, service);
  if (self->path != NULL)
    {
      g_free (self->source);
      self->source = g_strdup (self->path);
    }
  if (self->path == NULL || brevet_secret_key_file_read (self->path, self->keys, &cause) ||
      g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (service, NULL, "%s", cause->message));
  return FALSE;
}

BrevetSecretSeal *
brevet_secret_seal_new_empty (void)
{
  BrevetSecretSeal *self = g_atomic_rc_box_new0 (BrevetSecretSeal);

  g_mutex_init (&self->mutex);
  self->keys = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_secret_unref);
  self->source = g_strdup ("what secrets-key-file or secrets-key-credential of [service] names");
  return self;
}

BrevetSecretSeal *
brevet_secret_seal_new (BrevetConfig *config, GError **error)
{
  BrevetSettings *service = brevet_config_ensure_group (config, "service", NULL);
  g_autoptr(BrevetSecretSeal) self = brevet_secret_seal_new_empty ();
  gboolean found = FALSE;

  if (!read_named_keys (self, service, &found, error) || (!found && !read_default_key (self, config, service, error)))
    return NULL;
  return g_steal_pointer (&self);
}

gboolean
brevet_secret_seal_forbid_key (BrevetSecretSeal *self, const char *reason)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  if (g_strcmp0 (self->forbidden, reason) == 0)
    return FALSE;
  g_free (self->forbidden);
  self->forbidden = g_strdup (reason);
  return TRUE;
}

static gboolean
is_same_key (gconstpointer one, gconstpointer other)
{
  return brevet_secret_equal ((BrevetSecret *) one, (BrevetSecret *) other);
}

gboolean
brevet_secret_seal_look_after (BrevetSecretSeal *self, gboolean *restored, GError **error)
{
  const char *path = self->path != NULL ? self->path : self->named;
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_secret_unref);
  g_autoptr(GPtrArray) keys = NULL;
  g_autoptr(GError) cause = NULL;

  *restored = FALSE;
  g_mutex_lock (&self->mutex);
  keys = g_ptr_array_copy (self->keys, (GCopyFunc) brevet_secret_ref, NULL);
  g_mutex_unlock (&self->mutex);
  g_ptr_array_set_free_func (keys, (GDestroyNotify) brevet_secret_unref);
  if (path == NULL || keys->len == 0)
    return TRUE;
  if (brevet_secret_key_file_read (path, found, &cause))
    {
      if (g_ptr_array_find_with_equal_func (found, g_ptr_array_index (keys, 0), is_same_key, NULL))
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "The key that seals the service's secrets is not in the file %s any "
                   "more; put it back as one of its lines, or what it has sealed cannot be opened after the next reload or start",
                   path);
      return FALSE;
    }
  if (self->path != NULL && g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      *restored = brevet_secret_key_file_restore (path, keys, error);
      return *restored;
    }
  g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}

static BrevetSecret *
ref_key_to_seal (BrevetSecretSeal *self, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  if (self->keys->len == 0 && self->forbidden != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "There is no key to seal secrets with in %s, and none is made: "
                 "%s", self->source, self->forbidden);
  else if (self->keys->len == 0 && self->path == NULL)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "There is no key to seal secrets with, and no state "
                         "directory to keep one in; name a file with secrets-key-file= of [service], with 32 random bytes in "
                         "base64 (openssl rand -base64 32)");
  else if (self->keys->len == 0)
    brevet_secret_key_file_make (self->path, self->keys, error);
  return self->keys->len > 0 ? brevet_secret_ref (g_ptr_array_index (self->keys, 0)) : NULL;
}

static void
identify_key (BrevetSecret *key, guint8 *id)
{
  guint8 digest[32];
  gsize size;
  const guint8 *data = brevet_secret_get_data (key, &size);

  gnutls_hash_fast (GNUTLS_DIG_SHA256, data, size, digest);
  memcpy (id, digest, KEY_ID_SIZE);
}

static gnutls_aead_cipher_hd_t
open_cipher (BrevetSecret *key)
{
  gnutls_aead_cipher_hd_t cipher = NULL;
  gsize size;
  const guint8 *data = brevet_secret_get_data (key, &size);
  gnutls_datum_t datum = { (unsigned char *) data, size };
  int code = gnutls_aead_cipher_init (&cipher, GNUTLS_CIPHER_AES_256_GCM, &datum);

  if (code < 0)
    g_error ("AES-256-GCM is not available: %s", gnutls_strerror (code));
  return cipher;
}

char *
brevet_secret_seal_close (BrevetSecretSeal *self, const char *place, BrevetSecret *secret, GError **error)
{
  g_autoptr(BrevetSecret) key = ref_key_to_seal (self, error);
  gnutls_aead_cipher_hd_t cipher;
  g_autofree guint8 *text = NULL;
  gsize size, sealed_size;
  const guint8 *data = brevet_secret_get_data (secret, &size);
  int code;

  if (key == NULL)
    return NULL;
  sealed_size = size + TAG_SIZE;
  text = g_malloc (HEADER_SIZE + sealed_size);
  text[0] = FORM;
  identify_key (key, text + 1);
  code = gnutls_rnd (GNUTLS_RND_NONCE, text + 1 + KEY_ID_SIZE, NONCE_SIZE);
  if (code < 0)
    g_error ("No random numbers: %s", gnutls_strerror (code));
  cipher = open_cipher (key);
  code = gnutls_aead_cipher_encrypt (cipher, text + 1 + KEY_ID_SIZE, NONCE_SIZE, place, strlen (place), TAG_SIZE, data, size,
                                     text + HEADER_SIZE, &sealed_size);
  gnutls_aead_cipher_deinit (cipher);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "A secret could not be sealed: %s", gnutls_strerror (code));
      return NULL;
    }
  return g_base64_encode (text, HEADER_SIZE + sealed_size);
}

static guint8 *
decode (const char *sealed, gsize *size)
{
  g_autofree guint8 *text = NULL;

  if (strlen (sealed) > LONGEST_TEXT)
    return NULL;
  text = g_base64_decode (sealed, size);
  return *size >= HEADER_SIZE + TAG_SIZE && text[0] == FORM ? g_steal_pointer (&text) : NULL;
}

static BrevetSecret *
ref_key_of (BrevetSecretSeal *self, const guint8 *text, guint *index)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  /* It may have been made since, by another process or before a reload. */
  if (self->keys->len == 0 && self->path != NULL)
    brevet_secret_key_file_read (self->path, self->keys, NULL);
  for (guint i = 0; i < self->keys->len; i++)
    {
      BrevetSecret *key = g_ptr_array_index (self->keys, i);
      guint8 id[KEY_ID_SIZE];

      identify_key (key, id);
      *index = i;
      if (memcmp (id, text + 1, KEY_ID_SIZE) == 0)
        return brevet_secret_ref (key);
    }
  return NULL;
}

/* What is freed must not lie around. */
static BrevetSecret *
decrypt (BrevetSecret *key, const char *place, const guint8 *text, gsize size)
{
  gnutls_aead_cipher_hd_t cipher = open_cipher (key);
  gsize length = size - HEADER_SIZE - TAG_SIZE;
  g_autofree guint8 *data = g_malloc0 (length + 1);
  BrevetSecret *secret = NULL;
  int code = gnutls_aead_cipher_decrypt (cipher, text + 1 + KEY_ID_SIZE, NONCE_SIZE, place, strlen (place), TAG_SIZE,
                                         text + HEADER_SIZE, size - HEADER_SIZE, data, &length);

  gnutls_aead_cipher_deinit (cipher);
  if (code == 0)
    secret = brevet_secret_new (data, length);
  gnutls_memset (data, 0, size - HEADER_SIZE - TAG_SIZE);
  return secret;
}

BrevetSecret *
brevet_secret_seal_open (BrevetSecretSeal *self, const char *place, const char *sealed, GError **error)
{
  gsize size = 0;
  guint index;
  g_autofree guint8 *text = decode (sealed, &size);
  g_autoptr(BrevetSecret) key = text != NULL ? ref_key_of (self, text, &index) : NULL;
  BrevetSecret *secret = key != NULL ? decrypt (key, place, text, size) : NULL;

  if (secret == NULL && text != NULL && key == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "A secret of %s is sealed with a key that is not in %s; put "
                 "that key back, or set the secret anew", place, self->source);
  else if (secret == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "A sealed secret of %s is damaged, or was sealed for another place; "
                 "set the secret anew", place);
  return secret;
}

gboolean
brevet_secret_seal_can_open (BrevetSecretSeal *self, const char *sealed)
{
  gsize size = 0;
  guint index;
  g_autofree guint8 *text = decode (sealed, &size);
  g_autoptr(BrevetSecret) key = text != NULL ? ref_key_of (self, text, &index) : NULL;

  return key != NULL;
}

gboolean
brevet_secret_seal_is_current (BrevetSecretSeal *self, const char *sealed)
{
  gsize size = 0;
  guint index = 1;
  g_autofree guint8 *text = decode (sealed, &size);
  g_autoptr(BrevetSecret) key = text != NULL ? ref_key_of (self, text, &index) : NULL;

  return key != NULL && index == 0;
}

const char *
brevet_secret_seal_get_source (BrevetSecretSeal *self)
{
  return self->source;
}
