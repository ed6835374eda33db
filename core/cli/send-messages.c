/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "send-messages.h"

#include "brevet-error.h"
#include "brevet-hub.h"

#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

/* At least once. */
#define QOS 1

/* Seconds that the end of a connection may take on which nothing is sent any more. */
#define LEAVE_PATIENCE 5

typedef struct {
  BrevetSendJob *job;
  GCancellable *cancellable;   /* everything */
  GDataInputStream *input;     /* NULL: the job's text */
  BrevetMqttClient *client;
  guint timer;                 /* for the acknowledgement, or until the next message */
  gboolean too_late;
  gboolean interrupted;
  gboolean was_reading;        /* when it was interrupted */
  gboolean reading;
  guint pending;               /* callbacks that will come */
  gboolean over;
  GError *error;
} Sender;

static void
clear_timer (Sender *self)
{
  if (self->timer != 0)
    g_source_remove (self->timer);
  self->timer = 0;
}

/* Takes @error; the first one counts. */
static void
end (Sender *self, GError *error)
{
  clear_timer (self);
  self->over = TRUE;
  if (self->error == NULL)
    self->error = error;
  else
    g_clear_error (&error);
}

static void send_next (Sender *self);

static gboolean
on_interval_over (gpointer user_data)
{
  Sender *self = user_data;

  self->timer = 0;
  send_next (self);
  return G_SOURCE_REMOVE;
}

static gboolean
has_more (Sender *self)
{
  return self->input != NULL || self->job->acknowledged < self->job->count;
}

static void
go_on (Sender *self)
{
  if (self->over)
    return;
  if (!has_more (self))
    end (self, NULL);
  else if (self->job->interval > 0 && self->input == NULL)
    self->timer = g_timeout_add_seconds (self->job->interval, on_interval_over, self);
  else
    send_next (self);
}

static void
on_published (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Sender *self = user_data;
  GError *error = NULL;
  gboolean acknowledged = brevet_mqtt_client_publish_finish (BREVET_MQTT_CLIENT (source), result, &error);

  self->pending--;
  clear_timer (self);
  if (acknowledged)
    {
      self->job->acknowledged++;
      g_debug ("Message %u is acknowledged", self->job->acknowledged);
      go_on (self);
      return;
    }
  if (self->too_late)
    {
      g_clear_error (&error);
      error = g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, _("The hub %s did not acknowledge a message within %u seconds"),
                           self->job->identity->hub, self->job->timeout);
    }
  end (self, error);
}

static gboolean
on_too_late (gpointer user_data)
{
  Sender *self = user_data;

  self->timer = 0;
  self->too_late = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
publish (Sender *self, GBytes *payload)
{
  self->pending++;
  self->timer = g_timeout_add_seconds (self->job->timeout, on_too_late, self);
  brevet_mqtt_client_publish_async (self->client, self->job->topic, payload, QOS, self->cancellable, on_published, self);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Sender *self = user_data;
  g_autoptr(GBytes) payload = NULL;
  GError *error = NULL;
  gsize length = 0;
  char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, &length, &error);

  self->pending--;
  self->reading = FALSE;
  if (line == NULL)
    {
      end (self, error);
      return;
    }
  payload = g_bytes_new_take (line, length);
  if (self->over)
    return;
  if (length == 0)
    send_next (self);
  else
    publish (self, payload);
}

static void
send_next (Sender *self)
{
  g_autoptr(GBytes) payload = NULL;

  if (self->input != NULL)
    {
      self->pending++;
      self->reading = TRUE;
      g_data_input_stream_read_line_async (self->input, G_PRIORITY_DEFAULT, self->cancellable, on_line, self);
      return;
    }
  payload = g_bytes_new (self->job->text, strlen (self->job->text));
  publish (self, payload);
}

static void
on_closed (BrevetMqttClient *client, const GError *error, gpointer user_data)
{
  Sender *self = user_data;
  const char *hub = self->job->identity->hub;

  if (self->over)
    return;
  if (error != NULL)
    end (self, g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, _("The hub %s ended the connection: %s"), hub, error->message));
  else
    end (self, g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, _("The hub %s ended the connection"), hub));
  g_cancellable_cancel (self->cancellable);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Sender *self = user_data;
  GError *error = NULL;

  self->pending--;
  self->client = brevet_hub_enter_finish (result, &error);
  if (self->client == NULL)
    {
      end (self, error);
      return;
    }
  self->job->entered = TRUE;
  g_signal_connect (self->client, "closed", G_CALLBACK (on_closed), self);
  send_next (self);
}

static gboolean
on_signal (gpointer user_data)
{
  Sender *self = user_data;

  self->interrupted = TRUE;
  self->was_reading = self->reading;
  g_cancellable_cancel (self->cancellable);
  if (self->pending == 0)
    end (self, NULL);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_leave_patience_over (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_CONTINUE;
}

/* What was published is acknowledged; it is the hub that should know that this is the end, and no accident. */
static void
leave (Sender *self)
{
  gpointer client = g_steal_pointer (&self->client);
  gboolean over = FALSE;
  guint timer;

  g_signal_handlers_disconnect_by_data (client, self);
  timer = g_timeout_add_seconds (LEAVE_PATIENCE, on_leave_patience_over, &over);
  g_object_add_weak_pointer (G_OBJECT (client), &client);
  brevet_hub_leave (client);
  while (client != NULL && !over)
    g_main_context_iteration (NULL, TRUE);
  if (client != NULL)
    g_object_remove_weak_pointer (G_OBJECT (client), &client);
  g_source_remove (timer);
}

static void
enter (Sender *self)
{
  const BrevetSendIdentity *identity = self->job->identity;
  BrevetHubVisit visit = {
    .host = identity->hub,
    .port = self->job->port,
    .timeout = self->job->timeout,
    .ca_file = self->job->ca_file,
    .trust = identity->trust,
    .device_id = identity->device_id,
    .chain = identity->chain,
    .key = identity->key,
  };

  self->pending++;
  brevet_hub_enter_async (&visit, self->cancellable, on_entered, self);
}

/* An interruption between two lines has cut nothing off. */
static void
judge (Sender *self)
{
  if (self->interrupted && (self->was_reading || !has_more (self)))
    g_clear_error (&self->error);
  else if (self->interrupted)
    {
      g_clear_error (&self->error);
      self->error = g_error_new (BREVET_ERROR, BREVET_ERROR_FAILED, _("Interrupted"));
    }
}

/* Says how much of it arrived, where that is not what one expects. */
static void
add_count (Sender *self)
{
  BrevetSendJob *job = self->job;
  g_autofree char *text = NULL;

  if (!job->entered)
    return;
  if (self->input != NULL)
    text = g_strdup_printf (_("%s; messages acknowledged before: %u"), self->error->message, job->acknowledged);
  else
    text = g_strdup_printf (_("%s; messages acknowledged: %u of %u"), self->error->message, job->acknowledged,
                            job->count);
  g_free (self->error->message);
  self->error->message = g_steal_pointer (&text);
}

gboolean
brevet_send_job_run (BrevetSendJob *job, GError **error)
{
  Sender self = { .job = job, .cancellable = g_cancellable_new () };
  guint sources[] = { g_unix_signal_add (SIGINT, on_signal, &self), g_unix_signal_add (SIGTERM, on_signal, &self) };

  job->acknowledged = 0;
  job->entered = FALSE;
  if (job->text == NULL)
    {
      g_autoptr(GInputStream) standard_input = g_unix_input_stream_new (STDIN_FILENO, FALSE);

      self.input = g_data_input_stream_new (standard_input);
    }
  enter (&self);
  while (!self.over || self.pending > 0)
    g_main_context_iteration (NULL, TRUE);
  judge (&self);
  if (self.client != NULL)
    leave (&self);
  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  if (self.error != NULL)
    add_count (&self);
  g_clear_object (&self.input);
  g_object_unref (self.cancellable);
  if (self.error == NULL)
    return TRUE;
  g_propagate_error (error, self.error);
  return FALSE;
}
