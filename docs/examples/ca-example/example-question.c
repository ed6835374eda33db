/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One question over HTTPS, from its connection to the last byte of its answer. */

#include "example-question.h"

#include "example-trouble.h"

#include <string.h>

#define CHUNK         16384
#define LONGEST_BODY  (256 * 1024)
#define LONGEST_PAUSE 86400

/* The data of the task. */
typedef struct {
  ExampleVerb      verb;
  BrevetCaRequest *request;
  SoupMessage     *message;
  BrevetTimeLimit *limit;
  gboolean         sent;
  GInputStream    *stream;
  GByteArray      *body;
} Question;

static void
question_free (gpointer data)
{
  Question *self = data;

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  g_clear_object (&self->stream);
  g_clear_pointer (&self->body, g_byte_array_unref);
  g_clear_pointer (&self->request, brevet_ca_request_unref);
  g_signal_handlers_disconnect_by_data (self->message, self);
  g_object_unref (self->message);
  g_free (self);
}

static void
fail (GTask *task, GError *cause)
{
  Question *self = g_task_get_task_data (task);
  gboolean timed_out = brevet_time_limit_has_passed (self->limit);

  if (!timed_out && g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, cause);
  else
    {
      g_task_return_error (task, example_trouble_new_silence (self->verb, self->sent, timed_out, cause));
      g_error_free (cause);
    }
}

/* An answer may repeat the question, and from here on anything of it may end in a log. */
static GBytes *
take_body (ExampleCa *self, Question *question)
{
  gsize length;
  const guint8 *token = brevet_secret_get_data (self->token, &length);
  guint8 *at = question->body->data;
  guint8 *end = at + question->body->len;

  while (at != NULL && (at = memmem (at, (gsize) (end - at), token, length)) != NULL)
    memset (at, '*', length);
  return g_byte_array_free_to_bytes (g_steal_pointer (&question->body));
}

/* Seconds, or a date. */
static int
read_retry_after (SoupMessageHeaders *headers)
{
  const char *value = soup_message_headers_get_one (headers, "Retry-After");
  g_autoptr(GDateTime) date = NULL;
  guint64 seconds;

  if (value == NULL)
    return -1;
  if (g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT64, &seconds, NULL))
    return (int) MIN (seconds, LONGEST_PAUSE);
  date = soup_date_time_new_from_http_string (value);
  return date != NULL ? (int) CLAMP (g_date_time_to_unix (date) - brevet_clock_now_seconds (), 0, LONGEST_PAUSE) : -1;
}

static void
finish (GTask *task)
{
  Question *self = g_task_get_task_data (task);
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);
  g_autoptr(GBytes) body = take_body (g_task_get_source_object (task), self);
  guint status = soup_message_get_status (self->message);
  g_autoptr(ExampleAnswer) answer = example_answer_new (status, soup_message_headers_get_content_type (headers, NULL), body);

  if (!SOUP_STATUS_IS_SUCCESSFUL (status))
    g_task_return_error (task, example_trouble_new_refusal (self->verb, answer, read_retry_after (headers)));
  else if (answer->problem != NULL)
    g_task_return_error (task, example_trouble_new_misread (self->verb, answer, answer->problem));
  else
    g_task_return_pointer (task, g_steal_pointer (&answer), (GDestroyNotify) example_answer_free);
}

static void read_more (GTask *task);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Question *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GBytes) chunk = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);

  if (chunk == NULL)
    fail (task, error);
  else if (g_bytes_get_size (chunk) == 0)
    finish (task);
  else if (self->body->len + g_bytes_get_size (chunk) > LONGEST_BODY)
    fail (task, g_error_new (G_IO_ERROR, G_IO_ERROR_FAILED, "the answer is longer than %d bytes", LONGEST_BODY));
  else
    {
      g_byte_array_append (self->body, g_bytes_get_data (chunk, NULL), (guint) g_bytes_get_size (chunk));
      read_more (task);
    }
}

static void
read_more (GTask *task)
{
  Question *self = g_task_get_task_data (task);

  g_input_stream_read_bytes_async (self->stream, CHUNK, g_task_get_priority (task), brevet_time_limit_get_cancellable (self->limit),
                                   on_read, g_object_ref (task));
}

static void
on_head (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Question *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (self->stream == NULL)
    {
      fail (task, error);
      return;
    }
  self->body = g_byte_array_new ();
  read_more (task);
}

/* The connection stands, and its peer is who it should be; the first byte of the request comes next. */
static void
on_starting (SoupMessage *message, gpointer user_data)
{
  Question *self = user_data;

  self->sent = TRUE;
  if (self->request != NULL)
    brevet_ca_request_mark_sent (self->request);
}

static void
add_token (ExampleCa *self, SoupMessageHeaders *headers)
{
  gsize length;
  const guint8 *token = brevet_secret_get_data (self->token, &length);
  char *value = g_strdup_printf ("Bearer %.*s", (int) length, (const char *) token);

  soup_message_headers_replace (headers, "Authorization", value);
  brevet_secret_free_text (value);
}

static SoupMessage *
make_message (ExampleCa *self, const ExampleQuestion *question)
{
  g_autoptr(GUri) uri = g_uri_build (SOUP_HTTP_URI_FLAGS, "https", NULL, self->host, self->port, question->path, question->query,
                                     NULL);
  SoupMessage *message = soup_message_new_from_uri (question->method, uri);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  /* Whoever answers with a redirection must not get the token sent elsewhere. */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  /* libsoup asks again by itself when a kept connection was just being closed, for methods that may be repeated as it thinks. What
   * changes something must not be asked twice. */
  if (question->body != NULL)
    soup_message_add_flags (message, SOUP_MESSAGE_NEW_CONNECTION);
  soup_message_headers_replace (headers, "Accept", "application/json");
  add_token (self, headers);
  if (question->body != NULL)
    soup_message_set_request_body_from_bytes (message, "application/json", question->body);
  return message;
}

/* Milliseconds that the question may take; 0 if nobody waits for it any more. */
static guint
choose_limit (ExampleCa *self, const ExampleQuestion *question)
{
  gint64 limit = self->timeout * 1000;
  gint64 deadline = question->verb == EXAMPLE_VERB_ISSUE ? brevet_ca_request_get_deadline (question->request) : 0;

  if (deadline > 0)
    limit = MIN (limit, (deadline - brevet_clock_monotonic ()) / 1000);
  return (guint) MAX (limit, 0);
}

void
example_ask_async (ExampleCa *self, const ExampleQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  guint milliseconds = choose_limit (self, question);
  Question *data = g_new0 (Question, 1);

  g_task_set_source_tag (task, example_ask_async);
  g_task_set_check_cancellable (task, FALSE);
  data->verb = question->verb;
  data->request = question->request != NULL ? brevet_ca_request_ref (question->request) : NULL;
  data->message = make_message (self, question);
  g_signal_connect (data->message, "starting", G_CALLBACK (on_starting), data);
  g_task_set_task_data (task, data, question_free);
  if (milliseconds == 0)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT, "There is no time left to ask the CA");
      return;
    }
  data->limit = brevet_time_limit_new (g_task_get_context (task), milliseconds, cancellable);
  soup_session_send_async (self->soup, data->message, g_task_get_priority (task), brevet_time_limit_get_cancellable (data->limit),
                           on_head, g_object_ref (task));
}

ExampleAnswer *
example_ask_finish (ExampleCa *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
