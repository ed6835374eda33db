/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-https-exchange.h"

#include "brevet-clock.h"
#include "brevet-network-body.h"
#include "brevet-network-credential.h"
#include "brevet-network-trouble.h"
#include "brevet-time-limit.h"

/* One exchange, from its request to its last byte: the data of its task. */
typedef struct {
  const BrevetNetworkPeer *peer;
  SoupSession *session;   /* while there is something to wait for before it is used */
  SoupMessage *message;
  GTlsCertificate *credential;
  GTlsCertificateFlags flaws;
  BrevetTimeLimit *limit;
  gboolean restarted;
} Exchange;

static void
exchange_free (Exchange *self)
{
  brevet_time_limit_free (self->limit);
  g_clear_object (&self->session);
  g_signal_handlers_disconnect_by_data (self->message, self);
  g_clear_object (&self->message);
  g_clear_object (&self->credential);
  g_free (self);
}

static GError *
describe (Exchange *self, const GError *cause)
{
  const BrevetNetworkPeer *peer = self->peer;

  if (brevet_time_limit_has_passed (self->limit))
    return brevet_network_trouble_new_timeout (peer, peer->port, peer->timeout);
  if (self->restarted)
    return brevet_network_trouble_new_text (peer, peer->port, BREVET_ERROR_UNREACHABLE,
                                            "the connection was closed before there was an answer");
  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (cause);
  if (cause->domain == SOUP_SESSION_ERROR && self->flaws == 0)
    return brevet_network_trouble_new_text (peer, peer->port, BREVET_ERROR_UNREACHABLE, "the answer is not HTTP: %s",
                                            cause->message);
  return brevet_network_trouble_new (peer, peer->port, cause, self->flaws);
}

static void
fail (GTask *task, GError *cause)
{
  g_task_return_error (task, describe (g_task_get_task_data (task), cause));
  g_error_free (cause);
}

/* A date says the same as a number of seconds (RFC 9110 §10.2.3); readers of replies know the number alone. NULL if it is none. */
static char *
seconds_until (const char *value)
{
  g_autoptr(GDateTime) date = soup_date_time_new_from_http_string (value);

  if (date == NULL)
    return NULL;
  return g_strdup_printf ("%" G_GINT64_FORMAT, MAX (g_date_time_to_unix (date) - brevet_clock_now_seconds (), 0));
}

static void
copy_header (const char *name, const char *value, gpointer user_data)
{
  g_autofree char *lower_case = g_ascii_strdown (name, -1);
  g_autofree char *seconds = g_str_equal (lower_case, "retry-after") ? seconds_until (value) : NULL;

  brevet_reply_set_header (user_data, lower_case, seconds != NULL ? seconds : value);
}

static void
finish (GTask *task, GBytes *body)
{
  Exchange *self = g_task_get_task_data (task);
  g_autoptr(BrevetReply) reply = NULL;

  reply = brevet_reply_new (soup_message_get_status (self->message), g_bytes_get_size (body) > 0 ? body : NULL);
  soup_message_headers_foreach (soup_message_get_response_headers (self->message), copy_header, reply);
  g_task_return_pointer (task, g_steal_pointer (&reply), (GDestroyNotify) brevet_reply_unref);
}

static GError *
too_long (Exchange *self)
{
  return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                      "The answer of %s port %u is longer than %d bytes, it is not a service of this kind",
                      self->peer->host, self->peer->port, BREVET_HTTPS_MAXIMUM_REPLY);
}

static void
on_body (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  GByteArray *array = brevet_network_read_body_finish (result, &error);
  g_autoptr(GBytes) body = array != NULL ? g_byte_array_free_to_bytes (array) : NULL;

  if (body != NULL)
    finish (task, body);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE))
    fail (task, too_long (g_task_get_task_data (task)));
  else
    fail (task, g_steal_pointer (&error));
}

static GError *
check_head (Exchange *self)
{
  guint status = soup_message_get_status (self->message);

  if (status < 200 || status > 599)
    return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                        "The answer of %s port %u has the status %u, which HTTP does not know",
                        self->peer->host, self->peer->port, status);
  if (soup_message_headers_get_content_length (soup_message_get_response_headers (self->message)) > BREVET_HTTPS_MAXIMUM_REPLY)
    return too_long (self);
  return NULL;
}

static void
on_head (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Exchange *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GInputStream) stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);

  if (stream != NULL)
    error = check_head (self);
  if (error != NULL)
    {
      fail (task, error);
      return;
    }
  brevet_network_read_body_async (stream, BREVET_HTTPS_MAXIMUM_REPLY, g_task_get_priority (task),
                                  brevet_time_limit_get_cancellable (self->limit), on_body, g_object_ref (task));
}

/* libsoup sends a request again when a kept connection turns out to be closed. Whether the service has seen it nobody knows: the
 * caller decides. */
static void
on_restarted (SoupMessage *message, gpointer user_data)
{
  Exchange *self = user_data;

  self->restarted = TRUE;
  g_cancellable_cancel (brevet_time_limit_get_cancellable (self->limit));
}

static gboolean
on_accept_certificate (SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flaws, gpointer user_data)
{
  Exchange *self = user_data;

  self->flaws = flaws;
  return FALSE;
}

static gboolean
on_request_certificate (SoupMessage *message, GTlsClientConnection *connection, gpointer user_data)
{
  Exchange *self = user_data;

  if (self->credential == NULL)
    return FALSE;
  soup_message_set_tls_client_certificate (message, self->credential);
  return TRUE;
}

static void
on_network_event (SoupMessage *message, GSocketClientEvent event, GIOStream *connection, gpointer user_data)
{
  Exchange *self = user_data;

  brevet_network_credential_present (self->credential, self->peer->host, event, connection);
}

static void
add_header (const char *name, const char *value, gpointer user_data)
{
  soup_message_headers_replace (user_data, name, value);
}

static SoupMessage *
make_message (const BrevetNetworkPeer *peer, BrevetRequest *request)
{
  g_autoptr(GUri) uri = g_uri_build (SOUP_HTTP_URI_FLAGS, "https", NULL, peer->host, peer->port, brevet_request_get_path (request),
                                     brevet_request_get_query (request), NULL);
  SoupMessage *message = soup_message_new_from_uri (brevet_request_get_method (request), uri);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace (headers, "Accept", "application/json");
  brevet_request_foreach_header (request, add_header, headers);
  if (brevet_request_get_body (request) != NULL)
    soup_message_set_request_body_from_bytes (message, "application/json", brevet_request_get_body (request));
  return message;
}

static Exchange *
exchange_new (GTask *task, const BrevetNetworkPeer *peer, BrevetRequest *request)
{
  Exchange *self = g_new0 (Exchange, 1);

  self->peer = peer;
  self->limit = brevet_time_limit_new (g_task_get_context (task), peer->timeout * 1000, g_task_get_cancellable (task));
  self->message = make_message (peer, request);
  g_signal_connect (self->message, "restarted", G_CALLBACK (on_restarted), self);
  g_signal_connect (self->message, "accept-certificate", G_CALLBACK (on_accept_certificate), self);
  g_signal_connect (self->message, "request-certificate", G_CALLBACK (on_request_certificate), self);
  g_signal_connect (self->message, "network-event", G_CALLBACK (on_network_event), self);
  return self;
}

static void
send (GTask *task, SoupSession *session)
{
  Exchange *self = g_task_get_task_data (task);

  soup_session_send_async (session, self->message, g_task_get_priority (task), brevet_time_limit_get_cancellable (self->limit),
                           on_head, g_object_ref (task));
}

/* A connection carries the credential of its first request for ever, so a request with a credential gets one of its own. */
static void
on_credential (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Exchange *self = g_task_get_task_data (task);
  g_autoptr(SoupSession) session = g_steal_pointer (&self->session);
  GError *error = NULL;

  self->credential = brevet_network_credential_new_finish (result, &error);
  if (self->credential == NULL)
    {
      fail (task, error);
      return;
    }
  soup_message_add_flags (self->message, SOUP_MESSAGE_NEW_CONNECTION);
  soup_message_headers_replace (soup_message_get_request_headers (self->message), "Connection", "close");
  send (task, session);
}

void
brevet_https_exchange_run (GTask *task, SoupSession *session, const BrevetNetworkPeer *peer, BrevetRequest *request)
{
  Exchange *self = exchange_new (task, peer, request);
  BrevetEvidence *evidence = brevet_request_get_evidence (request);
  const char *token = evidence != NULL ? brevet_evidence_get_token (evidence) : NULL;
  BrevetChain *chain = evidence != NULL ? brevet_evidence_get_chain (evidence) : NULL;

  g_task_set_task_data (task, self, (GDestroyNotify) exchange_free);
  if (token != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (self->message), "Authorization", token);
  if (chain == NULL)
    {
      send (task, session);
      return;
    }
  self->session = g_object_ref (session);
  brevet_network_credential_new_async (chain, brevet_evidence_get_key (evidence), brevet_time_limit_get_cancellable (self->limit),
                                       on_credential, g_object_ref (task));
}
