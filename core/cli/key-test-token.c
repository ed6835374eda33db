/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key-test.h"

#include "brevet-error.h"
#include "brevet-token-facts.h"
#include "brevet-token.h"

#include <string.h>

/* Of the key that --generate makes and deletes again. */
#define TRIAL_LABEL "brevet-key-test"

static void
merge (JsonObject *into, JsonObject *from)
{
  g_autoptr(GList) members = json_object_get_members (from);

  for (GList *member = members; member != NULL; member = member->next)
    json_object_set_member (into, member->data, json_node_copy (json_object_get_member (from, member->data)));
}

static gboolean
describe_token (BrevetKeyTest *self)
{
  GError *error = NULL;
  g_autoptr(JsonObject) facts = brevet_token_describe (self->location, &error);

  if (facts == NULL)
    return brevet_key_test_fail (self, "token", error);
  merge (self->facts, facts);
  return TRUE;
}

static gboolean
has_pin (BrevetKeyTest *self)
{
  const char *query = strchr (self->location, '?');

  return self->pin != NULL || (query != NULL && strstr (query, "pin-") != NULL);
}

/* A list of private keys is what only those see who are logged in. */
static gboolean
log_in (BrevetKeyTest *self)
{
  char *token_uri = brevet_token_strip_key (self->location);
  GError *error = NULL;
  g_auto(GStrv) labels = brevet_token_list_keys (token_uri, self->pin, "", &error);
  JsonArray *array;

  brevet_secret_free_text (token_uri);
  if (labels == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE))
    return brevet_key_test_fail (self, "token", error);
  if (labels == NULL)
    return brevet_key_test_fail (self, has_pin (self) ? "pin" : "pin-missing", error);
  array = json_array_new ();
  for (gsize i = 0; labels[i] != NULL; i++)
    json_array_add_string_element (array, labels[i]);
  json_object_set_boolean_member (self->facts, "loggedIn", TRUE);
  json_object_set_array_member (self->facts, "keys", array);
  return TRUE;
}

static gboolean
check_named_key (BrevetKeyTest *self)
{
  GError *error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_load (self->location, self->pin, &error);
  JsonObject *facts;

  if (key == NULL)
    return brevet_key_test_fail (self, "key", error);
  facts = brevet_token_describe_key (key, self->location, self->pin, &error);
  if (facts == NULL)
    return brevet_key_test_fail (self, "key", error);
  json_object_set_object_member (self->facts, "key", facts);
  return brevet_key_test_check (self, key);
}

/* Proves the right to make and delete keys, and that the token can make those that brevet makes unless told otherwise. */
static gboolean
try_to_generate (BrevetKeyTest *self)
{
  char *token_uri = brevet_token_strip_key (self->location);
  g_autofree char *label = g_strdup_printf (TRIAL_LABEL "-%08x", g_random_int ());
  gint64 begin = g_get_monotonic_time ();
  GError *error = NULL;
  g_autoptr(BrevetKey) key = brevet_token_generate_key (token_uri, self->pin, BREVET_KEY_KIND_EC_P256, label, &error);
  gboolean ok = key != NULL;

  if (ok)
    {
      json_object_set_double_member (self->facts, "generationMilliseconds", (double) (g_get_monotonic_time () - begin) / 1000);
      ok = brevet_key_test_check (self, key);
      g_clear_pointer (&key, brevet_key_unref);
      if (!brevet_token_delete_key (token_uri, self->pin, label, &error))
        ok = brevet_key_test_fail (self, "mechanism", error);
    }
  else
    brevet_key_test_fail (self, "mechanism", error);
  brevet_secret_free_text (token_uri);
  return ok;
}

gboolean
brevet_key_test_token (BrevetKeyTest *self)
{
  if (!describe_token (self) || !log_in (self))
    return FALSE;
  if (brevet_token_names_key (self->location) && !check_named_key (self))
    return FALSE;
  return !self->generate || try_to_generate (self);
}
