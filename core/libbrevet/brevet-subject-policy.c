/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-subject-policy.h"

#include "brevet-error.h"

#include <string.h>

#define DEFAULT_URI_PREFIX "urn:brevet:"
#define HASHED_HEAD        24
#define HASHED_DIGITS      32
#define HASHED_LENGTH      (HASHED_HEAD + 1 + HASHED_DIGITS)

typedef enum {
  LONG_NAME_REJECT,
  LONG_NAME_HASH,
  LONG_NAME_ALLOW,
} LongName;

struct _BrevetSubjectPolicy
{
  LongName long_name;
  char    *uri_prefix;
};

G_DEFINE_BOXED_TYPE (BrevetSubjectPolicy, brevet_subject_policy, brevet_subject_policy_ref, brevet_subject_policy_unref)

static gboolean
read_long_name (BrevetSubjectPolicy *self, BrevetSettings *settings, GError **error)
{
  const char *value = brevet_settings_get_string (settings, "long-cn", "reject");

  if (strcmp (value, "reject") == 0)
    self->long_name = LONG_NAME_REJECT;
  else if (strcmp (value, "hash") == 0)
    self->long_name = LONG_NAME_HASH;
  else if (strcmp (value, "allow") == 0)
    self->long_name = LONG_NAME_ALLOW;
  else
    {
      g_propagate_error (error,
                         brevet_settings_error (settings, "long-cn", "“%s” is not known; write reject, hash or allow", value));
      return FALSE;
    }
  return TRUE;
}

static gboolean
read_uri_prefix (BrevetSubjectPolicy *self, BrevetSettings *settings, GError **error)
{
  const char *value = brevet_settings_get_string (settings, "subject-uri-prefix", NULL);
  g_autofree char *scheme = NULL;

  if (value == NULL)
    return TRUE;
  scheme = g_uri_parse_scheme (value);
  if (scheme == NULL || !g_uri_is_valid (value, G_URI_FLAGS_NONE, NULL))
    {
      g_propagate_error (
        error, brevet_settings_error (settings, "subject-uri-prefix",
                                      "“%s” is not the beginning of a URI; write for example urn:brevet:plant-7:", value));
      return FALSE;
    }
  self->uri_prefix = g_strdup (value);
  return TRUE;
}

BrevetSubjectPolicy *
brevet_subject_policy_new (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetSubjectPolicy) self = g_atomic_rc_box_new0 (BrevetSubjectPolicy);

  if (settings != NULL && (!read_long_name (self, settings, error) || !read_uri_prefix (self, settings, error)))
    return NULL;
  return g_steal_pointer (&self);
}

BrevetSubjectPolicy *
brevet_subject_policy_ref (BrevetSubjectPolicy *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
policy_clear (gpointer data)
{
  BrevetSubjectPolicy *self = data;

  g_free (self->uri_prefix);
}

void
brevet_subject_policy_unref (BrevetSubjectPolicy *self)
{
  g_atomic_rc_box_release_full (self, policy_clear);
}

static char *
hash_name (const char *registration_id)
{
  g_autofree char *head = g_utf8_substring (registration_id, 0, HASHED_HEAD);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, registration_id, -1);

  return g_strdup_printf ("%s-%.*s", head, HASHED_DIGITS, digest);
}

/* Where names are hashed, a short id of the same form could pose as the device whose name hashes to it. */
static gboolean
looks_hashed (const char *registration_id)
{
  const char *digits;

  if (g_utf8_strlen (registration_id, -1) != HASHED_LENGTH)
    return FALSE;
  digits = g_utf8_offset_to_pointer (registration_id, HASHED_HEAD);
  return *digits == '-' && strspn (digits + 1, "0123456789abcdefABCDEF") == HASHED_DIGITS;
}

static char *
make_common_name (BrevetSubjectPolicy *self, const char *registration_id, gboolean *hashed, GError **error)
{
  glong length = g_utf8_strlen (registration_id, -1);

  *hashed = FALSE;
  if (self->long_name == LONG_NAME_HASH && looks_hashed (registration_id))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The registration id “%s” has the form that is reserved for hashed names; choose another", registration_id);
      return NULL;
    }
  if (length <= BREVET_SUBJECT_MAX_COMMON_NAME || self->long_name == LONG_NAME_ALLOW)
    return g_strdup (registration_id);
  if (self->long_name == LONG_NAME_HASH)
    {
      *hashed = TRUE;
      return hash_name (registration_id);
    }
  g_set_error (
    error, BREVET_ERROR, BREVET_ERROR_REJECTED,
    "The registration id “%s” has %ld characters, a common name at most %d; shorten it, or set long-cn to hash for this CA",
    registration_id, length, BREVET_SUBJECT_MAX_COMMON_NAME);
  return NULL;
}

gboolean
brevet_subject_policy_apply (BrevetSubjectPolicy *self, const char *registration_id, BrevetCsr *csr, char **common_name, char **uri,
                             GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *escaped = NULL;
  const char *asked;
  gboolean hashed;

  g_return_val_if_fail (self != NULL && registration_id != NULL && *registration_id != '\0' && csr != NULL, FALSE);

  name = make_common_name (self, registration_id, &hashed, error);
  if (name == NULL)
    return FALSE;

  asked = brevet_csr_get_common_name (csr);
  if (asked != NULL && strcmp (asked, registration_id) != 0 && strcmp (asked, name) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The common name “%s” of the certificate request is not the registration id “%s”", asked, registration_id);
      return FALSE;
    }

  *uri = NULL;
  if (hashed || self->uri_prefix != NULL)
    {
      escaped = g_uri_escape_string (registration_id, NULL, FALSE);
      *uri = g_strconcat (self->uri_prefix != NULL ? self->uri_prefix : DEFAULT_URI_PREFIX, escaped, NULL);
    }
  *common_name = g_steal_pointer (&name);
  return TRUE;
}
