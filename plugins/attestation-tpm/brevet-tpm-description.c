/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-description.h"

#include "brevet-tpm-certificate.h"
#include "brevet-tpm-identity-key.h"

#include <string.h>

#define SHA256_SIZE 32
#define BASE32_BITS 5

/* RFC 4648 in lower case, without the signs that fill up: what other software makes of a TPM's registration id. */
static char *
encode_base32 (const guint8 *data, gsize length)
{
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
  GString *text = g_string_new (NULL);
  guint buffer = 0;
  guint bits = 0;

  for (gsize i = 0; i < length; i++)
    {
      buffer = (buffer << 8) | data[i];
      for (bits += 8; bits >= BASE32_BITS; bits -= BASE32_BITS)
        g_string_append_c (text, digits[(buffer >> (bits - BASE32_BITS)) & 0x1f]);
    }
  if (bits > 0)
    g_string_append_c (text, digits[(buffer << (BASE32_BITS - bits)) & 0x1f]);
  return g_string_free (text, FALSE);
}

static void
add_registration_id (JsonObject *object, GBytes *endorsement_key)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *id = NULL;
  guint8 digest[SHA256_SIZE];
  gsize length = sizeof digest;

  g_checksum_update (checksum, g_bytes_get_data (endorsement_key, NULL), (gssize) g_bytes_get_size (endorsement_key));
  g_checksum_get_digest (checksum, digest, &length);
  id = encode_base32 (digest, length);
  json_object_set_string_member (object, "registrationId", id);
}

static void
add_handle (JsonObject *object, const char *member, TPM2_HANDLE handle)
{
  g_autofree char *text = g_strdup_printf ("0x%08x", handle);

  json_object_set_string_member (object, member, text);
}

static void
add_key (JsonObject *object, const char *member, const BrevetTpmKey *key)
{
  g_autoptr(GBytes) bytes = brevet_tpm_public_to_bytes (&key->public_area);
  g_autofree char *text = g_base64_encode (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_autofree char *hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  g_autofree char *hash_member = g_strconcat (member, "Sha256", NULL);
  g_autofree char *handle_member = g_strconcat (member, "Handle", NULL);

  json_object_set_string_member (object, member, text);
  json_object_set_string_member (object, hash_member, hash);
  add_handle (object, handle_member, key->handle);
  if (g_str_equal (member, "endorsementKey"))
    add_registration_id (object, bytes);
}

static gboolean
add_root_keys (JsonObject *object, BrevetTpm *tpm, const BrevetTpmPlaces *places, BrevetTpmHandles *handles, GError **error)
{
  BrevetTpmRootKeys keys;

  if (!brevet_tpm_root_keys_find (tpm, places, handles, FALSE, &keys, error))
    return FALSE;
  if (keys.has_endorsement)
    add_key (object, "endorsementKey", &keys.endorsement);
  if (keys.has_storage)
    add_key (object, "storageRootKey", &keys.storage);
  return TRUE;
}

static gboolean
add_identity_key (JsonObject *object, BrevetTpm *tpm, const BrevetTpmPlaces *places, BrevetTpmHandles *handles, GError **error)
{
  const char *use;
  BrevetTpmKey key;
  gboolean found;

  if (!brevet_tpm_identity_key_find (tpm, places->identity_key, handles, &key, &found, error))
    return FALSE;
  if (!found)
    return TRUE;
  use = brevet_tpm_identity_key_get_use (handles, &key);
  add_handle (object, "identityKeyHandle", key.handle);
  json_object_set_string_member (object, "identityKeyUse", use != NULL ? use : "unknown");
  return TRUE;
}

static gboolean
add_certificate (JsonObject *object, BrevetTpm *tpm, GError **error)
{
  g_autoptr(GBytes) certificate = NULL;
  g_autofree char *text = NULL;

  if (!brevet_tpm_read_certificate (tpm, &certificate, error))
    return FALSE;
  if (certificate == NULL)
    return TRUE;
  text = g_base64_encode (g_bytes_get_data (certificate, NULL), g_bytes_get_size (certificate));
  json_object_set_string_member (object, "endorsementCertificate", text);
  return TRUE;
}

/* Four letters in a number. Makers with shorter names fill up with zeros or spaces. */
static void
add_maker (JsonObject *object, BrevetTpm *tpm)
{
  guint32 maker = 0, version_1 = 0, version_2 = 0, permanent = 0;

  if (brevet_tpm_get_property (tpm, TPM2_PT_MANUFACTURER, &maker))
    {
      char letters[] = { (char) (maker >> 24), (char) (maker >> 16), (char) (maker >> 8), (char) maker, '\0' };

      for (char *letter = letters; *letter != '\0'; letter++)
        if (!g_ascii_isprint (*letter))
          *letter = '?';
      json_object_set_string_member (object, "manufacturer", g_strchomp (letters));
    }
  if (brevet_tpm_get_property (tpm, TPM2_PT_FIRMWARE_VERSION_1, &version_1) &&
      brevet_tpm_get_property (tpm, TPM2_PT_FIRMWARE_VERSION_2, &version_2))
    {
      g_autofree char *version = g_strdup_printf ("%u.%u.%u.%u", version_1 >> 16, version_1 & 0xffff, version_2 >> 16,
                                                  version_2 & 0xffff);

      json_object_set_string_member (object, "firmwareVersion", version);
    }
  if (brevet_tpm_get_property (tpm, TPM2_PT_PERMANENT, &permanent) && (permanent & TPMA_PERMANENT_INLOCKOUT) != 0)
    json_object_set_string_member (object, "lockout", "active");
}

JsonObject *
brevet_tpm_describe (BrevetTpm *tpm, const BrevetTpmPlaces *places, BrevetTpmHandles *handles, GError **error)
{
  g_autoptr(JsonObject) object = json_object_new ();

  json_object_set_string_member (object, "tcti", brevet_tpm_get_tcti (tpm));
  if (!add_root_keys (object, tpm, places, handles, error) || !add_identity_key (object, tpm, places, handles, error) ||
      !add_certificate (object, tpm, error))
    return NULL;
  add_maker (object, tpm);
  return g_steal_pointer (&object);
}
