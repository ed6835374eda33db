/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Versions of trust bundles that nobody asks about any more. */

#include "census-private.h"

/* A version that has just been handed out may not be among those that devices have yet. */
#define REMEMBERED_SECONDS 86400

void
brevet_version_tally_init (BrevetVersionTally *self, BrevetTally *tally)
{
  self->tally = tally;
}

void
brevet_version_tally_clear (BrevetVersionTally *self)
{
  g_clear_pointer (&self->newest, brevet_record_unref);
  g_clear_pointer (&self->batch, brevet_batch_unref);
}

/* What cannot be read stays: it is in nobody's way. */
static gboolean
is_used (BrevetVersionTally *self, BrevetRecord *record)
{
  g_autofree char *version = NULL;
  g_autoptr(JsonArray) certificates = brevet_records_read_bundle_version (record, &version, NULL);

  return certificates == NULL || brevet_tally_has_holders (self->tally, brevet_record_get_parent (record), version) ||
         brevet_record_get_updated (record) / G_USEC_PER_SEC > self->tally->now - REMEMBERED_SECONDS;
}

static void
consider (BrevetVersionTally *self, BrevetRecord *record)
{
  if (is_used (self, record))
    return;
  if (self->batch == NULL)
    self->batch = brevet_batch_new ();
  brevet_batch_delete (self->batch, BREVET_COLLECTION_BUNDLE_VERSIONS, brevet_record_get_key (record),
                       brevet_record_get_etag (record));
}

/* The newest version of a bundle is the current one. */
void
brevet_version_tally_add (BrevetVersionTally *self, BrevetRecord *record)
{
  BrevetRecord *newest = self->newest;

  if (newest != NULL && g_strcmp0 (brevet_record_get_parent (newest), brevet_record_get_parent (record)) == 0)
    {
      if (brevet_record_get_updated (newest) >= brevet_record_get_updated (record))
        {
          consider (self, record);
          return;
        }
      consider (self, newest);
    }
  self->newest = brevet_record_ref (record);
  g_clear_pointer (&newest, brevet_record_unref);
}
