/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-log.h"
#include "identity-bundle.h"

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
    brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_STORAGE_FAILED, NULL, "Identity %s: %s cannot be stored: %s",
                            self->config->name, saving->bundle_changed ? "another trust bundle" : "that the identity was used",
                            error->message);
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
    brevet_identity_report (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_STORAGE_FAILED, NULL,
                            "Identity %s: the trust bundle keeps its name until the next start: %s", self->config->name,
                            error->message);
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

/* Stores one thing that had to wait. %FALSE if there is none. Nothing is being done. */
gboolean
brevet_identity_save_pending (BrevetIdentity *self)
{
  return save_under_other_name (self) || save_use (self) || save_local_trust (self);
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
