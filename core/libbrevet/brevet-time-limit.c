/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-time-limit.h"

struct _BrevetTimeLimit
{
  GCancellable *inner;
  GSource      *clock;
  GSource      *caller;   /* NULL: there is none */
  gboolean      passed;
};

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* What ends while it is cancelled may free the time limit. */
static void
cancel (BrevetTimeLimit *self)
{
  g_autoptr(GCancellable) inner = g_object_ref (self->inner);

  g_cancellable_cancel (inner);
}

static gboolean
on_time (gpointer user_data)
{
  BrevetTimeLimit *self = user_data;

  self->passed = !g_cancellable_is_cancelled (self->inner);
  cancel (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_caller (GCancellable *outer, gpointer user_data)
{
  cancel (user_data);
  return G_SOURCE_REMOVE;
}

/* A source and no signal handler: what ends in the middle of the caller's g_cancellable_cancel() could not remove that one. */
static void
watch_caller (BrevetTimeLimit *self, GMainContext *context, GCancellable *outer)
{
  self->caller = g_cancellable_source_new (outer);
  g_source_set_callback (self->caller, G_SOURCE_FUNC (on_caller), self, NULL);
  g_source_attach (self->caller, context);
  if (g_cancellable_is_cancelled (outer))
    g_cancellable_cancel (self->inner);
}

BrevetTimeLimit *
brevet_time_limit_new (GMainContext *context, guint milliseconds, GCancellable *outer)
{
  BrevetTimeLimit *self = g_new0 (BrevetTimeLimit, 1);

  self->inner = g_cancellable_new ();
  self->clock = g_timeout_source_new (milliseconds);
  g_source_set_callback (self->clock, on_time, self, NULL);
  g_source_attach (self->clock, context);
  if (outer != NULL)
    watch_caller (self, context, outer);
  return self;
}

void
brevet_time_limit_free (BrevetTimeLimit *self)
{
  clear_source (&self->clock);
  clear_source (&self->caller);
  g_object_unref (self->inner);
  g_free (self);
}

GCancellable *
brevet_time_limit_get_cancellable (BrevetTimeLimit *self)
{
  return self->inner;
}

gboolean
brevet_time_limit_has_passed (BrevetTimeLimit *self)
{
  return self->passed;
}
