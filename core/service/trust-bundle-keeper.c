/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust-bundle-keeper.h"

#include "brevet-error.h"
#include "brevet-log.h"
#include "record-damage.h"
#include "records-devices.h"
#include "trust-asker.h"
#include "trust-bundle-follow.h"

#define INTERVAL 60
#define PAGE 50

/* One run. */
typedef struct {
  BrevetServiceContext *context;
  BrevetTrustAsker *asker;
  GPtrArray *page;
  guint index;
  BrevetTrustBundleDocument *document; /* being brought up to date */
  BrevetTrustBundle *former;           /* what it held before */
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  brevet_service_context_unref (run->context);
  brevet_trust_asker_unref (run->asker);
  g_clear_pointer (&run->page, g_ptr_array_unref);
  g_clear_pointer (&run->document, brevet_trust_bundle_document_free);
  g_clear_pointer (&run->former, brevet_trust_bundle_unref);
  g_free (run);
}

static void go_on (GTask *task);

static gboolean
has (BrevetTrustBundle *bundle, BrevetCertificate *certificate)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    if (brevet_certificate_equal (brevet_trust_bundle_get (bundle, i), certificate))
      return TRUE;
  return FALSE;
}

/* The subjects of those that one bundle has and the other has not. */
static void
describe_difference (GString *text, const char *words, BrevetTrustBundle *more, BrevetTrustBundle *less)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (more); i++)
    {
      BrevetCertificate *certificate = brevet_trust_bundle_get (more, i);

      if (!has (less, certificate))
        g_string_append_printf (text, "; %s “%s”", words, brevet_certificate_get_subject (certificate));
    }
}

static void
log_change (Run *run)
{
  g_autoptr(GString) text = g_string_new (NULL);

  g_string_printf (text, "The trust bundle “%s” follows its certificate authorities", run->document->id);
  describe_difference (text, "now with", run->document->bundle, run->former);
  describe_difference (text, "no longer with", run->former, run->document->bundle);
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_TRUST_BUNDLE_KEPT, text->str, "BREVET_TRUST_BUNDLE", run->document->id,
                    NULL);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  GError *error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    log_change (run);
  else if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    {
      g_task_return_error (task, error);
      return;
    }
  else
    /* An operator, or another service over the same store, came first: what they have written is looked at anew. */
    brevet_service_chores_poke (run->context->chores, BREVET_CHORE_TRUST_BUNDLES);
  g_clear_error (&error);
  go_on (task);
}

static void
on_followed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetBatch) batch = NULL;
  gboolean changed = FALSE;

  if (!brevet_trust_bundle_follow_finish (result, &changed, &error))
    {
      if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_INVALID))
        {
          g_task_return_error (task, g_steal_pointer (&error));
          return;
        }
      g_warning ("The trust bundle “%s” cannot follow its certificate authorities: %s", run->document->id, error->message);
    }
  if (!changed)
    {
      go_on (task);
      return;
    }
  batch = brevet_batch_new ();
  brevet_records_put_trust_bundle (batch, run->document, run->document->etag);
  brevet_store_commit_async (run->context->store, batch, NULL, on_committed, g_object_ref (task));
}

/* A bundle that cannot be read is somebody else's trouble: the others go on. */
static gboolean
take_document (Run *run, BrevetRecord *record)
{
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&run->document, brevet_trust_bundle_document_free);
  g_clear_pointer (&run->former, brevet_trust_bundle_unref);
  run->document = brevet_records_read_trust_bundle (record, &error);
  if (run->document == NULL)
    {
      brevet_record_damage_report (record, error, "devices that ask for this trust bundle are answered with an error");
      return FALSE;
    }
  run->former = brevet_trust_bundle_ref (run->document->bundle);
  return run->document->authorities[0] != NULL;
}

static void
follow (GTask *task, BrevetRecord *record)
{
  Run *run = g_task_get_task_data (task);

  for (guint i = 0; run->document->authorities[i] != NULL; i++)
    brevet_trust_asker_ask (run->asker, run->context, run->document->authorities[i], BREVET_CHORE_TRUST_BUNDLES,
                            g_task_get_cancellable (task));
  brevet_trust_bundle_follow_async (run->context->store, run->context->census, run->document, brevet_record_get_updated (record),
                                    brevet_trust_asker_get_answers (run->asker), g_task_get_cancellable (task), on_followed,
                                    g_object_ref (task));
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Run *run = g_task_get_task_data (task);
  GError *error = NULL;

  g_clear_pointer (&run->page, g_ptr_array_unref);
  run->page = brevet_store_list_finish (BREVET_STORE (source), result, &error);
  run->index = 0;
  if (run->page == NULL)
    g_task_return_error (task, error);
  else
    go_on (task);
}

static void
go_on (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  BrevetRecord *last = NULL;

  if (g_task_return_error_if_cancelled (task))
    return;
  while (run->page != NULL && run->index < run->page->len)
    {
      last = g_ptr_array_index (run->page, run->index++);
      if (take_document (run, last))
        {
          follow (task, last);
          return;
        }
    }
  if (run->page != NULL && run->page->len < PAGE)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  if (run->page != NULL)
    last = g_ptr_array_index (run->page, run->page->len - 1);
  brevet_store_list_async (run->context->store, BREVET_COLLECTION_TRUST_BUNDLES, NULL,
                           last != NULL ? brevet_record_get_key (last) : NULL, PAGE, NULL, on_listed, g_object_ref (task));
}

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Run *run = g_new0 (Run, 1);

  g_task_set_source_tag (task, run_async);
  run->context = brevet_service_context_ref (context);
  run->asker = brevet_trust_asker_ref (data);
  g_task_set_task_data (task, run, run_free);
  go_on (task);
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_trust_bundle_keeper_add (BrevetServiceChores *chores)
{
  static const BrevetChore chore = {
    .name = BREVET_CHORE_TRUST_BUNDLES,
    .interval = INTERVAL,
    .run_async = run_async,
    .run_finish = run_finish,
  };

  brevet_service_chores_add (chores, &chore, brevet_trust_asker_new (), (GDestroyNotify) brevet_trust_asker_unref);
}
