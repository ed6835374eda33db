/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mqtt-request.h"

#include "brevet-mqtt-packet.h"
#include "brevet-route.h"

typedef struct
{
  BrevetHandler *handler;
  BrevetRequest *request;
  GBytes        *payload;
} Ask;

static void
ask_free (gpointer data)
{
  Ask *ask = data;

  g_object_unref (ask->handler);
  brevet_request_unref (ask->request);
  g_bytes_unref (ask->payload);
  g_free (ask);
}

static BrevetClaims *
copy_claims (BrevetClaims *claims)
{
  BrevetClaims *copy = brevet_claims_new ();

  brevet_claims_set_token (copy, brevet_claims_get_token (claims));
  brevet_claims_set_chain (copy, brevet_claims_get_chain (claims));
  brevet_claims_set_remote_address (copy, brevet_claims_get_remote_address (claims));
  return copy;
}

BrevetRequest *
mqtt_request_new (const BrevetMqttUser *user, BrevetClaims *claims, const BrevetMqttQuestion *question, guint wait)
{
  gboolean is_register = question == NULL || question->is_register;
  g_autofree char *suffix = is_register ? g_strdup ("register") : g_strconcat ("operations/", question->operation_id, NULL);
  g_autofree char *path = brevet_route_build_registration_path (user->id_scope, user->registration_id, suffix);
  g_autofree char *version = g_uri_escape_string (user->api_version, NULL, FALSE);
  g_autofree char *query = g_strconcat ("api-version=", version, NULL);
  g_autoptr(BrevetClaims) copy = copy_claims (claims);
  BrevetRequest *request = brevet_request_new (is_register ? "PUT" : "GET", path, query);

  brevet_request_set_claims (request, copy);
  /* Nobody is to wait for a body, to find the proof there, when none will come. */
  if (question == NULL)
    brevet_request_set_header (request, "content-length", "0");
  if (wait > 0)
    {
      g_autofree char *preference = g_strdup_printf ("wait=%u", wait);

      brevet_request_set_header (request, "prefer", preference);
    }
  return request;
}

static void
on_handled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = user_data;

  g_task_return_pointer (task, brevet_handler_handle_finish (BREVET_HANDLER (source), result),
                         (GDestroyNotify) brevet_reply_unref);
}

/* A request may have a limit of its own. */
static gboolean
is_too_long (Ask *ask)
{
  gsize limit = brevet_request_get_body_limit (ask->request);

  return limit > 0 && g_bytes_get_size (ask->payload) > limit;
}

static void
on_admitted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = user_data;
  Ask *ask = g_task_get_task_data (task);
  BrevetReply *reply = brevet_handler_admit_finish (BREVET_HANDLER (source), result);

  if (reply == NULL && is_too_long (ask))
    reply = brevet_handler_describe_error (ask->handler, ask->request, 413, "The payload is longer than this request may have");
  if (reply != NULL)
    {
      g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
      return;
    }

  brevet_request_set_body (ask->request, ask->payload);
  brevet_handler_handle_async (ask->handler, ask->request, g_task_get_cancellable (task), on_handled, g_object_ref (task));
}

void
mqtt_request_ask_async (BrevetHandler *handler, BrevetRequest *request, GBytes *payload, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Ask *ask = g_new0 (Ask, 1);

  g_task_set_source_tag (task, mqtt_request_ask_async);
  /* There always is a reply. */
  g_task_set_check_cancellable (task, FALSE);
  ask->handler = g_object_ref (handler);
  ask->request = brevet_request_ref (request);
  ask->payload = g_bytes_ref (payload);
  g_task_set_task_data (task, ask, ask_free);
  brevet_handler_admit_async (handler, request, NULL, on_admitted, g_steal_pointer (&task));
}

BrevetReply *
mqtt_request_ask_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

/* Clients look at it with these two kinds of replies only. */
static int
get_retry_after (BrevetReply *reply)
{
  guint status = brevet_reply_get_status (reply);
  const char *header = brevet_reply_get_header (reply, "retry-after");
  guint64 seconds;

  if ((status != 202 && status < 429) || header == NULL
      || !g_ascii_string_to_unsigned (header, 10, 0, G_MAXINT, &seconds, NULL))
    return -1;
  return (int) seconds;
}

static GBytes *
ref_payload (BrevetReply *reply)
{
  GBytes *body = brevet_reply_get_body (reply);

  /* The C client stumbles over an empty one. */
  return body != NULL && g_bytes_get_size (body) > 0 ? g_bytes_ref (body) : g_bytes_new_static ("{}", 2);
}

GBytes *
mqtt_request_print_reply (BrevetReply *reply, const char *rid, guint16 packet_id)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_PUBLISH);
  const BrevetMqttAnswer answer = {
    .rid = (char *) rid,
    .status = brevet_reply_get_status (reply),
    .retry_after = get_retry_after (reply),
  };

  packet->topic = brevet_mqtt_answer_print (&answer);
  packet->payload = ref_payload (reply);
  packet->qos = packet_id != 0 ? 1 : 0;
  packet->packet_id = packet_id;
  return brevet_mqtt_packet_print (packet);
}
