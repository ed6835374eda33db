/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-network-trouble.h"

GError *
brevet_network_trouble_new_text (const BrevetNetworkPeer *peer, guint16 port, BrevetError code, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list arguments;

  va_start (arguments, format);
  reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return g_error_new (BREVET_ERROR, code, "Cannot reach %s port %u: %s", peer->host, port, reason);
}

static char *
name_trust (const BrevetNetworkPeer *peer)
{
  if (peer->trust != NULL)
    return g_strdup ("is in the trust bundle");
  if (peer->ca_file != NULL)
    return g_strdup_printf ("%s trusts", peer->ca_file);
  return g_strdup ("this system trusts; ca-file (--ca-file in a command that has it) names another one");
}

static char *
describe_flaw (const BrevetNetworkPeer *peer, GTlsCertificateFlags flaws)
{
  g_autofree char *trust = name_trust (peer);

  if (flaws & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return g_strdup_printf ("is not issued by an authority that %s", trust);
  if (flaws & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return g_strdup_printf ("is not for the name %s", peer->host);
  if (flaws & G_TLS_CERTIFICATE_EXPIRED)
    return g_strdup ("has expired, or the clock of this machine is wrong");
  if (flaws & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return g_strdup ("is not valid yet, or the clock of this machine is wrong");
  if (flaws & G_TLS_CERTIFICATE_REVOKED)
    return g_strdup ("is revoked");
  if (flaws & G_TLS_CERTIFICATE_INSECURE)
    return g_strdup ("uses an algorithm that is not secure");
  return g_strdup ("is not acceptable");
}

/* One reason is enough, and the first that holds is the one that an operator should look at first. */
static GError *
bad_certificate (const BrevetNetworkPeer *peer, guint16 port, GTlsCertificateFlags flaws)
{
  g_autofree char *flaw = describe_flaw (peer, flaws);

  return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNTRUSTED, "TLS: its certificate %s", flaw);
}

static GError *
failed_connection (const BrevetNetworkPeer *peer, guint16 port, const GError *cause)
{
  switch (cause->code)
    {
    case G_IO_ERROR_CONNECTION_REFUSED:
      return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE,
                                              "the connection is refused, nobody listens there");
    case G_IO_ERROR_TIMED_OUT:
      return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "time-out while connecting");
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE:
      return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "no route to the host: %s", cause->message);
    case G_IO_ERROR_CONNECTION_CLOSED:
    case G_IO_ERROR_PARTIAL_INPUT:
      return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE,
                                              "the connection was closed in the middle of the exchange");
    case G_IO_ERROR_PROXY_FAILED:
    case G_IO_ERROR_PROXY_AUTH_FAILED:
    case G_IO_ERROR_PROXY_NEED_AUTH:
    case G_IO_ERROR_PROXY_NOT_ALLOWED:
      return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "the proxy refuses: %s", cause->message);
    default:
      return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "%s", cause->message);
    }
}

GError *
brevet_network_trouble_new (const BrevetNetworkPeer *peer, guint16 port, const GError *cause, GTlsCertificateFlags flaws)
{
  if (cause->domain == BREVET_ERROR)
    return g_error_copy (cause);
  if (flaws != 0)
    return bad_certificate (peer, port, flaws);
  if (cause->domain == G_RESOLVER_ERROR)
    return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "the name %s cannot be resolved: %s", peer->host,
                                            cause->message);
  if (cause->domain == G_TLS_ERROR)
    return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "TLS: %s", cause->message);
  if (cause->domain == G_IO_ERROR)
    return failed_connection (peer, port, cause);
  return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "%s", cause->message);
}

GError *
brevet_network_trouble_new_timeout (const BrevetNetworkPeer *peer, guint16 port, guint seconds)
{
  return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE,
                                          "time-out, there was no answer within %u seconds", seconds);
}
