/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-https-trouble.h"

#include "brevet-error.h"

static GError *
unreachable (const BrevetHttpsPeer *peer, const char *format, ...) G_GNUC_PRINTF (2, 3);

static GError *
unreachable (const BrevetHttpsPeer *peer, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list arguments;

  va_start (arguments, format);
  reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "Cannot reach %s port %u: %s", peer->host, peer->port, reason);
}

/* One reason is enough, and the first that holds here is the one that an operator should look at first. */
static GError *
bad_certificate (const BrevetHttpsPeer *peer, GTlsCertificateFlags flags)
{
  if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return unreachable (peer, "TLS: its certificate is not issued by an authority that %s trusts",
                        peer->ca_file != NULL ? peer->ca_file : "this system");
  if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return unreachable (peer, "TLS: its certificate is not for the name %s", peer->host);
  if (flags & G_TLS_CERTIFICATE_EXPIRED)
    return unreachable (peer, "TLS: its certificate has expired, or the clock of this machine is wrong");
  if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return unreachable (peer, "TLS: its certificate is not valid yet, or the clock of this machine is wrong");
  if (flags & G_TLS_CERTIFICATE_REVOKED)
    return unreachable (peer, "TLS: its certificate is revoked");
  if (flags & G_TLS_CERTIFICATE_INSECURE)
    return unreachable (peer, "TLS: its certificate uses an algorithm that is not secure");
  return unreachable (peer, "TLS: its certificate is not acceptable");
}

static GError *
failed_connection (const BrevetHttpsPeer *peer, const GError *cause)
{
  switch (cause->code)
    {
    case G_IO_ERROR_CONNECTION_REFUSED:
      return unreachable (peer, "the connection is refused, nobody listens there");
    case G_IO_ERROR_TIMED_OUT:
      return unreachable (peer, "time-out while connecting");
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE:
      return unreachable (peer, "no route to the host: %s", cause->message);
    case G_IO_ERROR_CONNECTION_CLOSED:
    case G_IO_ERROR_PARTIAL_INPUT:
      return unreachable (peer, "the connection was closed in the middle of the exchange");
    case G_IO_ERROR_PROXY_FAILED:
    case G_IO_ERROR_PROXY_AUTH_FAILED:
    case G_IO_ERROR_PROXY_NEED_AUTH:
    case G_IO_ERROR_PROXY_NOT_ALLOWED:
      return unreachable (peer, "the proxy refuses: %s", cause->message);
    default:
      return unreachable (peer, "%s", cause->message);
    }
}

GError *
brevet_https_trouble_new (const BrevetHttpsPeer *peer, const GError *cause, GTlsCertificateFlags flags)
{
  if (cause->domain == BREVET_ERROR)
    return g_error_copy (cause);
  if (flags != 0)
    return bad_certificate (peer, flags);
  if (cause->domain == G_RESOLVER_ERROR)
    return unreachable (peer, "the name %s cannot be resolved: %s", peer->host, cause->message);
  if (cause->domain == G_TLS_ERROR)
    return unreachable (peer, "TLS: %s", cause->message);
  if (cause->domain == SOUP_SESSION_ERROR)
    return unreachable (peer, "the answer is not HTTP: %s", cause->message);
  if (cause->domain == G_IO_ERROR)
    return failed_connection (peer, cause);
  return unreachable (peer, "%s", cause->message);
}

GError *
brevet_https_trouble_new_timeout (const BrevetHttpsPeer *peer)
{
  return unreachable (peer, "time-out, there was no answer within %u seconds", peer->timeout);
}
