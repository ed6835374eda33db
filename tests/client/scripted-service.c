/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "scripted-service.h"

#include <string.h>

typedef struct {
  char *line;
  char *body;
  char *prefer;
  char *if_none_match;
  char *token;
  gint64 time;
} Asked;

typedef struct {
  BrevetReply *reply;
  GError *error;
  gboolean on_signal;
} Answer;

struct _ScriptedTransport
{
  BrevetPlugin parent_instance;
  GQueue answers;
  GPtrArray *asked;
};

static void scripted_transport_iface_init (BrevetTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ScriptedTransport, scripted_transport, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_TRANSPORT, scripted_transport_iface_init))

static void
asked_free (gpointer data)
{
  Asked *asked = data;

  g_free (asked->line);
  g_free (asked->body);
  g_free (asked->prefer);
  g_free (asked->if_none_match);
  g_free (asked->token);
  g_free (asked);
}

static void
answer_free (gpointer data)
{
  Answer *answer = data;

  g_clear_pointer (&answer->reply, brevet_reply_unref);
  g_clear_error (&answer->error);
  g_free (answer);
}

static void
note (ScriptedTransport *self, BrevetRequest *request)
{
  Asked *asked = g_new0 (Asked, 1);
  GBytes *body = brevet_request_get_body (request);

  asked->line = g_strdup_printf ("%s %s?%s", brevet_request_get_method (request), brevet_request_get_path (request),
                                 brevet_request_get_query (request));
  asked->body = body != NULL ? g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body)) : NULL;
  asked->prefer = g_strdup (brevet_request_get_header (request, "prefer"));
  asked->if_none_match = g_strdup (brevet_request_get_header (request, "if-none-match"));
  asked->token = g_strdup (brevet_evidence_get_token (brevet_request_get_evidence (request)));
  asked->time = g_get_monotonic_time ();
  g_ptr_array_add (self->asked, asked);
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_task_return_error_if_cancelled (G_TASK (user_data));
  return G_SOURCE_REMOVE;
}

void
scripted_keep_silent (GTask *task)
{
  g_autoptr(GSource) source = g_cancellable_source_new (g_task_get_cancellable (task));

  g_task_attach_source (task, source, G_SOURCE_FUNC (on_cancelled));
}

static void
on_signal (GCancellable *cancellable, gpointer user_data)
{
  g_autoptr(GTask) task = g_object_ref (user_data);

  g_signal_handlers_disconnect_by_data (cancellable, task);
  g_task_return_error_if_cancelled (task);
}

static void
scripted_transport_exchange_async (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
  ScriptedTransport *self = SCRIPTED_TRANSPORT (transport);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  Answer *answer = g_queue_pop_head (&self->answers);

  if (g_task_return_error_if_cancelled (task))
    {
      g_clear_pointer (&answer, answer_free);
      return;
    }
  note (self, request);
  g_assert_nonnull (answer);
  if (answer->error != NULL)
    g_task_return_error (task, g_error_copy (answer->error));
  else if (answer->reply != NULL)
    g_task_return_pointer (task, brevet_reply_ref (answer->reply), (GDestroyNotify) brevet_reply_unref);
  else if (answer->on_signal)
    g_cancellable_connect (cancellable, G_CALLBACK (on_signal), g_object_ref (task), g_object_unref);
  else
    scripted_keep_silent (task);
  answer_free (answer);
}

BrevetReply *
scripted_exchange_finish (BrevetTransport *transport, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
scripted_transport_iface_init (BrevetTransportInterface *iface)
{
  iface->exchange_async = scripted_transport_exchange_async;
  iface->exchange_finish = scripted_exchange_finish;
}

static void
scripted_transport_finalize (GObject *object)
{
  ScriptedTransport *self = SCRIPTED_TRANSPORT (object);

  g_queue_clear_full (&self->answers, answer_free);
  g_ptr_array_unref (self->asked);
  G_OBJECT_CLASS (scripted_transport_parent_class)->finalize (object);
}

static void
scripted_transport_class_init (ScriptedTransportClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = scripted_transport_finalize;
}

static void
scripted_transport_init (ScriptedTransport *self)
{
  g_queue_init (&self->answers);
  self->asked = g_ptr_array_new_with_free_func (asked_free);
}

ScriptedTransport *
scripted_transport_new (void)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);

  return g_object_new (SCRIPTED_TYPE_TRANSPORT, "name", "scripted", "config", settings, NULL);
}

BrevetReply *
scripted_make_reply (guint status, const char *retry_after, const char *etag, const char *body)
{
  g_autoptr(GBytes) bytes = body != NULL ? g_bytes_new (body, strlen (body)) : NULL;
  BrevetReply *reply = brevet_reply_new (status, bytes);

  brevet_reply_set_header (reply, "x-ms-request-id", "request-7");
  brevet_reply_set_header (reply, "retry-after", retry_after);
  brevet_reply_set_header (reply, "etag", etag);
  return reply;
}

static void
add_reply (ScriptedTransport *self, BrevetReply *reply)
{
  Answer *answer = g_new0 (Answer, 1);

  answer->reply = reply;
  g_queue_push_tail (&self->answers, answer);
}

void
scripted_transport_reply (ScriptedTransport *self, guint status, const char *retry_after, const char *body)
{
  add_reply (self, scripted_make_reply (status, retry_after, NULL, body));
}

void
scripted_transport_reply_with_etag (ScriptedTransport *self, guint status, const char *etag, const char *body)
{
  add_reply (self, scripted_make_reply (status, NULL, etag, body));
}

void
scripted_transport_fail (ScriptedTransport *self, int code, const char *message)
{
  Answer *answer = g_new0 (Answer, 1);

  answer->error = g_error_new_literal (BREVET_ERROR, code, message);
  g_queue_push_tail (&self->answers, answer);
}

void
scripted_transport_hang (ScriptedTransport *self)
{
  g_queue_push_tail (&self->answers, g_new0 (Answer, 1));
}

void
scripted_transport_hang_on_signal (ScriptedTransport *self)
{
  Answer *answer = g_new0 (Answer, 1);

  answer->on_signal = TRUE;
  g_queue_push_tail (&self->answers, answer);
}

static Asked *
get_asked (ScriptedTransport *self, guint index)
{
  g_assert_cmpuint (index, <, self->asked->len);
  return g_ptr_array_index (self->asked, index);
}

const char *
scripted_transport_get_line (ScriptedTransport *self, guint index)
{
  return get_asked (self, index)->line;
}

const char *
scripted_transport_get_body (ScriptedTransport *self, guint index)
{
  return get_asked (self, index)->body;
}

const char *
scripted_transport_get_prefer (ScriptedTransport *self, guint index)
{
  return get_asked (self, index)->prefer;
}

const char *
scripted_transport_get_if_none_match (ScriptedTransport *self, guint index)
{
  return get_asked (self, index)->if_none_match;
}

const char *
scripted_transport_get_token (ScriptedTransport *self, guint index)
{
  return get_asked (self, index)->token;
}

gint64
scripted_transport_get_pause (ScriptedTransport *self, guint index)
{
  return get_asked (self, index + 1)->time - get_asked (self, index)->time;
}

guint
scripted_transport_get_count (ScriptedTransport *self)
{
  return self->asked->len;
}

struct _ScriptedProver
{
  BrevetPlugin parent_instance;
  gboolean broken;
  guint count;
  char *accepted;
};

static void scripted_prover_iface_init (BrevetProverInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ScriptedProver, scripted_prover, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_PROVER, scripted_prover_iface_init))

static void
scripted_prover_prove_async (BrevetProver *prover, const char *id_scope, const char *registration_id, JsonObject *challenge,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ScriptedProver *self = SCRIPTED_PROVER (prover);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autofree char *token = g_strdup_printf ("token-%u%s", ++self->count,
                                            challenge != NULL ? json_object_get_string_member (challenge, "nonce") : "");

  brevet_evidence_set_token (evidence, token);
  if (self->broken)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The key is missing");
  else
    g_task_return_pointer (task, g_steal_pointer (&evidence), (GDestroyNotify) brevet_evidence_unref);
}

static BrevetEvidence *
scripted_prover_prove_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
scripted_prover_accept_async (BrevetProver *prover, JsonObject *parameters, GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data)
{
  ScriptedProver *self = SCRIPTED_PROVER (prover);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_free (self->accepted);
  self->accepted = g_strdup (json_object_get_string_member_with_default (parameters, "gift", NULL));
  if (g_strcmp0 (self->accepted, "poisoned") == 0)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY, "The hands are full");
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
scripted_prover_accept_finish (BrevetProver *prover, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

const char *
scripted_prover_get_accepted (ScriptedProver *self)
{
  return self->accepted;
}

static void
scripted_prover_finalize (GObject *object)
{
  g_free (SCRIPTED_PROVER (object)->accepted);
  G_OBJECT_CLASS (scripted_prover_parent_class)->finalize (object);
}

static void
scripted_prover_iface_init (BrevetProverInterface *iface)
{
  iface->accept_async = scripted_prover_accept_async;
  iface->accept_finish = scripted_prover_accept_finish;
  iface->prove_async = scripted_prover_prove_async;
  iface->prove_finish = scripted_prover_prove_finish;
}

static void
scripted_prover_class_init (ScriptedProverClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = scripted_prover_finalize;
}

static void
scripted_prover_init (ScriptedProver *self)
{
}

ScriptedProver *
scripted_prover_new (gboolean broken)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", NULL, NULL);
  ScriptedProver *self = g_object_new (SCRIPTED_TYPE_PROVER, "name", "scripted", "config", settings, NULL);

  self->broken = broken;
  return self;
}
