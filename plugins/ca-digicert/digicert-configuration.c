/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-configuration.h"

#include "brevet-error.h"

#include <string.h>

#define DEFAULT_ENDPOINT "https://one.digicert.com"
#define DEFAULT_PORT     443
#define DEFAULT_TIMEOUT  30
#define IOT_PREFIX       "IOT_"
#define OLD_PREFIX       "2.16.840.1.113733.1.16."

void
digicert_configuration_free (DigicertConfiguration *self)
{
  g_clear_pointer (&self->peer, brevet_network_peer_free);
  g_clear_pointer (&self->api_key, brevet_secret_unref);
  g_clear_pointer (&self->trust, brevet_trust_bundle_unref);
  g_free (self->profile);
  g_free (self);
}

static gboolean
is_endpoint (GUri *uri)
{
  const char *host = g_uri_get_host (uri);
  const char *path = g_uri_get_path (uri);

  return g_str_equal (g_uri_get_scheme (uri), "https") && host != NULL && *host != '\0' && g_uri_get_port (uri) != 0 &&
         g_uri_get_userinfo (uri) == NULL && g_uri_get_query (uri) == NULL && g_uri_get_fragment (uri) == NULL &&
         (*path == '\0' || g_str_equal (path, "/"));
}

/* The paths below it are DigiCert's, and a key must not travel in the clear. */
static gboolean
read_endpoint (DigicertConfiguration *self, BrevetSettings *settings, GError **error)
{
  const char *value = brevet_settings_get_string (settings, "endpoint", DEFAULT_ENDPOINT);
  g_autoptr(GUri) uri = g_uri_parse (value, G_URI_FLAGS_NONE, NULL);
  int port = uri != NULL ? g_uri_get_port (uri) : -1;

  if (uri == NULL || !is_endpoint (uri))
    {
      g_propagate_error (error, brevet_settings_error (settings, "endpoint", "“%s” is not the https address of a host without a "
                                                       "path; write for example " DEFAULT_ENDPOINT, value));
      return FALSE;
    }
  self->peer = brevet_network_peer_read_for (settings, g_uri_get_host (uri), port > 0 ? (guint16) port : DEFAULT_PORT,
                                             DEFAULT_TIMEOUT, error);
  return self->peer != NULL;
}

/* Tells which product an id belongs to by its shape. Returns FALSE if it has none of the known ones. */
static gboolean
guess_api (const char *profile, DigicertApi *api)
{
  gboolean is_iot = g_str_has_prefix (profile, IOT_PREFIX);

  *api = is_iot ? DIGICERT_API_IOT : DIGICERT_API_LIFECYCLE;
  return g_uuid_string_is_valid (profile + (is_iot ? strlen (IOT_PREFIX) : 0));
}

/* It becomes part of addresses, so it is checked whatever else is known of it. */
static gboolean
is_plain (const char *profile)
{
  return *profile != '\0' && strspn (profile, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.") == strlen (profile);
}

static const char *
get_api (BrevetSettings *settings)
{
  return brevet_settings_get_string (settings, "api", "auto");
}

static GError *
complain_of_api (BrevetSettings *settings)
{
  return brevet_settings_error (settings, "api", "“%s” is no API of DigiCert; write tlm, iot or auto", get_api (settings));
}

static GError *
choose_api (DigicertConfiguration *self, BrevetSettings *settings, const char *profile)
{
  const char *api = get_api (settings);
  gboolean is_auto = g_str_equal (api, "auto");
  gboolean is_known = guess_api (profile, &self->api);

  if (g_str_equal (api, "mpki8") || (is_auto && g_str_has_prefix (profile, OLD_PREFIX)))
    return brevet_settings_error (settings, "profile", "“%s” is a profile of PKI Platform 8, which is not supported; use one of "
                                  "Trust Lifecycle Manager or IoT Trust Manager", profile);
  if (!is_plain (profile) || (is_auto && !is_known))
    return brevet_settings_error (settings, "profile", "“%s” is not the id of a DigiCert profile; those are a UUID (Trust "
                                  "Lifecycle Manager) or IOT_ and a UUID (IoT Trust Manager)", profile);
  if (!is_auto && !g_str_equal (api, "tlm") && !g_str_equal (api, "iot"))
    return complain_of_api (settings);
  if (!is_auto)
    self->api = g_str_equal (api, "iot") ? DIGICERT_API_IOT : DIGICERT_API_LIFECYCLE;
  return NULL;
}

static gboolean
read_profile (DigicertConfiguration *self, BrevetSettings *settings, GError **error)
{
  const char *profile = brevet_settings_require_string (settings, "profile", error);
  GError *problem;

  if (profile == NULL)
    return FALSE;
  problem = choose_api (self, settings, profile);
  if (problem != NULL)
    {
      g_propagate_error (error, problem);
      return FALSE;
    }
  self->profile = g_strdup (profile);
  return TRUE;
}

/* Quotes and blanks come from copying, and DigiCert would only say that the key is wrong. Its shape is not ours to know. */
static gboolean
is_usable_key (BrevetSecret *key)
{
  gsize length;
  const guint8 *data = brevet_secret_get_data (key, &length);

  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isgraph (data[i]) || data[i] == '"' || data[i] == '\'')
      return FALSE;
  return length > 0;
}

static gboolean
read_api_key (DigicertConfiguration *self, BrevetSettings *settings, GError **error)
{
  GError *problem;

  if (!brevet_settings_get_secret (settings, "api-key", &self->api_key, error))
    return FALSE;
  if (self->api_key != NULL && is_usable_key (self->api_key))
    return TRUE;
  if (self->api_key == NULL)
    problem = brevet_settings_error (settings, "api-key", "it is missing; put the token id of a DigiCert service user into a file "
                                     "and name that with api-key-file or api-key-credential");
  else
    problem = brevet_settings_error (settings, "api-key", "it is empty, or has quotes, blanks or unprintable characters in it; "
                                     "copy the token id alone");
  g_propagate_error (error, problem);
  return FALSE;
}

static gboolean
read_trust (DigicertConfiguration *self, BrevetSettings *settings, GError **error)
{
  g_autofree char *path = brevet_settings_get_path (settings, "trust");
  g_autoptr(GError) problem = NULL;

  if (path != NULL)
    self->trust = brevet_trust_bundle_load (path, &problem);
  if (self->trust != NULL || (path == NULL && self->api == DIGICERT_API_LIFECYCLE))
    return TRUE;
  if (problem == NULL)
    problem = g_error_new_literal (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                                   "it is missing; IoT Trust Manager does not tell the roots of a profile, so name a PEM file that "
                                   "holds them");
  g_propagate_error (error, brevet_settings_error (settings, "trust", "%s", problem->message));
  return FALSE;
}

DigicertConfiguration *
digicert_configuration_new (BrevetSettings *settings, GError **error)
{
  g_autoptr(DigicertConfiguration) self = g_new0 (DigicertConfiguration, 1);

  if (!read_endpoint (self, settings, error) || !read_profile (self, settings, error) || !read_api_key (self, settings, error) ||
      !read_trust (self, settings, error) ||
      !brevet_settings_get_boolean (settings, "override-validity", FALSE, &self->validity, error))
    return NULL;
  return g_steal_pointer (&self);
}

static gboolean
check_api (BrevetSettings *settings, GError **error)
{
  static const char *const known[] = { "auto", "tlm", "iot", NULL };

  if (g_strv_contains (known, get_api (settings)))
    return TRUE;
  g_propagate_error (error, complain_of_api (settings));
  return FALSE;
}

gboolean
digicert_configuration_check_defaults (BrevetSettings *settings, GError **error)
{
  g_autoptr(DigicertConfiguration) scratch = g_new0 (DigicertConfiguration, 1);

  /* With this product, which roots are trusted need not be said. */
  scratch->api = DIGICERT_API_LIFECYCLE;
  return read_endpoint (scratch, settings, error) && check_api (settings, error) && read_trust (scratch, settings, error) &&
         brevet_settings_get_boolean (settings, "override-validity", FALSE, &scratch->validity, error);
}
