/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a census counts; where it gets the records from is not its business. */

#include "census-private.h"

#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-json.h"

#include <string.h>

/* An issuance takes less from its certificate to its delivery, unless nobody fetches it. */
#define REMEMBERED_SECONDS 86400

static void
authority_free (gpointer data)
{
  BrevetCensusAuthority *authority = data;

  g_free (authority->authority);
  g_free (authority->identity);
  g_free (authority);
}

static void
bundle_free (gpointer data)
{
  BrevetCensusBundle *bundle = data;

  g_free (bundle->bundle);
  g_free (bundle->version);
  g_free (bundle);
}

void
brevet_tally_init (BrevetTally *self)
{
  self->now = brevet_clock_now_seconds ();
  self->authorities = g_ptr_array_new_with_free_func (authority_free);
  self->bundles = g_ptr_array_new_with_free_func (bundle_free);
  self->index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->repairs = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_record_unref);
}

void
brevet_tally_clear (BrevetTally *self)
{
  g_clear_pointer (&self->index, g_hash_table_unref);
  g_clear_pointer (&self->authorities, g_ptr_array_unref);
  g_clear_pointer (&self->bundles, g_ptr_array_unref);
  g_clear_pointer (&self->repairs, g_ptr_array_unref);
}

void
brevet_tally_count_unreadable (BrevetTally *self, BrevetRecord *record, const GError *error)
{
  self->unreadable++;
  brevet_record_damage_report (record, error, "as long as it is there, no certificate is taken out of a trust bundle");
}

static char *
make_id (const char *kind, const char *name, const char *part)
{
  g_autofree char *folded = brevet_identifier_fold (name);

  return g_strconcat (kind, folded, part != NULL ? "\n" : NULL, part, NULL);
}

BrevetCensusAuthority *
brevet_tally_authority (BrevetTally *self, const char *authority, const char *identity)
{
  g_autofree char *id = make_id ("CA ", authority, identity);
  BrevetCensusAuthority *known = g_hash_table_lookup (self->index, id);

  if (known != NULL)
    return known;
  known = g_new0 (BrevetCensusAuthority, 1);
  known->authority = g_strdup (authority);
  known->identity = g_strdup (identity);
  g_ptr_array_add (self->authorities, known);
  g_hash_table_insert (self->index, g_steal_pointer (&id), known);
  return known;
}

static void
count_holder (BrevetTally *self, const char *bundle, const char *version)
{
  g_autofree char *id = make_id ("bundle ", bundle, version);
  BrevetCensusBundle *known = g_hash_table_lookup (self->index, id);

  if (known == NULL)
    {
      known = g_new0 (BrevetCensusBundle, 1);
      known->bundle = brevet_identifier_fold (bundle);
      known->version = g_strdup (version);
      g_ptr_array_add (self->bundles, known);
      g_hash_table_insert (self->index, g_steal_pointer (&id), known);
    }
  known->devices++;
}

gboolean
brevet_tally_has_holders (BrevetTally *self, const char *bundle, const char *version)
{
  g_autofree char *id = make_id ("bundle ", bundle, version);

  return g_hash_table_contains (self->index, id);
}

BrevetRecord *
brevet_cursor_peek (BrevetCursor *self)
{
  return self->page != NULL && self->index < self->page->len ? g_ptr_array_index (self->page, self->index) : NULL;
}

void
brevet_device_tally_init (BrevetDeviceTally *self, BrevetTally *tally)
{
  self->tally = tally;
  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_device_certificate_free);
}

void
brevet_device_tally_clear (BrevetDeviceTally *self)
{
  g_free (self->device);
  g_clear_pointer (&self->certificates, g_ptr_array_unref);
  g_clear_pointer (&self->delivered, brevet_device_certificate_free);
  g_clear_pointer (&self->batch, brevet_batch_unref);
}

/* The certificate that the device has; the latest one of a former version of the service, which kept no note of deliveries. */
static const BrevetDeviceCertificate *
find_current (BrevetDeviceTally *self)
{
  const BrevetDeviceCertificate *latest = NULL;

  for (guint i = 0; i < self->certificates->len; i++)
    {
      const BrevetDeviceCertificate *certificate = g_ptr_array_index (self->certificates, i);

      if (self->delivered != NULL && g_strcmp0 (self->delivered->delivered, certificate->certificate_key) == 0)
        return certificate;
      if (certificate->identity == NULL && (latest == NULL || certificate->time > latest->time))
        latest = certificate;
    }
  return self->delivered == NULL ? latest : NULL;
}

static void
count_current (BrevetDeviceTally *self, const BrevetDeviceCertificate *certificate)
{
  BrevetCensusAuthority *authority = brevet_tally_authority (self->tally, certificate->authority, certificate->identity);

  authority->devices++;
  authority->soonest = authority->soonest == 0 ? certificate->not_after : MIN (authority->soonest, certificate->not_after);
  authority->latest = MAX (authority->latest, certificate->not_after);
}

static void
drop (BrevetDeviceTally *self, const BrevetDeviceCertificate *certificate)
{
  if (self->batch == NULL)
    self->batch = brevet_batch_new ();
  brevet_records_delete_device_certificate (self->batch, certificate->device, certificate->certificate_key);
}

/* Of a device without certificates nobody asks which of them it has fetched. One that is being delivered is written anew. */
static void
drop_delivered (BrevetDeviceTally *self)
{
  g_autofree char *key = g_strconcat (self->delivered->device, "/", NULL);

  if (self->delivered->time / G_USEC_PER_SEC > self->tally->now - REMEMBERED_SECONDS)
    return;
  if (self->batch == NULL)
    self->batch = brevet_batch_new ();
  brevet_batch_delete (self->batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, key, self->delivered->etag);
}

/* What was issued before the certificate that the device has fetched since will never be used again. */
void
brevet_device_tally_end (BrevetDeviceTally *self)
{
  const BrevetDeviceCertificate *current = self->is_damaged && self->delivered == NULL ? NULL : find_current (self);
  gint64 begin = current != NULL ? current->time : self->delivered != NULL ? self->delivered->time : 0;

  if (self->is_damaged)
    begin = 0;

  for (guint i = 0; i < self->certificates->len; i++)
    {
      const BrevetDeviceCertificate *certificate = g_ptr_array_index (self->certificates, i);

      if (certificate->not_after <= self->tally->now || (certificate != current && certificate->time < begin))
        drop (self, certificate);
      else if (certificate == current)
        count_current (self, certificate);
      else
        brevet_tally_authority (self->tally, certificate->authority, certificate->identity)->coming++;
    }
  if (self->delivered != NULL && self->certificates->len == 0 && !self->is_damaged)
    drop_delivered (self);
  g_ptr_array_set_size (self->certificates, 0);
  g_clear_pointer (&self->delivered, brevet_device_certificate_free);
  g_clear_pointer (&self->device, g_free);
  self->is_damaged = FALSE;
}

/* Without the word of what was delivered, everything of the device counts: that is more than there is, and never less. */
static void
note_damage (BrevetDeviceTally *self, BrevetRecord *record, const GError *error)
{
  g_autofree char *key = brevet_records_dup_device_certificate_key (record);

  self->is_damaged = TRUE;
  if (*key == '\0')
    {
      brevet_record_damage_report (record, error, "all certificates of the device count until it fetches one");
      return;
    }
  brevet_tally_count_unreadable (self->tally, record, error);
  g_ptr_array_add (self->tally->repairs, brevet_record_ref (record));
}

void
brevet_device_tally_add (BrevetDeviceTally *self, BrevetRecord *record)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetDeviceCertificate) certificate = brevet_records_read_device_certificate (record, &error);
  g_autofree char *device = brevet_records_dup_device (record);

  if (g_strcmp0 (self->device, device) != 0)
    {
      brevet_device_tally_end (self);
      self->device = g_steal_pointer (&device);
    }
  if (certificate == NULL)
    note_damage (self, record, error);
  else if (certificate->delivered != NULL)
    self->delivered = g_steal_pointer (&certificate);
  else
    g_ptr_array_add (self->certificates, g_steal_pointer (&certificate));
}

void
brevet_holder_tally_init (BrevetHolderTally *self, BrevetTally *tally)
{
  self->tally = tally;
  self->groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->registrations.collection = BREVET_COLLECTION_REGISTRATIONS;
  self->enrollments.collection = BREVET_COLLECTION_ENROLLMENTS;
  self->holders.collection = BREVET_COLLECTION_BUNDLE_HOLDERS;
}

void
brevet_holder_tally_clear (BrevetHolderTally *self)
{
  g_clear_pointer (&self->groups, g_hash_table_unref);
  g_clear_pointer (&self->registrations.page, g_ptr_array_unref);
  g_clear_pointer (&self->enrollments.page, g_ptr_array_unref);
  g_clear_pointer (&self->holders.page, g_ptr_array_unref);
}

/* A device that is not let in needs no bundle. */
static gboolean
read_bundle_of (BrevetHolderTally *self, BrevetRecord *record, char **bundle)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, &error);
  const char *id, *status;

  *bundle = NULL;
  if (object == NULL ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, &error, "trustBundleId", "provisioningStatus", NULL))
    {
      brevet_tally_count_unreadable (self->tally, record, error);
      return FALSE;
    }
  id = brevet_record_json_get_string (object, "trustBundleId");
  status = json_object_get_string_member_with_default (object, "provisioningStatus", "enabled");
  if (id != NULL && g_ascii_strcasecmp (status, "disabled") != 0)
    *bundle = brevet_identifier_fold (id);
  return TRUE;
}

void
brevet_holder_tally_add_group (BrevetHolderTally *self, BrevetRecord *record)
{
  char *bundle = NULL;

  if (!read_bundle_of (self, record, &bundle))
    bundle = g_strdup ("");
  if (bundle != NULL)
    g_hash_table_insert (self->groups, g_strdup (brevet_record_get_key (record)), bundle);
}

static BrevetRecord *
peek_at (BrevetCursor *cursor, const char *key)
{
  BrevetRecord *record = brevet_cursor_peek (cursor);

  return record != NULL && g_str_equal (brevet_record_get_key (record), key) ? record : NULL;
}

/* What nobody can read today has not changed what the device has. */
static char *
find_expected (BrevetHolderTally *self, BrevetRecord *registration, BrevetRecord *enrollment, BrevetRecord *holder)
{
  const char *group = registration != NULL ? brevet_record_get_parent (registration) : NULL;
  const char *known = NULL;
  char *bundle = NULL;

  if (enrollment != NULL && read_bundle_of (self, enrollment, &bundle))
    return bundle;
  if (enrollment == NULL)
    known = group != NULL ? g_hash_table_lookup (self->groups, group) : NULL;
  else
    known = "";
  if (known != NULL && *known == '\0')
    known = holder != NULL ? brevet_record_get_parent (holder) : NULL;
  return g_strdup (known);
}

/* Only who is assigned was handed anything. Whoever cannot be read may be. */
static void
count_lacking (BrevetHolderTally *self, BrevetRecord *record, const char *bundle)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistration) registration = brevet_records_read_registration (record, &error);

  if (registration == NULL)
    brevet_record_damage_report (record, error, "the device counts as one without its trust bundle");
  if (registration == NULL || registration->state->status == BREVET_REGISTRATION_ASSIGNED)
    count_holder (self->tally, bundle, NULL);
}

static void
count_device (BrevetHolderTally *self, const char *key)
{
  BrevetRecord *registration = peek_at (&self->registrations, key);
  BrevetRecord *record = peek_at (&self->holders, key);
  g_autofree char *bundle = find_expected (self, registration, peek_at (&self->enrollments, key), record);
  g_autoptr(BrevetBundleHolder) holder = NULL;
  g_autoptr(GError) error = NULL;

  if (bundle == NULL)
    return;
  if (record == NULL || g_strcmp0 (brevet_record_get_parent (record), bundle) != 0)
    {
      if (registration != NULL)
        count_lacking (self, registration, bundle);
      return;
    }
  holder = brevet_records_read_bundle_holder (record, &error);
  if (holder == NULL)
    brevet_record_damage_report (record, error, "the device counts as one without its trust bundle");
  count_holder (self->tally, bundle, holder != NULL ? holder->version : NULL);
}

static BrevetCursor *
find_empty (BrevetHolderTally *self)
{
  BrevetCursor *cursors[] = { &self->registrations, &self->holders, &self->enrollments };

  for (guint i = 0; i < G_N_ELEMENTS (cursors); i++)
    if (brevet_cursor_peek (cursors[i]) == NULL && !cursors[i]->ended)
      return cursors[i];
  return NULL;
}

/* The first device that is registered or has a bundle. */
static const char *
get_next_device (BrevetHolderTally *self)
{
  BrevetRecord *registration = brevet_cursor_peek (&self->registrations);
  BrevetRecord *holder = brevet_cursor_peek (&self->holders);
  const char *a = registration != NULL ? brevet_record_get_key (registration) : NULL;
  const char *b = holder != NULL ? brevet_record_get_key (holder) : NULL;

  if (a == NULL || b == NULL)
    return a != NULL ? a : b;
  return strcmp (a, b) <= 0 ? a : b;
}

static void
skip (BrevetCursor *cursor, const char *key)
{
  BrevetRecord *record = brevet_cursor_peek (cursor);

  if (record != NULL && g_str_equal (brevet_record_get_key (record), key))
    cursor->index++;
}

BrevetCursor *
brevet_holder_tally_advance (BrevetHolderTally *self)
{
  for (;;)
    {
      BrevetCursor *empty = find_empty (self);
      g_autofree char *key = NULL;
      BrevetRecord *enrollment = brevet_cursor_peek (&self->enrollments);

      if (empty != NULL)
        return empty;
      key = g_strdup (get_next_device (self));
      if (key == NULL)
        return NULL;
      if (enrollment != NULL && strcmp (brevet_record_get_key (enrollment), key) < 0)
        {
          self->enrollments.index++;
          continue;
        }
      count_device (self, key);
      skip (&self->registrations, key);
      skip (&self->holders, key);
      skip (&self->enrollments, key);
    }
}
