/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-identifier.h"
#include "brevet-wire-private.h"

#include <string.h>

/* What the paths of HTTP and the names and topics of MQTT have in common. */

#define OPERATION_ID_MAX_LENGTH 128

static const char *const reserved_words[] = {
  "enrollments", "enrollmentGroups", "certificateAuthorities", "trustBundles", "certificates", "issuedCertificates",
  "certificateAuthorityStatus", "trustBundleStatus", "crl", "registrations",
};

gboolean
brevet_wire_is_reserved (const char *word)
{
  for (gsize i = 0; i < G_N_ELEMENTS (reserved_words); i++)
    if (g_ascii_strcasecmp (word, reserved_words[i]) == 0)
      return TRUE;
  return FALSE;
}

gboolean
brevet_wire_check_id_scope (const char *id_scope, GError **error)
{
  if (!brevet_identifier_check (BREVET_IDENTIFIER_ID_SCOPE, id_scope, error))
    return FALSE;
  if (!brevet_wire_is_reserved (id_scope))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The id scope “%s” is a word of the service API", id_scope);
  return FALSE;
}

gboolean
brevet_wire_check_operation_id (const char *operation_id, GError **error)
{
  gsize length = strlen (operation_id);

  if (length > 0 && length <= OPERATION_ID_MAX_LENGTH &&
      strspn (operation_id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._:") == length)
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The operation id is malformed");
  return FALSE;
}

/* Whoever sends many parameters makes us look at each: most cannot be the one by their length alone. */
static gboolean
has_name (const char *parameter, gsize length, const char *name)
{
  gsize least = strlen (name);
  g_autofree char *encoded = NULL;
  g_autofree char *decoded = NULL;

  if (length < least || length > least * 3)
    return FALSE;
  encoded = g_strndup (parameter, length);
  decoded = brevet_wire_percent_decode (encoded);
  return decoded != NULL && g_ascii_strcasecmp (decoded, name) == 0;
}

gboolean
brevet_wire_query_find (const char *query, const char *name, char **value, GError **error)
{
  g_autofree char *found = NULL;

  *value = NULL;
  for (const char *next = query; next != NULL;)
    {
      gsize length = strcspn (next, "&");
      gsize name_length = strcspn (next, "=&");
      const char *rest = next[name_length] == '=' ? next + name_length + 1 : next + name_length;

      if (has_name (next, name_length, name))
        {
          if (found != NULL)
            {
              g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The parameter %s occurs twice", name);
              return FALSE;
            }
          found = g_strndup (rest, (gsize) (next + length - rest));
        }
      next = next[length] == '&' ? next + length + 1 : NULL;
    }
  *value = g_steal_pointer (&found);
  return TRUE;
}
