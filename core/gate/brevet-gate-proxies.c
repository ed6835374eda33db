/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-proxies.h"

#include "brevet-gate-certificates.h"
#include "brevet-log.h"

#include <netinet/in.h>
#include <string.h>

#define LOCAL "unix"
#define STANDARD "ssl"

void
brevet_gate_proxies_init (BrevetGateProxies *self)
{
  self->masks = g_ptr_array_new_with_free_func (g_object_unref);
  self->has_tls = TRUE;
}

void
brevet_gate_proxies_clear (BrevetGateProxies *self)
{
  g_clear_pointer (&self->masks, g_ptr_array_unref);
}

static gboolean
refuse (BrevetSettings *settings, const char *key, GError **error, const char *message)
{
  g_propagate_error (error, brevet_settings_error (settings, key, "%s", message));
  return FALSE;
}

static gboolean
refuse_value (BrevetSettings *settings, const char *key, GError **error, const char *value, const char *fault)
{
  g_propagate_error (error, brevet_settings_error (settings, key, "“%s” is %s", value, fault));
  return FALSE;
}

static gboolean
read_addresses (BrevetGateProxies *self, BrevetSettings *settings, GError **error)
{
  static const char key[] = "proxy-addresses";
  g_auto(GStrv) items = brevet_settings_get_strings (settings, key);

  for (char **item = items; *item != NULL; item++)
    {
      GInetAddressMask *mask;

      if (strcmp (*item, LOCAL) == 0)
        {
          self->is_local = TRUE;
          continue;
        }
      mask = g_inet_address_mask_new_from_string (*item, NULL);
      if (mask == NULL)
        return refuse_value (settings, key, error, *item,
                             "no IP address or prefix; write for example 192.0.2.1, 2001:db8::/64 or unix");
      g_ptr_array_add (self->masks, mask);
      if (g_inet_address_mask_get_length (mask) == 0)
        return refuse_value (settings, key, error, *item,
                             "everybody, and everybody could then say to be any device; name the proxies");
    }
  return TRUE;
}

static gboolean
is_somebody (BrevetGateProxies *self)
{
  return self->is_local || self->masks->len > 0;
}

static gboolean
is_custom_type (const char *text, guint8 *type)
{
  guint64 number;

  if (g_ascii_strncasecmp (text, "0x", 2) != 0
      || !g_ascii_string_to_unsigned (text + 2, 16, BREVET_GATE_PROXY_CUSTOM_FIRST, BREVET_GATE_PROXY_CUSTOM_LAST, &number, NULL))
    return FALSE;
  *type = (guint8) number;
  return TRUE;
}

static gboolean
read_types (BrevetGateProxies *self, BrevetSettings *settings, GError **error)
{
  static const char certificate_key[] = "proxy-certificate-tlv", chain_key[] = "proxy-chain-tlv";
  const char *certificate = brevet_settings_get_string (settings, certificate_key, NULL);
  const char *chain = brevet_settings_get_string (settings, chain_key, NULL);

  if (g_strcmp0 (certificate, STANDARD) == 0)
    self->certificate_type = BREVET_GATE_PROXY_CLIENT_CERTIFICATE;
  else if (certificate != NULL && !is_custom_type (certificate, &self->certificate_type))
    return refuse_value (settings, certificate_key, error, certificate,
                         "no type of a value in the PROXY header; write " STANDARD " or 0xE0 to 0xEF");
  if (chain != NULL && !is_custom_type (chain, &self->chain_type))
    return refuse_value (settings, chain_key, error, chain, "no type of a value in the PROXY header; write 0xE0 to 0xEF");

  if (certificate != NULL && !self->has_header)
    return refuse (settings, certificate_key, error, "There is no PROXY header without proxy-protocol=yes");
  if (chain != NULL && (certificate == NULL || self->certificate_type == self->chain_type))
    return refuse (settings, chain_key, error,
                   "Issuers are of no use without the certificate; set proxy-certificate-tlv to another type");
  return TRUE;
}

gboolean
brevet_gate_proxies_read (BrevetGateProxies *self, BrevetSettings *settings, GError **error)
{
  if (!read_addresses (self, settings, error)
      || !brevet_settings_get_boolean (settings, "proxy-protocol", FALSE, &self->has_header, error)
      || !brevet_settings_get_boolean (settings, "tls", TRUE, &self->has_tls, error))
    return FALSE;
  if (self->has_header && !is_somebody (self))
    return refuse (settings, "proxy-protocol", error, "Nobody is believed yet; name the proxies in proxy-addresses");
  if (!self->has_tls && !self->is_public && !is_somebody (self))
    return refuse (settings, "tls", error,
                   "Without TLS only proxies that end it are served, because everybody on the way could read and change what "
                   "is said; name them in proxy-addresses");
  return read_types (self, settings, error);
}

static GInetAddress *
make_address (const struct sockaddr_storage *peer)
{
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) peer;
  const struct sockaddr_in *v4 = (const struct sockaddr_in *) peer;

  if (peer->ss_family == AF_INET)
    return g_inet_address_new_from_bytes ((const guint8 *) &v4->sin_addr, G_SOCKET_FAMILY_IPV4);
  if (IN6_IS_ADDR_V4MAPPED (&v6->sin6_addr))
    return g_inet_address_new_from_bytes (&v6->sin6_addr.s6_addr[12], G_SOCKET_FAMILY_IPV4);
  return g_inet_address_new_from_bytes ((const guint8 *) &v6->sin6_addr, G_SOCKET_FAMILY_IPV6);
}

gboolean
brevet_gate_proxies_include (BrevetGateProxies *self, const struct sockaddr_storage *peer)
{
  g_autoptr(GInetAddress) address = NULL;

  if (peer->ss_family == AF_UNIX)
    return self->is_local;
  if (self->masks->len == 0 || (peer->ss_family != AF_INET && peer->ss_family != AF_INET6))
    return FALSE;

  address = make_address (peer);
  for (guint i = 0; i < self->masks->len; i++)
    if (g_inet_address_mask_matches (self->masks->pdata[i], address))
      return TRUE;
  return FALSE;
}

gboolean
brevet_gate_proxies_are_alone (BrevetGateProxies *self)
{
  return self->has_header || !(self->has_tls || self->is_public);
}

/* A format string cannot hold the zeros of DER, so proxies that are configured with one send Base64. */
static gboolean
add_value (GPtrArray *certificates, const BrevetGateProxyValue *value, GError **error)
{
  g_autofree char *text = NULL;

  if (value->length == 0 || value->data[0] == 0x30)
    return brevet_gate_certificates_add_der (certificates, value->data, value->length, error);
  text = g_strndup ((const char *) value->data, value->length);
  return brevet_gate_certificates_add_base64 (certificates, text, error);
}

gboolean
brevet_gate_proxies_read_chain (BrevetGateProxyHeader *header, BrevetChain **chain, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);

  *chain = NULL;
  if (header->certificate.length == 0)
    return TRUE;
  if (!add_value (certificates, &header->certificate, error) || !add_value (certificates, &header->chain, error))
    return FALSE;
  *chain = brevet_chain_new (certificates, error);
  return *chain != NULL;
}

void
brevet_gate_proxies_report (const char *address, const char *cause)
{
  static GMutex lock;
  static gint64 next;
  static guint silent;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&lock);
  gint64 now = g_get_monotonic_time ();
  g_autofree char *others = g_strdup_printf ("%u", silent);

  if (now < next)
    {
      silent++;
      return;
    }

  next = now + G_USEC_PER_SEC;
  silent = 0;
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_PROXY_REFUSED, "A connection was refused that did not come as from a proxy",
                    "BREVET_CAUSE", cause, "BREVET_ADDRESS", address, "BREVET_UNREPORTED", others, NULL);
}
