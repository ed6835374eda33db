/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "wrapping-store.h"

G_BEGIN_DECLS

/* A store whose disk is full when a test says so: nothing is committed then. */
#define TYPE_FAILING_STORE (failing_store_get_type ())
G_DECLARE_FINAL_TYPE (FailingStore, failing_store, FAILING, STORE, WrappingStore)

FailingStore *failing_store_new (BrevetStore *real);

void failing_store_fail (FailingStore *self, gboolean fails);

G_END_DECLS
