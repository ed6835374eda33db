/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "known-certificates.h"

#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-walk.h"
#include "records.h"

typedef struct {
  char *spki_sha256;
  GPtrArray *known;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *self = data;

  g_free (self->spki_sha256);
  g_clear_pointer (&self->known, g_ptr_array_unref);
  g_free (self);
}

/* Nobody knows for which key one was that is damaged. If the CA finds that one, its place in the inventory is taken: it is not
 * handed out a second time, and not revoked. */
static void
take_record (BrevetRecord *record, gpointer data)
{
  Reading *self = data;
  g_autoptr(GError) damage = NULL;
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, &damage);
  BrevetCertificate *leaf = entry != NULL ? brevet_chain_get_leaf (entry->chain) : NULL;

  if (entry == NULL)
    brevet_record_damage_report (record, damage, "a search for a lost certificate of its device may find this one instead");
  else if (g_str_equal (brevet_certificate_get_spki_sha256 (leaf), self->spki_sha256))
    g_ptr_array_add (self->known, g_strdup (brevet_certificate_get_sha256 (leaf)));
}

static void
on_walked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Reading *self = g_task_get_task_data (task);
  GError *error = NULL;

  if (brevet_record_walk_finish (result, &error))
    g_task_return_pointer (task, g_steal_pointer (&self->known), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

void
brevet_known_certificates_async (BrevetStore *store, const char *registration_id, const char *spki_sha256,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autofree char *device = brevet_identifier_fold (registration_id);
  Reading *self = g_new0 (Reading, 1);

  g_task_set_source_tag (task, brevet_known_certificates_async);
  self->spki_sha256 = g_strdup (spki_sha256);
  self->known = g_ptr_array_new_with_free_func (g_free);
  g_task_set_task_data (task, self, reading_free);
  brevet_record_walk_async (store, BREVET_COLLECTION_CERTIFICATES, device, take_record, self, cancellable, on_walked,
                            g_object_ref (task));
}

GPtrArray *
brevet_known_certificates_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
brevet_known_certificates_lacked (BrevetCaRequest *request, BrevetRecord *record)
{
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, NULL);
  BrevetCertificate *leaf = entry != NULL ? brevet_chain_get_leaf (entry->chain) : NULL;
  const char *spki_sha256 = brevet_csr_get_spki_sha256 (brevet_ca_request_get_csr (request));

  return leaf != NULL && brevet_identifier_equal (entry->registration_id, brevet_ca_request_get_registration_id (request)) &&
         g_str_equal (brevet_certificate_get_spki_sha256 (leaf), spki_sha256) &&
         !brevet_ca_request_is_known (request, leaf);
}
