/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-queue.h"

typedef struct {
  GTask *task;
  BrevetAgentJob job;
} Entry;

struct _BrevetAgentQueue
{
  GQueue entries; /* Entry; the head is being done */
};

BrevetAgentQueue *
brevet_agent_queue_new (void)
{
  BrevetAgentQueue *self = g_new0 (BrevetAgentQueue, 1);

  g_queue_init (&self->entries);
  return self;
}

void
brevet_agent_queue_free (BrevetAgentQueue *self)
{
  g_return_if_fail (g_queue_is_empty (&self->entries));
  g_free (self);
}

static gboolean
run_head (gpointer user_data)
{
  BrevetAgentQueue *self = user_data;
  Entry *entry = g_queue_peek_head (&self->entries);

  entry->job (entry->task);
  return G_SOURCE_REMOVE;
}

/* Not at once: many jobs that fail at once would be calls within calls. The task of the job holds the queue. */
static void
plan_head (BrevetAgentQueue *self)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, run_head, self, NULL);
}

void
brevet_agent_queue_add (BrevetAgentQueue *self, GTask *task, BrevetAgentJob job)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->task = task;
  entry->job = job;
  g_queue_push_tail (&self->entries, entry);
  if (g_queue_get_length (&self->entries) == 1)
    plan_head (self);
}

void
brevet_agent_queue_end (BrevetAgentQueue *self, GTask *task)
{
  Entry *entry = g_queue_pop_head (&self->entries);

  g_return_if_fail (entry != NULL && entry->task == task);

  g_free (entry);
  if (!g_queue_is_empty (&self->entries))
    plan_head (self);
  g_object_unref (task);
}
