/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-config-reader-private.h"

#include "brevet-error.h"
#include "brevet-settings-private.h"

#include <string.h>

/* GKeyFile does not say in which line it stumbled. The first line whose end cannot be parsed is the one. */
static guint
find_malformed_line (const char *text)
{
  const char *end = text;
  guint line = 0;

  while (*end != '\0')
    {
      g_autoptr(GKeyFile) key_file = g_key_file_new ();
      const char *next = strchr (end, '\n');

      end = next != NULL ? next + 1 : end + strlen (end);
      line++;
      if (!g_key_file_load_from_data (key_file, text, end - text, G_KEY_FILE_NONE, NULL))
        return line;
    }
  return MAX (line, 1);
}

typedef struct {
  BrevetConfigGroupFunc ensure_group;
  gpointer              user_data;
  GKeyFile             *key_file;
  const char           *file;
  char                 *heading;
  BrevetSettings       *group;
} Reader;

/* GLib warns about a programming mistake when a value ends within an escape sequence, so that is found out before. */
static gboolean
ends_in_escape (const char *line)
{
  const char *end = line + strlen (line);
  const char *at = end;

  while (at > line && at[-1] == '\\')
    at--;
  return (end - at) % 2 == 1;
}

static gboolean
read_key (Reader *reader, const char *line, guint number, GError **error)
{
  g_autofree char *key = g_strndup (line, strcspn (line, "="));
  g_autofree char *origin = g_strdup_printf ("%s:%u", reader->file, number);
  g_autofree char *value = NULL;
  g_autoptr(GError) local_error = NULL;

  g_strchomp (key);
  if (ends_in_escape (line))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s: [%s] %s: the value ends with “\\”; write “\\\\” for one",
                   origin, reader->heading, key);
      return FALSE;
    }
  value = g_key_file_get_string (reader->key_file, reader->heading, key, &local_error);
  /* The value of a wrong escape sequence is not NULL. */
  if (local_error != NULL)
    {
      /* GKeyFile's own message repeats the value, which may be a secret. */
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s: [%s] %s: %s", origin, reader->heading, key,
                   g_error_matches (local_error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_UNKNOWN_ENCODING)
                   ? "the value is not UTF-8 text" : "there is an unknown escape sequence in the value; write “\\\\” for one “\\”");
      brevet_secret_free_text (g_steal_pointer (&value));
      return FALSE;
    }
  brevet_settings_set (reader->group, key, value, origin);
  brevet_secret_free_text (g_steal_pointer (&value));
  return TRUE;
}

static void
read_heading (Reader *reader, const char *line, guint number)
{
  const char *end = strrchr (line, ']');

  g_free (reader->heading);
  reader->heading = g_strndup (line + 1, end - line - 1);
  reader->group = reader->ensure_group (reader->heading, reader->user_data);
  if (brevet_settings_get_origin (reader->group) == NULL)
    {
      g_autofree char *origin = g_strdup_printf ("%s:%u", reader->file, number);

      brevet_settings_set_origin (reader->group, origin);
    }
}

/* The lines without white space around them, which nobody sees: GKeyFile would keep it at the end of a value. */
static char **
split_lines (const char *text)
{
  char **lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    g_strstrip (*line);
  return lines;
}

/* GKeyFile parses and unescapes; the walk over the lines only finds out where each key stands. */
static gboolean
read_lines (Reader *reader, char **lines, const char *stripped, GError **error)
{
  gboolean fine = TRUE;

  if (*stripped != '\0' && !g_key_file_load_from_data (reader->key_file, stripped, -1, G_KEY_FILE_NONE, NULL))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "%s:%u: this line is neither a group such as “[service]”, nor “key=value”, nor a comment that begins with “#”",
                   reader->file, find_malformed_line (stripped));
      return FALSE;
    }

  for (guint i = 0; fine && lines[i] != NULL; i++)
    {
      if (*lines[i] == '[')
        read_heading (reader, lines[i], i + 1);
      else if (*lines[i] != '#' && *lines[i] != '\0')
        fine = read_key (reader, lines[i], i + 1, error);
    }
  return fine;
}

/* Secrets may stand in the text, so our copies of it are wiped. */
gboolean
brevet_config_read_text (const char *text, const char *file, BrevetConfigGroupFunc ensure_group, gpointer user_data, GError **error)
{
  g_autoptr(GKeyFile) key_file = g_key_file_new ();
  Reader reader = { ensure_group, user_data, key_file, file, NULL, NULL };
  char **lines = split_lines (text);
  char *stripped = g_strjoinv ("\n", lines);
  gboolean fine = read_lines (&reader, lines, stripped, error);

  g_free (reader.heading);
  for (char **line = lines; *line != NULL; line++)
    brevet_secret_free_text (*line);
  g_free (lines);
  brevet_secret_free_text (stripped);
  return fine;
}
