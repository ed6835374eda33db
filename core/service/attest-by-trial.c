/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest-by-trial.h"

#include "record-damage.h"

#include "records.h"

#define GROUPS_PER_PAGE 100

struct _BrevetTrialSearch
{
  BrevetServiceContext *context;
  char *registration_key;
  gboolean has_begun;
  GQueue candidates;  /* BrevetEnrollment, still to be tried */
  char *hinted;       /* key of the group that was tried first */
  char *last;         /* where the next page begins */
  gboolean has_ended;
};

BrevetTrialSearch *
brevet_trial_search_new (BrevetServiceContext *context, const char *registration_key)
{
  BrevetTrialSearch *self = g_new0 (BrevetTrialSearch, 1);

  self->context = brevet_service_context_ref (context);
  self->registration_key = g_strdup (registration_key);
  g_queue_init (&self->candidates);
  return self;
}

void
brevet_trial_search_free (BrevetTrialSearch *self)
{
  brevet_service_context_unref (self->context);
  g_free (self->registration_key);
  g_queue_clear_full (&self->candidates, (GDestroyNotify) brevet_enrollment_unref);
  g_free (self->hinted);
  g_free (self->last);
  g_free (self);
}

static void search (GTask *task);

/* A token proves nothing to the groups of a mechanism that are found by certificates. */
static gboolean
is_found_by_issuer (BrevetServiceContext *context, const BrevetEnrollment *group)
{
  BrevetVerifier *verifier =
    brevet_service_context_get_verifier (context, brevet_attestation_get_mechanism (group->attestation), NULL);

  return verifier != NULL && BREVET_VERIFIER_GET_IFACE (verifier)->dup_subject_keys != NULL;
}

static void
take_group (BrevetTrialSearch *self, BrevetRecord *record)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEnrollment) group = NULL;

  if (g_strcmp0 (self->hinted, brevet_record_get_key (record)) == 0)
    return;
  group = brevet_records_read_enrollment (record, &error);
  if (group == NULL)
    brevet_record_damage_report (record, error, "its devices are not admitted");
  else if (!is_found_by_issuer (self->context, group))
    g_queue_push_tail (&self->candidates, g_steal_pointer (&group));
}

static void
on_groups_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetTrialSearch *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (records == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  self->has_ended = records->len < GROUPS_PER_PAGE;
  for (guint i = 0; i < records->len; i++)
    take_group (self, g_ptr_array_index (records, i));
  if (!self->has_ended)
    {
      g_free (self->last);
      self->last = g_strdup (brevet_record_get_key (g_ptr_array_index (records, records->len - 1)));
    }
  search (task);
}

static void
on_hinted_group_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetTrialSearch *self = g_task_get_task_data (task);
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, NULL);

  if (record != NULL)
    {
      take_group (self, record);
      self->hinted = g_strdup (brevet_record_get_key (record));
    }
  search (task);
}

static void
on_registration_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetTrialSearch *self = g_task_get_task_data (task);
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, NULL);

  if (record != NULL && brevet_record_get_parent (record) != NULL)
    brevet_store_get_async (self->context->store, BREVET_COLLECTION_GROUPS, brevet_record_get_parent (record),
                            g_task_get_cancellable (task), on_hinted_group_loaded, g_object_ref (task));
  else
    search (task);
}

static void
search (GTask *task)
{
  BrevetTrialSearch *self = g_task_get_task_data (task);
  BrevetEnrollment *group = g_queue_pop_head (&self->candidates);

  if (group != NULL || self->has_ended)
    g_task_return_pointer (task, group, (GDestroyNotify) brevet_enrollment_unref);
  else
    brevet_store_list_async (self->context->store, BREVET_COLLECTION_GROUPS, NULL, self->last, GROUPS_PER_PAGE,
                             g_task_get_cancellable (task), on_groups_listed, g_object_ref (task));
}

void
brevet_trial_search_next_async (BrevetTrialSearch *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_trial_search_next_async);
  g_task_set_task_data (task, self, NULL); /* the caller's task holds it longer than this one lasts */
  if (self->has_begun)
    {
      search (task);
      return;
    }
  self->has_begun = TRUE;
  brevet_store_get_async (self->context->store, BREVET_COLLECTION_REGISTRATIONS, self->registration_key, cancellable,
                          on_registration_loaded, g_object_ref (task));
}

BrevetEnrollment *
brevet_trial_search_next_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
brevet_trial_search_knows_group (BrevetTrialSearch *self)
{
  return self->hinted != NULL;
}
