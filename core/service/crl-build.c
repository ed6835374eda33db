/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crl-build.h"

#include "barred-index.h"
#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-time-limit.h"
#include "record-damage.h"
#include "record-walk.h"
#include "records-ca.h"
#include "revocations.h"

#define ANSWER_MILLISECONDS (300 * 1000)

typedef struct {
  BrevetServiceContext *context;
  GHashTable *seen;                /* names and identities */
  GQueue versions;                 /* BrevetCrlSource, those to be resolved: first what names stand for now */
  BrevetCrlSource *resolving;
  GPtrArray *sources;
  GPtrArray *authorities;          /* in the order of @sources; NULL where there is none */
  BrevetRevocations *revocations;
  guint asked;                     /* still to be answered */
} Build;

/* One CA that is being asked. */
typedef struct {
  GTask *task;
  BrevetAuthority *authority;
  BrevetCrlSource *source;         /* not a reference */
  BrevetTimeLimit *limit;
  BrevetAuthorityTurn *turn;
} Ask;

static void
source_free (BrevetCrlSource *source)
{
  g_free (source->name);
  g_free (source->identity);
  g_clear_pointer (&source->der, g_bytes_unref);
  g_free (source);
}

static void
authority_clear (gpointer authority)
{
  if (authority != NULL)
    brevet_authority_unref (authority);
}

static void
build_free (gpointer data)
{
  Build *build = data;

  brevet_service_context_unref (build->context);
  g_hash_table_unref (build->seen);
  g_queue_clear_full (&build->versions, (GDestroyNotify) source_free);
  g_clear_pointer (&build->resolving, source_free);
  g_clear_pointer (&build->sources, g_ptr_array_unref);
  g_ptr_array_unref (build->authorities);
  g_clear_pointer (&build->revocations, brevet_revocations_free);
  g_free (build);
}

static void
ask_free (Ask *ask)
{
  g_object_unref (ask->task);
  brevet_authority_unref (ask->authority);
  g_clear_pointer (&ask->limit, brevet_time_limit_free);
  g_free (ask);
}

static void
return_if_done (GTask *task)
{
  Build *build = g_task_get_task_data (task);

  if (build->asked == 0)
    g_task_return_pointer (task, g_steal_pointer (&build->sources), (GDestroyNotify) g_ptr_array_unref);
}

static void
note_problem (Ask *ask, const GError *error)
{
  g_autofree char *message = g_strdup_printf ("The certificate authority “%s” gives no new revocation list: %s",
                                              ask->authority->name, error->message);

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_REVOCATION_LIST, message, "BREVET_CA", ask->authority->name,
                    "BREVET_UPSTREAM", brevet_ca_error_get_upstream_message (error), NULL);
}

static void
end_ask (Ask *ask)
{
  g_autoptr(GTask) task = g_object_ref (ask->task);
  Build *build = g_task_get_task_data (task);

  ask_free (ask);
  build->asked--;
  return_if_done (task);
}

static void
on_list_made (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Ask *ask = user_data;
  g_autoptr(GError) error = NULL;

  ask->source->der = brevet_ca_backend_get_crl_finish (BREVET_CA_BACKEND (object), result, &error);
  if (brevet_time_limit_has_passed (ask->limit) && error != NULL)
    {
      g_clear_error (&error);
      g_set_error_literal (&error, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT, "It has not answered in time");
    }
  brevet_authority_turn_end (ask->turn, error);
  if (error != NULL && !g_cancellable_is_cancelled (g_task_get_cancellable (ask->task)))
    note_problem (ask, error);
  end_ask (ask);
}

static void
on_entered (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Ask *ask = user_data;
  Build *build = g_task_get_task_data (ask->task);
  g_autoptr(GError) error = NULL;

  ask->turn = brevet_authority_traffic_enter_finish (result, &error);
  if (ask->turn == NULL)
    {
      end_ask (ask);
      return;
    }
  brevet_ca_backend_get_crl_async (ask->authority->backend, build->revocations->list,
                                   brevet_time_limit_get_cancellable (ask->limit), on_list_made, ask);
}

static void
ask_all (GTask *task)
{
  Build *build = g_task_get_task_data (task);

  build->asked = 1; /* until all have begun */
  for (guint i = 0; i < build->sources->len; i++)
    {
      BrevetAuthority *authority = g_ptr_array_index (build->authorities, i);
      Ask *ask;

      if (authority == NULL)
        continue;
      ask = g_new0 (Ask, 1);
      ask->task = g_object_ref (task);
      ask->authority = brevet_authority_ref (authority);
      ask->source = g_ptr_array_index (build->sources, i);
      ask->limit = brevet_time_limit_new (g_task_get_context (task), ANSWER_MILLISECONDS, g_task_get_cancellable (task));
      build->asked++;
      brevet_authority_traffic_enter_async (authority->traffic, BREVET_AUTHORITY_PRIORITY_BACKGROUND,
                                            brevet_time_limit_get_cancellable (ask->limit), on_entered, ask);
    }
  build->asked--;
  return_if_done (task);
}

static void
read_revocations (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_autoptr(GError) problem = NULL;
  GError *error = NULL;
  BrevetRevocations *revocations;

  /* Lists are made as well while nothing can be written. */
  if (!brevet_barred_index_complete (task_data, cancellable, &problem))
    g_debug ("The next revocation list tries again to note who is shut out: %s", problem->message);
  revocations = brevet_revocations_read (task_data, brevet_clock_now_seconds (), cancellable, &error);
  if (revocations != NULL)
    g_task_return_pointer (task, revocations, (GDestroyNotify) brevet_revocations_free);
  else
    g_task_return_error (task, error);
}

static void
on_revocations_read (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Build *build = g_task_get_task_data (task);
  GError *error = NULL;

  build->revocations = g_task_propagate_pointer (G_TASK (result), &error);
  if (build->revocations != NULL)
    ask_all (task);
  else
    g_task_return_error (task, error);
}

/* The whole inventory, on a thread of its own: nobody waits for it. Once for all lists. */
static void
begin_reading (GTask *task)
{
  Build *build = g_task_get_task_data (task);
  g_autoptr(GTask) reading = g_task_new (NULL, g_task_get_cancellable (task), on_revocations_read,
                                         g_object_ref (task));

  g_task_set_source_tag (reading, begin_reading);
  /* The other task holds it until this one is answered: the store shall not be closed by this thread, some time later. */
  g_task_set_task_data (reading, build->context->store, NULL);
  g_task_run_in_thread (reading, read_revocations);
}

static gboolean
is_new (Build *build, const char *name, const char *identity)
{
  g_autofree char *folded = brevet_identifier_fold (name);

  return g_hash_table_add (build->seen, g_strconcat (folded, "\n", identity, NULL));
}

static void
add_source (Build *build, BrevetCrlSource *source, BrevetAuthority *authority)
{
  g_ptr_array_add (build->sources, source);
  g_ptr_array_add (build->authorities, authority);
}

static void resolve_next (GTask *task);

/* One that cannot be used now keeps the list that it has. */
static void
on_resolved (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Build *build = g_task_get_task_data (task);
  g_autoptr(BrevetAuthority) authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (object), result, NULL);
  BrevetCrlSource *source = g_steal_pointer (&build->resolving);

  if (authority == NULL)
    add_source (build, source, NULL);
  else if ((brevet_ca_backend_get_capabilities (authority->backend) & BREVET_CA_CAPABILITY_CRL) == 0 ||
           !is_new (build, authority->name, authority->identity))
    source_free (source);
  else
    {
      g_free (source->identity);
      source->identity = g_strdup (authority->identity);
      add_source (build, source, g_steal_pointer (&authority));
    }
  resolve_next (task);
}

static void
resolve_next (GTask *task)
{
  Build *build = g_task_get_task_data (task);

  build->resolving = g_queue_pop_head (&build->versions);
  if (build->resolving == NULL)
    {
      begin_reading (task);
      return;
    }
  brevet_authority_pool_resolve_async (build->context->authorities, build->resolving->name, build->resolving->identity,
                                       g_task_get_cancellable (task), on_resolved, g_object_ref (task));
}

static void
add_version (Build *build, const char *name, const char *identity)
{
  BrevetCrlSource *source = g_new0 (BrevetCrlSource, 1);

  source->name = g_strdup (name);
  source->identity = g_strdup (identity);
  source->is_current = identity == NULL;
  g_queue_push_tail (&build->versions, source);
}

/* Nobody can sign for it any more, but the list that it has is kept until its end. */
static void
add_damaged (Build *build, BrevetRecord *record, const GError *damage)
{
  BrevetCrlSource *source;

  brevet_record_damage_report (record, damage, "the revocation list that it may have had is not renewed");
  if (brevet_record_get_parent (record) == NULL)
    return;
  source = g_new0 (BrevetCrlSource, 1);
  source->name = g_strdup (brevet_record_get_parent (record));
  add_source (build, source, NULL);
}

/* Also the version that has no end yet: its name may stand for another CA already, which was asked for nothing yet. */
static void
take_version (BrevetRecord *record, gpointer data)
{
  g_autoptr(GError) damage = NULL;
  g_autoptr(BrevetCaVersion) version = brevet_records_read_ca_version (record, &damage);

  if (version == NULL)
    add_damaged (data, record, damage);
  else
    add_version (data, version->name, version->identity);
}

static void
on_versions_listed (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;

  if (brevet_record_walk_finish (result, &error))
    resolve_next (task);
  else
    g_task_return_error (task, error);
}

static void
on_names_listed (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Build *build = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) names = brevet_authority_pool_list_finish (BREVET_AUTHORITY_POOL (object), result, &error);

  if (names == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  for (guint i = 0; i < names->len; i++)
    add_version (build, g_ptr_array_index (names, i), NULL);
  brevet_record_walk_async (build->context->store, BREVET_COLLECTION_CA_VERSIONS, NULL, take_version, build,
                            g_task_get_cancellable (task), on_versions_listed, g_object_ref (task));
}

void
brevet_crl_build_async (BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Build *build = g_new0 (Build, 1);

  g_task_set_source_tag (task, brevet_crl_build_async);
  build->context = brevet_service_context_ref (context);
  build->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init (&build->versions);
  build->sources = g_ptr_array_new_with_free_func ((GDestroyNotify) source_free);
  build->authorities = g_ptr_array_new_with_free_func (authority_clear);
  g_task_set_task_data (task, build, build_free);
  brevet_authority_pool_list_async (context->authorities, cancellable, on_names_listed, g_object_ref (task));
}

GPtrArray *
brevet_crl_build_finish (GAsyncResult *result, GHashTable **issuers, GError **error)
{
  Build *build = g_task_get_task_data (G_TASK (result));
  GPtrArray *sources = g_task_propagate_pointer (G_TASK (result), error);

  if (sources != NULL)
    *issuers = g_hash_table_ref (build->revocations->issuers);
  return sources;
}
