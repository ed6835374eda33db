/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-head.h"

#include <string.h>

#define LONGEST_METHOD 32

/* Fields that must not be sent twice: what each server makes of the second one differs. */
static const char *const single_fields[] = {
  "authorization", "content-encoding", "content-length", "content-type", "expect", "host", "if-match", "transfer-encoding", NULL,
};

static gboolean
is_token_character (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-.^_`|~", c) != NULL);
}

static gboolean
is_token (const char *text)
{
  const char *c = text;

  while (is_token_character (*c))
    c++;
  return c != text && *c == '\0';
}

static gboolean
is_target (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    {
      if (*c == '%' && (!g_ascii_isxdigit (c[1]) || !g_ascii_isxdigit (c[2])))
        return FALSE;
      if (!g_ascii_isalnum (*c) && strchr ("-._~!$&'()*+,;=:@/?%", *c) == NULL)
        return FALSE;
    }
  return *text == '/';
}

static char *
cut (char *text, char separator)
{
  char *end = strchr (text, separator);

  if (end == NULL)
    return NULL;
  *end = '\0';
  return end + 1;
}

static gboolean
parse_version (HttpReader *reader, const char *version)
{
  if (strlen (version) != 8 || !g_str_has_prefix (version, "HTTP/") || !g_ascii_isdigit (version[5]) || version[6] != '.'
      || !g_ascii_isdigit (version[7]))
    return http_reader_fail (reader, 400, "The request line is malformed");
  if (strcmp (version, "HTTP/1.1") != 0 && strcmp (version, "HTTP/1.0") != 0)
    return http_reader_fail (reader, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here");

  reader->minor_version = version[7] - '0';
  reader->keep_alive = reader->minor_version == 1;
  return TRUE;
}

static gboolean
parse_request_line (HttpReader *reader, char *line)
{
  char *target = cut (line, ' ');
  char *version = target == NULL ? NULL : cut (target, ' ');

  if (version == NULL || !is_token (line) || strlen (line) > LONGEST_METHOD)
    return http_reader_fail (reader, 400, "The request line is malformed");
  if (!parse_version (reader, version))
    return FALSE;
  if (!is_target (target))
    return http_reader_fail (reader, 400, "The request target must be a path with an optional query, percent-encoded");

  reader->method = line;
  reader->query = cut (target, '?');
  reader->path = target;
  return TRUE;
}

static HttpReaderField *
find_field (HttpReader *reader, const char *name)
{
  for (guint i = 0; i < reader->fields->len; i++)
    {
      HttpReaderField *field = &g_array_index (reader->fields, HttpReaderField, i);

      if (strcmp (field->name, name) == 0)
        return field;
    }
  return NULL;
}

const char *
http_reader_get_field (HttpReader *self, const char *name)
{
  HttpReaderField *field = find_field (self, name);

  return field == NULL ? NULL : field->value;
}

gboolean
http_reader_is_repeated (HttpReader *self, const char *name)
{
  HttpReaderField *field = find_field (self, name);

  return field != NULL && field->joined != NULL;
}

static gboolean
add_field (HttpReader *reader, const char *name, const char *value)
{
  HttpReaderField *former = find_field (reader, name);
  HttpReaderField field = { name, value, NULL };
  char *joined;

  if (former == NULL)
    {
      g_array_append_val (reader->fields, field);
      return TRUE;
    }
  if (g_strv_contains (single_fields, name))
    return http_reader_fail (reader, 400, "A header field that may be there once is there twice");

  joined = g_strconcat (former->value, ", ", value, NULL);
  g_free (former->joined);
  former->value = former->joined = joined;
  return TRUE;
}

static char *
trim (char *text)
{
  char *end;

  while (*text == ' ' || *text == '\t')
    text++;
  end = text + strlen (text);
  while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  *end = '\0';
  return text;
}

/* A space before the colon and a line that continues the one before both fail here: neither is part of a token. */
static gboolean
parse_field (HttpReader *reader, char *line)
{
  char *value = cut (line, ':');

  if (value == NULL || !is_token (line))
    return http_reader_fail (reader, 400, "A header field is malformed");

  for (char *c = line; *c != '\0'; c++)
    *c = g_ascii_tolower (*c);
  return add_field (reader, line, trim (value));
}

static gboolean
parse_content_length (HttpReader *reader, const char *value)
{
  gsize digits = strspn (value, "0123456789");

  if (digits == 0 || value[digits] != '\0')
    return http_reader_fail (reader, 400, "content-length is not a number");
  if (digits > 15)
    return http_reader_fail (reader, 413, "The body is too long");

  reader->content_length = g_ascii_strtoll (value, NULL, 10);
  return TRUE;
}

static gboolean
parse_framing (HttpReader *reader)
{
  HttpReaderField *length = find_field (reader, "content-length");
  HttpReaderField *coding = find_field (reader, "transfer-encoding");

  if (coding != NULL && length != NULL)
    return http_reader_fail (reader, 400, "A request has either content-length or transfer-encoding");
  if (coding != NULL && g_ascii_strcasecmp (coding->value, "chunked") != 0)
    return http_reader_fail (reader, 501, "The only transfer coding that is understood here is chunked");
  if (coding != NULL && !reader->keep_alive)
    return http_reader_fail (reader, 400, "HTTP/1.0 has no transfer codings");

  reader->chunked = coding != NULL;
  return length == NULL || parse_content_length (reader, length->value);
}

static gboolean
parse_host (HttpReader *reader)
{
  HttpReaderField *host = find_field (reader, "host");

  if (host == NULL)
    return http_reader_fail (reader, 400, "The header field host is missing");
  for (const char *c = host->value; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && strchr ("-._~!$&'()*+;=:%[]", *c) == NULL)
      return http_reader_fail (reader, 400, "The header field host is not a host name");
  return TRUE;
}

static gboolean
parse_expectation (HttpReader *reader)
{
  HttpReaderField *expect = find_field (reader, "expect");

  if (expect == NULL)
    return TRUE;
  if (g_ascii_strcasecmp (expect->value, "100-continue") != 0)
    return http_reader_fail (reader, 417, "The only expectation that can be met here is 100-continue");
  reader->expects_continue = reader->keep_alive;
  return TRUE;
}

static void
parse_connection (HttpReader *reader)
{
  HttpReaderField *connection = find_field (reader, "connection");
  g_auto(GStrv) options = connection == NULL ? NULL : g_strsplit (connection->value, ",", -1);

  for (guint i = 0; options != NULL && options[i] != NULL; i++)
    if (g_ascii_strcasecmp (g_strstrip (options[i]), "close") == 0)
      reader->keep_alive = FALSE;
}

gboolean
http_head_parse (HttpReader *reader, char *text)
{
  guint lines = 0;

  for (char *line = text, *next; *line != '\0'; line = next)
    {
      char *end = strstr (line, "\r\n");

      *end = '\0';
      next = end + 2;
      if (lines > HTTP_READER_MAX_FIELDS && *line != '\0')
        return http_reader_fail (reader, 431, "There are too many header fields");
      if (lines == 0 ? !parse_request_line (reader, line) : (*line != '\0' && !parse_field (reader, line)))
        return FALSE;
      lines++;
    }

  if (!parse_framing (reader) || !parse_host (reader) || !parse_expectation (reader))
    return FALSE;
  parse_connection (reader);
  return TRUE;
}
