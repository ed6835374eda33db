/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "revocations.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "record-json.h"
#include "records-ca.h"

#define PER_PAGE 1000
#define DAY G_GINT64_CONSTANT (86400)

/* How long after its end a certificate may still have to be named by a list (RFC 5280 §3.3). */
#define REMEMBERED (30 * DAY)

/* Whether a device, or whoever an enrollment group speaks for, is welcome. */
typedef struct {
  gboolean exists;
  gboolean welcome;
  gint64 since; /* if not welcome: seconds since 1970-01-01 UTC */
  BrevetRevocationReason reason;
} Standing;

typedef struct {
  BrevetStore *store;
  gint64 now;
  GHashTable *devices; /* folded registration id → Standing */
  GHashTable *groups;  /* folded group id → Standing */
  BrevetRevocations *found;
} Search;

static void
search_clear (Search *search)
{
  g_hash_table_unref (search->devices);
  g_hash_table_unref (search->groups);
  g_clear_pointer (&search->found, brevet_revocations_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

BrevetRevocations *
brevet_revocations_new (void)
{
  BrevetRevocations *self = g_new0 (BrevetRevocations, 1);

  self->list = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_revocation_unref);
  self->issuers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->authorities = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
brevet_revocations_free (BrevetRevocations *self)
{
  g_ptr_array_unref (self->list);
  g_hash_table_unref (self->issuers);
  g_hash_table_unref (self->authorities);
  g_free (self);
}

/* A missing record is no error: @record is NULL then. */
static gboolean
get_record (Search *search, const char *collection, const char *key, BrevetRecord **record, GError **error)
{
  g_autoptr(GError) local_error = NULL;

  *record = brevet_store_get (search->store, collection, key, &local_error);
  if (*record != NULL || g_error_matches (local_error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
judge_enrollment (Search *search, gboolean is_group, const char *key, Standing *standing, GError **error)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(BrevetEnrollment) enrollment = NULL;

  *standing = (Standing) { .since = search->now, .reason = BREVET_REVOCATION_CESSATION_OF_OPERATION };
  if (!get_record (search, brevet_records_enrollment_collection (is_group), key, &record, error))
    return FALSE;
  if (record == NULL)
    return TRUE;
  enrollment = brevet_records_read_enrollment (record, error);
  if (enrollment == NULL)
    return FALSE;
  standing->exists = TRUE;
  standing->welcome = enrollment->enabled;
  standing->since = brevet_record_get_updated (record) / G_USEC_PER_SEC;
  standing->reason = BREVET_REVOCATION_CERTIFICATE_HOLD;
  return TRUE;
}

static gboolean
judge_group (Search *search, const char *id, Standing *standing, GError **error)
{
  g_autofree char *key = brevet_identifier_fold (id);
  Standing *known = g_hash_table_lookup (search->groups, key);

  if (known == NULL)
    {
      if (!judge_enrollment (search, TRUE, key, standing, error))
        return FALSE;
      known = g_memdup2 (standing, sizeof *standing);
      g_hash_table_insert (search->groups, g_steal_pointer (&key), known);
    }
  *standing = *known;
  return TRUE;
}

/* An individual enrollment goes before any group, as it does when the device registers. */
static gboolean
judge_device (Search *search, const char *key, Standing *standing, GError **error)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(BrevetRegistration) registration = NULL;

  if (!judge_enrollment (search, FALSE, key, standing, error))
    return FALSE;
  if (standing->exists)
    return TRUE;
  if (!get_record (search, BREVET_COLLECTION_REGISTRATIONS, key, &record, error))
    return FALSE;
  if (record == NULL)
    return TRUE;
  registration = brevet_records_read_registration (record, error);
  if (registration == NULL)
    return FALSE;
  if (!registration->enrollment_is_group)
    return TRUE;
  return judge_group (search, registration->enrollment_id, standing, error);
}

static const Standing *
look_up_device (Search *search, const char *registration_id, GError **error)
{
  g_autofree char *key = brevet_identifier_fold (registration_id);
  Standing *known = g_hash_table_lookup (search->devices, key);
  Standing standing;

  if (known != NULL)
    return known;
  if (!judge_device (search, key, &standing, error))
    return NULL;
  known = g_memdup2 (&standing, sizeof standing);
  g_hash_table_insert (search->devices, g_steal_pointer (&key), known);
  return known;
}

static gboolean
add_revocation (Search *search, BrevetRecord *record, gint64 since, BrevetRevocationReason reason, GError **error)
{
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, error);

  if (entry == NULL)
    return FALSE;
  g_ptr_array_add (search->found->list, brevet_revocation_new (brevet_chain_get_leaf (entry->chain), since, reason));
  return TRUE;
}

/* If it was refused because its serial number is that of another certificate, a list that names it would revoke the other one. */
static gboolean
consider_refused (Search *search, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, error);
  g_autoptr(BrevetRecord) namesake = NULL;
  g_autofree char *key = NULL;

  if (entry == NULL)
    return FALSE;
  key = brevet_records_certificate_key (brevet_chain_get_leaf (entry->chain));
  if (!get_record (search, BREVET_COLLECTION_CERTIFICATES, key, &namesake, error))
    return FALSE;
  return namesake != NULL || add_revocation (search, record, brevet_record_get_created (record) / G_USEC_PER_SEC,
                                             BREVET_REVOCATION_SUPERSEDED, error);
}

static gboolean
consider_issued (Search *search, BrevetRecord *record, JsonObject *object, GError **error)
{
  const char *issuer = json_object_get_string_member_with_default (object, "issuer", "");
  const Standing *standing = look_up_device (search, json_object_get_string_member (object, "registrationId"), error);

  if (standing == NULL)
    return FALSE;
  if (json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64) > search->now)
    g_hash_table_add (search->found->issuers, g_strdup (issuer));
  return standing->welcome || add_revocation (search, record, standing->since, standing->reason, error);
}

/* What an operator says about a certificate goes before what is said about its device. */
static gboolean
consider_revoked (Search *search, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, error);
  BrevetCertificate *leaf = entry != NULL ? brevet_chain_get_leaf (entry->chain) : NULL;

  if (entry == NULL)
    return FALSE;
  if (brevet_certificate_get_not_after (leaf) > search->now)
    g_hash_table_add (search->found->issuers, g_strdup (brevet_certificate_get_issuer (leaf)));
  g_ptr_array_add (search->found->list, brevet_revocation_new (leaf, entry->revoked_at, entry->revocation_reason));
  return TRUE;
}

static void
note_authority (Search *search, JsonObject *object)
{
  const char *name = json_object_get_string_member_with_default (object, "certificateAuthority", NULL);
  const char *identity = json_object_get_string_member_with_default (object, "identity", NULL);

  if (name == NULL || json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64) <= search->now)
    return;
  g_hash_table_add (search->found->authorities, identity != NULL ? brevet_records_ca_version_key (name, identity)
                                                                 : brevet_identifier_fold (name));
}

static gboolean
consider (Search *search, BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);

  if (object == NULL || !brevet_record_json_require (object, record, error, "registrationId", "status", NULL))
    return FALSE;
  if (json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64) < search->now - REMEMBERED)
    return TRUE;
  note_authority (search, object);
  if (g_str_equal (json_object_get_string_member (object, "status"), BREVET_INVENTORY_ISSUED))
    return consider_issued (search, record, object, error);
  if (g_str_equal (json_object_get_string_member (object, "status"), BREVET_INVENTORY_REVOKED))
    return consider_revoked (search, record, error);
  return consider_refused (search, record, error);
}

/* Adds one page. @after is the key of its last record, or NULL behind the last page. */
static gboolean
consider_page (Search *search, char **after, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_store_list (search->store, BREVET_COLLECTION_CERTIFICATES, NULL, *after, PER_PAGE, error);

  if (records == NULL)
    return FALSE;
  for (guint i = 0; i < records->len; i++)
    if (!consider (search, g_ptr_array_index (records, i), error))
      return FALSE;
  g_clear_pointer (after, g_free);
  if (records->len == PER_PAGE)
    *after = g_strdup (brevet_record_get_key (g_ptr_array_index (records, records->len - 1)));
  return TRUE;
}

BrevetRevocations *
brevet_revocations_read (BrevetStore *store, gint64 now, GCancellable *cancellable, GError **error)
{
  g_auto(Search) search = {
    .store = store,
    .now = now,
    .devices = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
    .groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
    .found = brevet_revocations_new (),
  };
  g_autofree char *after = NULL;

  do
    if (g_cancellable_set_error_if_cancelled (cancellable, error) || !consider_page (&search, &after, error))
      return NULL;
  while (after != NULL);
  return g_steal_pointer (&search.found);
}
