/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <brevet.h>
#include <brevet-file-index.h>
#include <string.h>

/* Whatever is accepted can be written, and says the same when it is read again. */
static void
check_round_trip (BrevetFileIndex *index)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetFileIndex) again = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  gsize first_length, second_length;

  first = brevet_file_index_print (index, &first_length);
  again = brevet_file_index_parse (first, first_length, &error);
  g_assert_no_error (error);
  second = brevet_file_index_print (again, &second_length);
  g_assert_cmpmem (first, first_length, second, second_length);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetFileIndex) index = brevet_file_index_parse ((const char *) data, size, &error);
  g_autoptr(GPtrArray) entries = NULL;

  if (index == NULL)
    {
      g_assert_true (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT) ||
                     g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED));
      return 0;
    }
  entries = brevet_file_index_list_all (index);
  for (guint i = 0; i < entries->len; i++)
    {
      BrevetFileEntry *entry = g_ptr_array_index (entries, i);

      g_assert_null (strchr (entry->file, '/'));
      g_assert_cmpint (entry->file[0], !=, '.');
      g_assert_true (brevet_file_index_lookup (index, entry->collection, entry->key) == entry);
    }
  check_round_trip (index);
  return 0;
}
