/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"
#include "identity-bundle.h"

/* What could not be stored is tried again after so many seconds. */
#define SAVE_PAUSE 60

typedef struct {
  gpointer identity;
  BrevetGeneration *current;
  gboolean drop_previous;
  gboolean bundle_changed;
} Saving;

static void
take_saved (BrevetIdentity *self, const Saving *saving)
{
  brevet_identity_set_current (self, saving->current);
  if (saving->drop_previous)
    brevet_identity_set_previous (self, NULL);
  if (saving->bundle_changed)
    {
      brevet_identity_refresh_bundle_problems (self, NULL);
      brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_TRUST_BUNDLE_CHANGED, NULL,
                              "Identity %s: another trust bundle is in use, with %u certificates", self->config->name,
                              saving->current->trust_bundle != NULL
                                ? brevet_trust_bundle_get_length (saving->current->trust_bundle) : 0);
    }
  brevet_identity_tell_changed (self);
  if (saving->bundle_changed)
    brevet_identity_tell_bundle_changed (self);
}

/* Told of once, however long the disk is full. */
static void
report_unsaved (BrevetIdentity *self, const char *what, const GError *error)
{
  if (self->next_save == 0)
    brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_STORAGE_FAILED, NULL, "Identity %s: %s cannot be stored: %s",
                            self->config->name, what, error->message);
  self->next_save = brevet_clock_now_seconds () + SAVE_PAUSE;
}

/* Whatever of it is still true waits for the next turn; what a look at the service brought comes with the next look again. */
static void
put_off (BrevetIdentity *self, const Saving *saving, const GError *error)
{
  gboolean repair = brevet_identity_records_needs_repair (self->records);

  if (saving->drop_previous)
    self->used = saving->current->number;
  else if (saving->bundle_changed)
    self->local_checked = FALSE;
  report_unsaved (self, saving->drop_previous ? "that the identity was used" : repair ? "the identity in use" : "the trust bundle",
                  error);
}

static void
on_saved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Saving *saving = user_data;
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (saving->identity);
  g_autoptr(BrevetGeneration) current = saving->current;
  g_autoptr(GError) error = NULL;
  gboolean saved = brevet_identity_records_update_finish (BREVET_IDENTITY_RECORDS (source), result, &error);

  if (self == NULL)
    return;
  self->saving = FALSE;
  if (saved)
    take_saved (self, saving);
  else
    put_off (self, saving, error);
  brevet_identity_after_work (self);
}

static void
save (BrevetIdentity *self, BrevetGeneration *current, gboolean drop_previous, gboolean bundle_changed)
{
  Saving *saving = g_new0 (Saving, 1);

  saving->identity = brevet_identity_hold_weakly (self);
  saving->current = current;
  saving->drop_previous = drop_previous;
  saving->bundle_changed = bundle_changed;
  self->saving = TRUE;
  brevet_identity_records_update_async (self->records, current, NULL, drop_previous, NULL, on_saved, saving);
}

/* Nothing is being done, and there is a generation in use. */
void
brevet_identity_save_bundle (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag)
{
  BrevetGeneration *copy = brevet_generation_copy (self->current);

  g_clear_pointer (&copy->trust_bundle, brevet_trust_bundle_unref);
  copy->trust_bundle = bundle != NULL ? brevet_trust_bundle_ref (bundle) : NULL;
  g_free (copy->trust_bundle_etag);
  copy->trust_bundle_etag = g_strdup (etag);
  save (self, copy, FALSE, !brevet_identity_bundle_equal (bundle, self->current->trust_bundle));
}

static gboolean
save_use (BrevetIdentity *self)
{
  BrevetGeneration *copy = NULL;
  guint64 used = self->used;

  self->used = 0;
  if (self->current == NULL || self->current->number != used || (self->current->used && self->previous == NULL))
    return FALSE;
  copy = brevet_generation_copy (self->current);
  copy->used = TRUE;
  save (self, copy, TRUE, FALSE);
  return TRUE;
}

static void
on_reopened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (user_data);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(GError) error = NULL;

  stored = brevet_identity_records_load_finish (BREVET_IDENTITY_RECORDS (source), result, &error);
  if (self == NULL)
    return;
  self->saving = FALSE;
  if (stored == NULL)
    {
      self->rename = TRUE;
      report_unsaved (self, "the trust bundle under its new name", error);
    }
  else
    {
      g_set_object (&self->records, BREVET_IDENTITY_RECORDS (source));
      if (self->current != NULL)
        {
          save (self, brevet_generation_ref (self->current), FALSE, FALSE);
          return;
        }
    }
  brevet_identity_after_work (self);
}

/* The trust bundle is stored under another name from now on: what is there under the old one goes with the next commit. */
static gboolean
save_under_other_name (BrevetIdentity *self)
{
  g_autoptr(BrevetIdentityRecords) records = NULL;

  if (!self->rename)
    return FALSE;
  self->rename = FALSE;
  self->saving = TRUE;
  records = brevet_identity_records_new (self->store, self->config->name, self->config->trust_bundle_name);
  brevet_identity_records_load_async (records, NULL, on_reopened, brevet_identity_hold_weakly (self));
  return TRUE;
}

/* What the configuration adds is in use at once. What it no longer adds goes when the service says what is left. */
static gboolean
save_local_trust (BrevetIdentity *self)
{
  g_autoptr(BrevetTrustBundle) bundle = NULL;

  if (self->local_checked || self->current == NULL)
    return FALSE;
  self->local_checked = TRUE;
  bundle = brevet_identity_bundle_add (self->current->trust_bundle, self->config->local_trust);
  if (brevet_identity_bundle_equal (bundle, self->current->trust_bundle))
    return FALSE;
  brevet_identity_save_bundle (self, bundle, self->current->trust_bundle_etag);
  return TRUE;
}

/* Other programs read the same files, and should not have to wait for the next renewal. */
static gboolean
save_repaired (BrevetIdentity *self)
{
  if (self->current == NULL || !brevet_identity_records_needs_repair (self->records))
    return FALSE;
  save (self, brevet_generation_ref (self->current), FALSE, FALSE);
  return TRUE;
}

/* Stores one thing that had to wait. %FALSE if there is none, or it is not time yet. Nothing is being done. */
gboolean
brevet_identity_save_pending (BrevetIdentity *self, gint64 now)
{
  self->next_save = MIN (self->next_save, now + SAVE_PAUSE);
  if (self->next_save > now)
    return FALSE;
  if (save_under_other_name (self) || save_repaired (self) || save_use (self) || save_local_trust (self))
    return TRUE;
  self->next_save = 0;
  return FALSE;
}

void
brevet_identity_mark_used (BrevetIdentity *self)
{
  g_return_if_fail (BREVET_IS_IDENTITY (self));

  if (self->current == NULL || self->stopped || (self->current->used && self->previous == NULL))
    return;
  self->used = self->current->number;
  if (!brevet_identity_is_busy (self))
    save_use (self);
}
