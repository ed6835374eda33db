/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configured-documents.h"

#include "brevet-text-file.h"

#define MECHANISM "symmetricKey"
#define TRUST_BUNDLE_MAX_SIZE (1024 * 1024)

/* Written anew, so that white space and line ends in a file make no difference. */
static gboolean
add_key (BrevetSettings *settings, const char *key, JsonObject *parameters, const char *member, GError **error)
{
  g_autoptr(BrevetSecret) text = NULL;
  g_autoptr(BrevetSecret) secret = NULL;
  g_autoptr(GError) cause = NULL;
  char *base64;

  if (!brevet_settings_get_secret (settings, key, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  secret = brevet_secret_new_from_base64 ((const char *) brevet_secret_get_data (text, NULL), &cause);
  if (secret == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "the key is not base64: %s", cause->message));
      return FALSE;
    }
  base64 = brevet_secret_to_base64 (secret);
  json_object_set_string_member (parameters, member, base64);
  brevet_secret_free_text (base64);
  return TRUE;
}

static gboolean
add_attestation (BrevetSettings *settings, JsonObject *object, GError **error)
{
  const char *mechanism = brevet_settings_get_string (settings, "mechanism", MECHANISM);
  g_autoptr(JsonObject) parameters = json_object_new ();
  JsonObject *attestation;

  if (g_ascii_strcasecmp (mechanism, MECHANISM) != 0)
    {
      g_propagate_error (error, brevet_settings_error (settings, "mechanism", "“%s” cannot be configured here; write " MECHANISM
                                                       ", or make the enrollment over the service API", mechanism));
      return FALSE;
    }
  if (!add_key (settings, "primary-key", parameters, "primaryKey", error) ||
      !add_key (settings, "secondary-key", parameters, "secondaryKey", error))
    return FALSE;
  if (!json_object_has_member (parameters, "primaryKey"))
    {
      g_propagate_error (error, brevet_settings_error (settings, "primary-key-file", "there is no key; name a file that holds the "
                                                       "device's key"));
      return FALSE;
    }
  attestation = json_object_new ();
  json_object_set_string_member (attestation, "type", MECHANISM);
  json_object_set_object_member (attestation, MECHANISM, g_steal_pointer (&parameters));
  json_object_set_object_member (object, "attestation", attestation);
  return TRUE;
}

static gboolean
add_issuance (BrevetSettings *settings, JsonObject *object, GError **error)
{
  const char *authority = brevet_settings_get_string (settings, "ca", NULL);
  const char *standby = brevet_settings_get_string (settings, "standby-ca", NULL);
  JsonObject *policy;

  if (authority == NULL && standby != NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "standby-ca", "there is no “ca” for which “%s” could stand by; "
                                                       "add it", standby));
      return FALSE;
    }
  if (authority == NULL)
    return TRUE;
  policy = json_object_new ();
  json_object_set_string_member (policy, "certificateAuthorityName", authority);
  if (standby != NULL)
    json_object_set_string_member (policy, "standbyCertificateAuthorityName", standby);
  json_object_set_object_member (object, "clientCertificateIssuancePolicy", policy);
  return TRUE;
}

static gboolean
add_trust_bundle (BrevetSettings *settings, JsonObject *object, GError **error)
{
  const char *name = brevet_settings_get_string (settings, "trust-bundle", NULL);
  gboolean has_own = brevet_settings_has (settings, "trust-bundle-file");

  if (name != NULL && has_own)
    {
      g_propagate_error (error, brevet_settings_error (settings, "trust-bundle-file",
                                                       "there is a file, and trust-bundle names a bundle; keep one of the two"));
      return FALSE;
    }
  if (has_own)
    name = brevet_settings_get_name (settings);
  if (name != NULL)
    json_object_set_string_member (object, "trustBundleId", name);
  return TRUE;
}

JsonObject *
brevet_configured_enrollment_to_json (BrevetSettings *settings, GError **error)
{
  g_autoptr(JsonObject) object = json_object_new ();
  const char *hub = brevet_settings_get_string (settings, "hub", NULL);
  gboolean enabled;

  json_object_set_string_member (object, "registrationId", brevet_settings_get_name (settings));
  if (!add_attestation (settings, object, error) || !add_trust_bundle (settings, object, error) ||
      !add_issuance (settings, object, error) || !brevet_settings_get_boolean (settings, "enabled", TRUE, &enabled, error))
    return NULL;
  json_object_set_string_member (object, "provisioningStatus", enabled ? "enabled" : "disabled");
  if (hub != NULL)
    {
      json_object_set_string_member (object, "allocationPolicy", "static");
      json_object_set_string_member (object, "iotHubHostName", hub);
    }
  return g_steal_pointer (&object);
}

static gboolean
add_certificates (BrevetSettings *settings, const char *key, JsonArray *entries, GError **error)
{
  g_autofree char *path = brevet_settings_get_path (settings, key);
  g_autofree char *text = NULL;
  g_autoptr(GError) cause = NULL;
  JsonObject *entry;
  gsize length;

  text = brevet_text_file_read (path, TRUST_BUNDLE_MAX_SIZE, &length, &cause);
  if (text == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "%s", cause->message));
      return FALSE;
    }
  if (!g_utf8_validate_len (text, length, NULL))
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "%s is no text; name a PEM file", path));
      return FALSE;
    }
  /* One entry may hold several certificates: it is taken apart where bundles of the service API are. */
  entry = json_object_new ();
  json_object_set_string_member (entry, "certificate", text);
  json_array_add_object_element (entries, entry);
  return TRUE;
}

JsonObject *
brevet_configured_trust_bundle_to_json (BrevetSettings *settings, const char *key, const char *authorities_key, GError **error)
{
  g_auto(GStrv) authorities = authorities_key != NULL ? brevet_settings_get_strings (settings, authorities_key) : NULL;
  gboolean follows = authorities != NULL && authorities[0] != NULL;
  g_autoptr(JsonArray) entries = json_array_new ();
  g_autoptr(JsonArray) names = json_array_new ();
  JsonObject *object;

  if (!follows && !brevet_settings_has (settings, key))
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "this key is missing; name a PEM file with CA certificates%s",
                                                       authorities_key != NULL ? ", or certificate authorities with ca=" : ""));
      return NULL;
    }
  if (brevet_settings_has (settings, key) && !add_certificates (settings, key, entries, error))
    return NULL;
  for (guint i = 0; follows && authorities[i] != NULL; i++)
    json_array_add_string_element (names, authorities[i]);
  object = json_object_new ();
  json_object_set_array_member (object, "certificates", g_steal_pointer (&entries));
  /* Also if it is empty: what an operator has made the bundle follow is not in the configuration. */
  json_object_set_array_member (object, "certificateAuthorities", g_steal_pointer (&names));
  return object;
}
