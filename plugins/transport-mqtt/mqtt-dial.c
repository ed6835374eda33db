/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-dial.h"

#include "brevet-mqtt-dialog.h"
#include "brevet-network-trouble.h"
#include "brevet-time-limit.h"
#include "mqtt-websocket.h"

#include <string.h>

/* Seconds. A connection is kept for some polls; a broker that has gone is noticed within one of these. */
#define KEEP_ALIVE 60

/* A search: the data of its task. */
typedef struct {
  MqttPlan *plan;
  guint first;
  guint tried;                /* ways that were given up */
  char *client_id;
  char *user_name;
  BrevetEvidence *evidence;
  BrevetTimeLimit *limit;     /* of the way that is being tried */
  BrevetMqttClient *client;
  BrevetMqttConnectCode code;
  GString *troubles;          /* of all ways so far */
  GError *last_trouble;
  gboolean untrusted;
} Search;

static void
search_free (gpointer data)
{
  Search *self = data;

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  g_clear_object (&self->client);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  g_clear_error (&self->last_trouble);
  g_string_free (self->troubles, TRUE);
  mqtt_plan_unref (self->plan);
  g_free (self->client_id);
  g_free (self->user_name);
  g_free (self);
}

static const MqttWay *
get_way (Search *self)
{
  return g_ptr_array_index (self->plan->ways, (self->first + self->tried) % self->plan->ways->len);
}

/* The service has answered here. */
static void
prefer_way (Search *self)
{
  g_atomic_int_set (&self->plan->preferred, (gint) ((self->first + self->tried) % self->plan->ways->len));
}

static void try_way (GTask *task);

/* Errors of one way name host and port already; in a list of ways once is enough. */
static const char *
skip_place (Search *self, const char *text)
{
  g_autofree char *place = g_strdup_printf ("Cannot reach %s port %u: ", self->plan->peer->host, get_way (self)->port);

  return g_str_has_prefix (text, place) ? text + strlen (place) : text;
}

/* Ways one after the other with the same trouble share it: a name that cannot be resolved is no news on the next one. */
static void
append_trouble (Search *self, const char *trouble)
{
  g_autofree char *name = mqtt_way_to_string (get_way (self));
  g_autofree char *end = g_strconcat (": ", trouble, NULL);

  if (!g_str_has_suffix (self->troubles->str, end))
    g_string_append (self->troubles, self->tried > 0 ? "; " : "");
  else
    {
      g_string_truncate (self->troubles, self->troubles->len - strlen (end));
      g_string_append (self->troubles, ", ");
    }
  g_string_append_printf (self->troubles, "%s%s", name, end);
}

static void
note_trouble (Search *self, const GError *error)
{
  append_trouble (self, skip_place (self, error->message));
  self->untrusted = self->untrusted || error->code == BREVET_ERROR_UNTRUSTED;
  g_clear_error (&self->last_trouble);
  self->last_trouble = g_error_copy (error);
}

static void
give_up (GTask *task)
{
  Search *self = g_task_get_task_data (task);

  if (self->plan->ways->len == 1)
    g_task_return_error (task, g_steal_pointer (&self->last_trouble));
  else
    g_task_return_new_error (task, BREVET_ERROR, self->untrusted ? BREVET_ERROR_UNTRUSTED : BREVET_ERROR_UNREACHABLE,
                             "Cannot reach %s: %s", self->plan->peer->host, self->troubles->str);
}

/* What the client says about its broker, as part of a sentence. */
static GError *
describe (Search *self, const GError *error)
{
  const BrevetNetworkPeer *peer = self->plan->peer;
  guint16 port = get_way (self)->port;

  if (brevet_time_limit_has_passed (self->limit))
    return brevet_network_trouble_new_timeout (peer, port, self->plan->timeout);
  if (self->client == NULL)
    return brevet_network_trouble_new (peer, port, error, 0);
  return brevet_network_trouble_new_text (peer, port, BREVET_ERROR_UNREACHABLE, "%c%s", g_ascii_tolower (error->message[0]),
                                          error->message + 1);
}

/* Takes @error. */
static void
fail_way (GTask *task, GError *error)
{
  Search *self = g_task_get_task_data (task);
  g_autoptr(GError) cause = error;
  g_autoptr(GError) trouble = NULL;

  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    {
      g_task_return_error_if_cancelled (task);
      return;
    }
  trouble = describe (self, cause);
  g_clear_object (&self->client);
  if (g_error_matches (trouble, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED))
    {
      g_task_return_error (task, g_steal_pointer (&trouble));
      return;
    }
  note_trouble (self, trouble);
  self->tried++;
  if (self->tried == self->plan->ways->len)
    give_up (task);
  else
    try_way (task);
}

static void
on_subscribed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Search *self = g_task_get_task_data (task);
  GError *error = NULL;

  if (!brevet_mqtt_client_subscribe_finish (self->client, result, &error))
    {
      fail_way (task, error);
      return;
    }
  prefer_way (self);
  g_task_return_pointer (task, g_steal_pointer (&self->client), g_object_unref);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Search *self = g_task_get_task_data (task);
  GError *error = NULL;

  if (brevet_mqtt_client_connect_finish (self->client, result, &self->code, &error))
    brevet_mqtt_client_subscribe_async (self->client, BREVET_MQTT_RESPONSE_FILTER, 1,
                                        brevet_time_limit_get_cancellable (self->limit), on_subscribed, g_object_ref (task));
  else if (self->code == BREVET_MQTT_ACCEPTED)
    fail_way (task, error);
  else
    {
      prefer_way (self);
      g_task_return_error (task, error);
    }
}

/* Takes @channel and @error. */
static void
use_channel (GTask *task, BrevetMqttChannel *channel, GError *error)
{
  Search *self = g_task_get_task_data (task);

  if (channel == NULL)
    {
      fail_way (task, error);
      return;
    }
  self->client = brevet_mqtt_client_new (channel);
  g_object_unref (channel);
  brevet_mqtt_client_connect_async (self->client, self->client_id, self->user_name,
                                    self->evidence != NULL ? brevet_evidence_get_token (self->evidence) : NULL, KEEP_ALIVE,
                                    brevet_time_limit_get_cancellable (self->limit), on_connected, g_object_ref (task));
}

static void
on_stream (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(GIOStream) stream = brevet_network_connect_finish (result, &error);

  use_channel (task, stream != NULL ? brevet_mqtt_channel_new_for_stream (stream) : NULL, error);
}

#ifdef BREVET_HAVE_SOUP
static void
on_websocket (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  BrevetMqttChannel *channel = mqtt_websocket_connect_finish (result, &error);

  use_channel (task, channel, error);
}
#endif

static void
try_way (GTask *task)
{
  Search *self = g_task_get_task_data (task);
  const BrevetNetworkPeer *peer = self->plan->peer;
  const MqttWay *way = get_way (self);
  BrevetChain *chain = self->evidence != NULL ? brevet_evidence_get_chain (self->evidence) : NULL;
  BrevetKey *key = self->evidence != NULL ? brevet_evidence_get_key (self->evidence) : NULL;
  GCancellable *cancellable;

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  self->limit = brevet_time_limit_new (g_task_get_context (task), self->plan->timeout * 1000, g_task_get_cancellable (task));
  cancellable = brevet_time_limit_get_cancellable (self->limit);
#ifdef BREVET_HAVE_SOUP
  if (way->websocket)
    {
      mqtt_websocket_connect_async (peer, way, chain, key, cancellable, on_websocket, g_object_ref (task));
      return;
    }
#endif
  brevet_network_connect_async (peer, way->port, self->plan->timeout, chain, key, cancellable, on_stream, g_object_ref (task));
}

void
mqtt_dial_async (MqttPlan *plan, const char *client_id, const char *user_name, BrevetEvidence *evidence, GCancellable *cancellable,
                 GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Search *self = g_new0 (Search, 1);

  g_task_set_source_tag (task, mqtt_dial_async);
  g_task_set_task_data (task, self, search_free);
  self->plan = mqtt_plan_ref (plan);
  self->first = (guint) g_atomic_int_get (&plan->preferred);
  self->client_id = g_strdup (client_id);
  self->user_name = g_strdup (user_name);
  self->evidence = evidence != NULL ? brevet_evidence_ref (evidence) : NULL;
  self->troubles = g_string_new (NULL);
  try_way (task);
}

BrevetMqttClient *
mqtt_dial_finish (GAsyncResult *result, guint16 *port, BrevetMqttConnectCode *code, GError **error)
{
  Search *self;

  g_return_val_if_fail (g_async_result_is_tagged (result, mqtt_dial_async), NULL);

  self = g_task_get_task_data (G_TASK (result));
  *port = get_way (self)->port;
  *code = self->code;
  return g_task_propagate_pointer (G_TASK (result), error);
}

GError *
mqtt_dial_describe_delay (GAsyncResult *result, guint seconds)
{
  Search *self = g_task_get_task_data (G_TASK (result));
  guint length = self->plan->ways->len;

  if (length == 1)
    return brevet_network_trouble_new_timeout (self->plan->peer, get_way (self)->port, seconds);
  if (self->tried < length)
    append_trouble (self, "no answer yet");
  return g_error_new (BREVET_ERROR, self->untrusted ? BREVET_ERROR_UNTRUSTED : BREVET_ERROR_UNREACHABLE,
                      "Cannot reach %s within %u seconds: %s", self->plan->peer->host, seconds, self->troubles->str);
}
