/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output-text.h"

#include "brevet-command.h"

#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* Values are not squeezed into less than this. */
#define NARROWEST 20

static gboolean
has_colours (void)
{
  const char *unwanted = g_getenv ("NO_COLOR");
  const char *terminal = g_getenv ("TERM");

  return isatty (STDOUT_FILENO) && (unwanted == NULL || *unwanted == '\0') && terminal != NULL && *terminal != '\0' &&
         !g_str_equal (terminal, "dumb");
}

char *
brevet_output_paint (BrevetOutputColour colour, const char *text)
{
  static const char *const sequences[] = {
    [BREVET_OUTPUT_PLAIN] = NULL,
    [BREVET_OUTPUT_GOOD] = "\033[32m",
    [BREVET_OUTPUT_BUSY] = "\033[33m",
    [BREVET_OUTPUT_BAD] = "\033[1;31m",
  };

  if (sequences[colour] == NULL || !has_colours ())
    return g_strdup (text);
  return g_strconcat (sequences[colour], text, "\033[0m", NULL);
}

/* Many of the smaller unit say more than one of the larger: “90 minutes”, not “1 hour”. It always stands between “in” and “ago”, so
 * that translators know its case. */
static char *
describe_span (gint64 seconds)
{
  int number = 0;

  if (seconds < 2 * MINUTE)
    {
      number = (int) seconds;
      return g_strdup_printf (ngettext ("%d second", "%d seconds", number), number);
    }
  if (seconds < 2 * HOUR)
    {
      number = (int) (seconds / MINUTE);
      return g_strdup_printf (ngettext ("%d minute", "%d minutes", number), number);
    }
  if (seconds < 2 * DAY)
    {
      number = (int) (seconds / HOUR);
      return g_strdup_printf (ngettext ("%d hour", "%d hours", number), number);
    }
  if (seconds < 2 * YEAR)
    {
      number = (int) (seconds / DAY);
      return g_strdup_printf (ngettext ("%d day", "%d days", number), number);
    }
  number = (int) MIN (seconds / YEAR, G_MAXINT);
  return g_strdup_printf (ngettext ("%d year", "%d years", number), number);
}

static char *
describe_distance (gint64 seconds, gint64 now)
{
  gint64 distance = 0;
  g_autofree char *span = NULL;

  /* A difference that overflows is between times that are nonsense. */
  if (__builtin_sub_overflow (seconds, now, &distance) || distance == G_MININT64)
    return g_strdup ("?");
  if (distance == 0)
    return g_strdup (_("now"));
  span = describe_span (ABS (distance));
  return g_strdup_printf (distance > 0 ? _("in %s") : _("%s ago"), span);
}

char *
brevet_output_describe_moment (gint64 seconds)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_local (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S %Z") : g_strdup_printf ("%" G_GINT64_FORMAT, seconds);
}

char *
brevet_output_describe_time (gint64 seconds, gint64 now)
{
  g_autofree char *distance = NULL;
  g_autofree char *moment = NULL;

  if (seconds == 0)
    return NULL;
  distance = describe_distance (seconds, now);
  moment = brevet_output_describe_moment (seconds);
  return g_strdup_printf ("%s (%s)", distance, moment);
}

typedef struct {
  char *label;
  char *value;
} Row;

struct _BrevetOutputTable
{
  GArray *rows;
  int width;
};

static void
row_clear (gpointer data)
{
  Row *row = data;

  g_free (row->label);
  g_free (row->value);
}

BrevetOutputTable *
brevet_output_table_new (void)
{
  BrevetOutputTable *self = g_new0 (BrevetOutputTable, 1);

  self->rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (self->rows, row_clear);
  return self;
}

void
brevet_output_table_free (BrevetOutputTable *self)
{
  g_array_unref (self->rows);
  g_free (self);
}

void
brevet_output_table_add (BrevetOutputTable *self, const char *label, const char *value)
{
  Row row;

  if (value == NULL || *value == '\0')
    return;
  row.label = g_strdup (label);
  row.value = brevet_command_make_printable (value);
  self->width = MAX (self->width, (int) g_utf8_strlen (label, -1));
  g_array_append_val (self->rows, row);
}

void
brevet_output_table_add_list (BrevetOutputTable *self, const char *label, const char *const *values)
{
  for (guint i = 0; values != NULL && values[i] != NULL; i++)
    brevet_output_table_add (self, i == 0 ? label : "", values[i]);
}

/* Columns of the terminal; 0 where the output goes elsewhere: programs that read it get one line for each value. */
static int
get_terminal_width (void)
{
  struct winsize size = { 0 };

  return isatty (STDOUT_FILENO) && ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Length in bytes of what goes into the next line: as many words as there is room for, or a longer word whole. */
static gsize
find_break (const char *text, glong room)
{
  const char *end = strchr (text, ' ');
  const char *next;

  if (g_utf8_strlen (text, -1) <= room || end == NULL)
    return strlen (text);
  while ((next = strchr (end + 1, ' ')) != NULL && g_utf8_strlen (text, next - text) <= room)
    end = next;
  return (gsize) (end - text);
}

static void
print_row (const Row *row, int width, int columns)
{
  int padding = width - (int) g_utf8_strlen (row->label, -1);
  int room = columns - width - 4;
  const char *rest = row->value;
  gsize length = room >= NARROWEST ? find_break (rest, room) : strlen (rest);

  g_print ("  %s%*s  %.*s\n", row->label, padding, "", (int) length, rest);
  for (rest += length; *rest == ' '; rest += length)
    {
      length = find_break (++rest, room);
      g_print ("  %*s  %.*s\n", width, "", (int) length, rest);
    }
}

void
brevet_output_table_print (BrevetOutputTable *self)
{
  int columns = get_terminal_width ();

  for (guint i = 0; i < self->rows->len; i++)
    print_row (&g_array_index (self->rows, Row, i), self->width, columns);
}
