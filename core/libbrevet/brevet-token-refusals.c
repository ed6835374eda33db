/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <string.h>

#define SALT_SIZE 32

/*
 * PINs that a token has refused, as keyed digests: a program that tries again and again must not be what locks a token. One that
 * is started again and again must not be, either, so under systemd they are also in the unit's runtime directory, in a file that
 * begins with the key.
 */
static GMutex lock;
static GHashTable *refused;
static char *salt;
static gboolean last_try_allowed;

/* Returns: (nullable): path of the file */
char *
brevet_token_get_refused_file (void)
{
  const char *directories = g_getenv ("RUNTIME_DIRECTORY");
  g_autofree char *first = NULL;

  if (directories == NULL || *directories == '\0')
    return NULL;
  first = g_strndup (directories, strcspn (directories, ":"));
  return g_build_filename (first, "refused-pins", NULL);
}

static char *
make_salt (void)
{
  guint8 bytes[SALT_SIZE];
  char *text = g_new0 (char, 2 * SALT_SIZE + 1);

  gnutls_rnd (GNUTLS_RND_KEY, bytes, sizeof bytes);
  for (gsize i = 0; i < sizeof bytes; i++)
    g_snprintf (text + 2 * i, 3, "%02x", bytes[i]);
  return text;
}

static void
load (void)
{
  g_autofree char *path = brevet_token_get_refused_file ();
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;

  if (refused != NULL)
    return;
  refused = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (path != NULL && g_file_get_contents (path, &text, NULL, NULL))
    lines = g_strsplit (text, "\n", -1);
  if (lines == NULL || lines[0] == NULL || strlen (lines[0]) != 2 * SALT_SIZE)
    {
      salt = make_salt ();
      return;
    }
  salt = g_strdup (lines[0]);
  for (gsize i = 1; lines[i] != NULL; i++)
    if (*lines[i] != '\0')
      g_hash_table_add (refused, g_strdup (lines[i]));
}

static void
save (void)
{
  g_autofree char *path = brevet_token_get_refused_file ();
  g_autoptr(GString) text = g_string_new (salt);
  g_autoptr(GError) error = NULL;
  GHashTableIter iter;
  gpointer digest;

  if (path == NULL)
    return;
  g_string_append_c (text, '\n');
  g_hash_table_iter_init (&iter, refused);
  while (g_hash_table_iter_next (&iter, &digest, NULL))
    g_string_append_printf (text, "%s\n", (char *) digest);
  if (!g_file_set_contents_full (path, text->str, text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    g_warning ("That a PIN was refused cannot be remembered beyond the next restart: %s", error->message);
}

static char *
make_digest (const char *uri, BrevetSecret *pin)
{
  char *full = brevet_token_uri_build (uri, NULL, NULL, pin, TRUE);
  char *digest = g_compute_hmac_for_string (G_CHECKSUM_SHA256, (const guchar *) salt, strlen (salt), full, -1);

  brevet_secret_free_text (full);
  return digest;
}

void
brevet_token_remember_refused (const char *uri, BrevetSecret *pin)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  load ();
  g_hash_table_add (refused, make_digest (uri, pin));
  save ();
}

/*
 * brevet_token_pin_was_refused:
 *
 * Returns: whether the token of @uri has refused this PIN already
 */
gboolean
brevet_token_pin_was_refused (const char *uri, BrevetSecret *pin)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  g_autofree char *digest = NULL;

  load ();
  digest = make_digest (uri, pin);
  return g_hash_table_contains (refused, digest);
}

/*
 * brevet_token_may_try:
 * @flags: of the token
 *
 * Returns: %FALSE if a wrong PIN would lock the token, and nobody is there who has decided to risk that
 */
gboolean
brevet_token_may_try (unsigned int flags)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  return last_try_allowed || (flags & GNUTLS_PKCS11_TOKEN_USER_PIN_FINAL_TRY) == 0;
}

void
brevet_token_allow_last_try (void)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  last_try_allowed = TRUE;
}

void
brevet_token_forget_refused_pins (void)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  g_autofree char *path = brevet_token_get_refused_file ();

  g_clear_pointer (&refused, g_hash_table_unref);
  g_clear_pointer (&salt, g_free);
  if (path != NULL)
    g_unlink (path);
}
