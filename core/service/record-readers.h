/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetRecordReader:
 * @collection: name of a collection
 * @check: reads one of its records as the service does; %FALSE with %BREVET_ERROR_CORRUPT saying what is wrong with it
 * @consequence: (nullable): what it means that a record of it is put aside, for the operator; translatable. %NULL where every
 *   record can be read
 */
typedef struct {
  const char *collection;
  gboolean (*check) (BrevetRecord *record, GError **error);
  const char *consequence;
} BrevetRecordReader;

/**
 * brevet_record_readers_list:
 *
 * Returns: (transfer none): the readers of all collections of the service, ended by one without a collection
 */
const BrevetRecordReader *brevet_record_readers_list (void);

/**
 * brevet_record_readers_find:
 *
 * Returns: (transfer none) (nullable): the reader of @collection; %NULL if the service has no such collection
 */
const BrevetRecordReader *brevet_record_readers_find (const char *collection);

G_END_DECLS
