/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"
#include "brevet-trust-bundle-poll.h"
#include "identity-bundle.h"

/* A service that does not seem to tell of trust bundles is asked again after so long: it may have been updated, or something in
 * between may have answered for it. */
#define UNSUPPORTED_PAUSE 86400

/* The inputs must be those that the identity in use came from: another service knows nothing of its bundle. */
static gboolean
can_poll (BrevetIdentity *self, gint64 now)
{
  return self->config->enabled && self->config->brings_trust && self->config->trust_bundle_poll != 0 &&
         now >= BREVET_IDENTITY_EARLIEST_TIME &&
         self->current != NULL && self->input_digest != NULL &&
         g_strcmp0 (self->current->input_digest, self->input_digest) == 0;
}

/* When the look that is being made is given up; 0 if none is. */
static gint64
watch_poll (BrevetIdentity *self, gint64 now)
{
  if (self->poll == NULL)
    return 0;
  self->next_poll = MIN (self->next_poll, now + self->config->timeout);
  if (self->next_poll > now)
    return self->next_poll;
  g_debug ("Identity %s: looking at the trust bundle takes too long", self->config->name);
  brevet_identity_end_poll (self);
  return 0;
}

static gint64
find_latest_poll (BrevetIdentity *self, gint64 now)
{
  gint64 latest = MAX (brevet_identity_schedule_poll (self->config, now, now), brevet_identity_get_asked_until (self, now));

  return self->poll_unsupported ? MAX (latest, now + UNSUPPORTED_PAUSE) : latest;
}

/* When to look next, or at the look that is being made; 0 for never. A clock that was set back must not put it off. */
gint64
brevet_identity_plan_poll (BrevetIdentity *self, gint64 now)
{
  gint64 limit = watch_poll (self, now);

  if (limit != 0)
    return limit;
  if (!can_poll (self, now))
    return 0;
  if (self->next_poll == 0)
    self->next_poll = MAX (brevet_identity_schedule_poll (self->config, now, self->memory->last_success),
                           now + brevet_identity_choose_spread (self));
  self->next_poll = MIN (self->next_poll, find_latest_poll (self, now));
  return self->next_poll;
}

/* Keeps what was left out of the last bundle, and looks again at the one in use. */
void
brevet_identity_refresh_bundle_problems (BrevetIdentity *self, GPtrArray *left_out)
{
  g_autoptr(GPtrArray) found = NULL;

  if (left_out != NULL)
    {
      g_ptr_array_unref (self->left_out);
      self->left_out = g_ptr_array_ref (left_out);
    }
  g_ptr_array_set_size (self->bundle_problems, 0);
  for (guint i = 0; i < self->left_out->len; i++)
    g_ptr_array_add (self->bundle_problems, g_strdup (g_ptr_array_index (self->left_out, i)));
  if (self->current == NULL || self->current->trust_bundle == NULL)
    return;
  found = brevet_trust_bundle_list_problems (self->current->trust_bundle, brevet_clock_now_seconds ());
  g_ptr_array_extend_and_steal (self->bundle_problems, g_steal_pointer (&found));
}

static gboolean
says_the_same (GPtrArray *one, GPtrArray *other)
{
  if (one->len != other->len)
    return FALSE;
  for (guint i = 0; i < one->len; i++)
    if (!g_str_equal (g_ptr_array_index (one, i), g_ptr_array_index (other, i)))
      return FALSE;
  return TRUE;
}

/* A bundle that is wrong comes again with every look; it is told of once. */
static void
take_problems (BrevetIdentity *self, GPtrArray *left_out)
{
  if (says_the_same (left_out, self->left_out))
    return;
  for (guint i = 0; i < left_out->len; i++)
    brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_TRUST_BUNDLE_CHANGED, NULL, "Identity %s: %s",
                            self->config->name, (const char *) g_ptr_array_index (left_out, i));
  brevet_identity_refresh_bundle_problems (self, left_out);
  brevet_identity_tell_changed (self);
}

static void
take_bundle (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag)
{
  brevet_identity_update_pending (self, bundle, etag);
  if (brevet_identity_bundle_equal (bundle, self->current->trust_bundle) &&
      g_strcmp0 (etag, self->current->trust_bundle_etag) == 0)
    return;
  brevet_identity_save_bundle (self, bundle, etag);
}

static void
take_document (BrevetIdentity *self, const BrevetTrustBundlePoll *found)
{
  g_autoptr(GPtrArray) left_out = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(BrevetTrustBundle) bundle = brevet_identity_bundle_read (found->document, self->config->local_trust,
                                                                     brevet_clock_now_seconds (), left_out);

  take_problems (self, left_out);
  if (bundle != NULL)
    take_bundle (self, bundle, found->etag);
}

static void
take_answer (BrevetIdentity *self, const BrevetTrustBundlePoll *found)
{
  g_autoptr(BrevetTrustBundle) local = NULL;

  switch (found->kind)
    {
    case BREVET_TRUST_BUNDLE_CHANGED:
      take_document (self, found);
      break;
    case BREVET_TRUST_BUNDLE_NONE:
      local = brevet_identity_bundle_add (NULL, self->config->local_trust);
      take_bundle (self, local, NULL);
      break;
    case BREVET_TRUST_BUNDLE_UNSUPPORTED:
      g_debug ("%s does not tell of trust bundles; one comes with the next registration", self->config->service);
      self->poll_unsupported = TRUE;
      self->next_poll = brevet_clock_now_seconds () + MAX (self->config->trust_bundle_poll, UNSUPPORTED_PAUSE);
      break;
    case BREVET_TRUST_BUNDLE_UNCHANGED:
    default:
      break;
    }
}

typedef struct {
  gpointer identity;
  GCancellable *cancellable;
} Looking;

static void
on_polled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Looking *looking = user_data;
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (looking->identity);
  g_autoptr(GCancellable) cancellable = looking->cancellable;
  g_auto(BrevetTrustBundlePoll) found = { .retry_after = -1 };
  g_autoptr(GError) error = NULL;
  gboolean answered = brevet_trust_bundle_poll_finish (result, &found, &error);
  gint64 now = brevet_clock_now_seconds ();

  /* Ended by something more important, which plans the next one. */
  if (self == NULL || self->poll != cancellable)
    return;
  g_clear_object (&self->poll);
  if (found.retry_after > 0)
    self->memory->asked_until = MAX (brevet_identity_get_asked_until (self, now), now + found.retry_after);
  self->poll_unsupported = FALSE;
  self->next_poll = find_latest_poll (self, now);
  if (!answered)
    g_debug ("Identity %s: the trust bundle could not be looked at: %s", self->config->name, error->message);
  else if (brevet_identity_is_busy (self))
    self->next_poll = now;
  else
    {
      self->poll_whole = FALSE;
      take_answer (self, &found);
    }
  brevet_identity_decide (self);
}

/* Returns: when it is to be looked at whether there is an answer */
gint64
brevet_identity_begin_poll (BrevetIdentity *self, gint64 now)
{
  Looking *looking = g_new0 (Looking, 1);

  self->poll = g_cancellable_new ();
  self->next_poll = now + self->config->timeout;
  looking->identity = brevet_identity_hold_weakly (self);
  looking->cancellable = g_object_ref (self->poll);
  brevet_trust_bundle_poll_async (self->transport, self->prover, self->config->id_scope, self->config->registration_id,
                                  self->poll_whole ? NULL : self->current->trust_bundle_etag, self->poll, on_polled, looking);
  return self->next_poll;
}

/* Whatever ends it asks the service more than it would have. */
void
brevet_identity_end_poll (BrevetIdentity *self)
{
  gint64 now = brevet_clock_now_seconds ();

  if (self->poll == NULL)
    return;
  g_cancellable_cancel (self->poll);
  g_clear_object (&self->poll);
  self->next_poll = brevet_identity_schedule_poll (self->config, now, now);
}
