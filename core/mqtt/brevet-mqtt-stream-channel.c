/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The channel over a connection of GIO. Whatever is under way holds a reference, so the object lives until both directions rest. */

#include "brevet-mqtt-channel.h"

#include "brevet-error.h"

#define CHUNK 16384

/* Bytes that may wait for a peer that does not take them: what answers one that sends and does not read would grow for ever. */
#define MAXIMUM_OUTPUT (4 * 1024 * 1024)

/* How long a channel that is to be closed waits for a peer that does not take what was sent, in seconds. */
#define LINGER 5

#define BREVET_TYPE_MQTT_STREAM_CHANNEL (brevet_mqtt_stream_channel_get_type ())
G_DECLARE_FINAL_TYPE (BrevetMqttStreamChannel, brevet_mqtt_stream_channel, BREVET, MQTT_STREAM_CHANNEL, GObject)

struct _BrevetMqttStreamChannel
{
  GObject       parent_instance;

  GIOStream    *stream;
  GCancellable *cancellable;   /* ends reading and writing */
  GMainContext *context;
  GQueue        output;        /* GBytes; the first is being written */
  gsize         waiting;       /* bytes in it */
  GSource      *end;           /* closes it when its time has come */
  gboolean      reading;
  gboolean      closing;
  gboolean      closed;
};

static void brevet_mqtt_stream_channel_iface_init (BrevetMqttChannelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetMqttStreamChannel, brevet_mqtt_stream_channel, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_MQTT_CHANNEL, brevet_mqtt_stream_channel_iface_init))

/* Without the goodbye of TLS, which could wait for a peer that does not read: MQTT says by itself where it ends. */
static void
close_stream (GIOStream *stream)
{
  g_autoptr(GIOStream) base = NULL;

  if (G_IS_TLS_CONNECTION (stream))
    g_object_get (stream, "base-io-stream", &base, NULL);
  g_io_stream_close (base != NULL ? base : stream, NULL, NULL);
}

/* Its callers hold a reference. */
static void
finish (BrevetMqttStreamChannel *self, const GError *error)
{
  if (self->closed)
    return;
  self->closed = TRUE;
  self->closing = TRUE;
  if (self->end != NULL)
    g_source_destroy (self->end);
  g_cancellable_cancel (self->cancellable);
  close_stream (self->stream);
  g_signal_emit_by_name (self, "closed", error);
}

static gboolean
on_end (gpointer user_data)
{
  BrevetMqttStreamChannel *self = user_data;
  g_autoptr(GError) error = NULL;

  if (self->waiting > MAXIMUM_OUTPUT)
    error = g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The broker does not take what it is sent");
  finish (self, error);
  return G_SOURCE_REMOVE;
}

static void
finish_in (BrevetMqttStreamChannel *self, guint seconds)
{
  self->end = g_timeout_source_new (seconds * 1000);
  g_source_set_callback (self->end, on_end, g_object_ref (self), g_object_unref);
  g_source_attach (self->end, self->context);
}

static void read_more (BrevetMqttStreamChannel *self);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetMqttStreamChannel) self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);

  self->reading = FALSE;
  if (self->closed)
    return;
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    {
      finish (self, error);
      return;
    }
  if (!self->closing)
    g_signal_emit_by_name (self, "received", bytes);
  if (!self->closed)
    read_more (self);
}

static void
read_more (BrevetMqttStreamChannel *self)
{
  self->reading = TRUE;
  g_input_stream_read_bytes_async (g_io_stream_get_input_stream (self->stream), CHUNK, G_PRIORITY_DEFAULT, self->cancellable,
                                   on_read, g_object_ref (self));
}

static void write_next (BrevetMqttStreamChannel *self);

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetMqttStreamChannel) self = user_data;
  g_autoptr(GError) error = NULL;
  gboolean written = g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &error);

  self->waiting -= g_bytes_get_size (g_queue_peek_head (&self->output));
  g_bytes_unref (g_queue_pop_head (&self->output));
  if (self->closed)
    return;
  if (!written)
    finish (self, error);
  else if (!g_queue_is_empty (&self->output))
    write_next (self);
  else if (self->closing)
    finish (self, NULL);
}

static void
write_next (BrevetMqttStreamChannel *self)
{
  GBytes *bytes = g_queue_peek_head (&self->output);

  g_output_stream_write_all_async (g_io_stream_get_output_stream (self->stream), g_bytes_get_data (bytes, NULL),
                                   g_bytes_get_size (bytes), G_PRIORITY_DEFAULT, self->cancellable, on_written,
                                   g_object_ref (self));
}

static void
brevet_mqtt_stream_channel_start (BrevetMqttChannel *channel)
{
  BrevetMqttStreamChannel *self = BREVET_MQTT_STREAM_CHANNEL (channel);

  if (!self->reading && !self->closed)
    read_more (self);
}

static void
brevet_mqtt_stream_channel_send (BrevetMqttChannel *channel, GBytes *bytes)
{
  BrevetMqttStreamChannel *self = BREVET_MQTT_STREAM_CHANNEL (channel);

  if (self->closing || g_bytes_get_size (bytes) == 0)
    return;
  self->waiting += g_bytes_get_size (bytes);
  if (self->waiting > MAXIMUM_OUTPUT)
    {
      self->closing = TRUE;
      finish_in (self, 0);
      return;
    }
  g_queue_push_tail (&self->output, g_bytes_ref (bytes));
  if (g_queue_get_length (&self->output) == 1)
    write_next (self);
}

static void
brevet_mqtt_stream_channel_close (BrevetMqttChannel *channel)
{
  BrevetMqttStreamChannel *self = BREVET_MQTT_STREAM_CHANNEL (channel);

  if (self->closing)
    return;
  self->closing = TRUE;
  finish_in (self, g_queue_is_empty (&self->output) ? 0 : LINGER);
}

static void
brevet_mqtt_stream_channel_iface_init (BrevetMqttChannelInterface *iface)
{
  iface->start = brevet_mqtt_stream_channel_start;
  iface->send = brevet_mqtt_stream_channel_send;
  iface->close = brevet_mqtt_stream_channel_close;
}

static void
brevet_mqtt_stream_channel_finalize (GObject *object)
{
  BrevetMqttStreamChannel *self = BREVET_MQTT_STREAM_CHANNEL (object);

  g_clear_pointer (&self->end, g_source_unref);
  if (!self->closed)
    close_stream (self->stream);
  g_queue_clear_full (&self->output, (GDestroyNotify) g_bytes_unref);
  g_object_unref (self->stream);
  g_object_unref (self->cancellable);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (brevet_mqtt_stream_channel_parent_class)->finalize (object);
}

static void
brevet_mqtt_stream_channel_class_init (BrevetMqttStreamChannelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_mqtt_stream_channel_finalize;
}

static void
brevet_mqtt_stream_channel_init (BrevetMqttStreamChannel *self)
{
  g_queue_init (&self->output);
  self->cancellable = g_cancellable_new ();
  self->context = g_main_context_ref_thread_default ();
}

BrevetMqttChannel *
brevet_mqtt_channel_new_for_stream (GIOStream *stream)
{
  BrevetMqttStreamChannel *self;

  g_return_val_if_fail (G_IS_IO_STREAM (stream), NULL);

  self = g_object_new (BREVET_TYPE_MQTT_STREAM_CHANNEL, NULL);
  self->stream = g_object_ref (stream);
  return BREVET_MQTT_CHANNEL (self);
}
