/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "wrapping-store.h"

G_BEGIN_DECLS

/**
 * UnsteadyStore:
 *
 * Passes everything on to a real store, and can refuse single commits or hold them back, as a full or slow disk does.
 */
#define TYPE_UNSTEADY_STORE (unsteady_store_get_type ())
G_DECLARE_FINAL_TYPE (UnsteadyStore, unsteady_store, UNSTEADY, STORE, WrappingStore)

UnsteadyStore *unsteady_store_new (BrevetStore *real);

/**
 * unsteady_store_refuse:
 * @pattern: one character per commit that follows: `x` refuses it, anything else lets it pass; the last character counts for all
 *   further ones
 */
void unsteady_store_refuse (UnsteadyStore *self, const char *pattern);

/**
 * unsteady_store_hold:
 *
 * Keeps commits that come from now on back, or lets those that were kept back go.
 */
void unsteady_store_hold (UnsteadyStore *self, gboolean hold);

guint unsteady_store_get_held (UnsteadyStore *self);

/**
 * unsteady_store_refuse_reading:
 *
 * Lists fail from now on, or work again.
 */
void unsteady_store_refuse_reading (UnsteadyStore *self, gboolean refuse);

guint unsteady_store_get_commits (UnsteadyStore *self);

G_END_DECLS
