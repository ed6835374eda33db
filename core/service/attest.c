/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest.h"

#include "attest-by-issuer.h"
#include "attest-by-trial.h"
#include "attest-judge.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records.h"

#include <string.h>

#define MAXIMUM_ISSUER_SIZE 200

typedef struct {
  BrevetServiceContext *context;
  BrevetClaims *claims;
  char *key;
  BrevetEnrollment *current;  /* the enrollment that is being asked */
  BrevetIssuerSearch *by_issuer;
  BrevetTrialSearch *by_trial;
  GError *refusal;            /* what the first one that refused said */
  BrevetEnrollment *refusing; /* which one that was */
  guint refusals;             /* how many have refused */
  guint tried;                /* how many of them were only tried, as nothing led to them */
} Attest;

static void
attest_free (gpointer data)
{
  Attest *attest = data;

  brevet_service_context_unref (attest->context);
  brevet_claims_unref (attest->claims);
  g_free (attest->key);
  g_clear_pointer (&attest->current, brevet_enrollment_unref);
  g_clear_pointer (&attest->by_issuer, brevet_issuer_search_free);
  g_clear_pointer (&attest->by_trial, brevet_trial_search_free);
  g_clear_error (&attest->refusal);
  g_clear_pointer (&attest->refusing, brevet_enrollment_unref);
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

/* Notes why the current enrollment refuses; the reason of the first one is told. */
static void
note_refusal (Attest *attest, const char *separator, const char *reason)
{
  attest->refusals++;
  attest->tried += attest->by_trial != NULL ? 1 : 0;
  if (attest->refusal != NULL)
    return;
  g_set_error (&attest->refusal, BREVET_ERROR, BREVET_ERROR_REJECTED, "%s “%s”%s%s",
               attest->current->is_group ? "Enrollment group" : "Enrollment", attest->current->id, separator, reason);
  attest->refusing = brevet_enrollment_ref (attest->current);
}

/* Of several groups that have nothing to do with the device, the first one is not to blame. */
static gboolean
is_nobodys (Attest *attest)
{
  return attest->tried > 1 && attest->tried == attest->refusals && !brevet_trial_search_knows_group (attest->by_trial);
}

/* The name of the issuer is a stranger's text, and as long as he likes. */
static char *
describe_unknown (BrevetClaims *claims)
{
  BrevetChain *chain = brevet_claims_get_chain (claims);
  const char *issuer = chain != NULL ? brevet_certificate_get_issuer (brevet_chain_get_leaf (chain)) : "";
  g_autofree char *cut = g_utf8_make_valid (issuer, (gssize) MIN (strlen (issuer), MAXIMUM_ISSUER_SIZE));
  g_autofree char *remark = chain != NULL ? g_strdup_printf (" (its certificate was issued by “%s”)", cut) : g_strdup ("");

  return g_strdup_printf ("There is no enrollment for the device “%s”, and no enrollment group that could speak for it%s",
                          brevet_claims_get_registration_id (claims), remark);
}

/* Nobody was found who speaks for the device. */
static void
return_refusal (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);
  const char *remark = attest->by_issuer != NULL ? brevet_issuer_search_get_remark (attest->by_issuer) : NULL;
  g_autofree char *reason = NULL;

  if (attest->refusal != NULL && is_nobodys (attest))
    {
      reason = g_strdup_printf ("There is no enrollment for the device “%s”, and none of %u enrollment groups accepts it; the "
                                "first of them: %s", brevet_claims_get_registration_id (attest->claims), attest->refusals,
                                attest->refusal->message);
      g_clear_pointer (&attest->refusing, brevet_enrollment_unref);
    }
  else
    reason = attest->refusal != NULL ? g_strdup (attest->refusal->message) : describe_unknown (attest->claims);
  g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED, "%s%s%s", reason, remark != NULL ? "; " : "",
                           remark != NULL ? remark : "");
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

static gboolean
is_refusal (const GError *error)
{
  return g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED) ||
         g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
}

/* The current enrollment alone refuses the device, whatever others said before. */
static void
refuse (GTask *task, const char *separator, const char *reason)
{
  Attest *attest = g_task_get_task_data (task);

  g_clear_error (&attest->refusal);
  g_clear_pointer (&attest->refusing, brevet_enrollment_unref);
  note_refusal (attest, separator, reason);
  g_task_return_error (task, g_steal_pointer (&attest->refusal));
}

/* It could not be found out whether the current enrollment admits the device. Takes @error. */
static void
return_problem (GTask *task, GError *error)
{
  Attest *attest = g_task_get_task_data (task);

  g_clear_pointer (&attest->refusing, brevet_enrollment_unref);
  attest->refusing = brevet_enrollment_ref (attest->current);
  g_task_return_error (task, error);
}

/* The current enrollment decides, for or against the device. Takes @verdict (nullable) and @error. */
static void
decide (GTask *task, BrevetVerdict *verdict, GError *error)
{
  g_autoptr(GError) cause = error;

  if (verdict != NULL)
    return_attested (task, verdict);
  else if (is_refusal (cause))
    refuse (task, ": ", cause->message);
  else
    return_problem (task, g_steal_pointer (&cause));
}

static void
ask_current (GTask *task, GAsyncReadyCallback callback)
{
  Attest *attest = g_task_get_task_data (task);

  brevet_judge_async (attest->context, attest->current, attest->claims, g_task_get_cancellable (task), callback,
                      g_object_ref (task));
}

static void try_next_group (GTask *task);

static void
on_tried (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetVerdict *verdict = brevet_judge_finish (result, &error);

  if (verdict != NULL)
    return_attested (task, verdict);
  else if (is_refusal (error))
    {
      note_refusal (attest, ": ", error->message);
      try_next_group (task);
    }
  else
    return_problem (task, g_steal_pointer (&error));
}

/* A group that cannot say which devices are its own is as if it were not there while it is disabled, so that another may speak. */
static void
on_group_to_try (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  GError *error = NULL;

  attest->current = brevet_trial_search_next_finish (result, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else if (attest->current == NULL)
    return_refusal (task);
  else if (attest->current->enabled)
    ask_current (task, on_tried);
  else
    {
      note_refusal (attest, " ", "is disabled");
      try_next_group (task);
    }
}

static void
try_next_group (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);

  g_clear_pointer (&attest->current, brevet_enrollment_unref);
  brevet_trial_search_next_async (attest->by_trial, g_task_get_cancellable (task), on_group_to_try, g_object_ref (task));
}

/* Who shows no token proves nothing to groups that are tried, and does not make the service read all of them. */
static void
begin_trial (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);

  if (brevet_claims_get_token (attest->claims) == NULL)
    {
      return_refusal (task);
      return;
    }
  attest->by_trial = brevet_trial_search_new (attest->context, attest->key);
  try_next_group (task);
}

static void ask_next_group (GTask *task);

/* The first group to which the chain leads decides, also when it is disabled (protocol/dps.md §7.1). */
static void
on_group_asked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = brevet_judge_finish (result, &error);

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      note_refusal (attest, ": ", error->message);
      ask_next_group (task);
    }
  else if (!attest->current->enabled && (verdict != NULL || is_refusal (error)))
    refuse (task, " ", "is disabled, and the device's certificate leads to it before all others");
  else
    decide (task, g_steal_pointer (&verdict), g_steal_pointer (&error));
}

static void
on_group_to_ask (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  GError *error = NULL;

  attest->current = brevet_issuer_search_next_finish (result, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else if (attest->current == NULL)
    begin_trial (task);
  else
    ask_current (task, on_group_asked);
}

static void
ask_next_group (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);

  g_clear_pointer (&attest->current, brevet_enrollment_unref);
  brevet_issuer_search_next_async (attest->by_issuer, g_task_get_cancellable (task), on_group_to_ask, g_object_ref (task));
}

static void
begin_with_groups (GTask *task)
{
  Attest *attest = g_task_get_task_data (task);
  BrevetChain *chain = brevet_claims_get_chain (attest->claims);

  if (chain == NULL)
    {
      begin_trial (task);
      return;
    }
  attest->by_issuer = brevet_issuer_search_new (attest->context, chain);
  ask_next_group (task);
}

static void
on_enrollment_asked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  BrevetVerdict *verdict = brevet_judge_finish (result, &error);

  decide (task, verdict, error);
}

static void
on_enrollment_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Attest *attest = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      begin_with_groups (task);
      return;
    }
  attest->current = record != NULL ? brevet_records_read_enrollment (record, &error) : NULL;
  if (attest->current == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (attest->current->enabled)
    ask_current (task, on_enrollment_asked);
  else
    refuse (task, " ", "is disabled");
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
  g_task_set_task_data (task, attest, attest_free);
  if (brevet_claims_get_token (claims) == NULL && brevet_claims_get_chain (claims) == NULL &&
      brevet_claims_get_parameters (claims) == NULL)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED,
                               "The device presents neither a token nor a certificate, nor the keys of a TPM, which stand in the "
                               "body of a request over HTTPS: MQTT has no place for them");
      return;
    }
  brevet_store_get_async (context->store, BREVET_COLLECTION_ENROLLMENTS, attest->key, cancellable, on_enrollment_loaded,
                          g_object_ref (task));
}

BrevetAttested *
brevet_attest_finish (GAsyncResult *result, BrevetEnrollment **refusing, GError **error)
{
  Attest *attest = g_task_get_task_data (G_TASK (result));
  BrevetAttested *attested = g_task_propagate_pointer (G_TASK (result), error);

  *refusing = attested == NULL ? g_steal_pointer (&attest->refusing) : NULL;
  return attested;
}
