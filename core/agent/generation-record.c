/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-records-private.h"

#include "brevet-error.h"
#include "brevet-secret.h"
#include "brevet-wire-json.h"

#include <string.h>

/* Puts the content of a record and notes its digest, by which a record that belongs to another generation is found. */
static void
put_content (BrevetBatch *batch, const char *collection, const char *name, GBytes *content, gboolean write, JsonObject *object,
             const char *digest_member, GHashTable *names)
{
  g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, content);

  json_object_set_string_member (object, digest_member, digest);
  if (write)
    brevet_batch_put (batch, collection, name, NULL, content, NULL);
  g_hash_table_add (names, g_strdup (name));
}

static GBytes *
take_text (char *text)
{
  return g_bytes_new_take (text, strlen (text));
}

/* The bytes are those of the secret, so they are wiped with it. */
static GBytes *
bytes_of_secret (BrevetSecret *secret)
{
  gsize length = 0;
  const guint8 *data = brevet_secret_get_data (secret, &length);

  return g_bytes_new_with_free_func (data, length, (GDestroyNotify) brevet_secret_unref, brevet_secret_ref (secret));
}

/* A key in a token is no record: what is stored is where it is. An older brevet would not find a key, and take the identity for
 * damaged. */
static void
put_key_place (BrevetGeneration *self, JsonObject *object)
{
  if (self->key_label == NULL)
    return;
  json_object_set_int_member (object, "format", BREVET_IDENTITY_JSON_FORMAT_TOKEN);
  json_object_set_string_member (object, "keyToken", self->key_token);
  json_object_set_string_member (object, "keyLabel", self->key_label);
  brevet_identity_json_set_string (object, "keySpki", self->key_spki);
}

static gboolean
put_credential (BrevetGeneration *self, BrevetBatch *batch, const char *collection, gboolean whole, JsonObject *object,
                GHashTable *names, GError **error)
{
  if (self->key != NULL)
    {
      g_autoptr(BrevetSecret) pem = brevet_key_to_pem (self->key, error);
      g_autoptr(GBytes) content = pem != NULL ? bytes_of_secret (pem) : NULL;

      if (content == NULL)
        return FALSE;
      put_content (batch, collection, BREVET_IDENTITY_KEY_NAME, content, whole, object, "keyDigest", names);
    }
  if (self->csr != NULL)
    put_content (batch, collection, BREVET_IDENTITY_CSR_NAME, self->csr, whole, object, "csrDigest", names);
  if (self->chain != NULL)
    {
      g_autoptr(GBytes) content = take_text (brevet_chain_to_pem (self->chain));

      put_content (batch, collection, BREVET_IDENTITY_CERTIFICATE_NAME, content, whole, object, "certificateDigest", names);
    }
  return TRUE;
}

gboolean
brevet_generation_put (BrevetGeneration *self, BrevetBatch *batch, const char *collection, const char *trust_bundle_name,
                       gboolean whole, GHashTable *names, GError **error)
{
  g_autoptr(JsonObject) object = brevet_identity_json_new ();
  g_autoptr(GBytes) body = NULL;

  json_object_set_int_member (object, "number", (gint64) self->number);
  brevet_identity_json_set_string (object, "inputDigest", self->input_digest);
  brevet_identity_json_set_string (object, "assignedHub", self->assigned_hub);
  brevet_identity_json_set_string (object, "deviceId", self->device_id);
  json_object_set_int_member (object, "installed", self->installed);
  json_object_set_boolean_member (object, "used", self->used);
  put_key_place (self, object);
  if (!put_credential (self, batch, collection, whole, object, names, error))
    return FALSE;
  if (self->trust_bundle != NULL)
    {
      g_autoptr(GBytes) content = take_text (brevet_trust_bundle_to_pem (self->trust_bundle));

      json_object_set_string_member (object, "trustBundleName", trust_bundle_name);
      put_content (batch, collection, trust_bundle_name, content, TRUE, object, "trustBundleDigest", names);
    }
  brevet_identity_json_set_string (object, "trustBundleEtag", self->trust_bundle_etag);

  body = brevet_wire_print_object (object);
  brevet_batch_put (batch, collection, BREVET_IDENTITY_GENERATION_NAME, NULL, body, NULL);
  g_hash_table_add (names, g_strdup (BREVET_IDENTITY_GENERATION_NAME));
  return TRUE;
}

/* The text of the record that @digest_member speaks of; %NULL in @text if there is to be none. */
static gboolean
get_content (GHashTable *records, const char *name, JsonObject *object, const char *digest_member, BrevetSecret **text,
             GError **error)
{
  BrevetRecord *record = g_hash_table_lookup (records, name);
  g_autofree char *wanted = NULL;
  g_autofree char *digest = NULL;
  gconstpointer data = NULL;
  gsize length = 0;

  *text = NULL;
  if (!brevet_identity_json_dup_string (object, digest_member, &wanted, error))
    return FALSE;
  if (wanted == NULL)
    return TRUE;
  if (record == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the record “%s” is missing", name);
      return FALSE;
    }
  digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, brevet_record_get_body (record));
  if (strcmp (digest, wanted) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the record “%s” is damaged, or is that of another generation", name);
      return FALSE;
    }
  data = g_bytes_get_data (brevet_record_get_body (record), &length);
  *text = brevet_secret_new (data, length);
  return TRUE;
}

static const char *
as_string (BrevetSecret *text)
{
  return (const char *) brevet_secret_get_data (text, NULL);
}

static gboolean
read_credential (BrevetGeneration *self, GHashTable *records, JsonObject *object, GError **error)
{
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(BrevetSecret) csr = NULL;
  g_autoptr(BrevetSecret) certificate = NULL;

  if (!get_content (records, BREVET_IDENTITY_KEY_NAME, object, "keyDigest", &key, error)
      || !get_content (records, BREVET_IDENTITY_CSR_NAME, object, "csrDigest", &csr, error)
      || !get_content (records, BREVET_IDENTITY_CERTIFICATE_NAME, object, "certificateDigest", &certificate, error))
    return FALSE;
  if (key != NULL && (self->key = brevet_key_new_from_pem (as_string (key), error)) == NULL)
    {
      g_prefix_error (error, "the record “%s” cannot be read: ", BREVET_IDENTITY_KEY_NAME);
      return FALSE;
    }
  if (csr != NULL)
    self->csr = g_bytes_ref (brevet_record_get_body (g_hash_table_lookup (records, BREVET_IDENTITY_CSR_NAME)));
  if (certificate != NULL && (self->chain = brevet_chain_new_from_pem (as_string (certificate), error)) == NULL)
    {
      g_prefix_error (error, "the record “%s” cannot be read: ", BREVET_IDENTITY_CERTIFICATE_NAME);
      return FALSE;
    }
  return TRUE;
}

/* The service has what is lost here. It is asked for it without the version, for else it would answer that nothing has changed. */
static gboolean
read_trust_bundle (BrevetGeneration *self, GHashTable *records, const char *name, JsonObject *object, GError **error)
{
  g_autoptr(BrevetSecret) text = NULL;

  if (name == NULL)
    return TRUE;
  if (!get_content (records, name, object, "trustBundleDigest", &text, error))
    return FALSE;
  if (text == NULL || (self->trust_bundle = brevet_trust_bundle_new_from_pem (as_string (text), error)) != NULL)
    return TRUE;
  g_prefix_error (error, "the record “%s” cannot be read: ", name);
  return FALSE;
}

static gboolean
read_key_place (BrevetGeneration *self, JsonObject *object, GError **error)
{
  if (!brevet_identity_json_dup_string (object, "keyToken", &self->key_token, error)
      || !brevet_identity_json_dup_string (object, "keyLabel", &self->key_label, error)
      || !brevet_identity_json_dup_string (object, "keySpki", &self->key_spki, error))
    return FALSE;
  if ((self->key_token == NULL) == (self->key_label == NULL) && (self->key_spki == NULL || self->key_label != NULL))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the record “%s” says only in part where the key is",
               BREVET_IDENTITY_GENERATION_NAME);
  return FALSE;
}

static gboolean
read_facts (BrevetGeneration *self, JsonObject *object, GError **error)
{
  gint64 number = 0;

  if (!brevet_identity_json_get_int (object, "number", 1, &number, error)
      || !brevet_identity_json_dup_string (object, "inputDigest", &self->input_digest, error)
      || !brevet_identity_json_dup_string (object, "assignedHub", &self->assigned_hub, error)
      || !brevet_identity_json_dup_string (object, "deviceId", &self->device_id, error)
      || !brevet_identity_json_get_int (object, "installed", 0, &self->installed, error)
      || !brevet_identity_json_dup_string (object, "trustBundleEtag", &self->trust_bundle_etag, error)
      || !brevet_wire_get_boolean (object, "used", FALSE, &self->used, error))
    return FALSE;
  self->number = (guint64) number;
  if (self->number > 0 && self->input_digest != NULL)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the record “%s” lacks “%s”", BREVET_IDENTITY_GENERATION_NAME,
               self->number == 0 ? "number" : "inputDigest");
  return FALSE;
}

static gboolean
has_a_generation (GHashTable *records)
{
  guint beside = 0;

  beside += g_hash_table_contains (records, BREVET_IDENTITY_MEMORY_NAME) ? 1 : 0;
  beside += g_hash_table_contains (records, BREVET_IDENTITY_TOKENS_NAME) ? 1 : 0;
  return g_hash_table_size (records) > beside;
}

BrevetGeneration *
brevet_generation_read (GHashTable *records, char **trust_bundle_name, char **problem, GError **error)
{
  BrevetRecord *record = g_hash_table_lookup (records, BREVET_IDENTITY_GENERATION_NAME);
  g_autoptr(JsonObject) object = NULL;
  g_autoptr(BrevetGeneration) self = NULL;
  g_autoptr(GError) bundle_error = NULL;

  *trust_bundle_name = NULL;
  *problem = NULL;
  if (record == NULL)
    {
      if (has_a_generation (records))
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the record “%s” is missing", BREVET_IDENTITY_GENERATION_NAME);
      return NULL;
    }
  object = brevet_identity_json_parse (brevet_record_get_body (record), "the record “" BREVET_IDENTITY_GENERATION_NAME "”", error);
  if (object == NULL)
    return NULL;

  self = brevet_generation_new (0, NULL);
  if (!read_facts (self, object, error) || !read_key_place (self, object, error) || !read_credential (self, records, object, error)
      || !brevet_identity_json_dup_string (object, "trustBundleName", trust_bundle_name, error))
    return NULL;
  if (!read_trust_bundle (self, records, *trust_bundle_name, object, &bundle_error))
    {
      *problem = g_strdup (bundle_error->message);
      g_clear_pointer (&self->trust_bundle_etag, g_free);
    }
  return g_steal_pointer (&self);
}
