/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-reader.h"

#include "http-head.h"

#include <string.h>

#define MOST_CHUNK_DIGITS 8

static void
field_clear (gpointer data)
{
  HttpReaderField *field = data;

  g_free (field->joined);
}

void
http_reader_init (HttpReader *self, gsize head_limit)
{
  memset (self, 0, sizeof *self);
  self->head_limit = head_limit;
  self->content_length = -1;
  self->head = g_byte_array_new ();
  self->fields = g_array_new (FALSE, FALSE, sizeof (HttpReaderField));
  g_array_set_clear_func (self->fields, field_clear);
}

void
http_reader_clear (HttpReader *self)
{
  g_clear_pointer (&self->head, g_byte_array_unref);
  g_clear_pointer (&self->fields, g_array_unref);
  g_clear_pointer (&self->body, g_byte_array_unref);
}

void
http_reader_reset (HttpReader *self)
{
  gsize head_limit = self->head_limit;

  /* Also frees the memory: an idle connection should cost little. */
  http_reader_clear (self);
  http_reader_init (self, head_limit);
}

gboolean
http_reader_fail (HttpReader *self, guint status, const char *message)
{
  self->phase = HTTP_READER_FAILED;
  self->status = status;
  self->message = message;
  return FALSE;
}

gboolean
http_reader_has_body (HttpReader *self)
{
  return self->chunked || self->content_length > 0;
}

static gboolean
is_head_byte (guint8 byte)
{
  return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\r' || byte == '\n';
}

/* A line feed belongs behind a carriage return and nowhere else, and the other way round. */
static gboolean
check_head_byte (HttpReader *self, guint8 byte)
{
  if (!is_head_byte (byte) || (byte == '\n') != (self->last == '\r'))
    return http_reader_fail (self, 400, "The head of the request holds a character that is not allowed there");
  if (self->head->len >= self->head_limit)
    return self->has_line ? http_reader_fail (self, 431, "The header fields are too long")
                          : http_reader_fail (self, 414, "The request target is too long");
  return TRUE;
}

/* Returns: TRUE at the end of the head */
static gboolean
feed_head_byte (HttpReader *self, guint8 byte)
{
  g_byte_array_append (self->head, &byte, 1);
  self->last = byte;
  if (byte != '\r' && byte != '\n')
    self->line_length++;
  if (byte != '\n')
    return FALSE;

  if (self->line_length == 0 && !self->has_line)
    return http_reader_fail (self, 400, "The request begins with an empty line");
  if (self->line_length == 0)
    return TRUE;
  self->has_line = TRUE;
  self->line_length = 0;
  return FALSE;
}

static gsize
feed_head (HttpReader *self, const guint8 *data, gsize length)
{
  gsize used = 0;

  while (used < length && self->phase == HTTP_READER_HEAD)
    {
      guint8 byte = data[used++];

      if (!check_head_byte (self, byte) || !feed_head_byte (self, byte))
        continue;
      g_byte_array_append (self->head, (const guint8 *) "", 1);
      if (http_head_parse (self, (char *) self->head->data))
        self->phase = HTTP_READER_ADMISSION;
    }
  return used;
}

void
http_reader_read_body (HttpReader *self, gsize limit)
{
  g_return_if_fail (self->phase == HTTP_READER_ADMISSION);

  self->body_limit = limit;
  self->phase = http_reader_has_body (self) ? HTTP_READER_BODY : HTTP_READER_COMPLETE;
  if (self->content_length > 0 && (guint64) self->content_length > limit)
    http_reader_fail (self, 413, "The body is too long");
  else if (self->phase == HTTP_READER_BODY)
    self->body = g_byte_array_new ();
}

static gsize
feed_plain (HttpReader *self, const guint8 *data, gsize length)
{
  gsize used = MIN (length, (gsize) self->content_length - self->body->len);

  g_byte_array_append (self->body, data, used);
  if (self->body->len == (guint64) self->content_length)
    self->phase = HTTP_READER_COMPLETE;
  return used;
}

static gsize
feed_chunk_data (HttpReader *self, const guint8 *data, gsize length)
{
  gsize used = MIN (length, self->chunk_left);

  g_byte_array_append (self->body, data, used);
  self->chunk_left -= used;
  if (self->chunk_left == 0)
    self->chunk = HTTP_READER_CHUNK_DATA_RETURN;
  return used;
}

static gboolean
feed_chunk_size (HttpReader *self, guint8 byte)
{
  if (byte == '\r' && self->chunk_digits > 0)
    {
      self->chunk = HTTP_READER_CHUNK_SIZE_END;
      return TRUE;
    }
  if (!g_ascii_isxdigit (byte) || ++self->chunk_digits > MOST_CHUNK_DIGITS)
    return FALSE;
  self->chunk_left = self->chunk_left * 16 + g_ascii_xdigit_value (byte);
  return TRUE;
}

static gboolean
begin_chunk_data (HttpReader *self)
{
  if (self->chunk_left > self->body_limit - self->body->len)
    return http_reader_fail (self, 413, "The body is too long");
  self->chunk = self->chunk_left > 0 ? HTTP_READER_CHUNK_DATA : HTTP_READER_CHUNK_LAST_RETURN;
  return TRUE;
}

static gboolean
expect_byte (HttpReader *self, guint8 byte, guint8 expected, HttpReaderChunk next)
{
  self->chunk = next;
  return byte == expected;
}

/* Chunk extensions and trailers are nothing that a client of ours sends, and differ from server to server. */
static gboolean
feed_chunk_byte (HttpReader *self, guint8 byte)
{
  switch (self->chunk)
    {
    case HTTP_READER_CHUNK_SIZE:
      return feed_chunk_size (self, byte);
    case HTTP_READER_CHUNK_SIZE_END:
      return byte == '\n' && begin_chunk_data (self);
    case HTTP_READER_CHUNK_DATA_RETURN:
      return expect_byte (self, byte, '\r', HTTP_READER_CHUNK_DATA_END);
    case HTTP_READER_CHUNK_DATA_END:
      self->chunk_digits = 0;
      return expect_byte (self, byte, '\n', HTTP_READER_CHUNK_SIZE);
    case HTTP_READER_CHUNK_LAST_RETURN:
      return expect_byte (self, byte, '\r', HTTP_READER_CHUNK_LAST_END);
    case HTTP_READER_CHUNK_LAST_END:
      self->phase = HTTP_READER_COMPLETE;
      return byte == '\n';
    case HTTP_READER_CHUNK_DATA:
    default:
      return FALSE;
    }
}

static gsize
feed_chunks (HttpReader *self, const guint8 *data, gsize length)
{
  if (self->chunk == HTTP_READER_CHUNK_DATA)
    return feed_chunk_data (self, data, length);

  if (!feed_chunk_byte (self, *data) && self->status == 0)
    http_reader_fail (self, 400, "The chunked body is malformed; chunk extensions and trailers are not understood here");
  return 1;
}

gsize
http_reader_feed (HttpReader *self, const guint8 *data, gsize length)
{
  gsize used = 0;

  while (used < length)
    {
      if (self->phase == HTTP_READER_HEAD)
        used += feed_head (self, data + used, length - used);
      else if (self->phase == HTTP_READER_BODY && self->chunked)
        used += feed_chunks (self, data + used, length - used);
      else if (self->phase == HTTP_READER_BODY)
        used += feed_plain (self, data + used, length - used);
      else
        break;
    }
  return used;
}
