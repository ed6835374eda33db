/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-https-trouble.h"

#include "brevet-error.h"

static GError *
trouble (const BrevetHttpsPeer *peer, BrevetError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

static GError *
trouble (const BrevetHttpsPeer *peer, BrevetError code, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list arguments;

  va_start (arguments, format);
  reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return g_error_new (BREVET_ERROR, code, "Cannot reach %s port %u: %s", peer->host, peer->port, reason);
}

/* One reason is enough, and the first that holds here is the one that an operator should look at first. */
static GError *
bad_certificate (const BrevetHttpsPeer *peer, GTlsCertificateFlags flags)
{
  if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate is not issued by an authority that %s trusts",
                      peer->ca_file != NULL ? peer->ca_file : "this system");
  if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate is not for the name %s", peer->host);
  if (flags & G_TLS_CERTIFICATE_EXPIRED)
    return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate has expired, or the clock of this machine is wrong");
  if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate is not valid yet, or the clock of this machine is wrong");
  if (flags & G_TLS_CERTIFICATE_REVOKED)
    return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate is revoked");
  if (flags & G_TLS_CERTIFICATE_INSECURE)
    return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate uses an algorithm that is not secure");
  return trouble (peer, BREVET_ERROR_UNTRUSTED, "TLS: its certificate is not acceptable");
}

static GError *
failed_connection (const BrevetHttpsPeer *peer, const GError *cause)
{
  switch (cause->code)
    {
    case G_IO_ERROR_CONNECTION_REFUSED:
      return trouble (peer, BREVET_ERROR_UNREACHABLE, "the connection is refused, nobody listens there");
    case G_IO_ERROR_TIMED_OUT:
      return trouble (peer, BREVET_ERROR_UNREACHABLE, "time-out while connecting");
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE:
      return trouble (peer, BREVET_ERROR_UNREACHABLE, "no route to the host: %s", cause->message);
    case G_IO_ERROR_CONNECTION_CLOSED:
    case G_IO_ERROR_PARTIAL_INPUT:
      return trouble (peer, BREVET_ERROR_UNREACHABLE, "the connection was closed in the middle of the exchange");
    case G_IO_ERROR_PROXY_FAILED:
    case G_IO_ERROR_PROXY_AUTH_FAILED:
    case G_IO_ERROR_PROXY_NEED_AUTH:
    case G_IO_ERROR_PROXY_NOT_ALLOWED:
      return trouble (peer, BREVET_ERROR_UNREACHABLE, "the proxy refuses: %s", cause->message);
    default:
      return trouble (peer, BREVET_ERROR_UNREACHABLE, "%s", cause->message);
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
    return trouble (peer, BREVET_ERROR_UNREACHABLE, "the name %s cannot be resolved: %s", peer->host, cause->message);
  if (cause->domain == G_TLS_ERROR)
    return trouble (peer, BREVET_ERROR_UNREACHABLE, "TLS: %s", cause->message);
  if (cause->domain == SOUP_SESSION_ERROR)
    return trouble (peer, BREVET_ERROR_UNREACHABLE, "the answer is not HTTP: %s", cause->message);
  if (cause->domain == G_IO_ERROR)
    return failed_connection (peer, cause);
  return trouble (peer, BREVET_ERROR_UNREACHABLE, "%s", cause->message);
}

GError *
brevet_https_trouble_new_timeout (const BrevetHttpsPeer *peer)
{
  return trouble (peer, BREVET_ERROR_UNREACHABLE, "time-out, there was no answer within %u seconds", peer->timeout);
}
