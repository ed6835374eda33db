/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetSqliteStore:
 *
 * A #BrevetStore in one SQLite file. Settings: `file`, `readers`, `maximum-queued`.
 */
#define BREVET_TYPE_SQLITE_STORE (brevet_sqlite_store_get_type ())
G_DECLARE_FINAL_TYPE (BrevetSqliteStore, brevet_sqlite_store, BREVET, SQLITE_STORE, BrevetPlugin)

G_END_DECLS
