/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static char *log_program;

/* Text of strangers ends up in messages: a line end in it must not be able to forge a second line, nor an escape sequence to reach
 * the operator's terminal. */
static void
append_printable (GString *line, const char *text, gsize length)
{
  g_autofree char *valid = g_utf8_make_valid (text, length);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      if (g_unichar_iscntrl (character))
        g_string_append_printf (line, "\\x%02x", character);
      else
        g_string_append_unichar (line, character);
    }
}

static gsize
field_length (const GLogField *field)
{
  return field->length < 0 ? strlen (field->value) : (gsize) field->length;
}

static const char *
level_prefix (GLogLevelFlags level)
{
  if (level & G_LOG_LEVEL_ERROR)
    return "fatal: ";
  if (level & G_LOG_LEVEL_CRITICAL)
    return "critical: ";
  if (level & G_LOG_LEVEL_WARNING)
    return "warning: ";
  if (level & G_LOG_LEVEL_DEBUG)
    return "debug: ";
  return "";
}

static const char *
find_field (const GLogField *fields, gsize n_fields, const char *key)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_strcmp0 (fields[i].key, key) == 0 && fields[i].length < 0)
      return fields[i].value;
  return NULL;
}

static GString *
format_line (GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "%s: %s", log_program, level_prefix (level));
  for (gsize i = 0; i < n_fields; i++)
    if (g_strcmp0 (fields[i].key, "MESSAGE") == 0)
      append_printable (line, fields[i].value, field_length (&fields[i]));

  for (gsize i = 0; i < n_fields; i++)
    if (g_str_has_prefix (fields[i].key, "BREVET_"))
      {
        g_string_append_printf (line, " %s=", fields[i].key);
        append_printable (line, fields[i].value, field_length (&fields[i]));
      }
  g_string_append_c (line, '\n');
  return line;
}

static void
write_line (const GString *line)
{
  gsize written = 0;

  while (written < line->len)
    {
      gssize n = write (STDERR_FILENO, line->str + written, line->len - written);

      if (n < 0 && errno != EINTR)
        return;
      if (n > 0)
        written += n;
    }
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  GString *line = NULL;

  if (g_log_writer_default_would_drop (level, find_field (fields, n_fields, "GLIB_DOMAIN")))
    return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald (STDERR_FILENO)
      && g_log_writer_journald (level, fields, n_fields, user_data) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;

  line = format_line (level, fields, n_fields);
  write_line (line);
  g_string_free (line, TRUE);
  return G_LOG_WRITER_HANDLED;
}

void
brevet_log_init (const char *program, gboolean verbose)
{
  static gsize installed;

  g_return_if_fail (program != NULL);

  /* GLib aborts when a second writer is set. */
  if (g_once_init_enter (&installed))
    {
      log_program = g_strdup (program);
      g_log_set_writer_func (write_log, NULL, NULL);
      g_once_init_leave (&installed, 1);
    }
  if (verbose)
    g_log_set_debug_enabled (TRUE);
}

static const char *
syslog_priority (GLogLevelFlags level)
{
  if (level & G_LOG_LEVEL_WARNING)
    return "4";
  if (level & G_LOG_LEVEL_MESSAGE)
    return "5";
  return "6";
}

void
brevet_log_event (GLogLevelFlags level, const char *message_id, const char *message, ...)
{
  g_autoptr(GArray) fields = g_array_new (FALSE, FALSE, sizeof (GLogField));
  const GLogField fixed[] = {
    { "MESSAGE", message, -1 },
    { "MESSAGE_ID", message_id, -1 },
    { "PRIORITY", syslog_priority (level), -1 },
    { "GLIB_DOMAIN", G_LOG_DOMAIN, -1 },
  };
  const char *key = NULL;
  va_list arguments;

  g_return_if_fail (message_id != NULL && message != NULL);

  g_array_append_vals (fields, fixed, G_N_ELEMENTS (fixed));
  va_start (arguments, message);
  while ((key = va_arg (arguments, const char *)) != NULL)
    {
      GLogField field = { key, va_arg (arguments, const char *), -1 };

      if (field.value != NULL)
        g_array_append_val (fields, field);
    }
  va_end (arguments);
  g_log_structured_array (level, (const GLogField *) (gpointer) fields->data, fields->len);
}
