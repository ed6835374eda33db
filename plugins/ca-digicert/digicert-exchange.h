/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "digicert-session.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* Longest answer in bytes: a page of certificates, or a profile with its chain. */
#define DIGICERT_MAXIMUM_REPLY (1024 * 1024)

/* Has @task answered with a DigicertReply. */
void digicert_exchange_run (GTask *task, SoupSession *soup, const DigicertConfiguration *configuration,
                            const DigicertQuestion *question);

G_END_DECLS
