/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-subject.h"

#include "brevet-error.h"
#include "brevet-identifier.h"

#include <string.h>

/* RFC 5280, ub-common-name. */
#define COMMON_NAME_MAX 64

/* How much of a stranger's text goes into a log. */
#define EXCERPT_MAX 80

/* Tags of the kinds of string in which a registration id is the same bytes as in ASCII. */
static const struct
{
  gulong      tag;
  const char *name;
  gboolean    is_plain;
} string_kinds[] = {
  { 12, "UTF8String", TRUE },      { 18, "NumericString", TRUE }, { 19, "PrintableString", TRUE }, { 20, "TeletexString", TRUE },
  { 22, "IA5String", TRUE },       { 26, "VisibleString", TRUE }, { 28, "UniversalString", FALSE }, { 30, "BMPString", FALSE },
};

static gboolean G_GNUC_PRINTF (2, 3)
refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  if (error == NULL)
    return FALSE;
  va_start (arguments, format);
  *error = g_error_new_valist (BREVET_ERROR, BREVET_ERROR_INVALID, format, arguments);
  va_end (arguments);
  return FALSE;
}

static char *
make_excerpt (const char *text)
{
  g_autofree char *start = g_strndup (text, EXCERPT_MAX);

  return g_strescape (start, NULL);
}

/* The size of the OID counts the zero behind it. */
static gboolean
is_common_name (const gnutls_x509_ava_st *part)
{
  return strnlen ((const char *) part->oid.data, part->oid.size) == strlen (GNUTLS_OID_X520_COMMON_NAME) &&
         memcmp (part->oid.data, GNUTLS_OID_X520_COMMON_NAME, strlen (GNUTLS_OID_X520_COMMON_NAME)) == 0;
}

/* GnuTLS would convert the text of the name; what counts here is how it is written. */
static guint
find_common_names (BrevetCertificate *certificate, gnutls_x509_ava_st *name)
{
  gnutls_x509_dn_t subject;
  gnutls_x509_ava_st part;
  guint found = 0;

  if (gnutls_x509_crt_get_subject (brevet_certificate_get_crt (certificate), &subject) < 0)
    return 0;
  for (int set = 0; gnutls_x509_dn_get_rdn_ava (subject, set, 0, &part) >= 0; set++)
    for (int item = 0; gnutls_x509_dn_get_rdn_ava (subject, set, item, &part) >= 0; item++)
      if (is_common_name (&part) && found++ == 0)
        *name = part;
  return found;
}

static gboolean
check_kind (gulong tag, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (string_kinds); i++)
    if (string_kinds[i].tag == tag)
      return string_kinds[i].is_plain ||
             refuse (error, "The certificate's common name is written as %s; it must be a UTF8String or PrintableString",
                     string_kinds[i].name);
  return refuse (error, "The certificate's common name is no text: its type has the tag %lu", tag);
}

static gboolean
check_bytes (const gnutls_datum_t *value, GError **error)
{
  if (value->size == 0)
    return refuse (error, "The certificate's common name is empty");
  if (memchr (value->data, '\0', value->size) != NULL)
    return refuse (error, "The certificate's common name has a zero byte inside");
  if (value->size > COMMON_NAME_MAX)
    return refuse (error, "The certificate's common name has %u bytes; allowed are %d", value->size, COMMON_NAME_MAX);
  return TRUE;
}

static gboolean
check_characters (const char *name, GError **error)
{
  g_autofree char *excerpt = make_excerpt (name);
  g_autoptr(GError) local_error = NULL;
  gsize length = strlen (name);

  for (gsize i = 0; i < length; i++)
    {
      if ((guchar) name[i] >= 0x80)
        return refuse (error, "The certificate's common name “%s” has characters outside of ASCII", excerpt);
      if (!g_ascii_isalnum (name[i]) && strchr ("-._:", name[i]) == NULL)
        return refuse (error, "The certificate's common name “%s” has the character 0x%02x, which no registration id may have",
                       excerpt, (guint) (guchar) name[i]);
    }
  if (!g_ascii_isalnum (name[0]))
    return refuse (error, "The certificate's common name “%s” does not begin with a letter or digit", excerpt);
  if (!g_ascii_isalnum (name[length - 1]) && name[length - 1] != '-')
    return refuse (error, "The certificate's common name “%s” does not end with a letter, a digit or -", excerpt);
  return brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, name, &local_error) ||
         refuse (error, "The certificate's common name is no registration id: %s", local_error->message);
}

char *
x509_subject_dup_registration_id (BrevetCertificate *certificate, GError **error)
{
  gnutls_x509_ava_st part = { { NULL, 0 }, { NULL, 0 }, 0 };
  guint found = find_common_names (certificate, &part);
  g_autofree char *name = NULL;

  if (found == 0)
    {
      refuse (error, "The certificate has no common name, which would say which device it is for");
      return NULL;
    }
  if (found > 1)
    {
      refuse (error, "The certificate has %u common names; it must have exactly one", found);
      return NULL;
    }
  if (!check_kind (part.value_tag, error) || !check_bytes (&part.value, error))
    return NULL;
  name = g_strndup ((const char *) part.value.data, part.value.size);
  return check_characters (name, error) ? g_steal_pointer (&name) : NULL;
}
