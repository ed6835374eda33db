/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-handler.h"

G_BEGIN_DECLS

/* A handler for tests. Its paths:
 *   /echo       what arrived, as JSON
 *   /big        a body of 100 KB
 *   /refuse     401 at admission
 *   /roomy      like /echo, with a body of up to 256 KiB
 *   /hold       answers once it is cancelled or released
 *   /release    releases all that hold
 *   /counters   JSON: how many replies were delivered, how many requests cancelled, how many hold now
 *   /injected   a reply with a line end in a header field */
#define TEST_TYPE_HANDLER (test_handler_get_type ())
G_DECLARE_FINAL_TYPE (TestHandler, test_handler, TEST, HANDLER, GObject)

TestHandler *test_handler_new (void);

G_END_DECLS
