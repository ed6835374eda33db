/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest-by-issuer.h"

#include "brevet-error.h"
#include "record-damage.h"
#include "records.h"

/* More groups with issuers of one name are not asked, as each one costs the check of a chain. */
#define MAXIMUM_ENTRIES 100

struct _BrevetIssuerSearch
{
  BrevetServiceContext *context;
  BrevetChain *chain;
  guint depth;              /* certificates whose issuers were looked for */
  GHashTable *seen;         /* what was looked for, and groups that were found */
  GQueue groups;            /* keys of groups that are still to be loaded */
  GQueue certificates;      /* keys of CA certificates that may lead to more of them */
  char *remark;
  GError *damage;           /* why something that may have led to the device's group could not be read */
};

BrevetIssuerSearch *
brevet_issuer_search_new (BrevetServiceContext *context, BrevetChain *chain)
{
  BrevetIssuerSearch *self = g_new0 (BrevetIssuerSearch, 1);

  self->context = brevet_service_context_ref (context);
  self->chain = brevet_chain_ref (chain);
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init (&self->groups);
  g_queue_init (&self->certificates);
  return self;
}

void
brevet_issuer_search_free (BrevetIssuerSearch *self)
{
  brevet_service_context_unref (self->context);
  brevet_chain_unref (self->chain);
  g_hash_table_unref (self->seen);
  g_queue_clear_full (&self->groups, g_free);
  g_queue_clear_full (&self->certificates, g_free);
  g_free (self->remark);
  g_clear_error (&self->damage);
  g_free (self);
}

static void search (GTask *task);

/* It does not concern the devices of other groups. Those that it concerns are not told that they are strangers. */
static void
pass_over (BrevetIssuerSearch *self, BrevetRecord *record, const GError *error)
{
  brevet_record_damage_report (record, error, "devices that prove themselves with it are not admitted");
  if (self->damage == NULL)
    self->damage = g_error_copy (error);
}

static void
take_entry (BrevetIssuerSearch *self, BrevetRecord *record)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetIssuerEntry) entry = brevet_records_read_issuer (record, &error);

  if (entry == NULL)
    brevet_record_damage_report (record, error, "the enrollment group that it leads to is not found this way");
  else if (entry->group != NULL && g_hash_table_add (self->seen, g_strconcat ("group/", entry->group, NULL)))
    g_queue_push_tail (&self->groups, g_steal_pointer (&entry->group));
  else if (entry->certificate != NULL)
    g_queue_push_tail (&self->certificates, g_steal_pointer (&entry->certificate));
}

static void
on_entries_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssuerSearch *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (records == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (records->len == MAXIMUM_ENTRIES)
    g_warning ("There are many enrollment groups with issuers of one name; only the first %u of them are asked", MAXIMUM_ENTRIES);
  for (guint i = 0; i < records->len; i++)
    take_entry (self, g_ptr_array_index (records, i));
  search (task);
}

static void
list_entries (GTask *task, const char *from)
{
  BrevetIssuerSearch *self = g_task_get_task_data (task);

  brevet_store_list_async (self->context->store, BREVET_COLLECTION_ISSUERS, from, NULL, MAXIMUM_ENTRIES,
                           g_task_get_cancellable (task), on_entries_listed, g_object_ref (task));
}

static void
on_group_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetEnrollment *group = record != NULL ? brevet_records_read_enrollment (record, &error) : NULL;

  if (group != NULL)
    g_task_return_pointer (task, group, (GDestroyNotify) brevet_enrollment_unref);
  else if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    {
      if (record != NULL)
        pass_over (g_task_get_task_data (task), record, error);
      search (task);
    }
}

static void
load_group (GTask *task, const char *key)
{
  BrevetIssuerSearch *self = g_task_get_task_data (task);

  brevet_store_get_async (self->context->store, BREVET_COLLECTION_GROUPS, key, g_task_get_cancellable (task), on_group_loaded,
                          g_object_ref (task));
}

static void
follow_certificate (GTask *task, const BrevetCaCertificateDocument *certificate)
{
  BrevetIssuerSearch *self = g_task_get_task_data (task);
  g_autofree char *reference = brevet_records_reference (certificate->name);

  if (certificate->is_verified)
    {
      list_entries (task, reference);
      return;
    }
  if (self->remark == NULL)
    self->remark = g_strdup_printf ("the CA certificate “%s” has the name of an issuer of the device's certificate, but it is not "
                                    "verified; prove possession of its key (POST /certificates/%s/generateVerificationCode)",
                                    certificate->name, certificate->name);
  search (task);
}

static void
on_certificate_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetCaCertificateDocument) certificate = NULL;

  if (record != NULL)
    certificate = brevet_records_read_ca_certificate (record, &error);
  if (certificate != NULL)
    follow_certificate (task, certificate);
  else if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    {
      if (record != NULL)
        pass_over (g_task_get_task_data (task), record, error);
      search (task);
    }
}

static void
load_certificate (GTask *task, const char *key)
{
  BrevetIssuerSearch *self = g_task_get_task_data (task);

  brevet_store_get_async (self->context->store, BREVET_COLLECTION_CA_CERTIFICATES, key, g_task_get_cancellable (task),
                          on_certificate_loaded, g_object_ref (task));
}

/* The name of the next issuer in the chain that was not looked for yet. */
static const char *
get_next_issuer (BrevetIssuerSearch *self)
{
  guint length = brevet_chain_get_length (self->chain);

  /* After the chain come its spares: an issuer may have two certificates, of which the group knows the other one's issuer. */
  while (self->depth < length + brevet_chain_get_n_spares (self->chain))
    {
      guint index = self->depth++;
      BrevetCertificate *certificate =
        index < length ? brevet_chain_get (self->chain, index) : brevet_chain_get_spare (self->chain, index - length);
      const char *issuer = brevet_certificate_get_issuer_sha256 (certificate);

      if (g_hash_table_add (self->seen, g_strdup (issuer)))
        return issuer;
    }
  return NULL;
}

static void
search (GTask *task)
{
  BrevetIssuerSearch *self = g_task_get_task_data (task);
  g_autofree char *group = g_queue_pop_head (&self->groups);
  g_autofree char *certificate = group == NULL ? g_queue_pop_head (&self->certificates) : NULL;
  const char *issuer = group == NULL && certificate == NULL ? get_next_issuer (self) : NULL;

  if (group != NULL)
    load_group (task, group);
  else if (certificate != NULL)
    load_certificate (task, certificate);
  else if (issuer != NULL)
    list_entries (task, issuer);
  else if (self->damage != NULL)
    g_task_return_error (task, g_steal_pointer (&self->damage));
  else
    g_task_return_pointer (task, NULL, NULL);
}

void
brevet_issuer_search_next_async (BrevetIssuerSearch *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_issuer_search_next_async);
  g_task_set_task_data (task, self, NULL); /* the caller's task holds it longer than this one lasts */
  search (task);
}

BrevetEnrollment *
brevet_issuer_search_next_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const char *
brevet_issuer_search_get_remark (BrevetIssuerSearch *self)
{
  return self->remark;
}
