/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-upgrade.h"

#include "brevet-gate-protocol.h"

#include <string.h>

/* RFC 6455 §1.3: proves that the answer was made for this key, by somebody who knows WebSocket. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define KEY_SIZE 16

static char **
split_list (HttpReader *reader, const char *name)
{
  const char *value = http_reader_get_field (reader, name);
  char **items = g_strsplit (value == NULL ? "" : value, ",", -1);

  for (char **item = items; *item != NULL; item++)
    g_strstrip (*item);
  return items;
}

static gboolean
lists (HttpReader *reader, const char *name, const char *wanted)
{
  g_auto(GStrv) items = split_list (reader, name);

  for (char **item = items; *item != NULL; item++)
    if (g_ascii_strcasecmp (*item, wanted) == 0)
      return TRUE;
  return FALSE;
}

gboolean
http_upgrade_is_asked (HttpReader *reader)
{
  return reader->minor_version == 1 && lists (reader, "upgrade", "websocket");
}

static gboolean
is_key (const char *text)
{
  g_autofree guint8 *key = NULL;
  gsize length;

  /* The library passes over whatever is not Base64. */
  if (text == NULL || strlen (text) != 24 || strcmp (text + 22, "==") != 0)
    return FALSE;
  for (guint i = 0; i < 22; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return FALSE;
  key = g_base64_decode (text, &length);
  return length == KEY_SIZE;
}

static gboolean
refuse (HttpUpgrade *upgrade, guint status, const char *message)
{
  upgrade->status = status;
  upgrade->message = message;
  return FALSE;
}

static char *
choose_subprotocol (HttpReader *reader, HttpUpgrade *upgrade)
{
  g_auto(GStrv) offers = split_list (reader, "sec-websocket-protocol");

  for (char **offer = offers; *offer != NULL; offer++)
    {
      g_autofree char *lower = g_ascii_strdown (*offer, -1);
      g_autofree char *protocol = g_strconcat ("websocket/", lower, NULL);

      if (!brevet_gate_has_protocol (protocol))
        continue;
      upgrade->protocol = g_steal_pointer (&protocol);
      return g_strdup (*offer);
    }
  return NULL;
}

static char *
make_accept (const char *key)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize length = sizeof digest;

  g_checksum_update (checksum, (const guchar *) key, -1);
  g_checksum_update (checksum, (const guchar *) ACCEPT_GUID, -1);
  g_checksum_get_digest (checksum, digest, &length);
  return g_base64_encode (digest, length);
}

/* Names in the case of the standard: small clients compare them as they are. */
static GBytes *
make_answer (const char *key, const char *subprotocol)
{
  g_autofree char *accept = make_accept (key);
  char *text = g_strdup_printf ("HTTP/1.1 101 Switching Protocols\r\n"
                                "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: %s\r\n"
                                "Sec-WebSocket-Protocol: %s\r\n"
                                "\r\n", accept, subprotocol);

  return g_bytes_new_take (text, strlen (text));
}

static gboolean
check_request (HttpReader *reader, HttpUpgrade *upgrade)
{
  const char *version = http_reader_get_field (reader, "sec-websocket-version");

  if (strcmp (reader->method, "GET") != 0)
    return refuse (upgrade, 400, "A WebSocket is asked for with GET");
  if (!lists (reader, "connection", "upgrade"))
    return refuse (upgrade, 400, "A WebSocket is asked for with the header field connection: upgrade");
  if (http_reader_has_body (reader))
    return refuse (upgrade, 400, "A request for a WebSocket has no body");
  if (version == NULL || strcmp (version, "13") != 0)
    return refuse (upgrade, 426, "The version of WebSocket that is spoken here is 13");
  if (!is_key (http_reader_get_field (reader, "sec-websocket-key")))
    return refuse (upgrade, 400, "The header field sec-websocket-key is not 16 bytes in Base64");
  return TRUE;
}

gboolean
http_upgrade_read (HttpReader *reader, HttpUpgrade *upgrade)
{
  g_autofree char *subprotocol = NULL;

  if (!check_request (reader, upgrade))
    return FALSE;
  if (!brevet_gate_has_websocket ())
    return refuse (upgrade, 501, "This service was built without WebSocket");

  subprotocol = choose_subprotocol (reader, upgrade);
  if (subprotocol == NULL)
    return refuse (upgrade, 400, "None of the subprotocols in sec-websocket-protocol is spoken here over WebSocket");

  upgrade->answer = make_answer (http_reader_get_field (reader, "sec-websocket-key"), subprotocol);
  return TRUE;
}

void
http_upgrade_clear (HttpUpgrade *upgrade)
{
  g_clear_pointer (&upgrade->protocol, g_free);
  g_clear_pointer (&upgrade->answer, g_bytes_unref);
}
