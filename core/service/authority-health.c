/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-health.h"

#include "authority-check.h"
#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-time-limit.h"

#define TRUST_SECONDS 86400

/* For the turn and the answer together: the job is not over before each CA has come back. */
#define TRUST_LIMIT_MILLISECONDS (60 * 1000)

/* One that is down is looked at more often, so that nobody waits for it longer than necessary. */
#define DOWN_INTERVAL 60

/* Without any: to see new ones that nobody has told of, from another service over the same store. */
#define IDLE_INTERVAL 300

#define DAY 86400

/* What is remembered of a certificate authority between two runs. */
typedef struct {
  BrevetAuthority *authority;
  gint64 due;        /* by the clock that never jumps; 0 for at once, G_MAXINT64 for never */
  gint64 trust_time; /* of day; when it last said what is to be trusted */
  guint told;        /* how many of the steps before the end of something have been told */
} Watch;

typedef struct {
  GHashTable *watches; /* folded name → Watch */
} Health;

/* One run. */
typedef struct {
  Health *health;
  BrevetServiceContext *context;
  GHashTable *present; /* folded names */
  guint open;          /* what is still to come back; the run itself is one */
} Run;

/* One certificate authority in a run. */
typedef struct {
  GTask *task;
  BrevetAuthority *authority;
  char *key;
  BrevetTimeLimit *limit; /* NULL until it is asked what is to be trusted */
  BrevetAuthorityTurn *turn;
} Look;

static void
watch_free (gpointer data)
{
  Watch *watch = data;

  g_clear_pointer (&watch->authority, brevet_authority_unref);
  g_free (watch);
}

static void
run_free (gpointer data)
{
  Run *run = data;

  brevet_service_context_unref (run->context);
  g_hash_table_unref (run->present);
  g_free (run);
}

static Look *
look_new (GTask *task, const char *name)
{
  Run *run = g_task_get_task_data (task);
  Look *look = g_new0 (Look, 1);

  run->open++;
  look->task = g_object_ref (task);
  look->key = brevet_identifier_fold (name);
  return look;
}

static gboolean
is_gone (gpointer key, gpointer value, gpointer user_data)
{
  return !g_hash_table_contains (user_data, key);
}

static void
close_one (GTask *task)
{
  Run *run = g_task_get_task_data (task);

  if (--run->open == 0)
    g_task_return_boolean (task, TRUE);
}

static void
look_end (Look *look)
{
  close_one (look->task);
  g_object_unref (look->task);
  g_clear_pointer (&look->authority, brevet_authority_unref);
  g_clear_pointer (&look->limit, brevet_time_limit_free);
  g_free (look->key);
  g_free (look);
}

static Watch *
find_watch (Look *look)
{
  Run *run = g_task_get_task_data (look->task);

  return g_hash_table_lookup (run->health->watches, look->key);
}

/* --- what ends ---------------------------------------------------------------------------------------------------------------- */

static const guint steps[] = { 30, 7, 1, 0 }; /* days */

static guint
count_steps (gint64 expires, gint64 now)
{
  guint count = 0;

  while (count < G_N_ELEMENTS (steps) && expires - now <= (gint64) steps[count] * DAY)
    count++;
  return count;
}

static void
tell_expiry (const char *name, gint64 expires, gint64 now)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (expires);
  g_autofree char *moment = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
  g_autofree char *message = g_strdup_printf ("A certificate or credential that the certificate authority “%s” depends on %s at %s",
                                              name, expires > now ? "ends" : "has ended", moment);

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CA_EXPIRES, message, "BREVET_CA", name, "BREVET_EXPIRES", moment, NULL);
}

static void
note_expiry (Watch *watch, BrevetCaHealth *health)
{
  gint64 expires = brevet_ca_health_get_expires (health);
  gint64 now = brevet_clock_now_seconds ();
  guint reached = expires > 0 ? count_steps (expires, now) : 0;

  if (reached > watch->told)
    tell_expiry (watch->authority->name, expires, now);
  watch->told = reached;
}

/* --- what is to be trusted ---------------------------------------------------------------------------------------------------- */

static void
on_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;
  Run *run = g_task_get_task_data (look->task);
  Watch *watch = find_watch (look);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundle) trust = brevet_ca_backend_get_trust_finish (BREVET_CA_BACKEND (source), result, &error);

  brevet_authority_turn_end (g_steal_pointer (&look->turn), error);
  if (trust != NULL)
    {
      brevet_authority_pool_note_trust (run->context->authorities, look->authority, trust, run->context->chores);
      if (watch != NULL)
        watch->trust_time = brevet_clock_now_seconds ();
    }
  else
    g_debug ("The certificate authority “%s” does not say what is to be trusted: %s", look->authority->name, error->message);
  look_end (look);
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;

  look->turn = brevet_authority_traffic_enter_finish (result, NULL);
  if (look->turn != NULL)
    brevet_ca_backend_get_trust_async (look->authority->backend, brevet_time_limit_get_cancellable (look->limit), on_trust, look);
  else
    look_end (look);
}

static void
begin_trust (Look *look)
{
  look->limit = brevet_time_limit_new (g_task_get_context (look->task), TRUST_LIMIT_MILLISECONDS,
                                       g_task_get_cancellable (look->task));
  brevet_authority_traffic_enter_async (look->authority->traffic, BREVET_AUTHORITY_PRIORITY_BACKGROUND,
                                        brevet_time_limit_get_cancellable (look->limit), on_entered, look);
}

static gboolean
needs_trust (Watch *watch, BrevetCaHealth *health)
{
  gint64 age = brevet_clock_now_seconds () - watch->trust_time;

  return brevet_ca_health_get_state (health) != BREVET_CA_HEALTH_DOWN && (age >= TRUST_SECONDS || age < 0);
}

/* --- checks ------------------------------------------------------------------------------------------------------------------- */

static void
set_due (Watch *watch)
{
  guint interval = brevet_authority_traffic_get_check_interval (watch->authority->traffic);

  if (interval > 0 && brevet_authority_traffic_is_open (watch->authority->traffic))
    interval = MIN (interval, DOWN_INTERVAL);
  watch->due = interval > 0 ? brevet_clock_monotonic () + (gint64) interval * G_USEC_PER_SEC : G_MAXINT64;
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCaHealth) health = brevet_authority_check_finish (result, &error);
  Watch *watch = find_watch (look);

  if (error != NULL)
    g_debug ("The check of the certificate authority “%s” failed: %s", look->authority->name, error->message);
  if (watch != NULL)
    set_due (watch);
  if (watch != NULL && health != NULL)
    note_expiry (watch, health);
  if (watch != NULL && health != NULL && needs_trust (watch, health))
    begin_trust (look);
  else
    look_end (look);
}

/* A little early is as good as on time: the pause between two runs is jittered. */
static gboolean
is_due (const Watch *watch)
{
  guint interval = brevet_authority_traffic_get_check_interval (watch->authority->traffic);
  gint64 tolerance = (gint64) interval * G_USEC_PER_SEC / 8;

  return interval > 0 && watch->due <= brevet_clock_monotonic () + tolerance;
}

/* What a name stands for now may be something else than in the last run, or the same with other settings. */
static Watch *
renew_watch (Health *health, const char *key, BrevetAuthority *authority)
{
  Watch *watch = g_hash_table_lookup (health->watches, key);

  if (watch != NULL && g_str_equal (watch->authority->identity, authority->identity))
    {
      if (watch->authority->backend != authority->backend)
        watch->due = 0;
      g_clear_pointer (&watch->authority, brevet_authority_unref);
    }
  else
    {
      watch = g_new0 (Watch, 1);
      g_hash_table_replace (health->watches, g_strdup (key), watch);
    }
  watch->authority = brevet_authority_ref (authority);
  if (watch->due == G_MAXINT64)
    watch->due = 0;
  return watch;
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;
  Run *run = g_task_get_task_data (look->task);
  g_autoptr(GError) error = NULL;

  look->authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (look->authority == NULL)
    {
      /* Whoever is to get a certificate from it says so as well. */
      g_debug ("The certificate authority “%s” is not checked: %s", look->key, error->message);
      look_end (look);
    }
  else if (is_due (renew_watch (run->health, look->key, look->authority)))
    brevet_authority_check_async (look->authority, g_task_get_cancellable (look->task), on_checked, look);
  else
    look_end (look);
}

static void
begin_looks (GTask *task, GPtrArray *names)
{
  Run *run = g_task_get_task_data (task);

  for (guint i = 0; i < names->len; i++)
    {
      Look *look = look_new (task, g_ptr_array_index (names, i));

      g_hash_table_add (run->present, g_strdup (look->key));
      brevet_authority_pool_resolve_async (run->context->authorities, g_ptr_array_index (names, i), NULL,
                                           g_task_get_cancellable (task), on_resolved, look);
    }
  g_hash_table_foreach_remove (run->health->watches, is_gone, run->present);
}

static void
on_names_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) names = brevet_authority_pool_list_finish (BREVET_AUTHORITY_POOL (source), result, &error);

  if (names == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  begin_looks (task, names);
  close_one (task);
}

/* --- the job ------------------------------------------------------------------------------------------------------------------ */

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Run *run = g_new0 (Run, 1);

  g_task_set_source_tag (task, run_async);
  /* What was begun comes back first. */
  g_task_set_check_cancellable (task, FALSE);
  run->health = data;
  run->context = brevet_service_context_ref (context);
  run->present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  run->open = 1;
  g_task_set_task_data (task, run, run_free);
  brevet_authority_pool_list_async (context->authorities, cancellable, on_names_listed, g_steal_pointer (&task));
}

/* Returns seconds until somebody is to be checked. */
static guint
find_pause (Health *health)
{
  gint64 now = brevet_clock_monotonic ();
  gint64 pause = IDLE_INTERVAL * (gint64) G_USEC_PER_SEC;
  GHashTableIter iterator;
  gpointer watch;

  g_hash_table_iter_init (&iterator, health->watches);
  while (g_hash_table_iter_next (&iterator, NULL, &watch))
    if (((Watch *) watch)->due != 0)
      pause = MIN (pause, ((Watch *) watch)->due - now);
  return (guint) (MAX (pause, 1 * (gint64) G_USEC_PER_SEC) / G_USEC_PER_SEC);
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  *pause = find_pause (data);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
health_free (gpointer data)
{
  Health *health = data;

  g_hash_table_unref (health->watches);
  g_free (health);
}

void
brevet_authority_health_add (BrevetServiceChores *chores)
{
  static const BrevetChore chore = {
    .name = BREVET_CHORE_AUTHORITY_HEALTH,
    .interval = IDLE_INTERVAL,
    .run_async = run_async,
    .run_finish = run_finish,
  };
  Health *health = g_new0 (Health, 1);

  health->watches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, watch_free);
  brevet_service_chores_add (chores, &chore, health, health_free);
}
