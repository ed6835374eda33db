/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"

/* Somebody who waits for an attempt: the one that is being made, or the next one. */
typedef struct {
  GTask *task;
  BrevetIdentityAction action;
  gboolean joined;
  GSource *cancelled;
} BrevetIdentityWaiter;

static void
waiter_free (BrevetIdentityWaiter *waiter)
{
  if (waiter->cancelled != NULL)
    g_source_destroy (waiter->cancelled);
  g_clear_pointer (&waiter->cancelled, g_source_unref);
  g_object_unref (waiter->task);
  g_free (waiter);
}

static void
answer (BrevetIdentityWaiter *waiter, const GError *error)
{
  if (error != NULL)
    g_task_return_error (waiter->task, g_error_copy (error));
  else
    g_task_return_boolean (waiter->task, TRUE);
  waiter_free (waiter);
}

/* Answers those who wait for the attempt that has ended, or all. They may ask for the next thing at once. */
void
brevet_identity_answer_waiters (BrevetIdentity *self, const GError *error, gboolean all)
{
  GList *waiters = g_steal_pointer (&self->waiters);
  g_autoptr(GList) answered = NULL;

  for (GList *at = waiters; at != NULL; at = at->next)
    {
      BrevetIdentityWaiter *waiter = at->data;

      if (all || waiter->joined)
        answered = g_list_append (answered, waiter);
      else
        self->waiters = g_list_append (self->waiters, waiter);
    }
  g_list_free (waiters);
  for (GList *at = answered; at != NULL; at = at->next)
    answer (at->data, error);
}

/* The attempt ends without a result; those who waited for it wait for the next one. */
void
brevet_identity_detach_waiters (BrevetIdentity *self)
{
  for (GList *at = self->waiters; at != NULL; at = at->next)
    ((BrevetIdentityWaiter *) at->data)->joined = FALSE;
}

static gboolean
has_what_was_configured (BrevetIdentity *self)
{
  BrevetIdentityPlan plan;

  brevet_identity_make_plan (self, &plan);
  return plan.action != BREVET_IDENTITY_REPROVISION && !brevet_identity_is_expired (self->current, brevet_clock_now_seconds ());
}

/* Says what needs no attempt. %TRUE if it does, or if no attempt can be made: then with an error. */
static gboolean
is_settled (BrevetIdentity *self, BrevetIdentityAction action, GError **error)
{
  gint64 now = brevet_clock_now_seconds ();

  if (!self->config->enabled)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The identity “%s” is switched off; set enabled=yes in "
                 "[identity %s]", self->config->name, self->config->name);
  else if (action == BREVET_IDENTITY_RENEW && (self->current == NULL || self->current->chain == NULL))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "The identity “%s” has no certificate that could be renewed",
                 self->config->name);
  else if (action == BREVET_IDENTITY_PROVISION && has_what_was_configured (self))
    return TRUE;
  else if (now < BREVET_IDENTITY_EARLIEST_TIME)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The clock cannot be right, so that no certificate can be judged; the "
                 "identity “%s” waits for it to be set", self->config->name);
  else
    return FALSE;
  return TRUE;
}

static BrevetIdentityWaiter *
find_greatest (BrevetIdentity *self)
{
  BrevetIdentityWaiter *found = NULL;

  for (GList *at = self->waiters; at != NULL; at = at->next)
    {
      BrevetIdentityWaiter *waiter = at->data;

      if (found == NULL || waiter->action > found->action)
        found = waiter;
    }
  return found;
}

static void
join_all (BrevetIdentity *self)
{
  for (GList *at = self->waiters; at != NULL; at = at->next)
    {
      BrevetIdentityWaiter *waiter = at->data;

      waiter->joined = waiter->joined || waiter->action <= self->attempt_action;
    }
}

/* Makes the attempt that those want who could not join the last one. Nothing is being done. */
void
brevet_identity_begin_for_waiters (BrevetIdentity *self)
{
  BrevetIdentityWaiter *greatest;

  while (!brevet_identity_is_busy (self) && (greatest = find_greatest (self)) != NULL)
    {
      g_autoptr(GError) error = NULL;

      if (is_settled (self, greatest->action, &error))
        {
          self->waiters = g_list_remove (self->waiters, greatest);
          answer (greatest, error);
          continue;
        }
      if (greatest->action == BREVET_IDENTITY_REPROVISION)
        brevet_identity_drop_pending (self);
      brevet_identity_begin (self, greatest->action);
      join_all (self);
    }
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  BrevetIdentity *self = g_task_get_source_object (task);

  for (GList *at = self->waiters; at != NULL; at = at->next)
    {
      BrevetIdentityWaiter *waiter = at->data;

      if (waiter->task != task)
        continue;
      self->waiters = g_list_delete_link (self->waiters, at);
      g_task_return_error_if_cancelled (task);
      waiter_free (waiter);
      break;
    }
  return G_SOURCE_REMOVE;
}

static void
add_waiter (BrevetIdentity *self, GTask *task, BrevetIdentityAction action)
{
  BrevetIdentityWaiter *waiter = g_new0 (BrevetIdentityWaiter, 1);
  GCancellable *cancellable = g_task_get_cancellable (task);

  waiter->task = g_object_ref (task);
  waiter->action = action;
  waiter->joined = self->attempt != NULL && !g_cancellable_is_cancelled (self->attempt_cancellable) &&
                   action <= self->attempt_action;
  self->waiters = g_list_append (self->waiters, waiter);
  if (cancellable == NULL)
    return;
  waiter->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (waiter->cancelled, G_SOURCE_FUNC (on_cancelled), g_object_ref (task), g_object_unref);
  g_source_attach (waiter->cancelled, g_task_get_context (task));
}

void
brevet_identity_act_async (BrevetIdentity *self, BrevetIdentityAction action, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, brevet_identity_act_async);
  /* An answer that is there counts; waiting is ended by the waiter's own source. */
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!self->loaded || self->stopped)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY, "The identity “%s” is being started or stopped",
                               self->config->name);
      return;
    }
  if (is_settled (self, action, &error))
    {
      if (error != NULL)
        g_task_return_error (task, error);
      else
        g_task_return_boolean (task, TRUE);
      return;
    }
  add_waiter (self, task, action);
  brevet_identity_begin_for_waiters (self);
}

gboolean
brevet_identity_act_finish (BrevetIdentity *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_identity_act_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
