/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-text-file.h"
#include "brevet-x509-private.h"

#include <string.h>

#define PEM_BEGIN "-----BEGIN "
#define PEM_END   "-----END "
#define PEM_TAIL  "-----"

/* No chain or bundle comes near this: BREVET_TRUST_BUNDLE_MAX_LENGTH certificates of RSA-4096 are a fifth of it. */
#define TEXT_MAX_SIZE (1024 * 1024)

/*
 * brevet_x509_hex:
 * @hex: room for 2 × @length + 1 bytes
 */
void
brevet_x509_hex (const guint8 *bytes, gsize length, char *hex)
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < length; i++)
    {
      hex[2 * i] = digits[bytes[i] >> 4];
      hex[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
  hex[2 * length] = '\0';
}

gboolean
brevet_x509_spki_sha256 (gnutls_pubkey_t key, char hex[BREVET_SHA256_HEX_SIZE], GError **error)
{
  guint8 id[32];
  gsize size = sizeof id;
  int code = gnutls_pubkey_get_key_id (key, GNUTLS_KEYID_USE_SHA256, id, &size);

  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Hashing the public key failed: %s", gnutls_strerror (code));
      return FALSE;
    }
  brevet_x509_hex (id, size, hex);
  return TRUE;
}

/*
 * brevet_x509_unescape_name:
 * @escaped: part of a name as GnuTLS gives it: with a backslash before whatever RFC 4514 gives a meaning
 *
 * Returns: (transfer full) (nullable): the text as it stands in the name; %NULL if it is no text: not UTF-8, of an unknown string
 * type, or with a zero byte inside, which would let two readers see two names
 */
char *
brevet_x509_unescape_name (const char *escaped, gsize length)
{
  GString *name;

  if (length == 0 || escaped[0] == '#' || memchr (escaped, '\0', length) != NULL || !g_utf8_validate (escaped, length, NULL))
    return NULL;
  name = g_string_sized_new (length);
  for (gsize i = 0; i < length; i++)
    {
      if (escaped[i] == '\\' && i + 1 < length)
        i++;
      g_string_append_c (name, escaped[i]);
    }
  return g_string_free (name, FALSE);
}

/* Dates in certificates may lie outside of what a calendar can show. */
char *
brevet_x509_format_date (gint64 seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (seconds);

  return date != NULL ? g_date_time_format_iso8601 (date) : g_strdup_printf ("%" G_GINT64_FORMAT " s after 1970", seconds);
}

char *
brevet_x509_to_pem (const char *label, GBytes *der)
{
  gsize size;
  gnutls_datum_t data = { (guint8 *) g_bytes_get_data (der, &size), 0 };
  gnutls_datum_t pem = { NULL, 0 };
  char *text;

  data.size = size;
  if (gnutls_pem_base64_encode2 (label, &data, &pem) < 0)
    g_error ("Out of memory while encoding a %s", label);
  text = g_strndup ((const char *) pem.data, pem.size);
  gnutls_free (pem.data);
  return text;
}

char *
brevet_x509_certificates_to_pem (GPtrArray *certificates)
{
  g_autoptr(GString) text = g_string_new (NULL);

  for (guint i = 0; i < certificates->len; i++)
    {
      g_autofree char *pem = brevet_certificate_to_pem (certificates->pdata[i]);

      g_string_append (text, pem);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/*
 * brevet_x509_load_text:
 *
 * Reads a file of PEM; errors are %BREVET_ERROR_NOT_CONFIGURED and name the file.
 */
gboolean
brevet_x509_load_text (const char *path, char **text, GError **error)
{
  g_autofree char *contents = NULL;
  gsize length;

  contents = brevet_text_file_read (path, TEXT_MAX_SIZE, &length, error);
  if (contents == NULL)
    return FALSE;
  if (memchr (contents, '\0', length) != NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” is not a file of PEM certificates", path);
      return FALSE;
    }
  *text = g_steal_pointer (&contents);
  return TRUE;
}

/* GnuTLS's own list import takes every label that merely starts with CERTIFICATE, requests included, so labels are matched here. */
static gboolean
label_is_certificate (const char *label, gsize length)
{
  return (length == strlen ("CERTIFICATE") && memcmp (label, "CERTIFICATE", length) == 0) ||
         (length == strlen ("X509 CERTIFICATE") && memcmp (label, "X509 CERTIFICATE", length) == 0);
}

static BrevetCertificate *
parse_block (const char *block, gsize length, guint number, GError **error)
{
  g_autoptr(GBytes) der = NULL;
  g_autoptr(GError) local_error = NULL;
  gnutls_datum_t pem = { (guint8 *) block, length };
  gnutls_datum_t data = { NULL, 0 };
  BrevetCertificate *certificate;
  int code;

  code = gnutls_pem_base64_decode2 (NULL, &pem, &data);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "PEM block %u is damaged: %s", number, gnutls_strerror (code));
      return NULL;
    }
  der = g_bytes_new (data.data, data.size);
  gnutls_free (data.data);
  certificate = brevet_certificate_new (der, &local_error);
  if (certificate == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "PEM block %u: ", number);
  return certificate;
}

/* Finds the end line that belongs to the begin line at @begin; @after is set behind it. */
static gboolean
find_block (const char *begin, const char **label, gsize *label_length, const char **after)
{
  const char *label_end;
  g_autofree char *end_line = NULL;
  const char *end;

  *label = begin + strlen (PEM_BEGIN);
  label_end = strstr (*label, PEM_TAIL);
  if (label_end == NULL || memchr (*label, '\n', label_end - *label) != NULL)
    return FALSE;
  *label_length = label_end - *label;
  end_line = g_strdup_printf (PEM_END "%.*s" PEM_TAIL, (int) *label_length, *label);
  end = strstr (label_end, end_line);
  if (end == NULL)
    return FALSE;
  *after = end + strlen (end_line);
  return TRUE;
}

/*
 * brevet_x509_parse_pem:
 * @maximum: most certificates that are taken
 *
 * Returns: (transfer full) (element-type BrevetCertificate): the certificates among the PEM blocks, in their order, possibly none;
 * %NULL with %BREVET_ERROR_INVALID if a block is damaged or there are too many
 */
GPtrArray *
brevet_x509_parse_pem (const char *pem, guint maximum, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  const char *begin = pem;
  guint number = 0;

  while ((begin = strstr (begin, PEM_BEGIN)) != NULL)
    {
      const char *label, *after;
      gsize label_length;
      BrevetCertificate *certificate;

      number++;
      if (!find_block (begin, &label, &label_length, &after))
        {
          g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "PEM block %u is cut off: it has no matching end line", number);
          return NULL;
        }
      if (label_is_certificate (label, label_length))
        {
          if (certificates->len == maximum)
            {
              g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "There are more than %u certificates", maximum);
              return NULL;
            }
          certificate = parse_block (begin, after - begin, number, error);
          if (certificate == NULL)
            return NULL;
          g_ptr_array_add (certificates, certificate);
        }
      begin = after;
    }
  return g_steal_pointer (&certificates);
}
