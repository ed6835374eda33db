/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-names.h"

G_BEGIN_DECLS

/**
 * BrevetIdentityViewDetail:
 * @BREVET_IDENTITY_VIEW_RESULT: what one wants to know after an action
 * @BREVET_IDENTITY_VIEW_STATUS: how it is, and what is wrong
 * @BREVET_IDENTITY_VIEW_ALL: everything, with the places of its files
 */
typedef enum {
  BREVET_IDENTITY_VIEW_RESULT,
  BREVET_IDENTITY_VIEW_STATUS,
  BREVET_IDENTITY_VIEW_ALL,
} BrevetIdentityViewDetail;

/**
 * brevet_identity_view_print:
 * @now: seconds since 1970-01-01 UTC
 *
 * Prints @identity for people: a line with its name and state, and the facts below it.
 */
void brevet_identity_view_print (BrevetBusAgent1Identity *identity, BrevetIdentityViewDetail detail, gint64 now);

G_END_DECLS
