/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What certificate authorities say is to be trusted is kept with their versions: for the time when they cannot be asked. */

#include "authority-pool-private.h"

#include "brevet-clock.h"
#include "service-chores.h"

/* How often it is written that nothing has changed. */
#define CONFIRM_SECONDS 86400

/* Something on its way to the store. */
typedef struct {
  BrevetAuthority *authority;
  BrevetServiceChores *held;
} Note;

static void
note_free (gpointer data)
{
  Note *note = data;

  brevet_authority_unref (note->authority);
  brevet_service_chores_release (note->held);
  g_free (note);
}

static char *
digest_trust (BrevetTrustBundle *trust)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    {
      const char *digest = brevet_certificate_get_sha256 (brevet_trust_bundle_get (trust, i));

      g_checksum_update (checksum, (const guchar *) digest, -1);
    }
  return g_strdup (g_checksum_get_string (checksum));
}

/* Whoever comes first is to write it; the others need not wait. */
static gboolean
claim_news (BrevetAuthorityPool *self, BrevetAuthority *authority, BrevetTrustBundle *trust)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  BrevetNotedVersion *noted = brevet_authority_pool_look_up_noted (self, authority->name, authority->identity);
  g_autofree char *digest = digest_trust (trust);
  gint64 now = brevet_clock_now_seconds ();

  if (g_strcmp0 (noted->digest, digest) == 0 && now >= noted->noted_at && now - noted->noted_at < CONFIRM_SECONDS)
    return FALSE;
  g_free (noted->digest);
  noted->digest = g_steal_pointer (&digest);
  noted->noted_at = now;
  return TRUE;
}

static void
forget_news (BrevetAuthorityPool *self, BrevetAuthority *authority)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  BrevetNotedVersion *noted = brevet_authority_pool_look_up_noted (self, authority->name, authority->identity);

  g_clear_pointer (&noted->digest, g_free);
}

static void
on_trust_noted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Note *note = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!brevet_authority_versions_note_trust_finish (result, &error))
    {
      forget_news (g_task_get_source_object (task), note->authority);
      g_debug ("What the certificate authority “%s” says is to be trusted is not kept: %s", note->authority->name,
               error->message);
    }
  g_task_return_boolean (task, error == NULL);
}

void
brevet_authority_pool_note_trust (BrevetAuthorityPool *self, BrevetAuthority *authority, BrevetTrustBundle *trust,
                                  BrevetServiceChores *chores)
{
  Note *note;
  g_autoptr(GTask) task = NULL;

  if (self->is_to_read || brevet_trust_bundle_get_length (trust) == 0 || !claim_news (self, authority, trust))
    return;
  task = g_task_new (self, NULL, NULL, NULL);
  g_task_set_source_tag (task, brevet_authority_pool_note_trust);
  note = g_new0 (Note, 1);
  note->authority = brevet_authority_ref (authority);
  note->held = brevet_service_chores_hold (chores);
  g_task_set_task_data (task, note, note_free);
  brevet_authority_versions_note_trust_async (self->store, authority->name, authority->identity, trust, NULL, on_trust_noted,
                                              g_object_ref (task));
}
