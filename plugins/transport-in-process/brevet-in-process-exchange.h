/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-handler.h"

G_BEGIN_DECLS

/**
 * brevet_in_process_exchange_run:
 * @task: answered with the reply
 * @handler: the service
 * @request: as the device made it
 *
 * Hands @request to @handler as a listener would, and its reply to @task. When the task's cancellable is cancelled, the task ends
 * at once; the service is told that its peer has gone, and finishes what it began.
 */
void brevet_in_process_exchange_run (GTask *task, BrevetHandler *handler, BrevetRequest *request);

G_END_DECLS
