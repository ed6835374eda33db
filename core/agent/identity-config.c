/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-config-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-hub.h"
#include "brevet-registration-client.h"
#include "brevet-text-file.h"
#include "identity-records.h"

#include <string.h>

#define MINUTE            G_GINT64_CONSTANT (60)
#define HOUR              (60 * MINUTE)
#define DAY               (24 * HOUR)
#define YEAR              (365 * DAY)
#define NAME_MAX_LENGTH   32
#define RECORD_MAX_LENGTH 128
#define JITTER_MAXIMUM    50
/* Far more than a service takes. */
#define PAYLOAD_MAX_SIZE  (1024 * 1024)
/* Input digests are stored: whatever changes what goes into them needs another word here, and makes all devices register again. */
#define DIGEST_VERSION    "brevet identity 1"

static const char *
get (BrevetSettings *settings, const char *key, const char *fallback)
{
  return brevet_settings_get_string (settings, key, fallback);
}

static gboolean
read_name (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  const char *name = brevet_settings_get_name (settings);
  gsize length = name != NULL ? strlen (name) : 0;

  if (length == 0 || length > NAME_MAX_LENGTH || strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length
      || g_str_has_suffix (name, "-previous") || g_str_has_suffix (name, "-staged"))
    {
      g_propagate_error (error, brevet_settings_error (settings, NULL,
                                                       "“%s” is no name for an identity; write [identity NAME] with 1 to %d of a-z"
                                                       ", 0-9 and “-”, not ending in -previous or -staged",
                                                       name != NULL ? name : "", NAME_MAX_LENGTH));
      return FALSE;
    }
  self->name = g_strdup (name);
  return TRUE;
}

static char *
require_identifier (BrevetSettings *settings, const char *key, BrevetIdentifierKind kind, GError **error)
{
  const char *text = brevet_settings_require_string (settings, key, error);
  g_autoptr(GError) problem = NULL;

  if (text == NULL)
    return NULL;
  if (brevet_identifier_check (kind, text, &problem))
    return g_strdup (text);
  g_propagate_error (error, brevet_settings_error (settings, key, "%s", problem->message));
  return NULL;
}

static BrevetSettings *
require_group (BrevetConfig *config, BrevetSettings *settings, const char *kind, GError **error)
{
  const char *name = get (settings, kind, "main");
  BrevetSettings *group = brevet_config_get_group (config, kind, name);

  if (group != NULL)
    return g_object_ref (group);
  g_propagate_error (error, brevet_settings_error (settings, kind, "there is no group [%s %s]; add it, or name another with “%s=…”",
                                                   kind, name, kind));
  return NULL;
}

/* What people know the service by. Where it is reached without a network, the way there is all there is to say. */
static char *
describe_service (BrevetSettings *transport)
{
  const char *host = get (transport, "host", NULL);
  const char *port = get (transport, "port", NULL);

  if (host == NULL || *host == '\0')
    return g_strdup (get (transport, "type", ""));
  return port != NULL ? g_strdup_printf ("%s:%s", host, port) : g_strdup (host);
}

static gboolean
read_service (BrevetIdentityConfig *self, BrevetConfig *config, BrevetSettings *settings, GError **error)
{
  self->id_scope = require_identifier (settings, "id-scope", BREVET_IDENTIFIER_ID_SCOPE, error);
  if (self->id_scope == NULL)
    return FALSE;
  self->registration_id = require_identifier (settings, "registration-id", BREVET_IDENTIFIER_REGISTRATION_ID, error);
  if (self->registration_id == NULL)
    return FALSE;
  self->transport = require_group (config, settings, "transport", error);
  if (self->transport == NULL)
    return FALSE;
  self->attestation = require_group (config, settings, "attestation", error);
  if (self->attestation == NULL)
    return FALSE;
  self->service = describe_service (self->transport);
  return TRUE;
}

static gboolean
read_certificate (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  const char *wanted = get (settings, "certificate", "required");

  self->wants_certificate = g_str_equal (wanted, "required");
  if (!self->wants_certificate && !g_str_equal (wanted, "none"))
    {
      g_propagate_error (error, brevet_settings_error (settings, "certificate", "“%s” is neither required nor none", wanted));
      return FALSE;
    }
  return brevet_identity_config_read_key (self, settings, error);
}

static gboolean
read_jitter (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  g_autofree char *text = g_strdup (get (settings, "renewal-jitter", "5%"));
  guint64 jitter = 0;

  g_strstrip (text);
  if (g_str_has_suffix (text, "%"))
    text[strlen (text) - 1] = '\0';
  if (!g_ascii_string_to_unsigned (text, 10, 0, JITTER_MAXIMUM, &jitter, NULL))
    {
      g_propagate_error (error, brevet_settings_error (settings, "renewal-jitter", "“%s” is not a percentage from 0%% to %d%%",
                                                       get (settings, "renewal-jitter", ""), JITTER_MAXIMUM));
      return FALSE;
    }
  self->renewal.jitter = (guint) jitter;
  return TRUE;
}

static gboolean
read_schedule (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(GError) problem = NULL;
  gint64 timeout = 0;

  if (!brevet_renewal_policy_parse (get (settings, "renew", "66%"), &self->renewal, &problem))
    {
      g_propagate_error (error, brevet_settings_error (settings, "renew", "%s", problem->message));
      return FALSE;
    }
  if (!read_jitter (self, settings, error)
      || !brevet_settings_get_duration (settings, "retry-maximum", HOUR, 1, 30 * DAY, &self->backoff.maximum, error)
      || !brevet_settings_get_duration (settings, "retry-minimum", MIN (5, self->backoff.maximum), 1, self->backoff.maximum,
                                        &self->backoff.minimum, error)
      || !brevet_settings_get_duration (settings, "timeout", 10 * MINUTE, 5, DAY, &timeout, error))
    return FALSE;
  self->timeout = (guint) timeout;
  return TRUE;
}

static const char *const taken_names[] = {
  BREVET_IDENTITY_CERTIFICATE_NAME, BREVET_IDENTITY_KEY_NAME,    BREVET_IDENTITY_CSR_NAME,
  BREVET_IDENTITY_GENERATION_NAME,  BREVET_IDENTITY_MEMORY_NAME, BREVET_IDENTITY_TOKENS_NAME,
  NULL,
};

static gboolean
is_record_name (const char *name)
{
  gsize length = strlen (name);

  return length > 0 && length <= RECORD_MAX_LENGTH && *name != '.' && !g_strv_contains (taken_names, name)
         && strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == length;
}

static gboolean
read_trust (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  const char *name = get (settings, "dps_trust_bundle", BREVET_IDENTITY_TRUST_BUNDLE_NAME);
  g_autofree char *local = brevet_settings_get_path (settings, "local-trust-file");
  g_autoptr(GError) problem = NULL;

  if (!is_record_name (name))
    {
      g_autofree char *taken = g_strjoinv (", ", (char **) taken_names);

      g_propagate_error (error, brevet_settings_error (settings, "dps_trust_bundle",
                                                       "“%s” is no name for the trust bundle; write 1 to %d letters, digits, “.”, "
                                                       "“_” and “-”, no dot first, and none of %s", name, RECORD_MAX_LENGTH,
                                                       taken));
      return FALSE;
    }
  self->trust_bundle_name = g_strdup (name);

  if (local != NULL && (self->local_trust = brevet_trust_bundle_load (local, &problem)) == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "local-trust-file", "%s", problem->message));
      return FALSE;
    }
  self->trust_bundle_poll = 0;
  return g_str_equal (get (settings, "trust-bundle-poll", ""), "never")
         || brevet_settings_get_duration (settings, "trust-bundle-poll", HOUR, 10, YEAR, &self->trust_bundle_poll, error);
}

/* Any JSON value: what it means is between the service and its custom allocation. */
static JsonNode *
load_payload (const char *path, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable ();
  g_autofree char *text = NULL;
  gsize length = 0;

  text = brevet_text_file_read (path, PAYLOAD_MAX_SIZE, &length, error);
  if (text == NULL)
    return NULL;
  if (!g_utf8_validate (text, (gssize) length, NULL))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” is not UTF-8", path);
      return NULL;
    }
  if (!json_parser_load_from_data (parser, text, (gssize) length, error))
    {
      g_prefix_error (error, "“%s” holds no JSON: ", path);
      return NULL;
    }
  if (json_parser_get_root (parser) == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” holds no JSON: it is empty", path);
      return NULL;
    }
  return json_parser_steal_root (parser);
}

static gboolean
read_payload (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  g_autofree char *path = brevet_settings_get_path (settings, "payload-file");
  g_autoptr(GError) problem = NULL;

  if (path == NULL || (self->payload = load_payload (path, &problem)) != NULL)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, "payload-file", "%s", problem->message));
  return FALSE;
}

static gboolean
read_api_version (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  const char *text = get (settings, "api-version", BREVET_API_VERSION_PREVIEW);

  if (!brevet_registration_client_speaks (text))
    {
      g_propagate_error (error, brevet_settings_error (settings, "api-version",
                                                       "“%s” is not a version that this agent speaks; write "
                                                       BREVET_API_VERSION_PREVIEW " or " BREVET_API_VERSION_2025_PREVIEW, text));
      return FALSE;
    }
  self->api_version = g_strdup (text);
  self->brings_trust = g_str_equal (text, BREVET_API_VERSION_PREVIEW);
  return TRUE;
}

static gboolean
read_hub (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  gint64 port = 0;

  if (!brevet_settings_get_boolean (settings, "hub-proof", FALSE, &self->hub_proof, error)
      || !brevet_settings_get_int (settings, "hub-port", BREVET_HUB_PORT, 1, G_MAXUINT16, &port, error))
    return FALSE;
  self->hub_port = (guint16) port;
  return TRUE;
}

BrevetIdentityConfig *
brevet_identity_config_new (BrevetConfig *config, BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetIdentityConfig) self = NULL;

  g_return_val_if_fail (BREVET_IS_CONFIG (config) && BREVET_IS_SETTINGS (settings), NULL);

  self = g_atomic_rc_box_new0 (BrevetIdentityConfig);
  if (!read_name (self, settings, error) || !brevet_settings_get_boolean (settings, "enabled", TRUE, &self->enabled, error)
      || !read_service (self, config, settings, error) || !read_certificate (self, settings, error)
      || !read_schedule (self, settings, error) || !read_trust (self, settings, error) || !read_payload (self, settings, error)
      || !read_api_version (self, settings, error) || !read_hub (self, settings, error))
    return NULL;
  return g_steal_pointer (&self);
}

BrevetIdentityConfig *
brevet_identity_config_ref (BrevetIdentityConfig *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  BrevetIdentityConfig *self = data;

  g_free (self->name);
  g_free (self->id_scope);
  g_free (self->registration_id);
  g_clear_object (&self->transport);
  g_clear_object (&self->attestation);
  g_free (self->service);
  g_free (self->key_type);
  g_free (self->key_token);
  g_clear_pointer (&self->key_pin, brevet_secret_unref);
  g_free (self->trust_bundle_name);
  g_clear_pointer (&self->local_trust, brevet_trust_bundle_unref);
  g_clear_pointer (&self->payload, json_node_unref);
  g_free (self->api_version);
}

void
brevet_identity_config_unref (BrevetIdentityConfig *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, clear);
}

char *
brevet_identity_config_compute_digest (BrevetIdentityConfig *self, GError **error)
{
  static const char *const service_keys[] = { "type", "host", "port", NULL };
  g_autoptr(GChecksum) checksum = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  /* Each text with the zero behind it, so that the two cannot flow into each other. */
  checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (checksum, (const guchar *) DIGEST_VERSION, sizeof DIGEST_VERSION);
  g_checksum_update (checksum, (const guchar *) self->id_scope, strlen (self->id_scope) + 1);
  g_checksum_update (checksum, (const guchar *) self->registration_id, strlen (self->registration_id) + 1);
  if (!brevet_settings_digest (self->transport, service_keys, checksum, error)
      || !brevet_settings_digest (self->attestation, NULL, checksum, error))
    return NULL;
  return g_strdup (g_checksum_get_string (checksum));
}
