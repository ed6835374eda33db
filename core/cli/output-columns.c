/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output-columns.h"

#include "brevet-command.h"

struct _BrevetOutputColumns
{
  guint count;
  GPtrArray *rows; /* of string arrays; the titles first */
};

BrevetOutputColumns *
brevet_output_columns_new (const char *const *titles)
{
  BrevetOutputColumns *self = g_new0 (BrevetOutputColumns, 1);

  self->count = g_strv_length ((char **) titles);
  self->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  brevet_output_columns_add (self, titles);
  return self;
}

void
brevet_output_columns_free (BrevetOutputColumns *self)
{
  g_ptr_array_unref (self->rows);
  g_free (self);
}

void
brevet_output_columns_add (BrevetOutputColumns *self, const char *const *values)
{
  char **row = g_new0 (char *, self->count + 1);
  guint length = g_strv_length ((char **) values);

  for (guint i = 0; i < self->count; i++)
    row[i] = i < length && *values[i] != '\0' ? brevet_command_make_printable (values[i]) : g_strdup ("-");
  g_ptr_array_add (self->rows, row);
}

static int
find_width (BrevetOutputColumns *self, guint column)
{
  int width = 0;

  for (guint i = 0; i < self->rows->len; i++)
    width = MAX (width, (int) g_utf8_strlen (((char **) g_ptr_array_index (self->rows, i))[column], -1));
  return width;
}

void
brevet_output_columns_print (BrevetOutputColumns *self)
{
  g_autofree int *widths = g_new (int, self->count);

  for (guint column = 0; column < self->count; column++)
    widths[column] = find_width (self, column);
  for (guint i = 0; i < self->rows->len; i++)
    {
      char **row = g_ptr_array_index (self->rows, i);

      for (guint column = 0; column + 1 < self->count; column++)
        g_print ("%s%*s", row[column], widths[column] - (int) g_utf8_strlen (row[column], -1) + 2, "");
      g_print ("%s\n", row[self->count - 1]);
    }
}
