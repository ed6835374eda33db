/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records.h"

#define GROUPS_PER_PAGE 100

typedef struct {
  BrevetServiceContext *context;
  BrevetClaims *claims;
  char *key;
  GPtrArray *candidates;  /* BrevetEnrollment, still to be tried */
  BrevetEnrollment *current;
  char *last_group;       /* where the next page of groups begins */
  gboolean more_groups;
  GError *refusal;        /* what the first refusing verifier said */
} Attest;

static void
attest_free (gpointer data)
{
  Attest *attest = data;

  brevet_service_context_unref (attest->context);
  brevet_claims_unref (attest->claims);
  g_free (attest->key);
  g_clear_pointer (&attest->candidates, g_ptr_array_unref);
  g_clear_pointer (&attest->current, brevet_enrollment_unref);
  g_free (attest->last_group);
  g_clear_error (&attest->refusal);
  g_free (attest);
}

void
brevet_attested_free (BrevetAttested *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->enrollment, brevet_enrollment_unref);
  g_clear_pointer (&self->verdict, brevet_verdict_unref);
  g_free (self);
}

gboolean
brevet_attest_needs_body (BrevetServiceContext *context, BrevetClaims *claims)
{
  GHashTableIter iter;
  gpointer verifier;

  g_hash_table_iter_init (&iter, context->verifiers);
  while (g_hash_table_iter_next (&iter, NULL, &verifier))
    {
      if (brevet_verifier_needs_body (verifier, claims))
        return TRUE;
    }
  return FALSE;
}

static void try_next_candidate (GTask *task);

static void
return_refusal (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);

  if (attest->refusal != NULL)
    g_task_return_error (task, g_steal_pointer (&attest->refusal));
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED,
                             "There is no enrollment for the device “%s”, and no enrollment group that could speak for it",
                             brevet_claims_get_registration_id (attest->claims));
}

static void
return_attested (GTask *task, BrevetVerdict *verdict)
{
  Attest *attest = g_task_get_task_data (task);
  BrevetAttested *attested = g_new0 (BrevetAttested, 1);

  attested->enrollment = g_steal_pointer (&attest->current);
  attested->verdict = verdict;
  g_task_return_pointer (task, attested, (GDestroyNotify) brevet_attested_free);
}

static void
on_groups_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (records == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  attest->more_groups = records->len == GROUPS_PER_PAGE;
  for (guint i = 0; i < records->len; i++)
    {
      BrevetEnrollment *group = brevet_records_read_enrollment (g_ptr_array_index (records, i), &error);

      if (group == NULL)
        {
          g_warning ("%s", error->message);
          g_clear_error (&error);
          continue;
        }
      g_ptr_array_add (attest->candidates, group);
    }
  if (records->len > 0)
    {
      g_free (attest->last_group);
      attest->last_group = g_strdup (brevet_record_get_key (g_ptr_array_index (records, records->len - 1)));
    }
  try_next_candidate (task);
}

static void
list_more_groups (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);

  brevet_store_list_async (attest->context->store, BREVET_COLLECTION_GROUPS, NULL, attest->last_group, GROUPS_PER_PAGE,
                           g_task_get_cancellable (task), on_groups_listed, g_object_ref (task));
}

static void
on_verified (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetVerdict *verdict = brevet_verifier_verify_finish (BREVET_VERIFIER (source), result, &error);

  if (verdict != NULL)
    return_attested (task, verdict);
  else if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    {
      if (attest->refusal == NULL)
        g_propagate_prefixed_error (&attest->refusal, g_steal_pointer (&error), "%s “%s”: ",
                                    attest->current->is_group ? "Enrollment group" : "Enrollment", attest->current->id);
      try_next_candidate (task);
    }
}

/* A disabled individual enrollment refuses its device; a disabled group is as if it were not there, so that another may speak. */
static gboolean
is_eligible (Attest *attest, BrevetEnrollment *enrollment)
{
  if (enrollment->enabled)
    return TRUE;
  if (attest->refusal == NULL)
    g_set_error (&attest->refusal, BREVET_ERROR, BREVET_ERROR_REJECTED, "%s “%s” is disabled",
                 enrollment->is_group ? "Enrollment group" : "Enrollment", enrollment->id);
  return FALSE;
}

static void
try_next_candidate (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);

  while (attest->candidates->len > 0)
    {
      BrevetVerifier *verifier;
      g_autoptr(GError) error = NULL;

      g_clear_pointer (&attest->current, brevet_enrollment_unref);
      attest->current = g_ptr_array_steal_index (attest->candidates, 0);
      if (!is_eligible (attest, attest->current))
        continue;
      verifier = brevet_service_context_get_verifier (
        attest->context, brevet_attestation_get_mechanism (attest->current->attestation), &error);
      if (verifier == NULL)
        {
          if (attest->refusal == NULL)
            attest->refusal = g_error_new (BREVET_ERROR, BREVET_ERROR_REJECTED, "%s", error->message);
          continue;
        }
      brevet_verifier_verify_async (verifier, attest->current->attestation, attest->claims, g_task_get_cancellable (task),
                                    on_verified, g_object_ref (task));
      return;
    }
  if (attest->more_groups)
    list_more_groups (task);
  else
    return_refusal (task);
}

static void
on_hinted_group_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, NULL);
  BrevetEnrollment *group = record != NULL ? brevet_records_read_enrollment (record, NULL) : NULL;

  if (group != NULL)
    g_ptr_array_add (attest->candidates, group);
  try_next_candidate (task);
}

static void
on_registration_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, NULL);

  attest->more_groups = TRUE;
  if (record != NULL && brevet_record_get_parent (record) != NULL)
    brevet_store_get_async (attest->context->store, BREVET_COLLECTION_GROUPS, brevet_record_get_parent (record),
                            g_task_get_cancellable (task), on_hinted_group_loaded, g_object_ref (task));
  else
    list_more_groups (task);
}

static void
on_enrollment_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetEnrollment *enrollment;

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      brevet_store_get_async (attest->context->store, BREVET_COLLECTION_REGISTRATIONS, attest->key,
                              g_task_get_cancellable (task), on_registration_loaded, g_object_ref (task));
      return;
    }
  enrollment = record != NULL ? brevet_records_read_enrollment (record, &error) : NULL;
  if (enrollment == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  g_ptr_array_add (attest->candidates, enrollment);
  try_next_candidate (task);
}

void
brevet_attest_async (BrevetServiceContext *context, BrevetClaims *claims, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Attest *attest = g_new0 (Attest, 1);

  g_task_set_source_tag (task, brevet_attest_async);
  attest->context = brevet_service_context_ref (context);
  attest->claims = brevet_claims_ref (claims);
  attest->key = brevet_identifier_fold (brevet_claims_get_registration_id (claims));
  attest->candidates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_enrollment_unref);
  g_task_set_task_data (task, attest, attest_free);
  if (brevet_claims_get_token (claims) == NULL && brevet_claims_get_chain (claims) == NULL &&
      brevet_claims_get_parameters (claims) == NULL)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED,
                               "The device presents neither a token nor a certificate");
      return;
    }
  brevet_store_get_async (context->store, BREVET_COLLECTION_ENROLLMENTS, attest->key, cancellable, on_enrollment_loaded,
                          g_object_ref (task));
}

BrevetAttested *
brevet_attest_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
