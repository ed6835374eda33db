/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-client-certificate.h"

#include "brevet-error.h"
#include "brevet-gate-certificates.h"

#include <string.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

static const char *const format_names[] = { "rfc9440", "pem", "envoy" };

/* What an element of Envoy's list says, as far as it is of use here. */
typedef struct
{
  char *certificate;
  char *chain;
  char *hash;
} EnvoyElement;

gboolean
http_client_certificate_find_format (const char *name, HttpCertificateFormat *format)
{
  for (guint i = 0; i < G_N_ELEMENTS (format_names); i++)
    {
      if (strcmp (name, format_names[i]) != 0)
        continue;
      *format = (HttpCertificateFormat) i;
      return TRUE;
    }
  return FALSE;
}

static gboolean
fail (GError **error, const char *message)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, message);
  return FALSE;
}

/* A byte sequence of RFC 8941. HAProxy's certificates of the chain come in one of them. */
static gboolean
add_sequence (GPtrArray *certificates, const char *text, GError **error)
{
  gsize length = strlen (text);
  g_autofree char *base64 = NULL;

  if (length < 2 || text[0] != ':' || text[length - 1] != ':')
    return fail (error, "It is not a byte sequence, which stands between colons");
  base64 = g_strndup (text + 1, length - 2);
  return brevet_gate_certificates_add_base64 (certificates, base64, error);
}

static gboolean
add_sequences (GPtrArray *certificates, const char *text, GError **error)
{
  g_auto(GStrv) items = g_strsplit (text, ",", -1);

  for (char **item = items; *item != NULL; item++)
    if (!add_sequence (certificates, g_strstrip (*item), error))
      return FALSE;
  return TRUE;
}

static gboolean
add_pem (GPtrArray *certificates, const char *escaped, GError **error)
{
  g_autofree char *pem = g_uri_unescape_string (escaped, NULL);
  g_autoptr(BrevetChain) chain = NULL;

  if (pem == NULL || strpbrk (escaped, " \t") != NULL || !g_str_has_prefix (pem, PEM_BEGIN))
    return fail (error, "It is not percent-encoded PEM");
  chain = brevet_chain_new_from_pem (pem, error);
  if (chain == NULL)
    return FALSE;
  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (brevet_chain_get (chain, i)));
  return TRUE;
}

static void
envoy_element_clear (EnvoyElement *self)
{
  g_free (self->certificate);
  g_free (self->chain);
  g_free (self->hash);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (EnvoyElement, envoy_element_clear)

/* Takes a value and moves @text behind it. Returns: NULL if it does not end */
static char *
take_value (const char **text)
{
  GString *value = g_string_new (NULL);
  gboolean is_quoted = **text == '"';
  const char *c = *text + (is_quoted ? 1 : 0);

  for (; *c != '\0' && (is_quoted ? *c != '"' : strchr (",;", *c) == NULL); c++)
    {
      if (is_quoted && *c == '\\' && c[1] != '\0')
        c++;
      g_string_append_c (value, *c);
    }
  if (is_quoted && *c != '"')
    {
      g_string_free (value, TRUE);
      return NULL;
    }

  *text = c + (is_quoted ? 1 : 0);
  return g_string_free (value, FALSE);
}

static gboolean
store_pair (EnvoyElement *element, const char *key, char *value, GError **error)
{
  char **place = g_ascii_strcasecmp (key, "Cert") == 0    ? &element->certificate
                 : g_ascii_strcasecmp (key, "Chain") == 0 ? &element->chain
                 : g_ascii_strcasecmp (key, "Hash") == 0  ? &element->hash
                                                          : NULL;

  if (place == NULL)
    {
      g_free (value);
      return TRUE;
    }
  if (*place != NULL)
    {
      g_free (value);
      return fail (error, "A key is there twice");
    }
  *place = value;
  return TRUE;
}

static gboolean
parse_element (EnvoyElement *element, const char *text, GError **error)
{
  while (TRUE)
    {
      gsize length = strcspn (text, "=,;\"");
      g_autofree char *key = g_strndup (text, length);
      char *value;

      if (length == 0 || text[length] != '=')
        return fail (error, "It is not a list of KEY=VALUE with semicolons between them");
      text += length + 1;
      value = take_value (&text);
      if (value == NULL)
        return fail (error, "A quoted value does not end");
      if (!store_pair (element, key, value, error))
        return FALSE;
      if (*text == '\0')
        return TRUE;
      if (*text == ',')
        return fail (error, "It has several elements: a proxy must replace what it gets (SANITIZE_SET), not append to it");
      if (*text++ != ';')
        return fail (error, "Something stands behind a quoted value");
    }
}

static gboolean
check_element (const EnvoyElement *element, GPtrArray *certificates, GError **error)
{
  BrevetCertificate *leaf = certificates->len > 0 ? certificates->pdata[0] : NULL;

  if (leaf == NULL)
    return fail (error, "It has neither Cert nor Chain; let the proxy send one of them (set_current_client_cert_details)");
  if (element->hash != NULL && g_ascii_strcasecmp (element->hash, brevet_certificate_get_sha256 (leaf)) != 0)
    return fail (error, "Hash is not that of the certificate");
  return TRUE;
}

/* Chain begins with the certificate itself. */
static gboolean
add_envoy (GPtrArray *certificates, const char *text, GError **error)
{
  g_auto(EnvoyElement) element = { 0 };

  if (!parse_element (&element, text, error)
      || (element.certificate != NULL && !add_pem (certificates, element.certificate, error)))
    return FALSE;
  if (certificates->len > 1)
    return fail (error, "Cert holds more than one certificate");
  if (element.chain != NULL && !add_pem (certificates, element.chain, error))
    return FALSE;
  if (element.certificate != NULL && element.chain != NULL
      && !brevet_certificate_equal (certificates->pdata[0], certificates->pdata[1]))
    return fail (error, "Cert and Chain do not begin with the same certificate");
  return check_element (&element, certificates, error);
}

static gboolean
add_all (HttpCertificateFormat format, GPtrArray *certificates, const char *value, const char *issuers, GError **error)
{
  if (format == HTTP_CERTIFICATE_ENVOY)
    return add_envoy (certificates, value, error);
  if (format == HTTP_CERTIFICATE_PEM)
    return add_pem (certificates, value, error) && (issuers == NULL || add_pem (certificates, issuers, error));
  if (!add_sequence (certificates, value, error))
    return FALSE;
  if (certificates->len != 1)
    return fail (error, "It does not hold exactly one certificate");
  return issuers == NULL || add_sequences (certificates, issuers, error);
}

gboolean
http_client_certificate_read (HttpCertificateFormat format, const char *value, const char *issuers, BrevetChain **chain,
                              GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);

  *chain = NULL;
  /* Proxies that are not told otherwise write the field also for a client that has no certificate. */
  if (*value == '\0' || (format == HTTP_CERTIFICATE_RFC9440 && strcmp (value, "::") == 0))
    return TRUE;
  if (issuers != NULL && (*issuers == '\0' || strcmp (issuers, "::") == 0))
    issuers = NULL;
  if (!add_all (format, certificates, value, issuers, error))
    return FALSE;
  *chain = brevet_chain_new (certificates, error);
  return *chain != NULL;
}
