/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-exchange.h"

#include "digicert-trouble.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-network-body.h"
#include "brevet-network-trouble.h"
#include "brevet-time-limit.h"

#include <string.h>

#define LONGEST_PAUSE   86400
#define KEY_HEADER      "x-api-key"
#define TRANSACTION     "X-DC-TransactionId"

/* One exchange, from its request to its last byte: the data of its task. */
typedef struct {
  const DigicertConfiguration *configuration;
  DigicertVerb                 verb;
  BrevetCaRequest             *request;   /* or NULL */
  SoupMessage                 *message;
  char                        *transaction;
  guint                        milliseconds;
  BrevetTimeLimit             *limit;
  gboolean                     sent;
  GTlsCertificateFlags         flaws;
} Exchange;

static void
exchange_free (Exchange *self)
{
  brevet_time_limit_free (self->limit);
  g_signal_handlers_disconnect_by_data (self->message, self);
  g_clear_object (&self->message);
  g_clear_pointer (&self->request, brevet_ca_request_unref);
  g_free (self->transaction);
  g_free (self);
}

/* Once DigiCert may have read the request, only it knows whether there is a certificate. */
static int
choose_code (Exchange *self, const GError *trouble, gboolean timed_out)
{
  if (self->verb == DIGICERT_VERB_ISSUE && self->sent)
    return BREVET_CA_ERROR_AMBIGUOUS;
  if (g_error_matches (trouble, BREVET_ERROR, BREVET_ERROR_UNTRUSTED))
    return BREVET_CA_ERROR_CONFIG;
  return timed_out ? BREVET_CA_ERROR_TIMEOUT : BREVET_CA_ERROR_UNAVAILABLE;
}

static GError *
describe (Exchange *self, const GError *cause)
{
  const BrevetNetworkPeer *peer = self->configuration->peer;
  gboolean timed_out = brevet_time_limit_has_passed (self->limit);
  g_autoptr(GError) trouble = NULL;
  GError *error;

  if (timed_out)
    trouble = brevet_network_trouble_new_timeout (peer, peer->port, (self->milliseconds + 999) / 1000);
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (cause);
  else if (cause->domain == SOUP_SESSION_ERROR && self->flaws == 0)
    trouble = brevet_network_trouble_new_text (peer, peer->port, BREVET_ERROR_UNREACHABLE, "the answer is not HTTP: %s",
                                               cause->message);
  else
    trouble = brevet_network_trouble_new (peer, peer->port, cause, self->flaws);
  error = g_error_new (BREVET_CA_ERROR, choose_code (self, trouble, timed_out), "%s (transaction %s)", trouble->message,
                       self->transaction);
  brevet_ca_error_set_transaction_id (error, self->transaction);
  return error;
}

static void
fail (GTask *task, GError *cause)
{
  g_task_return_error (task, describe (g_task_get_task_data (task), cause));
  g_error_free (cause);
}

/* Seconds or a date (RFC 9110 §10.2.3). */
static int
read_retry_after (SoupMessageHeaders *headers)
{
  const char *value = soup_message_headers_get_one (headers, "Retry-After");
  g_autoptr(GDateTime) date = NULL;
  guint64 seconds;

  if (value == NULL)
    return -1;
  if (g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT64, &seconds, NULL))
    return (int) MIN (seconds, LONGEST_PAUSE);
  date = soup_date_time_new_from_http_string (value);
  return date != NULL ? (int) CLAMP (g_date_time_to_unix (date) - brevet_clock_now_seconds (), 0, LONGEST_PAUSE) : -1;
}

/* An answer may repeat the question, and from here on anything of it may end in a log. */
static void
hide_key (Exchange *self, GByteArray *body)
{
  gsize length;
  const guint8 *key = brevet_secret_get_data (self->configuration->api_key, &length);
  guint8 *at = body->data;
  guint8 *end = at + body->len;

  while (at != NULL && (at = memmem (at, end - at, key, length)) != NULL)
    memset (at, '*', length);
}

static DigicertReply *
make_reply (Exchange *self, GByteArray *body)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);
  const char *type = soup_message_headers_get_content_type (headers, NULL);
  DigicertReply *reply = g_new0 (DigicertReply, 1);

  reply->status = soup_message_get_status (self->message);
  reply->is_json = type != NULL && (g_ascii_strcasecmp (type, "application/json") == 0 ||
                                    (g_ascii_strncasecmp (type, "application/", 12) == 0 && g_str_has_suffix (type, "+json")));
  reply->retry_after = read_retry_after (headers);
  reply->transaction = g_strdup (self->transaction);
  hide_key (self, body);
  reply->body = g_byte_array_free_to_bytes (body);
  return reply;
}

/* A page that some proxy shows may say 200 as well. Only a revocation is answered with nothing at all. */
static gboolean
is_expected (Exchange *self, const DigicertReply *reply)
{
  return reply->is_json || (self->verb == DIGICERT_VERB_REVOKE && g_bytes_get_size (reply->body) == 0);
}

/* Takes @body over. */
static void
finish (GTask *task, GByteArray *body)
{
  Exchange *self = g_task_get_task_data (task);
  g_autoptr(DigicertReply) reply = make_reply (self, body);

  g_debug ("DigiCert answered %u in transaction %s", reply->status, reply->transaction);
  if (!SOUP_STATUS_IS_SUCCESSFUL (reply->status))
    g_task_return_error (task, digicert_trouble_new (self->verb, reply));
  else if (!is_expected (self, reply))
    g_task_return_error (task, digicert_trouble_new_misread (self->verb, reply, NULL));
  else
    g_task_return_pointer (task, g_steal_pointer (&reply), (GDestroyNotify) digicert_reply_free);
}

static void
on_body (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  GByteArray *body = brevet_network_read_body_finish (result, &error);

  if (body != NULL)
    finish (task, body);
  else
    fail (task, error);
}

static void
on_head (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Exchange *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GInputStream) stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);

  if (stream != NULL)
    brevet_network_read_body_async (stream, DIGICERT_MAXIMUM_REPLY, g_task_get_priority (task),
                                    brevet_time_limit_get_cancellable (self->limit), on_body, g_object_ref (task));
  else
    fail (task, error);
}

/* The connection stands and its peer is who it should be; the first byte of the request comes next. */
static void
on_starting (SoupMessage *message, gpointer user_data)
{
  Exchange *self = user_data;

  self->sent = TRUE;
  if (self->request != NULL)
    brevet_ca_request_mark_sent (self->request);
}

static gboolean
on_accept_certificate (SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flaws, gpointer user_data)
{
  Exchange *self = user_data;

  self->flaws = flaws;
  return FALSE;
}

/* A kept connection may be closed by the other side just now. libsoup then asks again by itself, with what it has left of the body;
 * and nobody knows what was read. So only questions without a body use one. */
static SoupMessage *
make_message (Exchange *self, const DigicertQuestion *question)
{
  const BrevetNetworkPeer *peer = self->configuration->peer;
  g_autoptr(GUri) uri = g_uri_build (SOUP_HTTP_URI_FLAGS, "https", NULL, peer->host, peer->port, question->path, question->query,
                                     NULL);
  SoupMessage *message = soup_message_new_from_uri (question->method, uri);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  gsize length;
  const guint8 *key = brevet_secret_get_data (self->configuration->api_key, &length);
  char *text = g_strndup ((const char *) key, length);

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  if (question->body != NULL)
    soup_message_add_flags (message, SOUP_MESSAGE_NEW_CONNECTION);
  soup_message_headers_replace (headers, "Accept", "application/json");
  soup_message_headers_replace (headers, KEY_HEADER, text);
  soup_message_headers_replace (headers, TRANSACTION, self->transaction);
  if (question->body != NULL)
    soup_message_set_request_body_from_bytes (message, "application/json", question->body);
  brevet_secret_free_text (text);
  return message;
}

/* How long the exchange may take; 0 if nobody waits for it any more. */
static guint
choose_limit (const DigicertConfiguration *configuration, const DigicertQuestion *question)
{
  gint64 limit = (gint64) configuration->peer->timeout * 1000;
  gint64 deadline = question->verb == DIGICERT_VERB_ISSUE ? brevet_ca_request_get_deadline (question->request) : 0;

  if (deadline > 0)
    limit = MIN (limit, (deadline - brevet_clock_monotonic ()) / 1000);
  return (guint) MAX (limit, 0);
}

static Exchange *
exchange_new (GTask *task, const DigicertConfiguration *configuration, const DigicertQuestion *question)
{
  Exchange *self = g_new0 (Exchange, 1);

  self->configuration = configuration;
  self->verb = question->verb;
  self->request = question->request != NULL ? brevet_ca_request_ref (question->request) : NULL;
  self->transaction = g_uuid_string_random ();
  self->milliseconds = choose_limit (configuration, question);
  self->limit = brevet_time_limit_new (g_task_get_context (task), self->milliseconds, g_task_get_cancellable (task));
  self->message = make_message (self, question);
  g_signal_connect (self->message, "starting", G_CALLBACK (on_starting), self);
  g_signal_connect (self->message, "accept-certificate", G_CALLBACK (on_accept_certificate), self);
  return self;
}

void
digicert_exchange_run (GTask *task, SoupSession *soup, const DigicertConfiguration *configuration, const DigicertQuestion *question)
{
  Exchange *self = exchange_new (task, configuration, question);

  g_task_set_task_data (task, self, (GDestroyNotify) exchange_free);
  if (self->milliseconds == 0)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT, "There is no time left to ask DigiCert");
      return;
    }
  if (self->request != NULL)
    g_debug ("Operation %s asks DigiCert in transaction %s", brevet_ca_request_get_operation_id (self->request), self->transaction);
  soup_session_send_async (soup, self->message, g_task_get_priority (task), brevet_time_limit_get_cancellable (self->limit),
                           on_head, g_object_ref (task));
}
