/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-line.h"

#include "brevet-network-trouble.h"
#include "mqtt-dial.h"
#include "mqtt-exchange.h"

/* Seconds without a question after which a line is closed: longer than any pause between two polls. */
#define LONGEST_PAUSE 120

struct _MqttLine
{
  GMainContext     *context;
  MqttPlan         *plan;
  char             *client_id;
  char             *user_name;
  BrevetEvidence   *evidence;    /* NULL: none, or closed */
  GCancellable     *dialling;    /* NULL: nobody has asked yet, or it is open */
  gboolean          late;        /* the search takes longer than the question may */
  BrevetMqttClient *client;      /* NULL: not open */
  guint16           port;
  GHashTable       *waiting;     /* rid → MqttExchange */
  GSource          *pause;
  gint              closed;      /* atomic */
};

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

MqttLine *
mqtt_line_ref (MqttLine *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
line_clear (gpointer data)
{
  MqttLine *self = data;

  g_main_context_unref (self->context);
  mqtt_plan_unref (self->plan);
  g_free (self->client_id);
  g_free (self->user_name);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
  g_hash_table_unref (self->waiting);
}

void
mqtt_line_unref (MqttLine *self)
{
  g_atomic_rc_box_release_full (self, line_clear);
}

static GHashTable *
make_waiting (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) mqtt_exchange_free);
}

/* From here on nothing happens any more. Who still waits is the caller's business. */
static void
shut (MqttLine *self)
{
  if (g_atomic_int_exchange (&self->closed, TRUE))
    return;
  clear_source (&self->pause);
  if (self->dialling != NULL)
    g_cancellable_cancel (self->dialling);
  if (self->client != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->client, self);
      brevet_mqtt_client_disconnect (self->client);
    }
  g_clear_object (&self->client);
  g_clear_pointer (&self->evidence, brevet_evidence_unref);
}

static gboolean
on_paused (gpointer user_data)
{
  shut (user_data);
  return G_SOURCE_REMOVE;
}

/* The device has to come back for the result. */
static void
start_pause (MqttLine *self)
{
  clear_source (&self->pause);
  self->pause = g_timeout_source_new_seconds (LONGEST_PAUSE);
  g_source_set_callback (self->pause, on_paused, self, NULL);
  g_source_attach (self->pause, self->context);
}

/* Takes @exchange away from the line, which is of no more use if that was the last one and @final. The task is answered after that:
 * its caller may ask the next question at once. */
static GTask *
settle (MqttLine *self, MqttExchange *exchange, gboolean final)
{
  GTask *task = g_steal_pointer (&exchange->task);

  g_hash_table_remove (self->waiting, exchange->rid);
  if (g_hash_table_size (self->waiting) > 0)
    return task;
  if (final)
    shut (self);
  else
    start_pause (self);
  return task;
}

/* A search that is cut off tells what it has found out. */
static void
on_over (MqttExchange *exchange, gboolean late, gpointer user_data)
{
  g_autoptr(MqttLine) self = mqtt_line_ref (user_data);
  const BrevetNetworkPeer *peer = self->plan->peer;
  g_autoptr(GTask) task = NULL;

  if (late && self->dialling != NULL && g_hash_table_size (self->waiting) == 1)
    {
      self->late = TRUE;
      g_cancellable_cancel (self->dialling);
      return;
    }
  task = settle (self, exchange, TRUE);
  if (late)
    g_task_return_error (task, brevet_network_trouble_new_timeout (peer, self->port, peer->timeout));
  else
    g_task_return_error_if_cancelled (task);
}

/* Ends the line, and answers all who wait (mqtt_exchange_fail()). */
static void
fail (MqttLine *self, guint status, const GError *error)
{
  g_autoptr(MqttLine) keep = mqtt_line_ref (self);
  g_autoptr(GHashTable) waiting = g_steal_pointer (&self->waiting);
  GHashTableIter iter;
  gpointer exchange;

  self->waiting = make_waiting ();
  shut (self);
  g_hash_table_iter_init (&iter, waiting);
  while (g_hash_table_iter_next (&iter, NULL, &exchange))
    mqtt_exchange_fail (exchange, status, error);
}

/* What nobody waits for, any more or at all, is passed over. */
static void
on_message (BrevetMqttClient *client, const char *topic, GBytes *payload, gpointer user_data)
{
  g_autoptr(MqttLine) self = mqtt_line_ref (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttAnswer) answer = brevet_mqtt_answer_parse (topic, &error);
  MqttExchange *exchange = answer != NULL ? g_hash_table_lookup (self->waiting, answer->rid) : NULL;
  g_autoptr(GTask) task = NULL;

  if (exchange == NULL)
    {
      g_debug ("Ignoring a message of %s: %s", self->plan->peer->host, error != NULL ? error->message : "nobody waits for it");
      return;
    }
  task = settle (self, exchange, answer->status != 202);
  g_task_return_pointer (task, mqtt_exchange_make_reply (answer, payload), (GDestroyNotify) brevet_reply_unref);
}

static void
on_closed (BrevetMqttClient *client, const GError *cause, gpointer user_data)
{
  MqttLine *self = user_data;
  g_autoptr(GError) error = NULL;

  error = brevet_network_trouble_new_text (self->plan->peer, self->port, BREVET_ERROR_UNREACHABLE, "%c%s",
                                           g_ascii_tolower (cause->message[0]), cause->message + 1);
  fail (self, 0, error);
}

static void
on_published (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(MqttLine) self = user_data;
  g_autoptr(GError) error = NULL;

  if (!brevet_mqtt_client_publish_finish (BREVET_MQTT_CLIENT (source), result, &error) && !mqtt_line_is_closed (self))
    on_closed (NULL, error, self);
}

static void
publish (MqttLine *self, MqttExchange *exchange)
{
  brevet_mqtt_client_publish_async (self->client, exchange->topic, exchange->payload, 1, NULL, on_published, mqtt_line_ref (self));
}

static void
open_line (MqttLine *self, BrevetMqttClient *client)
{
  GHashTableIter iter;
  gpointer exchange;

  self->client = g_object_ref (client);
  g_signal_connect (client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (client, "closed", G_CALLBACK (on_closed), self);
  g_hash_table_iter_init (&iter, self->waiting);
  while (g_hash_table_iter_next (&iter, NULL, &exchange))
    publish (self, exchange);
}

/* What a refusal to connect would be over HTTPS (protocol/dps.md §4.1); 0 if it is no answer to the device. */
static guint
find_status (BrevetMqttConnectCode code)
{
  switch (code)
    {
    case BREVET_MQTT_BAD_CREDENTIALS:
    case BREVET_MQTT_NOT_AUTHORIZED:
      return 401;
    case BREVET_MQTT_IDENTIFIER_REJECTED:
      return 400;
    case BREVET_MQTT_UNAVAILABLE:
      return 503;
    default:
      return 0;
    }
}

static void
refuse (MqttLine *self, BrevetMqttConnectCode code)
{
  g_autoptr(GError) error = NULL;
  const char *words = brevet_mqtt_connect_code_to_string (code);

  if (find_status (code) != 0)
    error = g_error_new (BREVET_ERROR, BREVET_ERROR_REJECTED, "the service refused the connection: %s", words);
  else
    error = brevet_network_trouble_new_text (self->plan->peer, self->port, BREVET_ERROR_UNREACHABLE,
                                             "it does not take this version of MQTT: %s", words);
  fail (self, find_status (code), error);
}

static void
on_dialled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(MqttLine) self = user_data;
  g_autoptr(GError) error = NULL;
  BrevetMqttConnectCode code;
  g_autoptr(BrevetMqttClient) client = mqtt_dial_finish (result, &self->port, &code, &error);

  g_clear_object (&self->dialling);
  if (mqtt_line_is_closed (self))
    return;
  if (self->late)
    {
      g_clear_error (&error);
      error = mqtt_dial_describe_delay (result, self->plan->peer->timeout);
      fail (self, 0, error);
    }
  else if (client != NULL)
    open_line (self, client);
  else if (code != BREVET_MQTT_ACCEPTED)
    refuse (self, code);
  else
    fail (self, 0, error);
}

void
mqtt_line_ask (MqttLine *self, GTask *task, BrevetMqttQuestion *question, GBytes *payload)
{
  MqttExchange *exchange = mqtt_exchange_new (task, question, payload);

  mqtt_exchange_watch (exchange, self->context, self->plan->peer->timeout, on_over, self);
  clear_source (&self->pause);
  g_hash_table_insert (self->waiting, exchange->rid, exchange);
  if (self->client != NULL)
    publish (self, exchange);
  else if (self->dialling == NULL)
    {
      self->dialling = g_cancellable_new ();
      mqtt_dial_async (self->plan, self->client_id, self->user_name, self->evidence, self->dialling, on_dialled,
                       mqtt_line_ref (self));
    }
}

gboolean
mqtt_line_is_closed (MqttLine *self)
{
  return g_atomic_int_get (&self->closed);
}

gboolean
mqtt_line_is_mine (MqttLine *self, const char *user_name)
{
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();

  return self->context == context && g_str_equal (self->user_name, user_name);
}

gboolean
mqtt_line_has_evidence (MqttLine *self, BrevetEvidence *evidence)
{
  if (self->evidence == evidence)
    return TRUE;
  return self->evidence != NULL && evidence != NULL &&
         g_strcmp0 (brevet_evidence_get_token (self->evidence), brevet_evidence_get_token (evidence)) == 0 &&
         brevet_evidence_get_chain (self->evidence) == brevet_evidence_get_chain (evidence) &&
         brevet_evidence_get_key (self->evidence) == brevet_evidence_get_key (evidence);
}

gboolean
mqtt_line_is_idle (MqttLine *self)
{
  return g_hash_table_size (self->waiting) == 0;
}

static gboolean
on_close (gpointer user_data)
{
  MqttLine *self = user_data;
  g_autoptr(GError) error = g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The connection to the service was ended");

  fail (self, 0, error);
  return G_SOURCE_REMOVE;
}

void
mqtt_line_close (MqttLine *self)
{
  if (!mqtt_line_is_closed (self))
    g_main_context_invoke_full (self->context, G_PRIORITY_DEFAULT, on_close, mqtt_line_ref (self),
                                (GDestroyNotify) mqtt_line_unref);
}

MqttLine *
mqtt_line_new (MqttPlan *plan, const char *client_id, const char *user_name, BrevetEvidence *evidence)
{
  MqttLine *self = g_atomic_rc_box_new0 (MqttLine);
  const MqttWay *way = g_ptr_array_index (plan->ways, 0);

  self->context = g_main_context_ref_thread_default ();
  self->plan = mqtt_plan_ref (plan);
  self->port = way->port;
  self->client_id = g_strdup (client_id);
  self->user_name = g_strdup (user_name);
  self->evidence = evidence != NULL ? brevet_evidence_ref (evidence) : NULL;
  self->waiting = make_waiting ();
  return self;
}
