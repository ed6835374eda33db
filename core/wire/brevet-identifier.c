/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-identifier.h"

#include "brevet-wire-private.h"

#include <string.h>

typedef struct {
  const char *noun;
  gsize max_length;
  const char *special;  /* allowed beside letters and digits */
  const char *first;    /* of these, allowed as the first character */
  const char *last;     /* of these, allowed as the last character */
  const char *rule;
} Rule;

static const Rule rules[] = {
  [BREVET_IDENTIFIER_REGISTRATION_ID] = {
    "registration id", 128, "-._:", "", "-",
    "it has 1 to 128 letters, digits and - . _ :, begins with a letter or digit and ends with a letter, a digit or -",
  },
  [BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID] = {
    "enrollment group id", 128, "-._:", "", "-",
    "it has 1 to 128 letters, digits and - . _ :, begins with a letter or digit and ends with a letter, a digit or -",
  },
  [BREVET_IDENTIFIER_DEVICE_ID] = {
    "device id", 128, "-:.+%_#*?!(),=@;$'", "-:.+%_#*?!(),=@;$'", "-:.+%_#*?!(),=@;$'",
    "it has 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '",
  },
  [BREVET_IDENTIFIER_NAME] = {
    "name", 128, "-._:", "", "",
    "it has 1 to 128 letters, digits and - . _ :, and begins and ends with a letter or digit",
  },
  [BREVET_IDENTIFIER_CERTIFICATE_NAME] = {
    "certificate name", 128, "-._", "-_", "-_",
    "it has 1 to 128 letters, digits and - . _, and neither begins nor ends with a dot",
  },
  [BREVET_IDENTIFIER_ID_SCOPE] = {
    "id scope", 64, "", "", "",
    "it has 1 to 64 letters and digits",
  },
  [BREVET_IDENTIFIER_ISSUED_CERTIFICATE] = {
    "id of an issued certificate", 200, ":", "", "",
    "it is the name of its issuer as SHA-256, a colon and its serial number, or refused, a colon and its SHA-256",
  },
};

static gboolean
is_one_of (char character, const char *special)
{
  return g_ascii_isalnum (character) || (character != '\0' && strchr (special, character) != NULL);
}

static gboolean
follows (const Rule *rule, const char *identifier)
{
  gsize length = strlen (identifier);

  if (length == 0 || length > rule->max_length)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!is_one_of (identifier[i], rule->special))
      return FALSE;
  return is_one_of (identifier[0], rule->first) && is_one_of (identifier[length - 1], rule->last);
}

gboolean
brevet_identifier_check (BrevetIdentifierKind kind, const char *identifier, GError **error)
{
  const Rule *rule = &rules[kind];
  g_autofree char *excerpt = NULL;

  if (follows (rule, identifier))
    return TRUE;
  excerpt = brevet_wire_excerpt (identifier);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "“%s” is not a valid %s: %s", excerpt, rule->noun, rule->rule);
  return FALSE;
}

char *
brevet_identifier_fold (const char *identifier)
{
  return g_ascii_strdown (identifier, -1);
}

gboolean
brevet_identifier_equal (const char *a, const char *b)
{
  return g_ascii_strcasecmp (a, b) == 0;
}
