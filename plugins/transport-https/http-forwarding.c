/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-forwarding.h"

#include <gio/gio.h>
#include <string.h>

/* The one field whose form is not a plain list of addresses (RFC 7239). */
#define FORWARDED "forwarded"

static gboolean
refuse_setting (BrevetSettings *settings, const char *key, GError **error, const char *message)
{
  g_propagate_error (error, brevet_settings_error (settings, key, "%s", message));
  return FALSE;
}

static gboolean
is_field_name (const char *text)
{
  gsize length = strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-_");

  return length > 0 && text[length] == '\0';
}

static gboolean
read_field (BrevetSettings *settings, const char *key, const char **field, GError **error)
{
  const char *text = brevet_settings_get_string (settings, key, NULL);
  g_autofree char *lower = text == NULL ? NULL : g_ascii_strdown (text, -1);

  *field = lower == NULL ? NULL : g_intern_string (lower);
  if (lower == NULL || is_field_name (lower))
    return TRUE;
  return refuse_setting (settings, key, error, "This is not the name of a header field");
}

static gboolean
read_format (HttpForwarding *self, BrevetSettings *settings, GError **error)
{
  const char *name = brevet_settings_get_string (settings, "client-certificate-format", "rfc9440");

  if (http_client_certificate_find_format (name, &self->format))
    return TRUE;
  return refuse_setting (settings, "client-certificate-format", error, "There are the formats rfc9440, pem and envoy");
}

/* A header field is worth nothing where the proxy passes on bytes that it cannot read. */
static gboolean
check_settings (HttpForwarding *self, BrevetSettings *settings, GError **error)
{
  const char *key = self->certificate_field != NULL ? "client-certificate-header" : "client-address-header";
  gboolean has_header, has_tls;

  if (self->issuers_field != NULL && (self->certificate_field == NULL || self->format == HTTP_CERTIFICATE_ENVOY))
    return refuse_setting (settings, "client-certificate-chain-header", error,
                           "Issuers belong to a client-certificate-header in another format than envoy");
  if (self->certificate_field == NULL && self->address_field == NULL)
    return TRUE;
  if (!brevet_settings_has (settings, "proxy-addresses"))
    return refuse_setting (settings, key, error, "Nobody is believed yet; name the proxies in proxy-addresses");
  if (!brevet_settings_get_boolean (settings, "proxy-protocol", FALSE, &has_header, error)
      || !brevet_settings_get_boolean (settings, "tls", TRUE, &has_tls, error))
    return FALSE;
  if (has_header && has_tls)
    return refuse_setting (settings, key, error,
                           "With proxy-protocol=yes and TLS the proxy may pass on what the client has encrypted, and the header "
                           "field would be the client's own word; leave one of the two out, or set tls=no");
  if (self->certificate_field != NULL && brevet_settings_has (settings, "proxy-certificate-tlv"))
    return refuse_setting (settings, key, error, "The client's certificate comes from one place; leave proxy-certificate-tlv out");
  return TRUE;
}

gboolean
http_forwarding_configure (HttpForwarding *self, BrevetSettings *settings, GError **error)
{
  return read_field (settings, "client-certificate-header", &self->certificate_field, error)
         && read_field (settings, "client-certificate-chain-header", &self->issuers_field, error)
         && read_field (settings, "client-address-header", &self->address_field, error)
         && read_format (self, settings, error) && check_settings (self, settings, error);
}

static gboolean
refuse (HttpOrigin *origin, guint status, char *message)
{
  origin->status = status;
  origin->message = message;
  return FALSE;
}

static gboolean
has_field (HttpReader *reader, const char *name)
{
  return name != NULL && http_reader_get_field (reader, name) != NULL;
}

/* Returns: NULL if @text is no address; as others write it, so that logs show each address in one way */
static char *
spell_address (const char *text)
{
  g_autoptr(GInetAddress) address = strchr (text, '%') == NULL ? g_inet_address_new_from_string (text) : NULL;

  return address == NULL ? NULL : g_inet_address_to_string (address);
}

/* Takes off what may stand around an address: brackets, and a port behind it. Returns: NULL if there is no address in it. */
static char *
take_address (const char *text)
{
  const char *end = *text == '[' ? strchr (text, ']') : strchr (text, ':');
  g_autofree char *address = NULL;

  if (*text == '[')
    address = end == NULL ? NULL : g_strndup (text + 1, end - text - 1);
  else if (end != NULL && strchr (end + 1, ':') == NULL)
    address = g_strndup (text, end - text);
  else
    address = g_strdup (text);
  return address == NULL ? NULL : spell_address (address);
}

/* Returns: the `for` of an element, without quotes; NULL if it has none */
static char *
find_for (const char *element)
{
  g_auto(GStrv) pairs = g_strsplit (element, ";", -1);

  for (char **pair = pairs; *pair != NULL; pair++)
    {
      const char *value = g_strstrip (*pair);
      gsize length;

      if (g_ascii_strncasecmp (value, "for=", strlen ("for=")) != 0)
        continue;
      value += strlen ("for=");
      length = strlen (value);
      if (length >= 2 && value[0] == '"' && value[length - 1] == '"')
        return g_strndup (value + 1, length - 2);
      return g_strdup (value);
    }
  return NULL;
}

/* The last one was written by the proxy that we know; those before it by anybody. */
static char *
read_last_hop (const char *field, const char *value)
{
  const char *comma = strrchr (value, ',');
  g_autofree char *last = g_strstrip (g_strdup (comma == NULL ? value : comma + 1));
  g_autofree char *node = NULL;

  if (strcmp (field, FORWARDED) != 0)
    return take_address (last);
  node = find_for (last);
  return node == NULL ? NULL : take_address (node);
}

static gboolean
read_address (const HttpForwarding *self, HttpReader *reader, HttpOrigin *origin)
{
  const char *value = self->address_field == NULL ? NULL : http_reader_get_field (reader, self->address_field);
  char *address;

  if (value == NULL)
    return TRUE;
  address = read_last_hop (self->address_field, value);
  if (address == NULL)
    return refuse (origin, 400, g_strdup_printf ("The header field %s does not end with an address", self->address_field));
  g_free (origin->address);
  origin->address = address;
  return TRUE;
}

static gboolean
read_certificate (const HttpForwarding *self, HttpReader *reader, HttpOrigin *origin)
{
  const char *value = http_reader_get_field (reader, self->certificate_field);
  const char *issuers = self->issuers_field == NULL ? NULL : http_reader_get_field (reader, self->issuers_field);
  g_autoptr(GError) error = NULL;

  if (value == NULL)
    return TRUE;
  if (http_reader_is_repeated (reader, self->certificate_field))
    return refuse (origin, 400, g_strdup_printf ("The header field %s is there twice", self->certificate_field));
  if (http_client_certificate_read (self->format, value, issuers, &origin->chain, &error))
    return TRUE;
  return refuse (origin, 400, g_strdup_printf ("The header field %s holds no certificate as it should: %s", self->certificate_field,
                                               error->message));
}

gboolean
http_forwarding_read (const HttpForwarding *self, HttpReader *reader, BrevetGateConnection *connection, HttpOrigin *origin)
{
  gboolean from_proxy = brevet_gate_connection_is_from_proxy (connection);
  BrevetChain *chain = NULL;

  origin->address = g_strdup (brevet_gate_connection_get_remote_address (connection));
  if (!from_proxy && (has_field (reader, self->certificate_field) || has_field (reader, self->issuers_field)))
    return refuse (origin, 403,
                   g_strdup_printf ("The header field %s is for proxies that are known here", self->certificate_field));
  if (from_proxy && !read_address (self, reader, origin))
    return FALSE;
  if (from_proxy && self->certificate_field != NULL)
    return read_certificate (self, reader, origin);

  chain = brevet_gate_connection_get_peer_chain (connection);
  origin->chain = chain == NULL ? NULL : brevet_chain_ref (chain);
  return TRUE;
}

void
http_origin_clear (HttpOrigin *self)
{
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->message, g_free);
}
