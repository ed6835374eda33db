/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-handler.h"

#include <string.h>
#include <unistd.h>

struct _TestHandler
{
  GObject    parent_instance;

  GMutex     lock;
  GPtrArray *held;        /* GTask */
  gint       delivered;
  gint       cancelled;
};

static void handler_iface_init (BrevetHandlerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TestHandler, test_handler, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_HANDLER, handler_iface_init))

TestHandler *
test_handler_new (void)
{
  return g_object_new (TEST_TYPE_HANDLER, NULL);
}

static void
on_delivered (gpointer data)
{
  g_atomic_int_inc (&TEST_HANDLER (data)->delivered);
}

static BrevetReply *
reply_with_text (TestHandler *self, guint status, char *text)
{
  g_autoptr(GBytes) body = g_bytes_new_take (text, strlen (text));
  BrevetReply *reply = brevet_reply_new (status, body);

  brevet_reply_set_header (reply, "X-Ms-Request-Id", "7a1f");
  brevet_reply_set_delivered_callback (reply, on_delivered, g_object_ref (self), g_object_unref);
  return reply;
}

static void
add_header (const char *name, const char *value, gpointer user_data)
{
  json_object_set_string_member (user_data, name, value);
}

static JsonObject *
describe_claims (BrevetClaims *claims)
{
  JsonObject *object = json_object_new ();
  BrevetChain *chain = brevet_claims_get_chain (claims);

  json_object_set_string_member (object, "token", brevet_claims_get_token (claims));
  json_object_set_string_member (object, "address", brevet_claims_get_remote_address (claims));
  if (chain != NULL)
    {
      json_object_set_string_member (object, "subject", brevet_certificate_get_subject (brevet_chain_get_leaf (chain)));
      json_object_set_int_member (object, "certificates", brevet_chain_get_length (chain));
    }
  return object;
}

static BrevetReply *
echo (TestHandler *self, BrevetRequest *request)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autoptr(JsonNode) node = json_node_alloc ();
  JsonObject *headers = json_object_new ();
  GBytes *body = brevet_request_get_body (request);
  g_autofree char *sum = body == NULL ? NULL : g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, body);

  brevet_request_foreach_header (request, add_header, headers);
  json_object_set_string_member (object, "method", brevet_request_get_method (request));
  json_object_set_string_member (object, "path", brevet_request_get_path (request));
  json_object_set_string_member (object, "query", brevet_request_get_query (request));
  json_object_set_object_member (object, "headers", headers);
  json_object_set_object_member (object, "claims", describe_claims (brevet_request_get_claims (request)));
  json_object_set_int_member (object, "length", body == NULL ? -1 : (gint64) g_bytes_get_size (body));
  json_object_set_string_member (object, "sha256", sum);
  json_object_set_int_member (object, "worker", gettid ());
  json_node_init_object (node, object);
  return reply_with_text (self, 200, json_to_string (node, FALSE));
}

static BrevetReply *
count (TestHandler *self)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return reply_with_text (self, 200, g_strdup_printf ("{\"delivered\":%d,\"cancelled\":%d,\"held\":%u}",
                                                      g_atomic_int_get (&self->delivered), g_atomic_int_get (&self->cancelled),
                                                      self->held->len));
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  TestHandler *self = g_task_get_source_object (task);
  gboolean found;

  g_mutex_lock (&self->lock);
  found = g_ptr_array_find (self->held, task, NULL);
  if (found)
    {
      g_object_ref (task);
      g_ptr_array_remove (self->held, task);
    }
  g_mutex_unlock (&self->lock);
  if (!found)
    return;

  g_atomic_int_inc (&self->cancelled);
  g_task_return_pointer (task, reply_with_text (self, 200, g_strdup ("{}")), (GDestroyNotify) brevet_reply_unref);
  g_object_unref (task);
}

static void
hold (TestHandler *self, GTask *task, GCancellable *cancellable)
{
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->held, g_object_ref (task));
  g_mutex_unlock (&self->lock);
  g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), task, 0);
}

static BrevetReply *
release (TestHandler *self)
{
  g_autoptr(GPtrArray) held = NULL;

  g_mutex_lock (&self->lock);
  held = g_steal_pointer (&self->held);
  self->held = g_ptr_array_new_with_free_func (g_object_unref);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < held->len; i++)
    g_task_return_pointer (held->pdata[i], reply_with_text (self, 200, g_strdup ("{\"released\":true}")),
                           (GDestroyNotify) brevet_reply_unref);
  return reply_with_text (self, 200, g_strdup ("{}"));
}

static BrevetReply *
answer (TestHandler *self, BrevetRequest *request)
{
  const char *path = brevet_request_get_path (request);
  BrevetReply *reply;

  if (strcmp (path, "/echo") == 0 || strcmp (path, "/roomy") == 0)
    return echo (self, request);
  if (strcmp (path, "/big") == 0)
    return reply_with_text (self, 200, g_strnfill (100 * 1024, 'x'));
  if (strcmp (path, "/counters") == 0)
    return count (self);
  if (strcmp (path, "/release") == 0)
    return release (self);
  if (strcmp (path, "/injected") == 0)
    {
      reply = reply_with_text (self, 200, g_strdup ("{}"));
      brevet_reply_set_header (reply, "location", "/x\r\nset-cookie: stolen");
      return reply;
    }
  return reply_with_text (self, 404, g_strdup ("{\"errorCode\":404000}"));
}

static void
test_handler_admit_async (BrevetHandler *handler, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (handler, NULL, callback, user_data);
  const char *path = brevet_request_get_path (request);

  if (strcmp (path, "/roomy") == 0)
    brevet_request_set_body_limit (request, 256 * 1024);
  if (strcmp (path, "/refuse") == 0)
    g_task_return_pointer (task, reply_with_text (TEST_HANDLER (handler), 401, g_strdup ("{\"errorCode\":401002}")),
                           (GDestroyNotify) brevet_reply_unref);
  else
    g_task_return_pointer (task, NULL, NULL);
}

static BrevetReply *
test_handler_finish (BrevetHandler *handler, GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

static void
test_handler_handle_async (BrevetHandler *handler, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (handler, NULL, callback, user_data);

  if (strcmp (brevet_request_get_path (request), "/hold") == 0)
    hold (TEST_HANDLER (handler), task, cancellable);
  else
    g_task_return_pointer (task, answer (TEST_HANDLER (handler), request), (GDestroyNotify) brevet_reply_unref);
}

static BrevetReply *
test_handler_describe_error (BrevetHandler *handler, BrevetRequest *request, guint status, const char *message)
{
  return reply_with_text (TEST_HANDLER (handler), status,
                          g_strdup_printf ("{\"errorCode\":%u,\"message\":\"%s\"}", status * 1000, message));
}

static void
handler_iface_init (BrevetHandlerInterface *iface)
{
  iface->admit_async = test_handler_admit_async;
  iface->admit_finish = test_handler_finish;
  iface->handle_async = test_handler_handle_async;
  iface->handle_finish = test_handler_finish;
  iface->describe_error = test_handler_describe_error;
}

static void
test_handler_finalize (GObject *object)
{
  TestHandler *self = TEST_HANDLER (object);

  g_ptr_array_unref (self->held);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (test_handler_parent_class)->finalize (object);
}

static void
test_handler_class_init (TestHandlerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = test_handler_finalize;
}

static void
test_handler_init (TestHandler *self)
{
  g_mutex_init (&self->lock);
  self->held = g_ptr_array_new_with_free_func (g_object_unref);
}
