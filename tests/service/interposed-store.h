/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "wrapping-store.h"

G_BEGIN_DECLS

/**
 * InterposedStore:
 *
 * Passes everything on to a real store, and lets a test act at the moment between reading and writing: the one in which two
 * operators meet.
 */
#define TYPE_INTERPOSED_STORE (interposed_store_get_type ())
G_DECLARE_FINAL_TYPE (InterposedStore, interposed_store, INTERPOSED, STORE, WrappingStore)

InterposedStore *interposed_store_new (BrevetStore *real);

/**
 * interposed_store_before_commit:
 * @times: before how many commits
 * @action: what happens then
 */
void interposed_store_before_commit (InterposedStore *self, guint times, void (*action) (BrevetStore *real, gpointer user_data),
                                     gpointer user_data);

G_END_DECLS
