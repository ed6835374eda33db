/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The key that is to come, and its request. */

#include "ceremony-private.h"

#include "ceremony-check.h"
#include "ceremony-import.h"
#include "ceremony-terminal.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-token.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>

/* 64 characters less those of “-YYYYMMDD-XXXX issuing CA”. */
#define LONGEST_NAME_IN_SUBJECT 39

/* A name that no key has had: what was made before is never overwritten. */
static char *
choose_stem (BrevetCeremony *self)
{
  g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc (brevet_clock_now_seconds ());
  g_autofree char *day = g_date_time_format (now, "%Y%m%d");

  for (;;)
    {
      g_autofree char *stem = g_strdup_printf ("%s-%s-%04x", self->name, day, g_random_int () & 0xffff);
      g_autofree char *key = brevet_ceremony_build_path (self, stem, ".key");
      g_autofree char *certificate = brevet_ceremony_build_path (self, stem, ".pem");

      if (!g_file_test (key, G_FILE_TEST_EXISTS) && !g_file_test (certificate, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&stem);
    }
}

/* Not longer than RFC 5280 allows, and with the part of the stem in it that no other has. */
static char *
make_subject (BrevetCeremony *self, const char *stem)
{
  return g_strdup_printf ("%.*s%s issuing CA", LONGEST_NAME_IN_SUBJECT, self->name, stem + strlen (self->name));
}

/* It is written down before the key is made, so that nobody has to look for a key that was made and forgotten. */
static gboolean
begin (BrevetCeremony *self, const BrevetCeremonyRequest *request, GError **error)
{
  g_autofree char *stem = choose_stem (self);
  g_autofree char *key = request->token != NULL ? brevet_token_key_uri (request->token, stem)
                                                : brevet_ceremony_build_path (self, stem, ".key");
  g_autofree char *password_file = request->password_file != NULL ? g_canonicalize_filename (request->password_file, NULL) : NULL;
  g_autofree char *token = request->token != NULL ? brevet_token_strip_key (key) : NULL;
  g_autofree char *subject = make_subject (self, stem);

  brevet_ceremony_note (self, "coming", "stem", stem);
  brevet_ceremony_note (self, "coming", "key", key);
  brevet_ceremony_note (self, "coming", "token", token);
  brevet_ceremony_note (self, "coming", "password-file", password_file);
  brevet_ceremony_note (self, "coming", "subject", request->subject != NULL ? request->subject : subject);
  brevet_ceremony_note_number (self, "coming", "kind", request->kind);
  brevet_ceremony_note_number (self, "coming", "since", brevet_clock_now_seconds ());
  return brevet_ceremony_save (self, error);
}

/* The password of the new key: that of a file, or what the present key of the CA has. */
static gboolean
find_password (BrevetCeremony *self, BrevetSecret **password, GError **error)
{
  g_autofree char *path = brevet_ceremony_dup_note (self, "coming", "password-file");

  *password = NULL;
  if (path != NULL)
    {
      *password = brevet_secret_new_from_file (path, error);
      return *password != NULL;
    }
  return self->group == NULL || brevet_settings_get_secret (self->group, "key-password", password, error);
}

static gboolean
make_key_file (BrevetKeyKind kind, const char *path, BrevetSecret *password, GError **error)
{
  g_autofree char *partial = g_strconcat (path, ".partial", NULL);
  g_autoptr(BrevetKey) key = brevet_key_generate (kind, error);
  gboolean saved;

  if (key == NULL)
    return FALSE;
  g_unlink (partial);
  saved = password != NULL ? brevet_key_save_encrypted (key, partial, password, error) : brevet_key_save (key, partial, error);
  if (!saved)
    return FALSE;
  if (g_rename (partial, path) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "“%s” cannot be renamed: %s", partial, g_strerror (errno));
  g_unlink (partial);
  return FALSE;
}

static BrevetKey *
ensure_token_key (BrevetCeremony *self, const char *token, BrevetSecret *password, GError **error)
{
  g_autofree char *stem = brevet_ceremony_dup_note (self, "coming", "stem");
  g_autofree char *uri = brevet_ceremony_dup_note (self, "coming", "key");
  g_autoptr(GError) local_error = NULL;
  gint64 kind = brevet_ceremony_get_number (self, "coming", "kind");
  BrevetKey *key = brevet_token_generate_key (token, password, kind, stem, &local_error);

  if (key == NULL && g_error_matches (local_error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    return brevet_key_load (uri, password, error);
  if (key == NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return key;
}

static BrevetKey *
ensure_key (BrevetCeremony *self, GError **error)
{
  g_autofree char *token = brevet_ceremony_dup_note (self, "coming", "token");
  g_autofree char *location = brevet_ceremony_dup_note (self, "coming", "key");
  g_autoptr(BrevetSecret) password = NULL;

  if (!find_password (self, &password, error))
    return NULL;
  if (token != NULL)
    {
      if (password == NULL)
        password = brevet_ceremony_read_password (NULL, _("PIN of the token"), FALSE, error);
      return password != NULL ? ensure_token_key (self, token, password, error) : NULL;
    }
  if (!g_file_test (location, G_FILE_TEST_EXISTS) &&
      !make_key_file (brevet_ceremony_get_number (self, "coming", "kind"), location, password, error))
    return NULL;
  return brevet_key_load (location, password, error);
}

static BrevetKey *
ensure_key_as_owner (BrevetCeremony *self, GError **error)
{
  BrevetKey *key;

  if (!brevet_ceremony_become_owner (self, error))
    return NULL;
  key = ensure_key (self, error);
  brevet_ceremony_become_self (self);
  return key;
}

static gboolean
write_request (BrevetCeremony *self, const char *path, BrevetKey *key, GError **error)
{
  g_autofree char *subject = brevet_ceremony_dup_note (self, "coming", "subject");
  g_autoptr(GBytes) der = brevet_key_create_csr (key, subject, error);
  g_autoptr(BrevetCsr) csr = der != NULL ? brevet_ceremony_parse_csr (der, path, error) : NULL;
  g_autofree char *pem = csr != NULL ? brevet_csr_to_pem (csr) : NULL;

  return pem != NULL && brevet_ceremony_write (self, path, pem, 0644, error);
}

/* A mistake in a command that could not even make the key is not to be made again by the next one. @before: what was noted before
 * this command, NULL if it goes on with what another has begun. */
static gboolean
make_request (BrevetCeremony *self, const char *path, const char *before, GError **error)
{
  g_autoptr(BrevetKey) key = ensure_key_as_owner (self, error);

  if (key != NULL)
    return write_request (self, path, key, error);
  if (before == NULL)
    g_prefix_error (error, "The key that was begun before cannot be made; --anew begins another one: ");
  else if (g_key_file_load_from_data (self->state, before, -1, G_KEY_FILE_NONE, NULL))
    brevet_ceremony_save (self, NULL);
  return FALSE;
}

char *
brevet_ceremony_prepare (BrevetCeremony *self, const BrevetCeremonyRequest *request, gboolean *resumed, GError **error)
{
  g_autofree char *before = g_key_file_to_data (self->state, NULL, NULL);
  g_autofree char *stem = NULL;
  g_autofree char *path = NULL;

  if (request->anew)
    {
      brevet_ceremony_settle (self);
      brevet_ceremony_forget (self, "coming");
    }
  *resumed = g_key_file_has_group (self->state, "coming");
  if (!*resumed && !begin (self, request, error))
    return NULL;
  stem = brevet_ceremony_dup_note (self, "coming", "stem");
  path = brevet_ceremony_build_path (self, stem, ".csr");
  if (!g_file_test (path, G_FILE_TEST_EXISTS) && !make_request (self, path, *resumed ? NULL : before, error))
    return NULL;
  return g_steal_pointer (&path);
}

BrevetKey *
brevet_ceremony_load_coming_key (BrevetCeremony *self, GError **error)
{
  g_autofree char *stem = brevet_ceremony_dup_note (self, "coming", "stem");

  if (stem != NULL)
    return ensure_key_as_owner (self, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "No key of “%s” waits for a certificate; make one with “ca csr” or “ca rotate”", self->name);
  return NULL;
}
