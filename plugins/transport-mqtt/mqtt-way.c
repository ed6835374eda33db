/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-way.h"

#include <string.h>

#define TLS "tls"
#define TLS_PORT 8883

#define WEBSOCKET "websocket"
#define WEBSOCKET_PORT 443
#define WEBSOCKET_PATH "/$iothub/websocket"

#define DEFAULT_WAYS TLS ";" WEBSOCKET

static void
way_free (gpointer data)
{
  MqttWay *self = data;

  g_free (self->path);
  g_free (self);
}

/* Returns what follows the port, or NULL if it is none. */
static const char *
read_port (MqttWay *self, const char *text)
{
  guint64 port;
  char *rest;

  if (*text != ':')
    return text;
  if (!g_ascii_isdigit (text[1]))
    return NULL;
  port = g_ascii_strtoull (text + 1, &rest, 10);
  if (port == 0 || port > G_MAXUINT16)
    return NULL;
  self->port = (guint16) port;
  return rest;
}

static gboolean
read_way (MqttWay *self, const char *text)
{
  const char *rest = NULL;

  if (g_str_has_prefix (text, WEBSOCKET))
    {
      self->websocket = TRUE;
      self->port = WEBSOCKET_PORT;
      rest = read_port (self, text + strlen (WEBSOCKET));
      if (rest == NULL || (*rest != '\0' && *rest != '/') || strpbrk (rest, " ?#") != NULL)
        return FALSE;
      self->path = g_strdup (*rest != '\0' ? rest : WEBSOCKET_PATH);
      return TRUE;
    }
  if (!g_str_has_prefix (text, TLS))
    return FALSE;
  self->port = TLS_PORT;
  rest = read_port (self, text + strlen (TLS));
  return rest != NULL && *rest == '\0';
}

static gboolean
add_way (GPtrArray *ways, BrevetSettings *settings, const char *text, GError **error)
{
  MqttWay *way = g_new0 (MqttWay, 1);

  g_ptr_array_add (ways, way);
  if (!read_way (way, text))
    {
      g_propagate_error (error, brevet_settings_error (settings, "ways", "“%s” is not a way; write for example " TLS ":8883 or "
                                                       WEBSOCKET ":443" WEBSOCKET_PATH, text));
      return FALSE;
    }
#ifndef BREVET_HAVE_SOUP
  if (way->websocket)
    {
      g_propagate_error (error, brevet_settings_error (settings, "ways", "this build has no WebSocket; write " TLS " alone"));
      return FALSE;
    }
#endif
  return TRUE;
}

static gboolean
add_single_port (GPtrArray *ways, BrevetSettings *settings, GError **error)
{
  gint64 port;
  MqttWay *way;

  if (brevet_settings_has (settings, "ways"))
    {
      g_propagate_error (error, brevet_settings_error (settings, "port", "a port cannot go together with ways; write it there, for "
                                                       "example " TLS ":8883"));
      return FALSE;
    }
  if (!brevet_settings_get_int (settings, "port", TLS_PORT, 1, G_MAXUINT16, &port, error))
    return FALSE;
  way = g_new0 (MqttWay, 1);
  way->port = (guint16) port;
  g_ptr_array_add (ways, way);
  return TRUE;
}

GPtrArray *
mqtt_ways_read (BrevetSettings *settings, GError **error)
{
  g_autoptr(GPtrArray) ways = g_ptr_array_new_with_free_func (way_free);
  g_auto(GStrv) texts = brevet_settings_get_strings (settings, "ways");

  if (brevet_settings_has (settings, "port"))
    return add_single_port (ways, settings, error) ? g_steal_pointer (&ways) : NULL;
  if (texts[0] == NULL)
    {
      g_strfreev (texts);
#ifdef BREVET_HAVE_SOUP
      texts = g_strsplit (DEFAULT_WAYS, ";", 0);
#else
      texts = g_strsplit (TLS, ";", 0);
#endif
    }
  for (char **text = texts; *text != NULL; text++)
    if (!add_way (ways, settings, *text, error))
      return NULL;
  return g_steal_pointer (&ways);
}

char *
mqtt_way_to_string (const MqttWay *self)
{
  if (self->websocket)
    return g_strdup_printf (WEBSOCKET ":%u%s", self->port, self->path);
  return g_strdup_printf (TLS ":%u", self->port);
}
