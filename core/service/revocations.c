/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "revocations.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-json.h"
#include "records-aside.h"
#include "records-ca.h"
#include "records-devices.h"

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

/* What an operator has put aside because nobody can read it says as much as it did before. */
static gboolean
get_record_or_aside (Search *search, const char *collection, const char *key, BrevetRecord **record, GError **error)
{
  g_autofree char *aside = brevet_records_aside (collection);

  return get_record (search, collection, key, record, error) &&
         (*record != NULL || get_record (search, aside, key, record, error));
}

static gboolean
is_barred (Search *search, const char *collection, const char *key, gboolean *barred, GError **error)
{
  g_autofree char *barred_key = brevet_records_barred_key (collection, key);
  g_autoptr(BrevetRecord) record = NULL;

  if (!get_record (search, BREVET_COLLECTION_BARRED, barred_key, &record, error))
    return FALSE;
  *barred = record != NULL;
  return TRUE;
}

/* The rest of it may be legible. A fleet is not shut out because of one record, nor let in again. */
static gboolean
judge_damaged (Search *search, const char *collection, BrevetRecord *record, Standing *standing, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, NULL);
  const char *status = object != NULL ? brevet_record_json_get_string (object, "provisioningStatus") : NULL;
  gboolean barred = FALSE;

  if (!is_barred (search, collection, brevet_record_get_key (record), &barred, error))
    return FALSE;
  standing->welcome = !barred && (status == NULL || g_ascii_strcasecmp (status, "disabled") != 0);
  return TRUE;
}

static gboolean
judge_enrollment (Search *search, gboolean is_group, const char *key, Standing *standing, GError **error)
{
  const char *collection = brevet_records_enrollment_collection (is_group);
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(BrevetEnrollment) enrollment = NULL;
  g_autoptr(GError) damage = NULL;

  *standing = (Standing) { .since = search->now, .reason = BREVET_REVOCATION_CESSATION_OF_OPERATION };
  if (!get_record_or_aside (search, collection, key, &record, error))
    return FALSE;
  if (record == NULL)
    return TRUE;
  standing->exists = TRUE;
  standing->since = brevet_record_get_updated (record) / G_USEC_PER_SEC;
  standing->reason = BREVET_REVOCATION_CERTIFICATE_HOLD;
  if (!g_str_equal (brevet_record_get_collection (record), collection))
    return judge_damaged (search, collection, record, standing, error);
  enrollment = brevet_records_read_enrollment (record, &damage);
  if (enrollment == NULL)
    {
      brevet_record_damage_report (record, damage, "certificates of its devices are revoked if it was disabled, as before");
      return judge_damaged (search, collection, record, standing, error);
    }
  standing->welcome = enrollment->enabled;
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
  const char *group;

  if (!judge_enrollment (search, FALSE, key, standing, error))
    return FALSE;
  if (standing->exists)
    return TRUE;
  if (!get_record_or_aside (search, BREVET_COLLECTION_REGISTRATIONS, key, &record, error))
    return FALSE;
  group = record != NULL ? brevet_record_get_parent (record) : NULL;
  return group == NULL || judge_group (search, group, standing, error);
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

/* Issuer and serial number are in the key. One that was refused has none in it, and nobody but its CA and this service has ever had
 * it. */
static void
add_lost (Search *search, BrevetRecord *record, gint64 since, BrevetRevocationReason reason)
{
  g_auto(GStrv) sides = g_strsplit (brevet_record_get_key (record), ":", 2);

  if (g_strv_length (sides) == 2 && !g_str_equal (sides[0], BREVET_INVENTORY_REFUSED))
    g_ptr_array_add (search->found->list, brevet_revocation_new_for_serial (sides[0], sides[1], since, reason));
}

static void
add_revocation (Search *search, BrevetRecord *record, gint64 since, BrevetRevocationReason reason)
{
  g_autoptr(GError) damage = NULL;
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, &damage);

  if (entry != NULL)
    {
      g_ptr_array_add (search->found->list, brevet_revocation_new (brevet_chain_get_leaf (entry->chain), since, reason));
      return;
    }
  brevet_record_damage_report (record, damage, "its certificate stays revoked");
  add_lost (search, record, since, reason);
}

/* If it was refused because its serial number is that of another certificate, a list that names it would revoke the other one. */
static gboolean
consider_refused (Search *search, BrevetRecord *record, GError **error)
{
  g_autoptr(GError) damage = NULL;
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, &damage);
  g_autoptr(BrevetRecord) namesake = NULL;
  g_autofree char *key = NULL;

  if (entry == NULL)
    {
      brevet_record_damage_report (record, damage, "its certificate, which was never handed out, is on no revocation list");
      return TRUE;
    }
  key = brevet_records_certificate_key (brevet_chain_get_leaf (entry->chain));
  if (!get_record_or_aside (search, BREVET_COLLECTION_CERTIFICATES, key, &namesake, error))
    return FALSE;
  if (namesake == NULL)
    add_revocation (search, record, brevet_record_get_created (record) / G_USEC_PER_SEC, BREVET_REVOCATION_SUPERSEDED);
  return TRUE;
}

static gboolean
consider_issued (Search *search, BrevetRecord *record, JsonObject *object, GError **error)
{
  const char *issuer = brevet_record_json_get_string (object, "issuer");
  const Standing *standing = look_up_device (search, json_object_get_string_member (object, "registrationId"), error);

  if (standing == NULL)
    return FALSE;
  if (issuer != NULL && json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64) > search->now)
    g_hash_table_add (search->found->issuers, g_strdup (issuer));
  if (!standing->welcome)
    add_revocation (search, record, standing->since, standing->reason);
  return TRUE;
}

/* What an operator says about a certificate goes before what is said about its device. */
static void
consider_revoked (Search *search, BrevetRecord *record, JsonObject *object)
{
  const char *issuer = brevet_record_json_get_string (object, "issuer");

  if (issuer != NULL && json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64) > search->now)
    g_hash_table_add (search->found->issuers, g_strdup (issuer));
  add_revocation (search, record, json_object_get_int_member_with_default (object, "revokedAt", 0),
                  json_object_get_int_member_with_default (object, "revocationReason", BREVET_REVOCATION_UNSPECIFIED));
}

static void
note_authority (Search *search, const char *name, const char *identity, gint64 not_after)
{
  if (name == NULL || not_after <= search->now)
    return;
  g_hash_table_add (search->found->authorities, identity != NULL ? brevet_records_ca_version_key (name, identity)
                                                                 : brevet_identifier_fold (name));
}

/* What is kept of the certificate for the census; NULL without an error if there is nothing, or nobody can read it. */
static gboolean
find_device_certificate (Search *search, BrevetRecord *record, BrevetDeviceCertificate **certificate, GError **error)
{
  const char *device = brevet_record_get_parent (record);
  g_autofree char *id = g_strconcat (device != NULL ? device : "", "/", brevet_record_get_key (record), NULL);
  g_autofree char *key = brevet_identifier_fold (id);
  g_autoptr(BrevetRecord) found = NULL;

  if (!get_record (search, BREVET_COLLECTION_DEVICE_CERTIFICATES, key, &found, error))
    return FALSE;
  *certificate = found != NULL ? brevet_records_read_device_certificate (found, NULL) : NULL;
  return TRUE;
}

/* Nobody can read whether it is revoked, but it is known otherwise: it is barred; or the census needs it no more, which is so when
 * it was revoked, was superseded or has expired. If neither is so, it counts as issued. */
static gboolean
consider_damaged (Search *search, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetDeviceCertificate) certificate = NULL;
  gint64 since = brevet_record_get_updated (record) / G_USEC_PER_SEC;
  const Standing *standing = NULL;
  gboolean barred = FALSE;

  if (!is_barred (search, BREVET_COLLECTION_CERTIFICATES, brevet_record_get_key (record), &barred, error) ||
      !find_device_certificate (search, record, &certificate, error))
    return FALSE;
  if (certificate != NULL && certificate->not_after < search->now - REMEMBERED)
    return TRUE;
  if (certificate != NULL)
    note_authority (search, certificate->authority, certificate->identity, certificate->not_after);
  if (barred || certificate == NULL)
    {
      add_lost (search, record, since, BREVET_REVOCATION_CERTIFICATE_HOLD);
      return TRUE;
    }
  standing = look_up_device (search, certificate->device, error);
  if (standing != NULL && !standing->welcome)
    add_lost (search, record, standing->since, standing->reason);
  return standing != NULL;
}

/* What the list needs to know of an entry, without its certificate. */
static JsonObject *
parse_entry (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);

  if (object == NULL || !brevet_record_json_require (object, record, error, "registrationId", "status", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "notAfter", "revokedAt", "revocationReason", NULL) ||
      !brevet_records_check_certificate_status (record, json_object_get_string_member (object, "status"), error))
    return NULL;
  return g_steal_pointer (&object);
}

static gboolean
consider (Search *search, BrevetRecord *record, GError **error)
{
  g_autoptr(GError) damage = NULL;
  g_autoptr(JsonObject) object = parse_entry (record, &damage);
  gint64 not_after;

  if (object == NULL)
    {
      brevet_record_damage_report (record, damage, "its certificate is revoked if it was, or if that cannot be told otherwise");
      return consider_damaged (search, record, error);
    }
  not_after = json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64);
  if (not_after < search->now - REMEMBERED)
    return TRUE;
  note_authority (search, brevet_record_json_get_string (object, "certificateAuthority"),
                  brevet_record_json_get_string (object, "identity"), not_after);
  if (g_str_equal (json_object_get_string_member (object, "status"), BREVET_INVENTORY_ISSUED))
    return consider_issued (search, record, object, error);
  if (g_str_equal (json_object_get_string_member (object, "status"), BREVET_INVENTORY_REFUSED))
    return consider_refused (search, record, error);
  consider_revoked (search, record, object);
  return TRUE;
}

/* Adds one page. @after is the key of its last record, or NULL behind the last page. */
static gboolean
consider_page (Search *search, const char *collection, char **after, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_store_list (search->store, collection, NULL, *after, PER_PAGE, error);

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

static gboolean
consider_all (Search *search, const char *collection, GCancellable *cancellable, GError **error)
{
  g_autofree char *after = NULL;

  do
    if (g_cancellable_set_error_if_cancelled (cancellable, error) || !consider_page (search, collection, &after, error))
      return FALSE;
  while (after != NULL);
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
  g_autofree char *aside = brevet_records_aside (BREVET_COLLECTION_CERTIFICATES);

  if (!consider_all (&search, BREVET_COLLECTION_CERTIFICATES, cancellable, error) ||
      !consider_all (&search, aside, cancellable, error))
    return NULL;
  return g_steal_pointer (&search.found);
}
