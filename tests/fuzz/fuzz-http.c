/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "http-reader.h"

#include <string.h>

typedef struct
{
  guint   requests;
  guint   status;
  gsize   used;
  GString *trace;
} Outcome;

static void
note (Outcome *outcome, HttpReader *reader)
{
  outcome->requests++;
  g_string_append_printf (outcome->trace, "%s %s?%s %u %u\n", reader->method, reader->path, reader->query,
                          reader->fields->len, reader->body == NULL ? 0 : reader->body->len);
}

/* Feeds at most @step bytes at a time. */
static void
read_all (const guint8 *data, gsize size, gsize step, Outcome *outcome)
{
  HttpReader reader;

  http_reader_init (&reader, 2048);
  while (outcome->used < size && reader.phase != HTTP_READER_FAILED)
    {
      outcome->used += http_reader_feed (&reader, data + outcome->used, MIN (step, size - outcome->used));
      if (reader.phase == HTTP_READER_ADMISSION)
        http_reader_read_body (&reader, 4096);
      if (reader.phase == HTTP_READER_COMPLETE)
        {
          g_assert_true (reader.body == NULL || reader.body->len <= 4096);
          note (outcome, &reader);
          http_reader_reset (&reader);
        }
    }
  outcome->status = reader.status;
  g_assert_true ((reader.phase == HTTP_READER_FAILED) == (reader.status >= 400 && reader.message != NULL));
  http_reader_clear (&reader);
}

/* How the bytes are cut into pieces must not matter. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  Outcome whole = { .trace = g_string_new (NULL) };
  Outcome bytes = { .trace = g_string_new (NULL) };

  read_all (data, size, size, &whole);
  read_all (data, size, 1, &bytes);
  g_assert_cmpuint (whole.requests, ==, bytes.requests);
  g_assert_cmpuint (whole.status, ==, bytes.status);
  g_assert_cmpuint (whole.used, ==, bytes.used);
  g_assert_cmpstr (whole.trace->str, ==, bytes.trace->str);
  g_string_free (whole.trace, TRUE);
  g_string_free (bytes.trace, TRUE);
  return 0;
}
