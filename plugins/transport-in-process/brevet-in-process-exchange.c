/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-in-process-exchange.h"

#include "brevet-error.h"

#include <string.h>

/* As long as what a listener accepts, unless the route allows more. */
#define BODY_LIMIT (64 * 1024)

#define TOKEN_SCHEME "SharedAccessSignature"

/* One exchange. Kept alive by the task, until that is answered, and by the call to the handler that is in flight. */
typedef struct {
  grefcount references;
  GTask *task;                 /* NULL once answered */
  GSource *cancelled;
  BrevetHandler *handler;
  BrevetRequest *request;      /* the service's own */
  GBytes *body;
} Exchange;

static Exchange *
exchange_ref (Exchange *self)
{
  g_ref_count_inc (&self->references);
  return self;
}

static void
exchange_unref (Exchange *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_object_unref (self->handler);
  brevet_request_unref (self->request);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Exchange, exchange_unref)

/* Returns: (transfer full): the task, which is to be answered now */
static GTask *
end (Exchange *self)
{
  if (self->cancelled != NULL)
    g_source_destroy (self->cancelled);
  g_clear_pointer (&self->cancelled, g_source_unref);
  return g_steal_pointer (&self->task);
}

static void
answer (Exchange *self, BrevetReply *reply)
{
  g_autoptr(GTask) task = end (self);

  if (task != NULL)
    g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
  else
    brevet_reply_unref (reply);
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_autoptr(Exchange) self = exchange_ref (user_data);
  g_autoptr(GTask) task = end (self);

  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The exchange was cancelled");
  return G_SOURCE_REMOVE;
}

static void
on_handled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Exchange) self = user_data;

  answer (self, brevet_handler_handle_finish (BREVET_HANDLER (source), result));
}

static gboolean
is_too_long (Exchange *self)
{
  gsize limit = brevet_request_get_body_limit (self->request);

  return self->body != NULL && g_bytes_get_size (self->body) > (limit > 0 ? limit : BODY_LIMIT);
}

static void
on_admitted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Exchange) self = user_data;
  BrevetReply *refusal = brevet_handler_admit_finish (self->handler, result);

  if (refusal == NULL && is_too_long (self))
    refusal = brevet_handler_describe_error (self->handler, self->request, 413, "The body is too long");
  if (refusal != NULL)
    {
      answer (self, refusal);
      return;
    }
  /* Who cancelled in between is not served any more, as nothing was begun for him. */
  if (self->task == NULL)
    return;
  brevet_request_set_body (self->request, self->body);
  brevet_handler_handle_async (self->handler, self->request, g_task_get_cancellable (self->task), on_handled, exchange_ref (self));
}

/* Over a network the handshake proves that the peer holds the key; here the key itself is looked at. */
static gboolean
check_credential (BrevetEvidence *evidence, GError **error)
{
  BrevetChain *chain = brevet_evidence_get_chain (evidence);
  BrevetKey *key = brevet_evidence_get_key (evidence);

  if (chain == NULL ||
      g_str_equal (brevet_key_get_spki_sha256 (key), brevet_certificate_get_spki_sha256 (brevet_chain_get_leaf (chain))))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The device's private key does not belong to its certificate");
  return FALSE;
}

static void
copy_header (const char *name, const char *value, gpointer user_data)
{
  brevet_request_set_header (user_data, name, value);
}

static BrevetClaims *
make_claims (BrevetRequest *request, BrevetEvidence *evidence)
{
  BrevetClaims *claims = brevet_claims_new ();
  const char *token = evidence != NULL ? brevet_evidence_get_token (evidence) : NULL;

  if (token == NULL)
    token = brevet_request_get_header (request, "authorization");
  if (token != NULL && g_ascii_strncasecmp (token, TOKEN_SCHEME, strlen (TOKEN_SCHEME)) == 0)
    brevet_claims_set_token (claims, token);
  if (evidence != NULL)
    brevet_claims_set_chain (claims, brevet_evidence_get_chain (evidence));
  return claims;
}

/* The caller's request stays as it is: the service keeps what it finds out with a request of its own. */
static BrevetRequest *
make_request (BrevetRequest *request)
{
  g_autoptr(BrevetClaims) claims = make_claims (request, brevet_request_get_evidence (request));
  BrevetRequest *copy = brevet_request_new (brevet_request_get_method (request), brevet_request_get_path (request),
                                            brevet_request_get_query (request));

  brevet_request_foreach_header (request, copy_header, copy);
  brevet_request_set_header (copy, "authorization", NULL);
  brevet_request_set_claims (copy, claims);
  return copy;
}

static void
watch_cancellable (Exchange *self)
{
  GCancellable *cancellable = g_task_get_cancellable (self->task);

  if (cancellable == NULL)
    return;
  self->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (self->cancelled, G_SOURCE_FUNC (on_cancelled), exchange_ref (self), (GDestroyNotify) exchange_unref);
  g_source_attach (self->cancelled, g_task_get_context (self->task));
}

void
brevet_in_process_exchange_run (GTask *task, BrevetHandler *handler, BrevetRequest *request)
{
  BrevetEvidence *evidence = brevet_request_get_evidence (request);
  GBytes *body = brevet_request_get_body (request);
  g_autoptr(GError) error = NULL;
  g_autoptr(Exchange) self = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;
  if (evidence != NULL && !check_credential (evidence, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  self = g_new0 (Exchange, 1);
  g_ref_count_init (&self->references);
  self->task = g_object_ref (task);
  self->handler = g_object_ref (handler);
  self->request = make_request (request);
  self->body = body != NULL ? g_bytes_ref (body) : NULL;
  watch_cancellable (self);
  brevet_handler_admit_async (handler, self->request, g_task_get_cancellable (task), on_admitted, exchange_ref (self));
}
