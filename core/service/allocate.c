/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "allocate.h"

#include "brevet-identifier.h"

void
brevet_allocation_free (BrevetAllocation *self)
{
  if (self == NULL)
    return;
  g_free (self->hub);
  g_free (self->device_id);
  g_free (self);
}

static const char *
get_current_hub (const BrevetRegistration *registration)
{
  if (registration == NULL || registration->state->status != BREVET_REGISTRATION_ASSIGNED)
    return NULL;
  return registration->state->assigned_hub;
}

static const char *
choose_substatus (BrevetEnrollment *enrollment, const BrevetRegistration *registration, const char *current, const char *hub)
{
  if (current == NULL)
    return "initialAssignment";
  if (brevet_identifier_equal (current, hub))
    return registration->state->substatus != NULL ? registration->state->substatus : "initialAssignment";
  if (enrollment->migrate_device_data)
    return "deviceDataMigrated";
  if (registration->initial_hub != NULL && brevet_identifier_equal (registration->initial_hub, hub))
    return "reprovisionedToInitialAssignment";
  return "deviceDataReset";
}

/* An enrollment's own spelling goes before that of the device (protocol/dps.md §1.3). */
static const char *
get_device_id (const BrevetEnrollment *enrollment, const char *registration_id)
{
  if (enrollment->device_id != NULL)
    return enrollment->device_id;
  return enrollment->is_group ? registration_id : enrollment->id;
}

static BrevetAllocation *
allocate (BrevetServiceContext *context, BrevetEnrollment *enrollment, const char *registration_id,
          const BrevetRegistration *registration, const char *remote_address, GError **error)
{
  const char *current = get_current_hub (registration);
  BrevetAllocationPolicy policy =
    enrollment->allocation != BREVET_ALLOCATION_UNSET ? enrollment->allocation : context->default_allocation;
  const char *hub;
  BrevetAllocation *allocation;

  if (current != NULL && !enrollment->update_hub_assignment)
    hub = current;
  else
    hub = brevet_hubs_choose (context->hubs, policy, (const char *const *) enrollment->hubs, registration_id, remote_address,
                              error);
  if (hub == NULL)
    return NULL;
  allocation = g_new0 (BrevetAllocation, 1);
  allocation->hub = g_strdup (hub);
  allocation->device_id = g_strdup (get_device_id (enrollment, registration_id));
  allocation->substatus = choose_substatus (enrollment, registration, current, hub);
  return allocation;
}

void
brevet_allocate_async (BrevetServiceContext *context, BrevetEnrollment *enrollment, const char *registration_id,
                       const BrevetRegistration *registration, const char *remote_address, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetAllocation *allocation;
  GError *error = NULL;

  g_task_set_source_tag (task, brevet_allocate_async);
  allocation = allocate (context, enrollment, registration_id, registration, remote_address, &error);
  if (allocation == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, allocation, (GDestroyNotify) brevet_allocation_free);
}

BrevetAllocation *
brevet_allocate_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
