/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-writer.h"

#include <string.h>
#include <time.h>

typedef struct
{
  guint       status;
  const char *phrase;
} Reason;

/* Clients parse the phrase away, but some fail on an empty one. */
static const Reason reasons[] = {
  { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" },
  { 307, "Temporary Redirect" }, { 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
  { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
  { 408, "Request Timeout" }, { 409, "Conflict" }, { 411, "Length Required" }, { 412, "Precondition Failed" },
  { 413, "Content Too Large" }, { 414, "URI Too Long" }, { 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
  { 422, "Unprocessable Content" }, { 426, "Upgrade Required" }, { 428, "Precondition Required" }, { 429, "Too Many Requests" },
  { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" }, { 501, "Not Implemented" },
  { 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
};

static const char *
find_phrase (guint status)
{
  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (reasons[i].status == status)
      return reasons[i].phrase;
  return "Unknown";
}

/* Not strftime(): names of days and months must not depend on the locale. */
static void
append_date (GString *text, gint64 now)
{
  static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  time_t seconds = now;
  struct tm tm;

  gmtime_r (&seconds, &tm);
  g_string_append_printf (text, "date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                          tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* What the handler puts into a header may come from a client: a line end in it would begin a header, or a reply, of the client's
 * own. */
static gboolean
is_safe (const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    if ((guchar) *c < 0x20 || (guchar) *c >= 0x7f)
      return FALSE;
  return TRUE;
}

static void
append_header (const char *name, const char *value, gpointer user_data)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  /* The framing is decided here. */
  if (strcmp (lower, "content-length") == 0 || strcmp (lower, "transfer-encoding") == 0 || strcmp (lower, "connection") == 0)
    return;
  if (!is_safe (name) || !is_safe (value))
    g_warning ("The reply's header field %s holds characters that cannot be sent, it is left out", lower);
  else
    g_string_append_printf (user_data, "%s: %s\r\n", lower, value);
}

GBytes *
http_writer_write (BrevetReply *reply, gboolean is_head, gboolean close, gboolean is_secure, gint64 now)
{
  guint status = brevet_reply_get_status (reply);
  GBytes *body = brevet_reply_get_body (reply);
  gsize length = body == NULL ? 0 : g_bytes_get_size (body);
  gboolean bodiless = status == 204 || status == 304;
  GString *text = g_string_sized_new (512 + (is_head ? 0 : length));

  g_string_append_printf (text, "HTTP/1.1 %u %s\r\n", status, find_phrase (status));
  append_date (text, now);
  if (is_secure)
    g_string_append (text, "strict-transport-security: max-age=31536000; includeSubDomains\r\n");
  brevet_reply_foreach_header (reply, append_header, text);
  if (length > 0 && !bodiless && brevet_reply_get_header (reply, "content-type") == NULL)
    g_string_append (text, "content-type: application/json; charset=utf-8\r\n");
  if (!bodiless)
    g_string_append_printf (text, "content-length: %" G_GSIZE_FORMAT "\r\n", length);
  if (brevet_reply_get_header (reply, "upgrade") != NULL)
    g_string_append (text, "connection: upgrade\r\n");
  if (close)
    g_string_append (text, "connection: close\r\n");
  g_string_append (text, "\r\n");
  if (length > 0 && !bodiless && !is_head)
    g_string_append_len (text, g_bytes_get_data (body, NULL), length);
  return g_string_free_to_bytes (text);
}
