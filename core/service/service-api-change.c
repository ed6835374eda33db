/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PUT and DELETE of every resource, and POST where it changes one, with the conditions of protocol/dps.md §10.3. A change is
 * committed on the condition that the record is still the one that was read, so that nobody overwrites what he has not seen. Where
 * the operator did not name a version, a change in between is no reason to bother him: the record is read and merged again. */

#include "service-api-private.h"

#include "brevet-error.h"
#include "record-damage.h"
#include "reply.h"
#include "service-chores.h"

#define MAXIMUM_ATTEMPTS 3

static void
forget_attempt (BrevetServiceCall *call)
{
  if (call->document != NULL)
    call->resource->free_document (g_steal_pointer (&call->document));
  g_clear_pointer (&call->record, brevet_record_unref);
  g_clear_pointer (&call->batch, brevet_batch_unref);
}

static gboolean
is_any (const char *etag)
{
  return g_str_equal (etag, "*");
}

static void
refuse_version (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  brevet_service_call_refuse (task, 412, 0, "The %s “%s” is not of the version that If-Match names; read it again",
                              call->resource->noun, call->route->id);
}

static gboolean
has_wanted_version (BrevetServiceCall *call)
{
  return call->wanted_etag == NULL || is_any (call->wanted_etag) ||
         g_str_equal (call->wanted_etag, brevet_record_get_etag (call->record));
}

/* Finishes reading the record; a record that is not there is no error. */
static gboolean
take_record (BrevetServiceCall *call, GObject *source, GAsyncResult *result, GError **error)
{
  g_autoptr(GError) cause = NULL;

  call->record = brevet_store_get_finish (BREVET_STORE (source), result, &cause);
  if (call->record != NULL || g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}

static void
read_record (GTask *task, GAsyncReadyCallback callback)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  forget_attempt (call);
  call->attempt++;
  brevet_store_get_async (call->context->store, call->resource->collection, call->key, g_task_get_cancellable (task), callback,
                          g_object_ref (task));
}

/* Somebody else changed the record after it was read. */
static void
handle_conflict (GTask *task, void (*try_again) (GTask *task))
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  if (call->wanted_etag != NULL && !is_any (call->wanted_etag))
    refuse_version (task);
  else if (call->record == NULL)
    brevet_service_call_refuse (task, 409, 0, "The %s “%s” was created by somebody else at the same time", call->resource->noun,
                                call->route->id);
  else if (call->attempt < MAXIMUM_ATTEMPTS)
    try_again (task);
  else
    brevet_service_call_refuse (task, 409, 0, "The %s “%s” is being changed by others; try again", call->resource->noun,
                                call->route->id);
}

static const char *
describe_change (BrevetServiceCall *call)
{
  if (call->route->kind == BREVET_ROUTE_CERTIFICATE_CODE)
    return "Made a verification code for";
  if (call->route->kind == BREVET_ROUTE_CERTIFICATE_PROOF)
    return "Verified";
  return call->record != NULL ? "Replaced" : "Created";
}

static void
poke_chore (BrevetServiceCall *call)
{
  if (call->resource->chore != NULL)
    brevet_service_chores_poke (call->context->chores, call->resource->chore);
}

static void
confirm_put (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  const BrevetChange *change = g_ptr_array_index (brevet_batch_get_changes (call->batch), 0);
  gint64 created = call->record != NULL ? brevet_record_get_created (call->record) : change->time;

  brevet_service_call_log_change (call, describe_change (call));
  poke_chore (call);
  brevet_service_call_show (task, call->resource->confirm (call, change->etag, created, change->time), change->etag);
}

static void
on_put (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    confirm_put (task);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    handle_conflict (task, brevet_service_call_put);
  else
    brevet_service_call_fail (task, error);
}

static void
commit_put (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  call->batch = brevet_batch_new ();
  call->resource->put (call->batch, call->document,
                       call->record != NULL ? brevet_record_get_etag (call->record) : BREVET_IF_ABSENT);
  if (call->resource->relate != NULL)
    call->resource->relate (call, call->batch);
  /* Not cancelled: a peer that goes away now shall not decide what is stored. */
  brevet_store_commit_async (call->context->store, call->batch, NULL, on_put, g_object_ref (task));
}

static void
on_references_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (call->resource->check_finish (result, &error))
    commit_put (task);
  else
    brevet_service_call_fail (task, error);
}

/* What nobody can read has nothing to keep: the operator says what belongs there. */
static gpointer
parse_over (BrevetServiceCall *call, GError **error)
{
  g_autoptr(GError) cause = NULL;
  BrevetRecord *record = call->record;
  gpointer document = call->resource->parse (call, &cause);

  if (document != NULL || record == NULL || call->route->verb != BREVET_VERB_PUT ||
      !g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    {
      if (cause != NULL)
        g_propagate_error (error, g_steal_pointer (&cause));
      return document;
    }
  brevet_record_damage_report (record, cause, "an operator writes it anew");
  call->record = NULL;
  document = call->resource->parse (call, error);
  call->record = record;
  return document;
}

static void
parse_put (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  call->document = parse_over (call, &error);
  if (call->document == NULL)
    brevet_service_call_fail (task, error);
  else if (call->resource->check_async != NULL)
    call->resource->check_async (call, g_task_get_cancellable (task), on_references_checked, g_object_ref (task));
  else
    commit_put (task);
}

static void
on_read_to_put (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!take_record (call, source, result, &error))
    brevet_service_call_fail (task, error);
  else if (call->record != NULL && !has_wanted_version (call))
    refuse_version (task);
  else if (call->record == NULL && call->route->verb == BREVET_VERB_POST)
    brevet_service_call_refuse_missing (task);
  else if (call->record == NULL && call->wanted_etag != NULL && !is_any (call->wanted_etag))
    refuse_version (task);
  /* `*` on a missing record creates it: the documented commands of operators create their first enrollment that way. */
  else
    parse_put (task);
}

void
brevet_service_call_put (GTask *task)
{
  read_record (task, on_read_to_put);
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      brevet_service_call_log_change (call, "Deleted");
      poke_chore (call);
      brevet_service_call_answer (task, brevet_reply_without_body (call->request, 204));
    }
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    handle_conflict (task, brevet_service_call_delete);
  else
    brevet_service_call_fail (task, error);
}

static void
commit_delete (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  call->batch = brevet_batch_new ();
  brevet_batch_delete (call->batch, call->resource->collection, call->key, brevet_record_get_etag (call->record));
  if (call->resource->relate != NULL)
    call->resource->relate (call, call->batch);
  brevet_store_commit_async (call->context->store, call->batch, NULL, on_deleted, g_object_ref (task));
}

static void
on_references_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autofree char *found = NULL;
  g_autoptr(GError) error = NULL;

  if (!brevet_service_references_find_finish (result, &found, &error))
    brevet_service_call_fail (task, error);
  else if (found != NULL)
    brevet_service_call_refuse (task, 409, 0, "The %s “%s” is still named by the %s; change that first", call->resource->noun,
                                call->route->id, found);
  else
    commit_delete (task);
}

static void
refuse_deleting_missing (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  if (brevet_service_call_is_configured (call))
    brevet_service_call_refuse (task, 409, 0, "The %s “%s” stands in the configuration of the service; remove it there",
                                call->resource->noun, call->route->id);
  else
    brevet_service_call_refuse_missing (task);
}

static void
on_read_to_delete (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!take_record (call, source, result, &error))
    brevet_service_call_fail (task, error);
  else if (call->record == NULL)
    refuse_deleting_missing (task);
  else if (!has_wanted_version (call))
    refuse_version (task);
  /* Behind a stored one the configured one of the same name comes to light again: nobody loses what he names. */
  else if ((call->resource->is_named_in != NULL && !brevet_service_call_is_configured (call)) || call->resource->is_indexed)
    brevet_service_references_find_async (call, g_task_get_cancellable (task), on_references_found, g_object_ref (task));
  else
    commit_delete (task);
}

void
brevet_service_call_delete (GTask *task)
{
  read_record (task, on_read_to_delete);
}
