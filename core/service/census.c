/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "census-private.h"

#include "brevet-clock.h"
#include "brevet-identifier.h"

/* A census is good for this many times the time that it took, and at least for a second. */
#define PROPORTION 20
#define SHORTEST_AGE G_USEC_PER_SEC

struct _BrevetCensus
{
  BrevetStore        *store;
  GMutex              mutex;
  BrevetCensusResult *latest;
  gint64              taken;   /* when @latest ended, by the clock that never jumps */
  gint64              running; /* when the one that runs began, wall clock; 0 if none runs */
  GPtrArray          *waiting; /* GTask: for the one that runs */
  GPtrArray          *late;    /* GTask: for the one after that */
};

BrevetCensus *
brevet_census_new (BrevetStore *store)
{
  BrevetCensus *self = g_atomic_rc_box_new0 (BrevetCensus);

  self->store = g_object_ref (store);
  g_mutex_init (&self->mutex);
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  self->late = g_ptr_array_new_with_free_func (g_object_unref);
  return self;
}

BrevetCensus *
brevet_census_ref (BrevetCensus *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
census_clear (gpointer data)
{
  BrevetCensus *self = data;

  g_object_unref (self->store);
  g_mutex_clear (&self->mutex);
  g_clear_pointer (&self->latest, brevet_census_result_unref);
  g_ptr_array_unref (self->waiting);
  g_ptr_array_unref (self->late);
}

void
brevet_census_unref (BrevetCensus *self)
{
  g_atomic_rc_box_release_full (self, census_clear);
}

BrevetCensusResult *
brevet_census_result_ref (BrevetCensusResult *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
result_clear (gpointer data)
{
  BrevetCensusResult *self = data;

  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->bundles);
}

void
brevet_census_result_unref (BrevetCensusResult *self)
{
  g_atomic_rc_box_release_full (self, result_clear);
}

/* With the mutex held. What began earlier may have missed what happened by @not_before. */
static BrevetCensusResult *
find_latest (BrevetCensus *self, gint64 not_before)
{
  gint64 age = brevet_clock_monotonic () - self->taken;

  if (self->latest == NULL || self->latest->began <= not_before ||
      age > MAX (SHORTEST_AGE, PROPORTION * self->latest->duration))
    return NULL;
  return brevet_census_result_ref (self->latest);
}

static void begin (BrevetCensus *self);

static void
answer (GPtrArray *tasks, BrevetCensusResult *census, const GError *error)
{
  for (guint i = 0; i < tasks->len; i++)
    {
      GTask *task = g_ptr_array_index (tasks, i);

      if (census != NULL)
        g_task_return_pointer (task, brevet_census_result_ref (census), (GDestroyNotify) brevet_census_result_unref);
      else
        g_task_return_error (task, g_error_copy (error));
    }
}

static void
on_walked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetCensus) self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCensusResult) census = brevet_census_walk_finish (result, &error);
  g_autoptr(GPtrArray) answered = NULL;
  gboolean again;

  g_mutex_lock (&self->mutex);
  answered = g_steal_pointer (&self->waiting);
  self->waiting = g_steal_pointer (&self->late);
  self->late = g_ptr_array_new_with_free_func (g_object_unref);
  again = self->waiting->len > 0;
  self->running = again ? brevet_clock_now () : 0;
  if (census != NULL)
    {
      g_clear_pointer (&self->latest, brevet_census_result_unref);
      self->latest = brevet_census_result_ref (census);
      self->taken = brevet_clock_monotonic ();
    }
  g_mutex_unlock (&self->mutex);
  answer (answered, census, error);
  if (again)
    begin (self);
}

static void
begin (BrevetCensus *self)
{
  brevet_census_walk_async (self->store, on_walked, brevet_census_ref (self));
}

void
brevet_census_take_async (BrevetCensus *self, gint64 not_before, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetCensusResult *latest;
  gboolean begins = FALSE;

  g_task_set_source_tag (task, brevet_census_take_async);
  g_mutex_lock (&self->mutex);
  latest = find_latest (self, not_before);
  if (latest == NULL)
    {
      begins = self->running == 0;
      if (begins)
        self->running = brevet_clock_now ();
      g_ptr_array_add (begins || self->running > not_before ? self->waiting : self->late, g_object_ref (task));
    }
  g_mutex_unlock (&self->mutex);
  if (latest != NULL)
    g_task_return_pointer (task, latest, (GDestroyNotify) brevet_census_result_unref);
  else if (begins)
    begin (self);
}

BrevetCensusResult *
brevet_census_take_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const BrevetCensusAuthority *
brevet_census_result_find (BrevetCensusResult *self, const char *name, const char *identity)
{
  for (guint i = 0; i < self->authorities->len; i++)
    {
      const BrevetCensusAuthority *authority = g_ptr_array_index (self->authorities, i);

      if (brevet_identifier_equal (authority->authority, name) && g_strcmp0 (authority->identity, identity) == 0)
        return authority;
    }
  return NULL;
}

static gboolean
is_used (const BrevetCensusAuthority *authority)
{
  return authority != NULL && (authority->devices > 0 || authority->coming > 0 || authority->open > 0);
}

/* A certificate of which nobody knows whose it is may be of any CA that the name has stood for. */
gboolean
brevet_census_result_uses (BrevetCensusResult *self, const char *name, const char *identity)
{
  return self->unreadable > 0 || is_used (brevet_census_result_find (self, name, identity)) ||
         is_used (brevet_census_result_find (self, name, NULL));
}

gboolean
brevet_census_result_has_unsent (BrevetCensusResult *self, const char *name, gint64 until)
{
  const BrevetCensusAuthority *authority = brevet_census_result_find (self, name, NULL);

  return authority != NULL && authority->unsent != 0 && authority->unsent <= until;
}

guint64
brevet_census_result_count_holders (BrevetCensusResult *self, const char *bundle, const char *version)
{
  for (guint i = 0; i < self->bundles->len; i++)
    {
      const BrevetCensusBundle *known = g_ptr_array_index (self->bundles, i);

      if (brevet_identifier_equal (known->bundle, bundle) && g_strcmp0 (known->version, version) == 0)
        return known->devices;
    }
  return 0;
}
