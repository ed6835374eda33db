/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crl-publisher.h"

#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "crl-build.h"
#include "crl-list.h"
#include "reply.h"

#define MEDIA_TYPE "application/pkix-crl"

/* An hour at most between two lists: what another service over the same store has revoked is told to nobody here. And not on and on
 * while one certificate after the other is revoked: between two builds there is this, and ten times as long as the last one
 * took. */
#define LONGEST_PAUSE 3600
#define SHORTEST_PAUSE 5
#define TIMES_AS_LONG 10

/* When a list could not be made. */
#define PAUSE_AFTER_PROBLEM 300

#define RETRY_AFTER 10

/* Caches may keep a list for so long, and see a revocation so much later. */
#define LONGEST_AGE 3600

struct _BrevetCrlPublisher
{
  GMutex      lock;
  GHashTable *lists;    /* under the lock: address → BrevetCrlList */
  GHashTable *issuers;  /* under the lock: names of those who issued for this service; NULL as long as nobody has looked */
  gboolean    is_ready; /* under the lock: all lists were tried once */
  gint64      not_told_before; /* under the lock, monotonic: that the time of day has jumped */
  /* On the main context: */
  gint64      begun;    /* monotonic, of the current build */
  gint64      not_before;
  gboolean    builds;
};

BrevetCrlPublisher *
brevet_crl_publisher_new (void)
{
  BrevetCrlPublisher *self = g_atomic_rc_box_new0 (BrevetCrlPublisher);

  g_mutex_init (&self->lock);
  self->lists = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_crl_list_unref);
  return self;
}

BrevetCrlPublisher *
brevet_crl_publisher_ref (BrevetCrlPublisher *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
publisher_clear (gpointer data)
{
  BrevetCrlPublisher *self = data;

  g_hash_table_unref (self->lists);
  g_clear_pointer (&self->issuers, g_hash_table_unref);
  g_mutex_clear (&self->lock);
}

void
brevet_crl_publisher_unref (BrevetCrlPublisher *self)
{
  g_atomic_rc_box_release_full (self, publisher_clear);
}

static BrevetCrlList *
find_list (BrevetCrlPublisher *self, const char *id, gboolean *is_ready)
{
  g_autofree char *address = brevet_identifier_fold (id);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  BrevetCrlList *list = g_hash_table_lookup (self->lists, address);

  *is_ready = self->is_ready;
  return list != NULL ? brevet_crl_list_ref (list) : NULL;
}

static BrevetReply *
refuse (BrevetRequest *request, guint status, const char *message)
{
  BrevetReply *reply = brevet_reply_with_error (request, status, 0, message);
  g_autofree char *seconds = g_strdup_printf ("%d", RETRY_AFTER);

  if (status == 503)
    brevet_reply_set_header (reply, "retry-after", seconds);
  return reply;
}

static BrevetReply *
show_list (BrevetCrlList *list, BrevetRequest *request, gint64 now)
{
  gboolean is_known = brevet_crl_list_is_known (list, brevet_request_get_header (request, "if-none-match"),
                                                brevet_request_get_header (request, "if-modified-since"));
  BrevetReply *reply = brevet_reply_new (is_known ? 304 : 200, is_known ? NULL : list->der);
  g_autofree char *cache = g_strdup_printf ("public, max-age=%d", (int) MIN (list->next_update - now, LONGEST_AGE));

  if (!is_known)
    brevet_reply_set_header (reply, "content-type", MEDIA_TYPE);
  brevet_reply_set_header (reply, "etag", list->etag);
  brevet_reply_set_header (reply, "last-modified", list->last_modified);
  brevet_reply_set_header (reply, "cache-control", cache);
  return reply;
}

/* The next lists are due after a pause that knows nothing of a time of day that jumps: a list that has ended before, or is of the
 * future, cannot wait for that. */
static void
look_at_dates (BrevetCrlPublisher *self, const BrevetCrlList *list, gint64 now, BrevetServiceChores *chores)
{
  gint64 here = brevet_clock_monotonic ();
  gboolean is_to_be_told = FALSE;

  if (list->der == NULL || (list->this_update <= now && now < list->next_update))
    return;
  g_mutex_lock (&self->lock);
  if (here >= self->not_told_before)
    {
      is_to_be_told = TRUE;
      self->not_told_before = here + RETRY_AFTER * G_USEC_PER_SEC;
    }
  g_mutex_unlock (&self->lock);
  if (is_to_be_told)
    brevet_service_chores_poke (chores, BREVET_CHORE_REVOCATION_LISTS);
}

BrevetReply *
brevet_crl_publisher_answer (BrevetCrlPublisher *self, const char *id, BrevetRequest *request, BrevetServiceChores *chores)
{
  gint64 now = brevet_clock_now_seconds ();
  gboolean is_ready;
  g_autoptr(BrevetCrlList) list = find_list (self, id, &is_ready);

  if (list != NULL)
    look_at_dates (self, list, now, chores);
  if (list == NULL && is_ready)
    return refuse (request, 404, "There is no revocation list of this name");
  if (list == NULL || list->der == NULL || list->next_update <= now)
    return refuse (request, 503, "The revocation list cannot be made now. Try again later.");
  return show_list (list, request, now);
}

gboolean
brevet_crl_publisher_may_be_own (BrevetCrlPublisher *self, BrevetCertificate *certificate)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;

  if (self == NULL)
    return FALSE;
  locker = g_mutex_locker_new (&self->lock);
  return self->issuers == NULL || g_hash_table_contains (self->issuers, brevet_certificate_get_issuer (certificate));
}

static void
add_address (GHashTable *lists, char *address, BrevetCrlList *list)
{
  char *folded = brevet_identifier_fold (address);

  g_free (address);
  g_hash_table_replace (lists, folded, brevet_crl_list_ref (list));
}

static void
add_addresses (GHashTable *lists, const BrevetCrlSource *source, BrevetCrlList *list)
{
  if (source->is_current)
    add_address (lists, g_strdup (source->name), list);
  if (list->issuer != NULL)
    add_address (lists, g_strconcat (source->name, "-", list->issuer, NULL), list);
}

/* What was served before for a CA that cannot make a new list now. */
static void
keep_former (GHashTable *lists, GHashTable *former, const BrevetCrlSource *source)
{
  g_autofree char *name = brevet_identifier_fold (source->name);
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, former);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      BrevetCrlList *list = value;

      if (brevet_identifier_equal (list->name, source->name) &&
          (source->identity == NULL || g_str_equal (list->identity, source->identity)) && !g_hash_table_contains (lists, key))
        g_hash_table_replace (lists, g_strdup (key), brevet_crl_list_ref (list));
    }
  if (source->is_current && g_hash_table_lookup (lists, name) == NULL)
    g_hash_table_replace (lists, g_steal_pointer (&name), brevet_crl_list_new_missing (source->name));
}

/* Returns the seconds until the next lists are due. Takes @issuers over. */
static guint
publish (BrevetCrlPublisher *self, GPtrArray *sources, GHashTable *issuers)
{
  g_autoptr(GHashTable) former_issuers = NULL;
  GHashTable *lists = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_crl_list_unref);
  gint64 now = brevet_clock_now_seconds ();
  gint64 pause = LONGEST_PAUSE;
  GHashTable *former = self->lists; /* nobody else changes it */

  for (guint i = 0; i < sources->len; i++)
    {
      BrevetCrlSource *source = g_ptr_array_index (sources, i);
      g_autoptr(BrevetCrlList) list =
        source->der != NULL ? brevet_crl_list_new (source->name, source->identity, source->der) : NULL;

      if (list == NULL)
        {
          keep_former (lists, former, source);
          pause = MIN (pause, PAUSE_AFTER_PROBLEM);
          continue;
        }
      add_addresses (lists, source, list);
      pause = MIN (pause, (list->next_update - now) / 2);
    }
  g_mutex_lock (&self->lock);
  self->lists = lists;
  former_issuers = self->issuers;
  self->issuers = issuers;
  self->is_ready = TRUE;
  g_mutex_unlock (&self->lock);
  g_hash_table_unref (former);
  return (guint) MAX (pause, SHORTEST_PAUSE);
}

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  BrevetCrlPublisher *self = data;
  g_autoptr(GTask) task = NULL;

  self->begun = brevet_clock_monotonic ();
  self->builds = self->begun >= self->not_before;
  if (self->builds)
    {
      brevet_crl_build_async (context, cancellable, callback, user_data);
      return;
    }
  task = g_task_new (NULL, NULL, callback, user_data);
  g_task_set_source_tag (task, run_async);
  g_task_return_boolean (task, TRUE);
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  BrevetCrlPublisher *self = data;
  gint64 now = brevet_clock_monotonic ();
  g_autoptr(GPtrArray) sources = NULL;
  GHashTable *issuers = NULL;

  if (!self->builds)
    {
      *pause = (guint) MAX ((self->not_before - now) / G_USEC_PER_SEC, 0) + 1;
      return g_task_propagate_boolean (G_TASK (result), error);
    }
  sources = brevet_crl_build_finish (result, &issuers, error);
  if (sources == NULL)
    return FALSE;
  self->not_before = now + MAX (SHORTEST_PAUSE * G_USEC_PER_SEC, (now - self->begun) * TIMES_AS_LONG);
  *pause = publish (self, sources, issuers);
  return TRUE;
}

void
brevet_crl_publisher_add (BrevetCrlPublisher *self, BrevetServiceChores *chores)
{
  static const BrevetChore chore = {
    .name = BREVET_CHORE_REVOCATION_LISTS,
    .interval = LONGEST_PAUSE,
    .run_async = run_async,
    .run_finish = run_finish,
  };

  brevet_service_chores_add (chores, &chore, brevet_crl_publisher_ref (self), (GDestroyNotify) brevet_crl_publisher_unref);
}
