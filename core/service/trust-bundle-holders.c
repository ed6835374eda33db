/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust-bundle-holders.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records-devices.h"
#include "service-chores.h"

#include <string.h>

/* Half a megabyte, however many devices there are: a device that falls out costs one read the next time. */
#define REMEMBERED 65536

struct _BrevetBundleHolders
{
  GWeakRef store;      /* a reply that nobody delivers does not keep it open */
  BrevetServiceChores *chores;
  GMutex   mutex;
  guint64 *remembered; /* by device: hash over device, bundle and version; 0 for none */
};

/* Somebody who has something, on the way to the store. */
typedef struct {
  BrevetBundleHolders *holders;
  BrevetBundleHolder *holder;
  BrevetServiceChores *held;
} Note;

BrevetBundleHolders *
brevet_bundle_holders_new (BrevetStore *store, BrevetServiceChores *chores)
{
  BrevetBundleHolders *self = g_atomic_rc_box_new0 (BrevetBundleHolders);

  g_weak_ref_init (&self->store, store);
  self->chores = chores != NULL ? brevet_service_chores_ref (chores) : NULL;
  g_mutex_init (&self->mutex);
  return self;
}

BrevetBundleHolders *
brevet_bundle_holders_ref (BrevetBundleHolders *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
holders_clear (gpointer data)
{
  BrevetBundleHolders *self = data;

  g_weak_ref_clear (&self->store);
  g_clear_pointer (&self->chores, brevet_service_chores_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->remembered);
}

void
brevet_bundle_holders_unref (BrevetBundleHolders *self)
{
  g_atomic_rc_box_release_full (self, holders_clear);
}

static void
note_free (Note *note)
{
  brevet_bundle_holders_unref (note->holders);
  brevet_bundle_holder_free (note->holder);
  brevet_service_chores_release (note->held);
  g_free (note);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Note, note_free)

/* Devices choose their names and may not choose whose place they take, so a hash that can be calculated backwards is not enough. */
static guint64
hash_of (const char *first, const char *second, const char *third)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  const char *parts[] = { first, second, third };
  guint8 digest[32];
  gsize length = sizeof digest;
  guint64 hash;

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *folded = brevet_identifier_fold (parts[i]);

      g_checksum_update (checksum, (const guchar *) folded, strlen (folded) + 1);
    }
  g_checksum_get_digest (checksum, digest, &length);
  memcpy (&hash, digest, sizeof hash);
  return hash;
}

static gsize
find_place (const BrevetBundleHolder *holder)
{
  return hash_of (holder->registration_id, "", "") % REMEMBERED;
}

static gboolean
is_remembered (BrevetBundleHolders *self, const BrevetBundleHolder *holder)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  return self->remembered != NULL &&
         self->remembered[find_place (holder)] == hash_of (holder->registration_id, holder->bundle_id, holder->version);
}

static void
remember (BrevetBundleHolders *self, const BrevetBundleHolder *holder)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  if (self->remembered == NULL)
    self->remembered = g_new0 (guint64, REMEMBERED);
  self->remembered[find_place (holder)] = hash_of (holder->registration_id, holder->bundle_id, holder->version);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Note) note = user_data;
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    remember (note->holders, note->holder);
  else if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    g_warning ("It could not be written down that %s has the current trust bundle “%s”; that is done when it comes next: %s",
               note->holder->registration_id, note->holder->bundle_id, error->message);
}

static gboolean
is_same (const BrevetBundleHolder *a, const BrevetBundleHolder *b)
{
  return brevet_identifier_equal (a->bundle_id, b->bundle_id) && g_str_equal (a->version, b->version);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Note) note = user_data;
  g_autoptr(BrevetStore) store = g_weak_ref_get (&note->holders->store);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetBundleHolder) known = record != NULL ? brevet_records_read_bundle_holder (record, NULL) : NULL;
  g_autoptr(BrevetBatch) batch = NULL;

  if (known != NULL && is_same (known, note->holder))
    {
      remember (note->holders, note->holder);
      return;
    }
  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_warning ("It could not be read which trust bundle %s has: %s", note->holder->registration_id, error->message);
      return;
    }
  if (store == NULL)
    return;
  batch = brevet_batch_new ();
  brevet_records_put_bundle_holder (batch, note->holder, record != NULL ? brevet_record_get_etag (record) : BREVET_IF_ABSENT);
  brevet_store_commit_async (store, batch, NULL, on_written, g_steal_pointer (&note));
}

void
brevet_bundle_holders_note (BrevetBundleHolders *self, const char *registration_id, const char *bundle_id, const char *etag)
{
  g_autoptr(Note) note = g_new0 (Note, 1);
  g_autofree char *key = brevet_identifier_fold (registration_id);
  g_autoptr(BrevetStore) store = g_weak_ref_get (&self->store);

  note->holders = brevet_bundle_holders_ref (self);
  note->holder = g_new0 (BrevetBundleHolder, 1);
  note->holder->registration_id = g_strdup (registration_id);
  note->holder->bundle_id = g_strdup (bundle_id);
  note->holder->version = g_strdup (etag);
  if (store == NULL || is_remembered (self, note->holder))
    return;
  note->held = brevet_service_chores_hold (self->chores);
  brevet_store_get_async (store, BREVET_COLLECTION_BUNDLE_HOLDERS, key, NULL, on_read, g_steal_pointer (&note));
}
