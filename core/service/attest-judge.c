/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest-judge.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "crl-publisher.h"
#include "record-damage.h"
#include "records.h"

/* Simultaneous requests of one device overtake each other at most this often. */
#define MAXIMUM_TRIES 5

typedef struct {
  BrevetServiceContext *context;
  BrevetEnrollment *enrollment;
  BrevetClaims *claims;
  BrevetVerifier *verifier;
  char **references;        /* names of CA certificates */
  guint next_reference;
  GHashTable *certificates; /* those of them that are verified, by key */
  char *memory_key;         /* NULL if nothing is remembered of devices */
  char *memory_binding;
  BrevetMemory *memory;     /* what is remembered of this one, for this attestation */
  char *memory_etag;        /* version of whatever is stored there */
  BrevetVerdict *verdict;
  guint tries;
} Judge;

static void
judge_free (gpointer data)
{
  Judge *judge = data;

  brevet_service_context_unref (judge->context);
  brevet_enrollment_unref (judge->enrollment);
  brevet_claims_unref (judge->claims);
  g_clear_object (&judge->verifier);
  g_strfreev (judge->references);
  g_clear_pointer (&judge->certificates, g_hash_table_unref);
  g_free (judge->memory_key);
  g_free (judge->memory_binding);
  g_clear_pointer (&judge->memory, brevet_memory_free);
  g_free (judge->memory_etag);
  g_clear_pointer (&judge->verdict, brevet_verdict_unref);
  g_free (judge);
}

static void load_memory (GTask *task);

static void
on_memory_stored (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Judge *judge = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_task_return_pointer (task, g_steal_pointer (&judge->verdict), (GDestroyNotify) brevet_verdict_unref);
  else if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    g_task_return_error (task, g_steal_pointer (&error));
  else if (++judge->tries < MAXIMUM_TRIES)
    load_memory (task);
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY, "The device “%s” proves itself in too many requests at once",
                             brevet_claims_get_registration_id (judge->claims));
}

static void
store_memory (GTask *task)
{
  Judge *judge = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  BrevetMemory memory = { .binding = judge->memory_binding, .content = brevet_verdict_get_memory (judge->verdict) };

  brevet_records_put_memory (batch, judge->memory_key, &memory,
                             judge->memory_etag != NULL ? judge->memory_etag : BREVET_IF_ABSENT);
  /* Not cancelled: a peer that goes away now may have the answer already. */
  brevet_store_commit_async (judge->context->store, batch, NULL, on_memory_stored, g_object_ref (task));
}

static void
finish_verdict (GTask *task)
{
  Judge *judge = g_task_get_task_data (task);

  if (judge->memory_key != NULL && brevet_verdict_get_memory (judge->verdict) != NULL)
    store_memory (task);
  else
    g_task_return_pointer (task, g_steal_pointer (&judge->verdict), (GDestroyNotify) brevet_verdict_unref);
}

static void
on_own_certificate_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Judge *judge = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetInventoryEntry) entry = record != NULL ? brevet_records_read_certificate (record, &error) : NULL;
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_claims_get_chain (judge->claims));

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    finish_verdict (task);
  else if (entry == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (g_str_equal (entry->status, BREVET_INVENTORY_REVOKED) &&
           brevet_certificate_equal (brevet_chain_get_leaf (entry->chain), leaf))
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_REJECTED, "the device's certificate %s was revoked",
                             brevet_certificate_get_serial (leaf));
  else
    finish_verdict (task);
}

/* A device may prove itself with a certificate that this service has issued: a group whose issuer is one of its own authorities.
 * What an operator has revoked proves nothing any more. Devices with certificates of others cost no look at the inventory. */
static gboolean
may_be_own (Judge *judge)
{
  BrevetChain *chain = brevet_claims_get_chain (judge->claims);

  return chain != NULL && brevet_crl_publisher_may_be_own (judge->context->crls, brevet_chain_get_leaf (chain));
}

static void
search_own_certificate (GTask *task)
{
  Judge *judge = g_task_get_task_data (task);
  g_autofree char *key =
    brevet_records_certificate_key (brevet_chain_get_leaf (brevet_claims_get_chain (judge->claims)));

  brevet_store_get_async (judge->context->store, BREVET_COLLECTION_CERTIFICATES, key, g_task_get_cancellable (task),
                          on_own_certificate_searched, g_object_ref (task));
}

static void
on_verified (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Judge *judge = g_task_get_task_data (task);
  GError *error = NULL;

  judge->verdict = brevet_verifier_verify_finish (BREVET_VERIFIER (source), result, &error);
  if (judge->verdict == NULL)
    g_task_return_error (task, error);
  else if (may_be_own (judge))
    search_own_certificate (task);
  else
    finish_verdict (task);
}

static void
verify (GTask *task)
{
  Judge *judge = g_task_get_task_data (task);
  JsonObject *memory = judge->memory != NULL ? judge->memory->content : NULL;
  g_autoptr(BrevetAttestation) attestation = NULL;

  attestation = brevet_attestation_complete (judge->enrollment->attestation, judge->certificates, memory);
  brevet_verifier_verify_async (judge->verifier, attestation, judge->claims, g_task_get_cancellable (task), on_verified,
                                g_object_ref (task));
}

/* What was remembered for an enrollment that is not the same any more is forgotten. */
static void
take_memory (Judge *judge, BrevetRecord *record)
{
  g_autoptr(GError) cause = NULL;

  judge->memory_etag = g_strdup (brevet_record_get_etag (record));
  judge->memory = brevet_records_read_memory (record, &cause);
  /* A damaged one can be of use to nobody; the device must not be shut out for ever because of it. */
  if (judge->memory == NULL)
    brevet_record_damage_report (record, cause, "the device proves itself from the beginning");
  else if (!g_str_equal (judge->memory->binding, judge->memory_binding))
    g_clear_pointer (&judge->memory, brevet_memory_free);
}

static void
on_memory_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Judge *judge = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (record != NULL)
    take_memory (judge, record);
  verify (task);
}

static void
load_memory (GTask *task)
{
  Judge *judge = g_task_get_task_data (task);

  g_clear_pointer (&judge->verdict, brevet_verdict_unref);
  g_clear_pointer (&judge->memory, brevet_memory_free);
  g_clear_pointer (&judge->memory_etag, g_free);
  if (judge->memory_key == NULL)
    verify (task);
  else
    brevet_store_get_async (judge->context->store, BREVET_COLLECTION_MEMORIES, judge->memory_key, g_task_get_cancellable (task),
                            on_memory_loaded, g_object_ref (task));
}

static void load_next_reference (GTask *task);

static void
on_reference_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Judge *judge = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetCaCertificateDocument) document = NULL;

  if (record != NULL)
    document = brevet_records_read_ca_certificate (record, &error);
  /* A group may refer to several, and to each of them for itself. */
  if (document == NULL && record != NULL)
    brevet_record_damage_report (record, error, "nobody proves anything with this CA certificate");
  else if (document == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (document != NULL && document->is_verified)
    g_hash_table_insert (judge->certificates, g_strdup (brevet_record_get_key (record)),
                         brevet_certificate_ref (document->certificate));
  load_next_reference (task);
}

static void
load_next_reference (GTask *task)
{
  Judge *judge = g_task_get_task_data (task);
  const char *name = judge->references != NULL ? judge->references[judge->next_reference] : NULL;
  g_autofree char *key = NULL;

  if (name == NULL)
    {
      load_memory (task);
      return;
    }
  judge->next_reference++;
  key = brevet_identifier_fold (name);
  brevet_store_get_async (judge->context->store, BREVET_COLLECTION_CA_CERTIFICATES, key, g_task_get_cancellable (task),
                          on_reference_loaded, g_object_ref (task));
}

static gboolean
find_verifier (Judge *judge, GError **error)
{
  g_autoptr(GError) cause = NULL;
  BrevetVerifier *verifier = brevet_service_context_get_verifier (
    judge->context, brevet_attestation_get_mechanism (judge->enrollment->attestation), &cause);

  if (verifier == NULL)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, cause->message);
  else
    judge->verifier = g_object_ref (verifier);
  return verifier != NULL;
}

void
brevet_judge_async (BrevetServiceContext *context, BrevetEnrollment *enrollment, BrevetClaims *claims, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Judge *judge = g_new0 (Judge, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, brevet_judge_async);
  g_task_set_task_data (task, judge, judge_free);
  judge->context = brevet_service_context_ref (context);
  judge->enrollment = brevet_enrollment_ref (enrollment);
  judge->claims = brevet_claims_ref (claims);
  judge->certificates = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_certificate_unref);
  if (!find_verifier (judge, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  judge->references = brevet_verifier_dup_references (judge->verifier, enrollment->attestation);
  if (!enrollment->is_group && brevet_verifier_has_memory (judge->verifier))
    {
      judge->memory_key = brevet_identifier_fold (enrollment->id);
      judge->memory_binding = brevet_records_memory_binding (enrollment);
    }
  load_next_reference (task);
}

BrevetVerdict *
brevet_judge_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
