/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-registry.h"
#include "crl-publisher.h"
#include "device-api.h"
#include "service-chores.h"
#include "service-context.h"
#include "service-limits.h"
#include "service.h"
#include "waiters.h"

G_BEGIN_DECLS

/* service.c answers requests, service-setup.c makes of a configuration what they need. */

struct _BrevetService
{
  GObject               parent_instance;
  BrevetRegistry       *registry;
  BrevetStore          *store;
  BrevetLimits         *limits;
  BrevetWaiters        *waiters;
  BrevetDeviceApi      *device_api;
  gboolean              embedded;             /* spoken to by its owner alone */
  GPtrArray            *listeners;
  GMutex                lock;
  BrevetAuthorityTraffics *traffics;
  BrevetServiceChores  *chores;
  BrevetCrlPublisher   *crls;
  BrevetServiceContext *context;              /* under the lock: replaced by a reload */
  gint64                next_overload_report; /* under the lock: monotonic microseconds */
  guint                 stopping;
  guint                 patience;             /* source; until those who wait are sent away, while the service stops */
  int                   prepared;             /* number of the last change that was prepared */
  GMutex                applying;             /* held while a change takes effect, so that one follows the other */
  int                   applied;              /* atomic: number of the last change that took effect */
};

/* Returns: (transfer full): the context that is current now. From any thread. */
BrevetServiceContext *brevet_service_ref_context (BrevetService *self);

G_END_DECLS
