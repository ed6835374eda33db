/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The API keys of stored certificate authorities are sealed, see secret-seal.h. */

#include "authority-pool-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

#define MAXIMUM_ATTEMPTS 5

static char *
make_place (const BrevetAuthorityDocument *document)
{
  g_autofree char *key = brevet_identifier_fold (document->name);

  return g_strdup_printf ("%s/%s/apiKey", BREVET_COLLECTION_AUTHORITIES, key);
}

BrevetSecret *
brevet_authority_pool_open_api_key (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error)
{
  g_autofree char *place = make_place (document);

  if (document->api_key != NULL)
    return brevet_secret_ref (document->api_key);
  return brevet_secret_seal_open (self->seal, place, document->sealed_api_key, error);
}

static gboolean
seal_api_key (BrevetAuthorityPool *self, BrevetAuthorityDocument *document, GError **error)
{
  g_autofree char *place = make_place (document);
  char *sealed = brevet_secret_seal_close (self->seal, place, document->api_key, error);

  if (sealed == NULL)
    return FALSE;
  g_free (document->sealed_api_key);
  document->sealed_api_key = sealed;
  return TRUE;
}

static void
drop_api_key (BrevetAuthorityDocument *document)
{
  g_clear_pointer (&document->api_key, brevet_secret_unref);
  g_clear_pointer (&document->sealed_api_key, g_free);
}

static int
compare_types (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static char *
list_types (BrevetAuthorityPool *self)
{
  guint count = 0;
  g_autofree gpointer *types = g_hash_table_get_keys_as_array (self->modules, &count);

  qsort (types, count, sizeof *types, compare_types);
  return count > 0 ? g_strjoinv (", ", (char **) types) : g_strdup ("none");
}

static gboolean
check_type (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error)
{
  g_autofree char *types = NULL;

  if (g_hash_table_contains (self->modules, document->type) || brevet_authority_type_is_documented (document->type))
    return TRUE;
  types = list_types (self);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificateAuthorityType “%s” is unknown: no installed plugin "
               "provides it; there are: %s", document->type, types);
  return FALSE;
}

gboolean
brevet_authority_pool_accept_document (BrevetAuthorityPool *self, BrevetAuthorityDocument *document, gboolean has_new_key,
                                       GError **error)
{
  const char *module = g_hash_table_lookup (self->modules, document->type);
  BrevetConfiguredAuthority *group = NULL;

  if (!check_type (self, document, error) ||
      (module != NULL && !brevet_authority_pool_choose_group (self, document, module, &group, error)))
    return FALSE;
  if (group != NULL && document->profile_name != NULL && has_new_key)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “apiKey” has no use: the profileName “%s” is that of a "
                   "certificate authority in the configuration, which has a key of its own; leave one of the two out",
                   document->profile_name);
      return FALSE;
    }
  if (group != NULL && document->profile_name != NULL)
    drop_api_key (document);
  return document->api_key == NULL || seal_api_key (self, document, error);
}

/* What a walk through the store has found. */
typedef struct {
  BrevetBatch *batch; /* what is to be sealed anew */
  GPtrArray *lost;    /* names of those whose secrets cannot be opened */
} Findings;

static void
findings_clear (Findings *findings)
{
  g_clear_pointer (&findings->batch, brevet_batch_unref);
  g_clear_pointer (&findings->lost, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Findings, findings_clear)

/* An object and versions of it may be lost together. */
static void
add_lost (Findings *findings, const char *name)
{
  if (!g_ptr_array_find_with_equal_func (findings->lost, name, g_str_equal, NULL))
    g_ptr_array_add (findings->lost, g_strdup (name));
}

static void
look_at_version (BrevetAuthorityPool *self, Findings *findings, BrevetCaVersion *version)
{
  gboolean lost = FALSE;

  if (!brevet_authority_version_is_sealed (version, self->seal, &lost))
    return;
  if (lost)
    add_lost (findings, version->name);
  else if (brevet_authority_version_seal (version, self->seal))
    brevet_records_put_ca_version (findings->batch, version, version->etag);
}

/* Plain ones come later: a key is made for them only if none is lost. */
static void
look_at_sealed (BrevetAuthorityPool *self, Findings *findings, BrevetAuthorityDocument *document)
{
  g_autofree char *place = make_place (document);

  if (!brevet_secret_seal_can_open (self->seal, document->sealed_api_key))
    add_lost (findings, document->name);
  else if (!brevet_secret_seal_is_current (self->seal, document->sealed_api_key))
    document->api_key = brevet_secret_seal_open (self->seal, place, document->sealed_api_key, NULL);
}

static GPtrArray *
list_documents (BrevetAuthorityPool *self, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_records_list_all (self->store, BREVET_COLLECTION_AUTHORITIES, NULL, error);
  g_autoptr(GPtrArray) documents = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_authority_document_free);

  if (records == NULL)
    return NULL;
  for (guint i = 0; i < records->len; i++)
    {
      BrevetAuthorityDocument *document = brevet_records_read_authority (g_ptr_array_index (records, i), NULL);

      if (document != NULL && (document->api_key != NULL || document->sealed_api_key != NULL))
        g_ptr_array_add (documents, document);
      else
        g_clear_pointer (&document, brevet_authority_document_free);
    }
  return g_steal_pointer (&documents);
}

static void
report_lost (BrevetAuthorityPool *self, GPtrArray *lost)
{
  g_autofree char *names = NULL;
  g_autofree char *reason = NULL;
  g_autofree char *message = NULL;

  g_ptr_array_add (lost, NULL);
  names = g_strjoinv (", ", (char **) lost->pdata);
  reason = g_strdup_printf ("the store holds secrets that were sealed with another one (certificate authorities: %s); put that one "
                            "back, or if it is lost, put another one there (openssl rand -base64 32), reload, and set the API keys "
                            "anew", names);
  message = g_strdup_printf ("Secrets of certificate authorities cannot be opened: the key that has sealed them is not in %s. Put "
                             "it back; if it is lost and there is no other, make one (openssl rand -base64 32), reload, and set "
                             "the API keys anew: %s", brevet_secret_seal_get_source (self->seal), names);
  if (!brevet_secret_seal_forbid_key (self->seal, reason))
    return;
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
}

static void
seal_documents (BrevetAuthorityPool *self, Findings *findings, GPtrArray *documents)
{
  gboolean was_told = g_atomic_int_get (&self->has_plain_keys);
  gboolean has_plain_keys = FALSE;

  for (guint i = 0; i < documents->len; i++)
    {
      BrevetAuthorityDocument *document = g_ptr_array_index (documents, i);
      g_autoptr(GError) error = NULL;

      if (document->api_key == NULL)
        continue;
      if (seal_api_key (self, document, &error))
        {
          brevet_records_put_authority (findings->batch, document, document->etag);
          brevet_batch_erase_former (findings->batch);
        }
      else
        has_plain_keys = TRUE;
      if (error != NULL && !was_told)
        g_warning ("The API key of the certificate authority “%s” stays in the store as it is: %s", document->name, error->message);
    }
  g_atomic_int_set (&self->has_plain_keys, has_plain_keys);
}

static gboolean
seal_once (BrevetAuthorityPool *self, GError **error)
{
  g_auto(Findings) findings = { brevet_batch_new (), g_ptr_array_new_with_free_func (g_free) };
  g_autoptr(GPtrArray) documents = list_documents (self, error);
  g_autoptr(GPtrArray) versions = documents != NULL ? brevet_authority_versions_list (self->store, NULL, error) : NULL;

  if (versions == NULL)
    return FALSE;
  for (guint i = 0; i < versions->len; i++)
    look_at_version (self, &findings, g_ptr_array_index (versions, i));
  for (guint i = 0; i < documents->len; i++)
    if (((BrevetAuthorityDocument *) g_ptr_array_index (documents, i))->sealed_api_key != NULL)
      look_at_sealed (self, &findings, g_ptr_array_index (documents, i));
  if (findings.lost->len > 0)
    report_lost (self, findings.lost);
  seal_documents (self, &findings, documents);
  return brevet_batch_get_changes (findings.batch)->len == 0 || brevet_store_commit (self->store, findings.batch, error);
}

gboolean
brevet_authority_pool_seal_stored (BrevetAuthorityPool *self, GError **error)
{
  for (guint attempt = 1;; attempt++)
    {
      g_autoptr(GError) cause = NULL;

      if (seal_once (self, &cause))
        return TRUE;
      if (attempt < MAXIMUM_ATTEMPTS && g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_CONFLICT))
        continue;
      g_propagate_prefixed_error (error, g_steal_pointer (&cause), "The API keys in the store could not be sealed: ");
      return FALSE;
    }
}

gboolean
brevet_authority_pool_look_after_secrets (BrevetAuthorityPool *self, GError **error)
{
  g_autofree char *message = NULL;
  gboolean restored;

  if (!brevet_secret_seal_look_after (self->seal, &restored, error))
    return FALSE;
  if (restored)
    {
      message = g_strdup_printf ("The file %s with the key of the service's secrets was gone, and has been written again. Whoever "
                                 "wants it elsewhere copies it, configures the other place, reloads the service, and then deletes "
                                 "it", brevet_secret_seal_get_source (self->seal));
      brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
    }
  if (!g_atomic_int_get (&self->has_plain_keys))
    return TRUE;
  if (!brevet_authority_pool_seal_stored (self, error))
    return FALSE;
  if (!g_atomic_int_get (&self->has_plain_keys))
    g_message ("The API keys of certificate authorities in the store are sealed now");
  return TRUE;
}
