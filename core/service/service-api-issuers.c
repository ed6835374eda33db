/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What binds enrollment groups and CA certificates together: the index by which devices with certificates find their group. It
 * changes in the same batch as the group or the certificate, and thus under the same condition: nobody can leave it behind. */

#include "service-api-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records-aside.h"

/* From where the index leads to a group: hashes of names, and references to CA certificates. */
static GHashTable *
list_ways_to_group (BrevetServiceContext *context, const BrevetEnrollment *group)
{
  g_autoptr(GHashTable) ways = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  BrevetVerifier *verifier =
    brevet_service_context_get_verifier (context, brevet_attestation_get_mechanism (group->attestation), NULL);
  g_auto(GStrv) subjects = verifier != NULL ? brevet_verifier_dup_subject_keys (verifier, group->attestation) : NULL;
  g_auto(GStrv) references = verifier != NULL ? brevet_verifier_dup_references (verifier, group->attestation) : NULL;

  for (guint i = 0; subjects != NULL && subjects[i] != NULL; i++)
    g_hash_table_add (ways, g_strdup (subjects[i]));
  for (guint i = 0; references != NULL && references[i] != NULL; i++)
    g_hash_table_add (ways, brevet_records_reference (references[i]));
  return g_steal_pointer (&ways);
}

/* All that is wanted is written, whether it was there or not: so a PUT also mends what may have got lost. */
static void
change_ways (BrevetBatch *batch, GHashTable *former, GHashTable *wanted, const BrevetIssuerEntry *entry)
{
  GHashTableIter iter;
  gpointer way;

  g_hash_table_iter_init (&iter, former);
  while (g_hash_table_iter_next (&iter, &way, NULL))
    if (!g_hash_table_contains (wanted, way))
      brevet_records_delete_issuer (batch, way, entry);
  g_hash_table_iter_init (&iter, wanted);
  while (g_hash_table_iter_next (&iter, &way, NULL))
    brevet_records_put_issuer (batch, way, entry);
}

void
brevet_service_relate_group (BrevetServiceCall *call, BrevetBatch *batch)
{
  g_autoptr(BrevetEnrollment) stored = call->record != NULL ? brevet_records_read_enrollment (call->record, NULL) : NULL;
  g_autoptr(GHashTable) none = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GHashTable) former = stored != NULL ? list_ways_to_group (call->context, stored) : NULL;
  g_autoptr(GHashTable) wanted = call->document != NULL ? list_ways_to_group (call->context, call->document) : NULL;
  BrevetIssuerEntry entry = { .group = call->key };

  change_ways (batch, former != NULL ? former : none, wanted != NULL ? wanted : none, &entry);
  if (call->document == NULL)
    brevet_records_bar (batch, BREVET_COLLECTION_GROUPS, call->key, FALSE);
}

void
brevet_service_relate_certificate (BrevetServiceCall *call, BrevetBatch *batch)
{
  g_autoptr(BrevetCaCertificateDocument) stored = NULL;
  const BrevetCaCertificateDocument *document = call->document;
  g_autoptr(GHashTable) former = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  BrevetIssuerEntry entry = { .certificate = call->key };

  if (call->record != NULL)
    stored = brevet_records_read_ca_certificate (call->record, NULL);
  if (stored != NULL)
    g_hash_table_add (former, (gpointer) brevet_certificate_get_subject_sha256 (stored->certificate));
  if (document != NULL)
    g_hash_table_add (wanted, (gpointer) brevet_certificate_get_subject_sha256 (document->certificate));
  change_ways (batch, former, wanted, &entry);
}

typedef struct {
  BrevetServiceCall *call;
  char **names;
  guint next;
} Check;

static void
check_free (gpointer data)
{
  Check *check = data;

  g_strfreev (check->names);
  g_free (check);
}

static void check_next (GTask *task);

static void
on_certificate_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Check *check = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    check_next (task);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_INVALID,
                             "The CA certificate “%s” does not exist; create it first", check->names[check->next - 1]);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
check_next (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  const char *name = check->names != NULL ? check->names[check->next] : NULL;
  g_autofree char *key = NULL;

  if (name == NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  check->next++;
  key = brevet_identifier_fold (name);
  brevet_store_get_async (check->call->context->store, BREVET_COLLECTION_CA_CERTIFICATES, key, g_task_get_cancellable (task),
                          on_certificate_read, g_object_ref (task));
}

void
brevet_service_certificates_check_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback,
                                         gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetAttestation *attestation = ((const BrevetEnrollment *) call->document)->attestation;
  BrevetVerifier *verifier =
    brevet_service_context_get_verifier (call->context, brevet_attestation_get_mechanism (attestation), NULL);
  Check *check = g_new0 (Check, 1);

  g_task_set_source_tag (task, brevet_service_certificates_check_async);
  check->call = call; /* the caller's task holds it longer than this one lasts */
  check->names = verifier != NULL ? brevet_verifier_dup_references (verifier, attestation) : NULL;
  g_task_set_task_data (task, check, check_free);
  check_next (task);
}

gboolean
brevet_service_certificates_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
