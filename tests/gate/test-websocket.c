/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a WebSocket keeps in memory. */
#include "brevet-gate-websocket.h"

#include <wslay/wslay.h>

int __real_wslay_frame_context_init (wslay_frame_context_ptr *context, const struct wslay_frame_callbacks *callbacks,
                                       void *user_data);
int __wrap_wslay_frame_context_init (wslay_frame_context_ptr *context, const struct wslay_frame_callbacks *callbacks,
                                       void *user_data);
void __real_wslay_frame_context_free (wslay_frame_context_ptr context);
void __wrap_wslay_frame_context_free (wslay_frame_context_ptr context);

static guint buffers;

int
__wrap_wslay_frame_context_init (wslay_frame_context_ptr *context, const struct wslay_frame_callbacks *callbacks, void *user_data)
{
  buffers++;
  return __real_wslay_frame_context_init (context, callbacks, user_data);
}

void
__wrap_wslay_frame_context_free (wslay_frame_context_ptr context)
{
  buffers--;
  __real_wslay_frame_context_free (context);
}

/* A frame of a client, masked with zeros. */
static void
add_frame (GByteArray *bytes, guint8 first, gsize length)
{
  const guint8 start[] = { first, 0x80 | (length < 126 ? length : 126), length >> 8, length & 0xff };
  const guint8 mask[4] = { 0 };

  g_byte_array_append (bytes, start, length < 126 ? 2 : 4);
  g_byte_array_append (bytes, mask, sizeof mask);
  for (gsize i = 0; i < length; i++)
    g_byte_array_append (bytes, (const guint8[]) { (guint8) i }, 1);
}

static void
test_buffer (void)
{
  static const gsize sizes[] = { 0, 1, 125, 126, 4082, 4088, 4090, 5000, 16000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr(BrevetGateWebsocket) websocket = brevet_gate_websocket_new ();
      g_autoptr(GByteArray) bytes = g_byte_array_new ();
      gsize payload = 0;

      add_frame (bytes, 0x82, sizes[i]);
      add_frame (bytes, 0x89, 5);
      add_frame (bytes, 0x02, 10);
      g_assert_cmpuint (buffers, ==, 0);
      /* There is one as long as a frame is incomplete, and none between two frames: of a message, too. */
      payload += brevet_gate_websocket_read (websocket, bytes->data, bytes->len - 1);
      g_assert_cmpuint (buffers, ==, 1);
      payload += brevet_gate_websocket_read (websocket, bytes->data + bytes->len - 1, 1);
      g_assert_cmpuint (buffers, ==, 0);
      g_assert_cmpuint (payload, ==, sizes[i] + 10);
    }
}

static void
test_buffer_after_the_end (void)
{
  g_autoptr(BrevetGateWebsocket) websocket = brevet_gate_websocket_new ();
  guint8 text[] = { 0x81, 0x82, 0, 0, 0, 0, 'h', 'i', 0x82, 0x85 };

  g_assert_cmpuint (brevet_gate_websocket_read (websocket, text, sizeof text), ==, 0);
  g_assert_nonnull (brevet_gate_websocket_get_end (websocket));
  g_assert_cmpuint (buffers, ==, 0);
  g_assert_cmpuint (brevet_gate_websocket_read (websocket, text, sizeof text), ==, 0);
  g_assert_cmpuint (buffers, ==, 0);
}

static void
test_pong (void)
{
  g_autoptr(BrevetGateWebsocket) websocket = brevet_gate_websocket_new ();
  g_autoptr(GByteArray) pings = g_byte_array_new ();
  g_autoptr(GBytes) pong = NULL, another = NULL;

  for (guint i = 1; i <= 125; i++)
    add_frame (pings, 0x89, i);
  g_assert_cmpuint (brevet_gate_websocket_read (websocket, pings->data, pings->len), ==, 0);
  pong = brevet_gate_websocket_take_pong (websocket);
  another = brevet_gate_websocket_take_pong (websocket);
  g_assert_cmpuint (g_bytes_get_size (pong), ==, 2 + 125);
  g_assert_null (another);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/websocket/buffer", test_buffer);
  g_test_add_func ("/websocket/buffer-after-the-end", test_buffer_after_the_end);
  g_test_add_func ("/websocket/pong", test_pong);
  return g_test_run ();
}
