/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records-aside.h"

#include "brevet-identifier.h"

char *
brevet_records_barred_key (const char *collection, const char *key)
{
  g_autofree char *folded = brevet_identifier_fold (key);

  return g_strconcat (collection, "/", folded, NULL);
}

void
brevet_records_bar (BrevetBatch *batch, const char *collection, const char *id, gboolean is_barred)
{
  g_autofree char *key = brevet_records_barred_key (collection, id);
  g_autoptr(GBytes) body = g_bytes_new_static ("{}", 2);

  if (is_barred)
    brevet_batch_put (batch, BREVET_COLLECTION_BARRED, key, NULL, body, NULL);
  else
    brevet_batch_delete (batch, BREVET_COLLECTION_BARRED, key, NULL);
}

char *
brevet_records_aside (const char *collection)
{
  return g_strconcat ("aside-", collection, NULL);
}
