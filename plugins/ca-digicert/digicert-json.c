/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-json.h"

#include "brevet-chain.h"
#include "brevet-error.h"

#include <string.h>

/* An issuer within an issuer's chain is as deep as it gets. */
#define MAX_DEPTH        4
#define MAX_CERTIFICATES 32

/* Names that a certificate has been seen under. */
static const char *const wrappers[] = { "certificate", "pem", "blob", "body", "root", "chain" };

static gboolean
add_pem (const char *text, GPtrArray *certificates, GError **error)
{
  g_autoptr(BrevetChain) chain = brevet_chain_new_from_pem (text, error);

  if (chain == NULL)
    return FALSE;
  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (brevet_chain_get (chain, i)));
  for (guint i = 0; i < brevet_chain_get_n_spares (chain); i++)
    g_ptr_array_add (certificates, brevet_certificate_ref (brevet_chain_get_spare (chain, i)));
  return TRUE;
}

static gboolean
add_base64 (const char *text, GPtrArray *certificates, GError **error)
{
  gsize length = 0;
  g_autofree guchar *data = g_base64_decode (text, &length);
  g_autoptr(GBytes) der = g_bytes_new (data, length);
  BrevetCertificate *certificate = brevet_certificate_new (der, error);

  if (certificate == NULL)
    return FALSE;
  g_ptr_array_add (certificates, certificate);
  return TRUE;
}

/* An empty text is how some say that there is none. */
static gboolean
add_value (JsonNode *node, GPtrArray *certificates, GError **error)
{
  const char *text = json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;

  if (text == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "It must be a string");
      return FALSE;
    }
  if (*text == '\0')
    return TRUE;
  return strstr (text, "-----BEGIN ") != NULL ? add_pem (text, certificates, error) : add_base64 (text, certificates, error);
}

static gboolean
collect (JsonNode *node, GPtrArray *certificates, guint depth, GError **error)
{
  gboolean ok = TRUE;

  if (depth >= MAX_DEPTH || certificates->len >= MAX_CERTIFICATES)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "There are too many certificates in it");
      return FALSE;
    }
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      for (guint i = 0; ok && i < G_N_ELEMENTS (wrappers); i++)
        if (json_object_has_member (json_node_get_object (node), wrappers[i]))
          ok = collect (json_object_get_member (json_node_get_object (node), wrappers[i]), certificates, depth + 1, error);
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      for (guint i = 0; ok && i < json_array_get_length (json_node_get_array (node)); i++)
        ok = collect (json_array_get_element (json_node_get_array (node), i), certificates, depth + 1, error);
    }
  else if (JSON_NODE_HOLDS_VALUE (node))
    ok = add_value (node, certificates, error);
  return ok;
}

gboolean
digicert_json_collect (JsonObject *object, const char *member, GPtrArray *certificates, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);
  g_autoptr(GError) problem = NULL;

  if (node == NULL || collect (node, certificates, 0, &problem))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “%s” holds no usable certificate: %s", member,
               problem->message);
  return FALSE;
}

char *
digicert_json_dup_name (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    node = json_object_get_member (json_node_get_object (node), "id");
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;
  return json_node_dup_string (node);
}

JsonObject *
digicert_json_get_item (JsonArray *array, guint index)
{
  JsonNode *node = index < json_array_get_length (array) ? json_array_get_element (array, index) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

gboolean
digicert_json_get_array (JsonObject *object, const char *member, JsonArray **array, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  *array = NULL;
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      *array = json_node_get_array (node);
      return TRUE;
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “%s” must be an array", member);
  return FALSE;
}
