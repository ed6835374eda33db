/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetFileStore:
 *
 * A #BrevetStore of plain files in generations. Settings: `directory`, `maximum-queued`.
 */
#define BREVET_TYPE_FILE_STORE (brevet_file_store_get_type ())
G_DECLARE_FINAL_TYPE (BrevetFileStore, brevet_file_store, BREVET, FILE_STORE, BrevetPlugin)

G_END_DECLS
