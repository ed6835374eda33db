/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How certificate authorities are, and who uses them (docs/service-api-extensions.md). */

#include "service-api-status.h"

#include "authority-check.h"
#include "authority-status.h"
#include "brevet-error.h"
#include "reply.h"

#define BODY_LIMIT 1024

const BrevetServiceResource brevet_service_authority_status = {
  .noun = "certificate authority",
  .collection = BREVET_COLLECTION_AUTHORITIES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_SERVICE_CONFIG,
  .write_right = BREVET_RIGHT_SERVICE_CONFIG,
};

static void
on_gathered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonArray) statuses = brevet_authority_status_gather_finish (result, &error);

  if (statuses == NULL)
    brevet_service_call_fail (task, error);
  else if (call->route->id == NULL)
    brevet_service_call_answer (task, brevet_reply_with_array (call->request, 200, g_steal_pointer (&statuses)));
  else if (json_array_get_length (statuses) == 0)
    brevet_service_call_refuse_missing (task);
  else
    brevet_service_call_show (task, json_object_ref (json_array_get_object_element (statuses, 0)), NULL);
}

static void
gather (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  brevet_authority_status_gather_async (call->context, call->route->id, g_task_get_cancellable (task), on_gathered,
                                        g_object_ref (task));
}

/* What the check has found, a failure included, is in the status. */
static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(BrevetCaHealth) health = brevet_authority_check_finish (result, NULL);

  gather (task);
}

/* One that cannot be used cannot be checked: the status says why. */
static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);

  if (authority != NULL)
    brevet_authority_check_async (authority, g_task_get_cancellable (task), on_checked, g_object_ref (task));
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_service_call_refuse_missing (task);
  else
    gather (task);
}

void
brevet_service_call_status (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  if (call->route->verb == BREVET_VERB_POST)
    brevet_authority_pool_resolve_async (call->context->authorities, call->route->id, NULL, g_task_get_cancellable (task),
                                         on_resolved, g_object_ref (task));
  else
    gather (task);
}
