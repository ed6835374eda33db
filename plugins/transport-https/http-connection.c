/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-connection.h"

#include "brevet-clock.h"
#include "brevet-log.h"
#include "http-reader.h"
#include "http-upgrade.h"
#include "http-writer.h"

#include <string.h>

typedef enum {
  STEP_WAITING,     /* for a head, or for the rest of it */
  STEP_ADMITTING,
  STEP_BODY,
  STEP_HANDLING,
  STEP_REPLYING,
} Step;

/* One request at a time. Kept alive by the connection, until it is closed, and by the call to the handler that is in flight. */
typedef struct
{
  grefcount             references;
  BrevetGateConnection *connection;   /* NULL once closed */
  HttpService          *service;
  Step                  step;
  HttpReader            reader;
  guint                 requests;
  gboolean              close;        /* after the reply */
  HttpOrigin            origin;       /* of the request */
  BrevetRequest        *request;
  BrevetReply          *reply;
  GCancellable         *cancellable;
} HttpConnection;

static HttpConnection *
http_connection_ref (HttpConnection *self)
{
  g_ref_count_inc (&self->references);
  return self;
}

static void
http_connection_unref (HttpConnection *self)
{
  if (!g_ref_count_dec (&self->references))
    return;

  http_reader_clear (&self->reader);
  http_origin_clear (&self->origin);
  g_clear_pointer (&self->request, brevet_request_unref);
  g_clear_pointer (&self->reply, brevet_reply_unref);
  g_clear_object (&self->cancellable);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HttpConnection, http_connection_unref)

/* Takes @reply. May close, so it is the last thing that its callers do. */
static void
send_reply (HttpConnection *self, BrevetReply *reply)
{
  gboolean is_head = self->reader.method != NULL && strcmp (self->reader.method, "HEAD") == 0;
  gboolean is_read = self->reader.phase == HTTP_READER_COMPLETE
                     || (self->reader.phase == HTTP_READER_ADMISSION && !http_reader_has_body (&self->reader));
  g_autoptr(GBytes) bytes = NULL;

  /* Where a body that nobody wanted ends is not worth finding out. */
  self->close = !is_read || !self->reader.keep_alive || self->requests >= self->service->request_limit
                || brevet_gate_connection_is_stopping (self->connection);
  self->step = STEP_REPLYING;
  self->reply = reply;
  bytes = http_writer_write (reply, is_head, self->close, !self->service->public_only, brevet_clock_now_seconds ());
  brevet_gate_connection_set_reading (self->connection, FALSE);
  brevet_gate_connection_set_deadline (self->connection, self->service->body_timeout);
  brevet_gate_connection_write (self->connection, bytes);
}

/* As long as there is no request, nobody but this listener knows whom it came from. */
static void
report_malformed (HttpConnection *self, guint status, const char *message)
{
  g_autofree char *number = g_strdup_printf ("%u", status);

  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_REQUEST_REFUSED, message, "BREVET_STATUS", number, "BREVET_ADDRESS",
                    self->origin.address != NULL ? self->origin.address
                                                 : brevet_gate_connection_get_remote_address (self->connection), NULL);
}

static void
refuse (HttpConnection *self, guint status, const char *message)
{
  if (self->request == NULL)
    report_malformed (self, status, message);
  send_reply (self, brevet_handler_describe_error (self->service->handler, self->request, status, message));
}

static void
on_handled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(HttpConnection) self = user_data;
  g_autoptr(BrevetReply) reply = brevet_handler_handle_finish (BREVET_HANDLER (source), result);

  if (self->connection != NULL)
    send_reply (self, g_steal_pointer (&reply));
}

static void
begin_handling (HttpConnection *self)
{
  GByteArray *body = g_steal_pointer (&self->reader.body);

  self->step = STEP_HANDLING;
  brevet_gate_connection_set_reading (self->connection, FALSE);
  brevet_gate_connection_set_deadline (self->connection, 0);
  if (body != NULL)
    {
      g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes (body);

      brevet_request_set_body (self->request, bytes);
    }
  brevet_handler_handle_async (self->service->handler, self->request, self->cancellable, on_handled, http_connection_ref (self));
}

static void
begin_body (HttpConnection *self)
{
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

  self->step = STEP_BODY;
  brevet_gate_connection_set_deadline (self->connection, self->service->body_timeout);
  if (self->reader.expects_continue)
    {
      g_autoptr(GBytes) bytes = g_bytes_new_static (go_on, strlen (go_on));

      brevet_gate_connection_write (self->connection, bytes);
      if (self->connection == NULL)
        return;
    }
  brevet_gate_connection_set_reading (self->connection, TRUE);
}

static void
on_admitted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(HttpConnection) self = user_data;
  g_autoptr(BrevetReply) reply = brevet_handler_admit_finish (BREVET_HANDLER (source), result);
  gsize limit;

  if (self->connection == NULL)
    return;
  if (reply != NULL)
    {
      send_reply (self, g_steal_pointer (&reply));
      return;
    }

  limit = brevet_request_get_body_limit (self->request);
  http_reader_read_body (&self->reader, limit > 0 ? limit : self->service->body_limit);
  if (self->reader.phase == HTTP_READER_FAILED)
    refuse (self, self->reader.status, self->reader.message);
  else if (self->reader.phase == HTTP_READER_COMPLETE)
    begin_handling (self);
  else
    begin_body (self);
}

static BrevetClaims *
make_claims (HttpConnection *self)
{
  static const char scheme[] = "SharedAccessSignature";
  const char *authorization = brevet_request_get_header (self->request, "authorization");
  BrevetClaims *claims = brevet_claims_new ();

  if (authorization != NULL && g_ascii_strncasecmp (authorization, scheme, strlen (scheme)) == 0)
    {
      brevet_claims_set_token (claims, authorization);
      /* One place for it is enough: whoever logs the header fields must not log the token. */
      brevet_request_set_header (self->request, "authorization", NULL);
    }
  brevet_claims_set_chain (claims, self->origin.chain);
  brevet_claims_set_remote_address (claims, self->origin.address);
  brevet_claims_set_public_only (claims, self->service->public_only);
  return claims;
}

static void
begin_admission (HttpConnection *self)
{
  g_autoptr(BrevetClaims) claims = NULL;

  self->step = STEP_ADMITTING;
  self->requests++;
  self->cancellable = g_cancellable_new ();
  self->request = brevet_request_new (self->reader.method, self->reader.path, self->reader.query);
  for (guint i = 0; i < self->reader.fields->len; i++)
    {
      HttpReaderField *field = &g_array_index (self->reader.fields, HttpReaderField, i);

      brevet_request_set_header (self->request, field->name, field->value);
    }
  claims = make_claims (self);
  brevet_request_set_claims (self->request, claims);

  brevet_gate_connection_set_busy (self->connection, TRUE);
  brevet_gate_connection_set_reading (self->connection, FALSE);
  brevet_gate_connection_set_deadline (self->connection, 0);
  brevet_handler_admit_async (self->service->handler, self->request, self->cancellable, on_admitted, http_connection_ref (self));
}

static void
refuse_upgrade (HttpConnection *self, guint status, const char *message)
{
  BrevetReply *reply = brevet_handler_describe_error (self->service->handler, NULL, status, message);

  report_malformed (self, status, message);
  if (status == 426)
    {
      brevet_reply_set_header (reply, "upgrade", "websocket");
      brevet_reply_set_header (reply, "sec-websocket-version", "13");
    }
  send_reply (self, reply);
}

/* The connection is another protocol's behind this, which authenticates its peer itself. */
static void
begin_upgrade (HttpConnection *self)
{
  BrevetGateConnection *connection = self->connection;
  g_auto(HttpUpgrade) upgrade = { 0 };

  self->requests++;
  if (!http_upgrade_read (&self->reader, &upgrade))
    {
      refuse_upgrade (self, upgrade.status, upgrade.message);
      return;
    }

  if (brevet_gate_connection_is_from_proxy (connection))
    brevet_gate_connection_set_peer (connection, self->origin.chain, self->origin.address);
  brevet_gate_connection_write (connection, upgrade.answer);
  /* Unless the peer has gone meanwhile. If the other listener was stopped just now, the peer hears it in WebSocket's words. */
  if (self->connection != NULL && brevet_gate_connection_start_websocket (connection)
      && !brevet_gate_connection_set_protocol (connection, upgrade.protocol))
    brevet_gate_connection_close (connection);
}

/* Who asks for an upgrade that he cannot have is answered as if he had not. */
static void
begin_request (HttpConnection *self)
{
  if (!http_forwarding_read (&self->service->forwarding, &self->reader, self->connection, &self->origin))
    {
      self->requests++;
      refuse (self, self->origin.status, self->origin.message);
    }
  else if (http_upgrade_is_asked (&self->reader) && !self->service->public_only)
    begin_upgrade (self);
  else
    begin_admission (self);
}

static void
opened (BrevetGateConnection *connection, gpointer user_data)
{
  HttpConnection *self = g_new0 (HttpConnection, 1);

  g_ref_count_init (&self->references);
  self->connection = connection;
  self->service = user_data;
  http_reader_init (&self->reader, self->service->header_limit);
  brevet_gate_connection_set_state (connection, self);
  brevet_gate_connection_set_deadline (connection, self->service->header_timeout);
}

static gsize
received (BrevetGateConnection *connection, const guint8 *data, gsize length)
{
  g_autoptr(HttpConnection) self = http_connection_ref (brevet_gate_connection_get_state (connection));
  gsize used;

  /* The time for the first head runs since the handshake, for the others since their first byte. */
  if (self->step == STEP_WAITING && self->requests > 0 && self->reader.head->len == 0)
    brevet_gate_connection_set_deadline (connection, self->service->header_timeout);

  used = http_reader_feed (&self->reader, data, length);
  if (self->reader.phase == HTTP_READER_ADMISSION)
    begin_request (self);
  else if (self->reader.phase == HTTP_READER_COMPLETE)
    begin_handling (self);
  else if (self->reader.phase == HTTP_READER_FAILED)
    refuse (self, self->reader.status, self->reader.message);
  return used;
}

static void
begin_waiting (HttpConnection *self)
{
  g_clear_pointer (&self->request, brevet_request_unref);
  g_clear_object (&self->cancellable);
  http_origin_clear (&self->origin);
  http_reader_reset (&self->reader);
  self->step = STEP_WAITING;
  brevet_gate_connection_set_busy (self->connection, FALSE);
  brevet_gate_connection_set_deadline (self->connection, self->service->idle_timeout);
  brevet_gate_connection_set_reading (self->connection, TRUE);
}

static void
drained (BrevetGateConnection *connection)
{
  g_autoptr(HttpConnection) self = http_connection_ref (brevet_gate_connection_get_state (connection));
  g_autoptr(BrevetReply) reply = g_steal_pointer (&self->reply);

  if (self->step != STEP_REPLYING || reply == NULL)
    return;

  brevet_reply_delivered (reply);
  if (self->close)
    brevet_gate_connection_close (connection);
  else
    begin_waiting (self);
}

static void
expired (BrevetGateConnection *connection)
{
  g_autoptr(HttpConnection) self = http_connection_ref (brevet_gate_connection_get_state (connection));

  if (self->step == STEP_WAITING && self->reader.head->len == 0)
    brevet_gate_connection_close (connection);
  else if (self->step == STEP_WAITING || self->step == STEP_BODY)
    refuse (self, 408, "The request did not arrive in time");
  else
    brevet_gate_connection_abort (connection);
}

static void
closed (BrevetGateConnection *connection)
{
  g_autoptr(HttpConnection) self = brevet_gate_connection_get_state (connection);

  /* Our reference to the service is the connection's to the protocol, which ends now. */
  self->connection = NULL;
  self->service = NULL;
  if (self->step == STEP_ADMITTING || self->step == STEP_HANDLING)
    g_cancellable_cancel (self->cancellable);
}

const BrevetGateProtocol http_connection_protocol = {
  .opened = opened,
  .received = received,
  .drained = drained,
  .expired = expired,
  .closed = closed,
};
