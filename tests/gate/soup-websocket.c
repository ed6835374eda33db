/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* soup-websocket PORT TASK: libsoup's WebSocket client at the server of test-server.c; what it sees goes to the standard output.
 * node-websocket.mjs does and says the same. Tasks: `echo`, `lines`, `text`. */
#include <libsoup/soup.h>
#include <string.h>

#define SIZE 400000

typedef struct
{
  GMainLoop               *loop;
  const char              *task;
  SoupWebsocketConnection *connection;
  GByteArray              *sent;
  GByteArray              *heard;
} Peer;

static void
send_parts (Peer *peer)
{
  static const guint sizes[] = { 0, 1, 125, 126, 65535, 65536 };
  guint start = 0;

  for (guint i = 0; i < SIZE; i++)
    g_byte_array_append (peer->sent, (const guint8[]) { (guint8) (i * 7) }, 1);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      soup_websocket_connection_send_binary (peer->connection, peer->sent->data + start, sizes[i]);
      start += sizes[i];
    }
  soup_websocket_connection_send_binary (peer->connection, peer->sent->data + start, SIZE - start);
}

static void
on_message (SoupWebsocketConnection *connection, int type, GBytes *message, Peer *peer)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (message, &length);

  g_byte_array_append (peer->heard, data, length);
  if (peer->sent->len == 0)
    g_print ("message %.*s\n", (int) length, data);
  else if (peer->heard->len == peer->sent->len)
    {
      g_print ("%s\n", memcmp (peer->heard->data, peer->sent->data, SIZE) == 0 ? "the same" : "something else");
      soup_websocket_connection_close (connection, 3001, "done");
    }
}

static void
on_closed (SoupWebsocketConnection *connection, Peer *peer)
{
  g_print ("closed %u\n", soup_websocket_connection_get_close_code (connection));
  g_main_loop_quit (peer->loop);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
  Peer *peer = data;
  g_autoptr(GError) error = NULL;

  peer->connection = soup_session_websocket_connect_finish (SOUP_SESSION (source), result, &error);
  if (peer->connection == NULL)
    {
      g_print ("not connected\n");
      g_printerr ("%s\n", error->message);
      g_main_loop_quit (peer->loop);
      return;
    }

  g_print ("protocol %s\n", soup_websocket_connection_get_protocol (peer->connection));
  g_signal_connect (peer->connection, "message", G_CALLBACK (on_message), peer);
  g_signal_connect (peer->connection, "closed", G_CALLBACK (on_closed), peer);
  if (strcmp (peer->task, "echo") == 0)
    send_parts (peer);
  else if (strcmp (peer->task, "lines") == 0)
    soup_websocket_connection_send_binary (peer->connection, "close\n", 6);
  else
    soup_websocket_connection_send_text (peer->connection, "hello");
}

static gboolean
accept_any (SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags errors, gpointer data)
{
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr(SoupSession) session = soup_session_new ();
  g_autofree char *uri = g_strdup_printf ("wss://127.0.0.1:%s/$iothub/websocket?iothub-no-client-cert=true", argv[1]);
  g_autoptr(SoupMessage) message = soup_message_new ("GET", uri);
  char *protocols[] = { strcmp (argv[2], "echo") == 0 ? "echo" : "LINES", NULL };
  Peer peer = { .task = argv[2], .loop = g_main_loop_new (NULL, FALSE), .sent = g_byte_array_new (), .heard = g_byte_array_new () };

  g_signal_connect (message, "accept-certificate", G_CALLBACK (accept_any), NULL);
  soup_session_websocket_connect_async (session, message, NULL, protocols, G_PRIORITY_DEFAULT, NULL, on_connected, &peer);
  g_main_loop_run (peer.loop);
  g_clear_object (&peer.connection);
  g_main_loop_unref (peer.loop);
  g_byte_array_unref (peer.sent);
  g_byte_array_unref (peer.heard);
  return 0;
}
