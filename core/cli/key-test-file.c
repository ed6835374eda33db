/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-test.h"

#include "brevet-error.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
look_at_file (BrevetKeyTest *self, GStatBuf *status)
{
  g_autofree char *mode = NULL;

  if (g_stat (self->location, status) < 0)
    return brevet_key_test_fail (self, "file",
                                 g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                                              "The key file “%s” cannot be looked at: %s", self->location, g_strerror (errno)));
  mode = g_strdup_printf ("%04o", (unsigned int) status->st_mode & 07777);
  json_object_set_string_member (self->facts, "mode", mode);
  json_object_set_int_member (self->facts, "owner", status->st_uid);
  return TRUE;
}

/* Said last: a key that anybody can read is no reason not to say what else is wrong with it. */
static gboolean
check_mode (BrevetKeyTest *self, const GStatBuf *status)
{
  if ((status->st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return TRUE;
  return brevet_key_test_fail (self, "permission",
                               g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                                            "Others than its owner may use the key file “%s” (mode %04o); chmod 0600 it, and "
                                            "think about who may have read it", self->location, status->st_mode & 07777));
}

static gboolean
is_encrypted (BrevetSecret *text)
{
  const char *pem = (const char *) brevet_secret_get_data (text, NULL);

  return strstr (pem, "BEGIN ENCRYPTED PRIVATE KEY") != NULL || strstr (pem, "Proc-Type: 4,ENCRYPTED") != NULL;
}

gboolean
brevet_key_test_file (BrevetKeyTest *self)
{
  GStatBuf status;
  GError *error = NULL;
  g_autoptr(BrevetSecret) text = NULL;
  g_autoptr(BrevetKey) key = NULL;
  gboolean encrypted;

  if (!look_at_file (self, &status))
    return FALSE;
  text = brevet_secret_new_from_file (self->location, &error);
  if (text == NULL)
    return brevet_key_test_fail (self, g_access (self->location, R_OK) != 0 ? "permission" : "file", error);
  encrypted = is_encrypted (text);
  json_object_set_boolean_member (self->facts, "encrypted", encrypted);
  key = brevet_key_load (self->location, self->pin, &error);
  if (key == NULL)
    return brevet_key_test_fail (self, encrypted ? (self->pin != NULL ? "password" : "password-missing") : "file", error);
  return brevet_key_test_check (self, key) && check_mode (self, &status);
}
