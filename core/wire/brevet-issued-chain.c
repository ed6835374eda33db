/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-issued-chain.h"

#include "brevet-chain.h"
#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

static void
add_certificate (JsonArray *array, BrevetCertificate *certificate)
{
  GBytes *der = brevet_certificate_get_der (certificate);
  g_autofree char *text = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));

  json_array_add_string_element (array, text);
}

static BrevetCertificate *
read_bundled (JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *pem;

  if (object == NULL || !brevet_wire_get_string (object, "certificate", &pem, NULL) || pem == NULL)
    return NULL;
  return brevet_certificate_new_from_pem (pem, NULL);
}

static gboolean
is_root_of (BrevetCertificate *certificate, BrevetCertificate *last)
{
  return certificate != NULL && brevet_certificate_is_self_issued (certificate) &&
         brevet_certificate_is_issued_by (last, certificate);
}

static void
add_root (JsonArray *array, BrevetCertificate *last, JsonObject *trust_bundle)
{
  JsonNode *member = trust_bundle != NULL ? json_object_get_member (trust_bundle, "certificates") : NULL;
  JsonArray *bundled = member != NULL && JSON_NODE_HOLDS_ARRAY (member) ? json_node_get_array (member) : NULL;

  if (bundled == NULL || brevet_certificate_is_self_issued (last) || json_array_get_length (array) == BREVET_CHAIN_MAX_LENGTH)
    return;
  for (guint i = 0; i < json_array_get_length (bundled); i++)
    {
      g_autoptr(BrevetCertificate) certificate = read_bundled (json_array_get_element (bundled, i));

      if (is_root_of (certificate, last))
        {
          add_certificate (array, certificate);
          return;
        }
    }
}

JsonArray *
brevet_issued_chain_to_json (const char *pem, JsonObject *trust_bundle)
{
  g_autoptr(BrevetChain) chain = brevet_chain_new_from_pem (pem, NULL);
  JsonArray *array;

  if (chain == NULL)
    return NULL;
  array = json_array_new ();
  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    add_certificate (array, brevet_chain_get (chain, i));
  add_root (array, brevet_chain_get (chain, brevet_chain_get_length (chain) - 1), trust_bundle);
  return array;
}

static BrevetCertificate *
read_item (const char *text, GError **error)
{
  g_autoptr(GBytes) der = brevet_wire_base64_decode (text);

  if (der != NULL)
    return brevet_certificate_new (der, error);
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "an item is not the base64 of a certificate");
  return NULL;
}

static BrevetChain *
read_chain (char **items, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);

  for (gsize i = 0; items[i] != NULL && i <= BREVET_CHAIN_MAX_LENGTH; i++)
    {
      BrevetCertificate *certificate = read_item (items[i], error);

      if (certificate == NULL)
        return NULL;
      g_ptr_array_add (certificates, certificate);
    }
  return brevet_chain_new (certificates, error);
}

char *
brevet_issued_chain_to_pem (char **chain, GError **error)
{
  g_autoptr(BrevetChain) whole = read_chain (chain, error);
  g_autoptr(BrevetChain) without_root = NULL;

  if (whole == NULL)
    {
      g_prefix_error_literal (error, "The member “issuedCertificateChain” cannot be read: ");
      return NULL;
    }
  without_root = brevet_chain_without_root (whole);
  return brevet_chain_to_pem (without_root);
}
