/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access-policy.h"

#include "brevet-error.h"
#include "brevet-sas-token.h"

#define OWNER_POLICY "provisioningserviceowner"

#define KEY_MINIMUM 16
#define KEY_MAXIMUM 64

#define ALL_RIGHTS                                                                                                                \
  (BREVET_RIGHT_SERVICE_CONFIG | BREVET_RIGHT_ENROLLMENT_READ | BREVET_RIGHT_ENROLLMENT_WRITE |                                   \
   BREVET_RIGHT_REGISTRATION_STATUS_READ | BREVET_RIGHT_REGISTRATION_STATUS_WRITE)

static const struct {
  BrevetRights right;
  const char *name;
} right_names[] = {
  { BREVET_RIGHT_SERVICE_CONFIG,            "ServiceConfig" },
  { BREVET_RIGHT_ENROLLMENT_READ,           "EnrollmentRead" },
  { BREVET_RIGHT_ENROLLMENT_WRITE,          "EnrollmentWrite" },
  { BREVET_RIGHT_REGISTRATION_STATUS_READ,  "RegistrationStatusRead" },
  { BREVET_RIGHT_REGISTRATION_STATUS_WRITE, "RegistrationStatusWrite" },
};

typedef struct {
  BrevetRights rights;
  BrevetSecret *keys[2];
} Policy;

struct _BrevetAccessPolicies
{
  GHashTable *policies; /* name → Policy */
  char **host_names;
};

static void
policy_free (Policy *policy)
{
  g_clear_pointer (&policy->keys[0], brevet_secret_unref);
  g_clear_pointer (&policy->keys[1], brevet_secret_unref);
  g_free (policy);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Policy, policy_free)

static char *
list_rights (BrevetRights rights)
{
  g_autoptr(GString) text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (right_names); i++)
    if ((rights & right_names[i].right) != 0)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", right_names[i].name);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static BrevetRights
parse_right (const char *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (right_names); i++)
    if (g_ascii_strcasecmp (text, right_names[i].name) == 0)
      return right_names[i].right;
  return 0;
}

static gboolean
read_rights (BrevetSettings *settings, BrevetRights *rights, GError **error)
{
  g_auto(GStrv) items = brevet_settings_get_strings (settings, "rights");
  g_autofree char *all = list_rights (ALL_RIGHTS);

  *rights = 0;
  for (guint i = 0; items[i] != NULL; i++)
    {
      BrevetRights right = parse_right (items[i]);

      if (right == 0)
        {
          g_propagate_error (error, brevet_settings_error (settings, "rights", "“%s” is no right; there are %s", items[i], all));
          return FALSE;
        }
      *rights |= right;
    }
  /* The protocol gives this one policy its rights by its name. */
  if (items[0] == NULL && g_str_equal (brevet_settings_get_name (settings), OWNER_POLICY))
    *rights = ALL_RIGHTS;
  if (*rights == 0)
    {
      g_propagate_error (error, brevet_settings_error (settings, "rights", "the policy allows nothing; name some of %s", all));
      return FALSE;
    }
  return TRUE;
}

static gboolean
read_key (BrevetSettings *settings, const char *name, BrevetSecret **key, GError **error)
{
  g_autoptr(BrevetSecret) text = NULL;
  g_autoptr(BrevetSecret) decoded = NULL;
  g_autoptr(GError) cause = NULL;
  gsize length = 0;

  if (!brevet_settings_get_secret (settings, name, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;

  decoded = brevet_secret_new_from_base64 ((const char *) brevet_secret_get_data (text, NULL), &cause);
  if (decoded == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, name, "the key cannot be read: %s", cause->message));
      return FALSE;
    }
  brevet_secret_get_data (decoded, &length);
  if (length < KEY_MINIMUM || length > KEY_MAXIMUM)
    {
      g_propagate_error (error, brevet_settings_error (settings, name, "the key has %" G_GSIZE_FORMAT " bytes; make one of %d to "
                                                       "%d random bytes and write it as base64", length, KEY_MINIMUM, KEY_MAXIMUM));
      return FALSE;
    }
  *key = g_steal_pointer (&decoded);
  return TRUE;
}

static Policy *
read_policy (BrevetSettings *settings, GError **error)
{
  g_autoptr(Policy) policy = g_new0 (Policy, 1);

  if (brevet_settings_get_name (settings) == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, NULL, "the policy needs a name: [policy NAME]"));
      return NULL;
    }
  if (!read_rights (settings, &policy->rights, error) || !read_key (settings, "primary-key", &policy->keys[0], error) ||
      !read_key (settings, "secondary-key", &policy->keys[1], error))
    return NULL;
  if (policy->keys[0] == NULL && policy->keys[1] == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "primary-key-file", "the policy has no key; name a file that "
                                                       "holds one as base64"));
      return NULL;
    }
  return g_steal_pointer (&policy);
}

BrevetAccessPolicies *
brevet_access_policies_new (BrevetConfig *config, const char *const *host_names, GError **error)
{
  g_autoptr(BrevetAccessPolicies) self = g_new0 (BrevetAccessPolicies, 1);
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "policy");

  self->host_names = g_strdupv ((char **) host_names);
  self->policies = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) policy_free);
  for (guint i = 0; i < groups->len; i++)
    {
      BrevetSettings *settings = g_ptr_array_index (groups, i);
      Policy *policy = read_policy (settings, error);

      if (policy == NULL)
        return NULL;
      g_hash_table_replace (self->policies, g_strdup (brevet_settings_get_name (settings)), policy);
    }
  return g_steal_pointer (&self);
}

void
brevet_access_policies_free (BrevetAccessPolicies *self)
{
  g_clear_pointer (&self->policies, g_hash_table_unref);
  g_clear_pointer (&self->host_names, g_strfreev);
  g_free (self);
}

static gboolean
is_for_this_service (BrevetAccessPolicies *self, const BrevetSasToken *token, const char *path)
{
  for (guint i = 0; self->host_names[i] != NULL; i++)
    if (brevet_sas_token_is_for_host (token, self->host_names[i], path))
      return TRUE;
  return FALSE;
}

static gboolean
is_signed (const Policy *policy, const BrevetSasToken *token)
{
  for (guint i = 0; i < G_N_ELEMENTS (policy->keys); i++)
    if (policy->keys[i] != NULL && brevet_sas_token_verify (token, policy->keys[i]))
      return TRUE;
  return FALSE;
}

static gboolean
reject (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
reject (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, message);
  return FALSE;
}

/* Says what a token proves; the rights of its policy are the next question. */
static gboolean
check_token (BrevetAccessPolicies *self, const BrevetSasToken *token, const Policy *policy, const char *path, gint64 now,
             GError **error)
{
  if (token->key_name == NULL || *token->key_name == '\0')
    return reject (error, "The token names no shared access policy; it needs skn");
  if (policy == NULL)
    return reject (error, "There is no shared access policy “%s”", token->key_name);
  if (!is_for_this_service (self, token, path))
    return reject (error, "The token is made for “%s”, not for this service and path", token->resource);
  if (brevet_sas_token_is_expired (token, now))
    return reject (error, "The token expired %" G_GINT64_FORMAT " s ago", now - token->expiry);
  if (!is_signed (policy, token))
    return reject (error, "The token is not signed with a key of the shared access policy “%s”", token->key_name);
  return TRUE;
}

gboolean
brevet_access_policies_authorise (BrevetAccessPolicies *self, const char *text, const char *path, BrevetRights needed, gint64 now,
                                  char **policy_name, GError **error)
{
  g_autoptr(BrevetSasToken) token = NULL;
  g_autoptr(GError) cause = NULL;
  g_autofree char *missing = NULL;
  const Policy *policy;

  *policy_name = NULL;
  if (text == NULL)
    return reject (error, "The request carries no token");
  token = brevet_sas_token_parse (text, &cause);
  if (token == NULL)
    return reject (error, "The token cannot be read: %s", cause->message);

  *policy_name = g_strdup (token->key_name);
  policy = token->key_name != NULL ? g_hash_table_lookup (self->policies, token->key_name) : NULL;
  if (!check_token (self, token, policy, path, now, error))
    return FALSE;
  if ((policy->rights & needed) == needed)
    return TRUE;

  missing = list_rights (needed & ~policy->rights);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "The shared access policy “%s” lacks the right %s", token->key_name,
               missing);
  return FALSE;
}
