/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-connection-string.h"

#include "brevet-error.h"

#include <string.h>

#define HOST_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"

static gboolean
refuse (GError **error, const char *member, const char *reason)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "In the connection string, %s %s", member, reason);
  return FALSE;
}

static gboolean
split_port (char *host, guint16 *port, GError **error)
{
  char *colon = strrchr (host, ':');
  guint64 number;

  /* The colons of an address of IPv6 stand in brackets. */
  if (colon == NULL || strchr (colon, ']') != NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &number, NULL))
    return refuse (error, "HostName", "has a port that is no number from 1 to 65535");
  *colon = '\0';
  *port = (guint16) number;
  return TRUE;
}

/* Without the brackets, which belong to the port. */
static void
strip_brackets (char *host)
{
  gsize length = strlen (host);

  if (length < 2 || host[0] != '[' || host[length - 1] != ']')
    return;
  memmove (host, host + 1, length - 2);
  host[length - 2] = '\0';
}

static gboolean
is_host (const char *host)
{
  gsize length = strlen (host);

  return g_hostname_is_ip_address (host) || (length > 0 && length <= 255 && strspn (host, HOST_CHARACTERS) == length);
}

static gboolean
take_host (BrevetConnectionString *self, const char *value, GError **error)
{
  if (self->host != NULL)
    return refuse (error, "HostName", "stands twice");
  self->host = g_strdup (value);
  if (!split_port (self->host, &self->port, error))
    return FALSE;
  strip_brackets (self->host);
  return is_host (self->host) ||
         refuse (error, "HostName", "is no host name; write HostName=dps.example.net, without https:// and without a path");
}

static gboolean
take_key_name (BrevetConnectionString *self, const char *value, GError **error)
{
  if (self->key_name != NULL)
    return refuse (error, "SharedAccessKeyName", "stands twice");
  if (*value == '\0')
    return refuse (error, "SharedAccessKeyName", "is empty");
  self->key_name = g_strdup (value);
  return TRUE;
}

static gboolean
take_key (BrevetConnectionString *self, const char *value, GError **error)
{
  gsize length = 0;

  if (self->key != NULL)
    return refuse (error, "SharedAccessKey", "stands twice");
  self->key = brevet_secret_new_from_base64 (value, NULL);
  if (self->key != NULL)
    brevet_secret_get_data (self->key, &length);
  return length > 0 || refuse (error, "SharedAccessKey", "is not base64; copy it whole, with the = at its end");
}

static gboolean
take_member (BrevetConnectionString *self, char *member, GError **error)
{
  char *value = strchr (member, '=');

  if (*member == '\0')
    return TRUE;
  if (value == NULL)
    return refuse (error, "a part", "has no “=”; write HostName=…;SharedAccessKeyName=…;SharedAccessKey=…");
  *value++ = '\0';
  if (g_ascii_strcasecmp (member, "HostName") == 0)
    return take_host (self, value, error);
  if (g_ascii_strcasecmp (member, "SharedAccessKeyName") == 0)
    return take_key_name (self, value, error);
  if (g_ascii_strcasecmp (member, "SharedAccessKey") == 0)
    return take_key (self, value, error);
  return TRUE;
}

static gboolean
is_complete (const BrevetConnectionString *self, GError **error)
{
  if (self->host == NULL)
    return refuse (error, "HostName", "is missing");
  if (self->key_name == NULL)
    return refuse (error, "SharedAccessKeyName", "is missing");
  return self->key != NULL || refuse (error, "SharedAccessKey", "is missing");
}

BrevetConnectionString *
brevet_connection_string_parse (const char *text, GError **error)
{
  g_autoptr(BrevetConnectionString) self = g_new0 (BrevetConnectionString, 1);
  char *copy = g_strdup (text);
  char *rest = g_strstrip (copy);
  gboolean ok = TRUE;

  while (ok && rest != NULL)
    {
      char *member = strsep (&rest, ";");

      ok = take_member (self, g_strstrip (member), error);
    }
  /* It holds the key; the separators are gone, so it is wiped by its old length. */
  explicit_bzero (copy, strlen (text));
  g_free (copy);
  return ok && is_complete (self, error) ? g_steal_pointer (&self) : NULL;
}

void
brevet_connection_string_free (BrevetConnectionString *self)
{
  if (self == NULL)
    return;
  g_free (self->host);
  g_free (self->key_name);
  g_clear_pointer (&self->key, brevet_secret_unref);
  g_free (self);
}
