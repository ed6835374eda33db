/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-websocket.h"

#include <string.h>
#include <wslay/wslay.h>

struct _BrevetGateWebsocket
{
  wslay_frame_context_ptr frames;       /* NULL between two frames: it holds a buffer of 4 KiB */
  const guint8           *source;       /* what frames has not been given yet; only within a read */
  gsize                   source_left;
  guint64                 unaccounted;  /* bytes that frames was given and that are not known to be header or payload yet */
  guint64                 payload_left; /* of the current frame */
  gboolean                in_frame;     /* its header was read */
  gboolean                in_message;   /* a fragmented message is not complete */
  GByteArray             *control;      /* payload of the current control frame; NULL if there is none */
  GBytes                 *pong;
  GBytes                 *end;
};

BrevetGateWebsocket *
brevet_gate_websocket_new (void)
{
  return g_new0 (BrevetGateWebsocket, 1);
}

void
brevet_gate_websocket_free (BrevetGateWebsocket *self)
{
  g_clear_pointer (&self->frames, wslay_frame_context_free);
  g_clear_pointer (&self->control, g_byte_array_unref);
  g_clear_pointer (&self->pong, g_bytes_unref);
  g_clear_pointer (&self->end, g_bytes_unref);
  g_free (self);
}

static wslay_frame_context_ptr
open_frames (const struct wslay_frame_callbacks *callbacks, gpointer user_data)
{
  wslay_frame_context_ptr frames = NULL;

  /* As with every allocation of GLib's. */
  if (wslay_frame_context_init (&frames, callbacks, user_data) != 0)
    g_error ("There is no memory for a WebSocket frame");
  return frames;
}

static ssize_t
append_bytes (const uint8_t *data, size_t length, int flags, void *user_data)
{
  g_byte_array_append (user_data, data, length);
  return length;
}

static GBytes *
make_frame (guint8 opcode, const guint8 *payload, gsize length)
{
  static const struct wslay_frame_callbacks callbacks = { .send_callback = append_bytes };
  struct wslay_frame_iocb frame = {
    .fin = 1, .opcode = opcode, .payload_length = length, .data = payload, .data_length = length,
  };
  GByteArray *bytes = g_byte_array_sized_new (length + 10);
  wslay_frame_context_ptr frames = open_frames (&callbacks, bytes);

  wslay_frame_send (frames, &frame);
  wslay_frame_context_free (frames);
  return g_byte_array_free_to_bytes (bytes);
}

GBytes *
brevet_gate_websocket_make_message (GBytes *payload)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (payload, &length);

  return make_frame (WSLAY_BINARY_FRAME, data, length);
}

GBytes *
brevet_gate_websocket_make_close (guint status, const char *reason)
{
  guint8 payload[125] = { status >> 8, status & 0xff };
  gsize length = MIN (strlen (reason), sizeof payload - 2);

  memcpy (payload + 2, reason, length);
  return make_frame (WSLAY_CONNECTION_CLOSE, payload, length + 2);
}

/* Returns: FALSE, for the caller to return */
static gboolean
fail (BrevetGateWebsocket *self, guint status, const char *reason)
{
  self->end = brevet_gate_websocket_make_close (status, reason);
  return FALSE;
}

/* RFC 6455 §7.4: what may be in a closing frame, the other numbers are names for what was not in one. */
static gboolean
is_status (guint status)
{
  return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) || (status >= 3000 && status <= 4999);
}

static gboolean
end_close (BrevetGateWebsocket *self)
{
  const guint8 *data = self->control->data;
  guint length = self->control->len;
  guint status;

  if (length == 0)
    {
      self->end = make_frame (WSLAY_CONNECTION_CLOSE, NULL, 0);
      return FALSE;
    }
  if (length == 1)
    return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "Half a status code");

  status = data[0] << 8 | data[1];
  if (!is_status (status))
    return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "Not a status code");
  if (!g_utf8_validate_len ((const char *) data + 2, length - 2, NULL))
    return fail (self, BREVET_GATE_WEBSOCKET_INVALID_DATA, "The reason is not UTF-8");
  return fail (self, status, "");
}

/* Returns: FALSE at the end of the conversation, as do all that follow */
static gboolean
end_frame (BrevetGateWebsocket *self, const struct wslay_frame_iocb *frame)
{
  gboolean goes_on = TRUE;

  self->in_frame = FALSE;
  if (!wslay_is_ctrl_frame (frame->opcode))
    {
      self->in_message = !frame->fin;
      return TRUE;
    }

  if (frame->opcode == WSLAY_CONNECTION_CLOSE)
    goes_on = end_close (self);
  else if (frame->opcode == WSLAY_PING)
    {
      g_clear_pointer (&self->pong, g_bytes_unref);
      self->pong = make_frame (WSLAY_PONG, self->control->data, self->control->len);
    }
  g_clear_pointer (&self->control, g_byte_array_unref);
  return goes_on;
}

static gboolean
check_opcode (BrevetGateWebsocket *self, const struct wslay_frame_iocb *frame)
{
  switch (frame->opcode)
    {
    case WSLAY_CONTINUATION_FRAME:
      return self->in_message || fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "Continues no message");
    case WSLAY_BINARY_FRAME:
    case WSLAY_TEXT_FRAME:
      if (self->in_message)
        return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "A message within a message");
      return frame->opcode == WSLAY_BINARY_FRAME
             || fail (self, BREVET_GATE_WEBSOCKET_UNSUPPORTED_DATA, "Only binary messages are understood here");
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
      self->control = g_byte_array_new ();
      return TRUE;
    default:
      return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "A reserved opcode");
    }
}

static gsize
get_header_size (const struct wslay_frame_iocb *frame)
{
  gsize length = frame->payload_length < 126 ? 0 : frame->payload_length <= G_MAXUINT16 ? 2 : 8;

  return 2 + length + 4;
}

static gboolean
begin_frame (BrevetGateWebsocket *self, const struct wslay_frame_iocb *frame)
{
  if (!frame->mask)
    return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "A client has to mask its frames");
  if (frame->rsv != 0)
    return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "A reserved bit is set");
  if (!check_opcode (self, frame))
    return FALSE;

  self->in_frame = TRUE;
  self->payload_left = frame->payload_length;
  self->unaccounted -= get_header_size (frame);
  return TRUE;
}

static gboolean
take_chunk (BrevetGateWebsocket *self, const struct wslay_frame_iocb *frame, guint8 *payload, gsize *length)
{
  if (!self->in_frame && !begin_frame (self, frame))
    return FALSE;

  self->unaccounted -= frame->data_length;
  self->payload_left -= frame->data_length;
  if (self->control != NULL)
    g_byte_array_append (self->control, frame->data, frame->data_length);
  else
    {
      memcpy (payload + *length, frame->data, frame->data_length);
      *length += frame->data_length;
    }
  return self->payload_left > 0 || end_frame (self, frame);
}

static ssize_t
pull_bytes (uint8_t *buffer, size_t length, int flags, void *user_data)
{
  BrevetGateWebsocket *self = user_data;
  gsize count = MIN (length, self->source_left);

  if (count == 0)
    return -1;
  memcpy (buffer, self->source, count);
  self->source += count;
  self->source_left -= count;
  self->unaccounted += count;
  return count;
}

/* Returns: FALSE if there is nothing more to do before more bytes come */
static gboolean
read_chunk (BrevetGateWebsocket *self, guint8 *payload, gsize *length)
{
  struct wslay_frame_iocb frame = { 0 };
  gssize count = wslay_frame_recv (self->frames, &frame);

  if (count >= 0)
    return take_chunk (self, &frame, payload, length);
  if (count == WSLAY_ERR_WANT_READ)
    return self->source_left > 0;
  return fail (self, BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR, "The header of a frame is malformed");
}

gsize
brevet_gate_websocket_read (BrevetGateWebsocket *self, guint8 *data, gsize length)
{
  static const struct wslay_frame_callbacks callbacks = { .recv_callback = pull_bytes };
  gsize payload = 0;

  if (self->end != NULL || length == 0)
    return 0;

  /* Payload is shorter than what it was taken from, so writing never overtakes reading. */
  self->source = data;
  self->source_left = length;
  if (self->frames == NULL)
    self->frames = open_frames (&callbacks, self);
  while (read_chunk (self, data, &payload))
    ;

  self->source = NULL;
  self->source_left = 0;
  if (self->end != NULL || (!self->in_frame && self->unaccounted == 0))
    g_clear_pointer (&self->frames, wslay_frame_context_free);
  return payload;
}

GBytes *
brevet_gate_websocket_take_pong (BrevetGateWebsocket *self)
{
  return g_steal_pointer (&self->pong);
}

GBytes *
brevet_gate_websocket_get_end (BrevetGateWebsocket *self)
{
  return self->end;
}
