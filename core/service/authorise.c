/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authorise.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "record-walk.h"

typedef struct {
  BrevetServiceContext *context;
  BrevetEnrollment *enrollment;
  char *key;
  char *question;
  BrevetCsr *csr;
  BrevetOperation *latest;
  char *identity; /* of the certificate authority, NULL if it is not known */
  BrevetAuthorisation *found;
} Authorise;

static void
authorise_free (gpointer data)
{
  Authorise *authorise = data;

  brevet_service_context_unref (authorise->context);
  brevet_enrollment_unref (authorise->enrollment);
  g_free (authorise->key);
  g_free (authorise->question);
  g_free (authorise->identity);
  g_clear_pointer (&authorise->csr, brevet_csr_unref);
  g_clear_pointer (&authorise->latest, brevet_operation_free);
  g_clear_pointer (&authorise->found, brevet_authorisation_free);
  g_free (authorise);
}

void
brevet_authorisation_free (BrevetAuthorisation *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->registration, brevet_registration_free);
  g_clear_pointer (&self->joined, brevet_operation_free);
  g_free (self->reused_certificate_key);
  g_free (self);
}

static void
return_found (GTask *task)
{
  Authorise *authorise = g_task_get_task_data (task);

  g_task_return_pointer (task, g_steal_pointer (&authorise->found), (GDestroyNotify) brevet_authorisation_free);
}

/* A certificate that went missing on its way is handed out again, but not one that is about to end. */
static gboolean
can_join (const BrevetOperation *operation, const char *question)
{
  if (!g_str_equal (operation->question, question))
    return FALSE;
  if (operation->state->status == BREVET_REGISTRATION_ASSIGNING)
    return TRUE;
  return operation->state->status == BREVET_REGISTRATION_ASSIGNED && operation->certificate_key != NULL && !operation->delivered &&
         operation->certificate_expires > brevet_clock_now_seconds () + 60;
}

/* The name of a certificate authority may have come to stand for another. Entries of former versions do not say which it was. */
static gboolean
is_of_same_authority (Authorise *authorise, const BrevetInventoryEntry *entry)
{
  return brevet_identifier_equal (entry->authority, authorise->enrollment->certificate_authority) &&
         (entry->identity == NULL || g_strcmp0 (entry->identity, authorise->identity) == 0);
}

/* For CAs that charge by the piece (protocol/ca-backends.md §8.4 point 7): issued to this key, with more than a third of its life
 * left. */
static gboolean
can_reuse (Authorise *authorise, const BrevetInventoryEntry *entry, gint64 now)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (entry->chain);
  gint64 end = brevet_certificate_get_not_after (leaf);

  return g_str_equal (entry->status, BREVET_INVENTORY_ISSUED) &&
         is_of_same_authority (authorise, entry) &&
         g_str_equal (brevet_certificate_get_spki_sha256 (leaf), brevet_csr_get_spki_sha256 (authorise->csr)) &&
         end - now > (end - brevet_certificate_get_not_before (leaf)) / 3;
}

static void
consider_certificate (BrevetRecord *record, gpointer data)
{
  Authorise *authorise = data;
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, NULL);
  gint64 end;

  if (entry == NULL || !can_reuse (authorise, entry, brevet_clock_now_seconds ()))
    return;
  end = brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain));
  if (end <= authorise->found->reused_certificate_expires)
    return;
  g_free (authorise->found->reused_certificate_key);
  authorise->found->reused_certificate_key = g_strdup (brevet_record_get_key (record));
  authorise->found->reused_certificate_expires = end;
}

static void
on_inventory_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;

  if (brevet_record_walk_finish (result, &error))
    return_found (task);
  else
    g_task_return_error (task, error);
}

static void
on_authority_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Authorise *authorise = g_task_get_task_data (task);
  g_autoptr(BrevetAuthority) authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, NULL);

  authorise->identity = authority != NULL ? g_strdup (authority->identity) : NULL;
  brevet_record_walk_async (authorise->context->store, BREVET_COLLECTION_CERTIFICATES, authorise->key, consider_certificate,
                            authorise, g_task_get_cancellable (task), on_inventory_searched, g_object_ref (task));
}

static void
look_for_certificate (GTask *task)
{
  Authorise *authorise = g_task_get_task_data (task);

  brevet_authority_pool_resolve_async (authorise->context->authorities, authorise->enrollment->certificate_authority, NULL,
                                       g_task_get_cancellable (task), on_authority_resolved, g_object_ref (task));
}

static void
on_operation_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Authorise *authorise = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    authorise->latest = brevet_records_read_operation (record, &error);
  /* A damaged operation can be joined by nobody; the device must not be shut out for ever because of it. */
  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    g_warning ("%s; the device begins a new operation", error->message);
  else if (error != NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (authorise->latest != NULL && can_join (authorise->latest, authorise->question))
    authorise->found->joined = g_steal_pointer (&authorise->latest);
  if (authorise->found->joined == NULL && authorise->csr != NULL && authorise->enrollment->reuse_certificate &&
      authorise->enrollment->certificate_authority != NULL)
    look_for_certificate (task);
  else
    return_found (task);
}

static void
on_registration_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Authorise *authorise = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    authorise->found->registration = brevet_records_read_registration (record, &error);
  if (error != NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (authorise->found->registration != NULL && authorise->found->registration->operation_id != NULL)
    {
      g_autofree char *key = brevet_identifier_fold (authorise->found->registration->operation_id);

      brevet_store_get_async (authorise->context->store, BREVET_COLLECTION_OPERATIONS, key, g_task_get_cancellable (task),
                              on_operation_loaded, g_object_ref (task));
    }
  else
    return_found (task);
}

void
brevet_authorise_async (BrevetServiceContext *context, BrevetEnrollment *enrollment, const char *registration_id,
                        const char *question, BrevetCsr *csr, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Authorise *authorise = g_new0 (Authorise, 1);

  g_task_set_source_tag (task, brevet_authorise_async);
  authorise->context = brevet_service_context_ref (context);
  authorise->enrollment = brevet_enrollment_ref (enrollment);
  authorise->key = brevet_identifier_fold (registration_id);
  authorise->question = g_strdup (question);
  authorise->csr = csr != NULL ? brevet_csr_ref (csr) : NULL;
  authorise->found = g_new0 (BrevetAuthorisation, 1);
  g_task_set_task_data (task, authorise, authorise_free);
  brevet_store_get_async (context->store, BREVET_COLLECTION_REGISTRATIONS, authorise->key, cancellable, on_registration_loaded,
                          g_object_ref (task));
}

BrevetAuthorisation *
brevet_authorise_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
