/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-line.h"

#include "brevet-clock.h"
#include "brevet-network-trouble.h"
#include "brevet-wire-error.h"
#include "mqtt-way.h"

/* Seconds without a question after which a line is closed: longer than any pause between two polls. */
#define LONGEST_PAUSE 120

struct _MqttLine
{
  GMainContext     *context;
  GObject          *owner;       /* only while it dials: else the lines belong to it */
  MqttPlan         *plan;
  char             *client_id;
  char             *user_name;
  BrevetEvidence   *evidence;    /* NULL: none, or closed */
  GCancellable     *dialling;    /* NULL: nobody has asked yet, or it is open */
  BrevetMqttClient *client;      /* NULL: not open */
  guint16           port;
  GHashTable       *waiting;     /* rid → Exchange */
  GSource          *pause;
  gint              closed;      /* atomic */
};

/* A question that waits for its answer. */
typedef struct {
  MqttLine *line;
  GTask *task;
  char *rid;
  char *topic;
  GBytes *payload;
  char *tracking_id;
  GSource *deadline;
  GSource *cancelled;
} Exchange;

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
exchange_free (gpointer data)
{
  Exchange *self = data;

  clear_source (&self->deadline);
  clear_source (&self->cancelled);
  g_clear_object (&self->task);
  g_free (self->rid);
  g_free (self->topic);
  g_bytes_unref (self->payload);
  g_free (self->tracking_id);
  g_free (self);
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
settle (Exchange *exchange, gboolean final)
{
  MqttLine *self = exchange->line;
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

static gboolean
on_deadline (gpointer user_data)
{
  Exchange *exchange = user_data;
  g_autoptr(MqttLine) self = mqtt_line_ref (exchange->line);
  g_autoptr(GTask) task = settle (exchange, TRUE);

  g_task_return_error (task, brevet_network_trouble_new_timeout (self->plan->peer, self->port, self->plan->peer->timeout));
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Exchange *exchange = user_data;
  g_autoptr(MqttLine) self = mqtt_line_ref (exchange->line);
  g_autoptr(GTask) task = settle (exchange, TRUE);

  g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

/* Ends the line, and answers all who wait with @error, or, if the service has refused the device with @code, with a reply that says
 * so. */
static void
fail (MqttLine *self, guint status, const GError *error)
{
  g_autoptr(MqttLine) keep = mqtt_line_ref (self);
  g_autoptr(GHashTable) waiting = g_steal_pointer (&self->waiting);
  GHashTableIter iter;
  gpointer value;

  self->waiting = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, exchange_free);
  shut (self);
  g_hash_table_iter_init (&iter, waiting);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Exchange *exchange = value;
      g_autoptr(GTask) task = g_steal_pointer (&exchange->task);

      if (status == 0)
        g_task_return_error (task, g_error_copy (error));
      else
        g_task_return_pointer (task,
                               brevet_wire_error_reply (status, 0, exchange->tracking_id, error->message, brevet_clock_now (), 0),
                               (GDestroyNotify) brevet_reply_unref);
    }
}

static BrevetReply *
make_reply (const BrevetMqttAnswer *answer, GBytes *payload)
{
  BrevetReply *reply = brevet_reply_new (answer->status, g_bytes_get_size (payload) > 0 ? payload : NULL);

  if (answer->retry_after >= 0)
    {
      g_autofree char *seconds = g_strdup_printf ("%d", answer->retry_after);

      brevet_reply_set_header (reply, "retry-after", seconds);
    }
  return reply;
}

/* What nobody waits for, any more or at all, is passed over. */
static void
on_message (BrevetMqttClient *client, const char *topic, GBytes *payload, gpointer user_data)
{
  g_autoptr(MqttLine) self = mqtt_line_ref (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttAnswer) answer = brevet_mqtt_answer_parse (topic, &error);
  Exchange *exchange = answer != NULL ? g_hash_table_lookup (self->waiting, answer->rid) : NULL;
  g_autoptr(GTask) task = NULL;

  if (exchange == NULL)
    {
      g_debug ("Ignoring a message of %s: %s", self->plan->peer->host, error != NULL ? error->message : "nobody waits for it");
      return;
    }
  task = settle (exchange, answer->status != 202);
  g_task_return_pointer (task, make_reply (answer, payload), (GDestroyNotify) brevet_reply_unref);
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
publish (MqttLine *self, Exchange *exchange)
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
  g_autoptr(GObject) owner = g_steal_pointer (&self->owner);
  g_autoptr(GError) error = NULL;
  BrevetMqttConnectCode code;
  g_autoptr(BrevetMqttClient) client = mqtt_dial_finish (result, &self->port, &code, &error);

  g_clear_object (&self->dialling);
  if (mqtt_line_is_closed (self))
    return;
  if (client != NULL)
    open_line (self, client);
  else if (code != BREVET_MQTT_ACCEPTED)
    refuse (self, code);
  else
    fail (self, 0, error);
}

static Exchange *
exchange_new (MqttLine *line, GTask *task, BrevetMqttQuestion *question, GBytes *payload, const char *tracking_id)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  Exchange *self = g_new0 (Exchange, 1);

  self->line = line;
  self->task = g_object_ref (task);
  self->rid = g_uuid_string_random ();
  question->rid = g_strdup (self->rid);
  self->topic = brevet_mqtt_question_print (question);
  self->payload = payload != NULL ? g_bytes_ref (payload) : g_bytes_new_static (" ", 1);
  self->tracking_id = g_strdup (tracking_id);
  self->deadline = g_timeout_source_new_seconds (line->plan->peer->timeout);
  g_source_set_callback (self->deadline, on_deadline, self, NULL);
  g_source_attach (self->deadline, line->context);
  if (cancellable == NULL)
    return self;
  self->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (self->cancelled, G_SOURCE_FUNC (on_cancelled), self, NULL);
  g_source_attach (self->cancelled, line->context);
  return self;
}

void
mqtt_line_ask (MqttLine *self, GTask *task, BrevetMqttQuestion *question, GBytes *payload, const char *tracking_id)
{
  Exchange *exchange = exchange_new (self, task, question, payload, tracking_id);

  clear_source (&self->pause);
  g_hash_table_insert (self->waiting, exchange->rid, exchange);
  if (self->client != NULL)
    publish (self, exchange);
  else if (self->dialling == NULL)
    {
      self->dialling = g_cancellable_new ();
      self->owner = g_object_ref (g_task_get_source_object (task));
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
  self->plan = plan;
  self->port = way->port;
  self->client_id = g_strdup (client_id);
  self->user_name = g_strdup (user_name);
  self->evidence = evidence != NULL ? brevet_evidence_ref (evidence) : NULL;
  self->waiting = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, exchange_free);
  return self;
}
