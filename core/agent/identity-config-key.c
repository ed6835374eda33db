/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-config-private.h"

#include "brevet-key-policy.h"
#include "brevet-token.h"

#include <string.h>

/* Where the key is made, and what it is. */

/* How to get at the token is said in one place, for all keys; and what is stored and shown must not hold a PIN. */
static gboolean
check_token (BrevetSettings *settings, const char *token, GError **error)
{
  g_autoptr(GError) problem = NULL;

  if (strchr (token, '?') != NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "key-token",
                                                       "the part behind “?” does not belong here; write the PIN into a file and "
                                                       "name it with key-token-pin-file, and the module in the group [pkcs11]"));
      return FALSE;
    }
  if (brevet_token_check_uri (token, &problem))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, "key-token", "%s", problem->message));
  return FALSE;
}

static gboolean
read_token (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  const char *token = brevet_settings_get_string (settings, "key-token", NULL);

  if (!brevet_settings_get_secret (settings, "key-token-pin", &self->key_pin, error))
    return FALSE;
  if (token == NULL)
    return TRUE;
  if (!check_token (settings, token, error))
    return FALSE;
  self->key_token = g_strdup (token);
  return TRUE;
}

gboolean
brevet_identity_config_read_key (BrevetIdentityConfig *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(GError) problem = NULL;

  self->key_type = g_strdup (brevet_settings_get_string (settings, "key-type", "p256"));
  if (!brevet_key_kind_from_name (self->key_type, &self->key_kind, &problem))
    {
      g_propagate_error (error, brevet_settings_error (settings, "key-type", "%s", problem->message));
      return FALSE;
    }
  return brevet_settings_get_boolean (settings, "rekey", TRUE, &self->rekey, error) && read_token (self, settings, error);
}

static gboolean
is_same_pin (BrevetSecret *one, BrevetSecret *other)
{
  if (one == NULL || other == NULL)
    return one == other;
  return brevet_secret_equal (one, other);
}

gboolean
brevet_identity_config_has_key_like (const BrevetIdentityConfig *self, const BrevetIdentityConfig *other)
{
  return self->key_kind == other->key_kind && self->rekey == other->rekey && g_strcmp0 (self->key_token, other->key_token) == 0 &&
         is_same_pin (self->key_pin, other->key_pin);
}
