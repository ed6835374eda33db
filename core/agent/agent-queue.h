/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetAgentQueue:
 *
 * Jobs that follow one another: the next one begins when brevet_agent_queue_end() has been called for the one before.
 */
typedef struct _BrevetAgentQueue BrevetAgentQueue;

/**
 * BrevetAgentJob:
 * @task: whose end is to be told with brevet_agent_queue_end()
 *
 * Begins a job.
 */
typedef void (*BrevetAgentJob) (GTask *task);

BrevetAgentQueue *brevet_agent_queue_new (void);

/**
 * brevet_agent_queue_free:
 *
 * Only of an empty queue: a job holds the source object of its task, to which the queue belongs.
 */
void brevet_agent_queue_free (BrevetAgentQueue *self);

/**
 * brevet_agent_queue_add:
 * @task: (transfer full): held until its end
 * @job: called from the main loop when it is its turn
 */
void brevet_agent_queue_add (BrevetAgentQueue *self, GTask *task, BrevetAgentJob job);

/**
 * brevet_agent_queue_end:
 * @task: the one that was begun last; it has been answered
 */
void brevet_agent_queue_end (BrevetAgentQueue *self, GTask *task);

G_END_DECLS
