/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-facts.h"

#include "brevet-certificate.h"
#include "brevet-token-private.h"

#include <p11-kit/p11-kit.h>
#include <string.h>

/* The mechanisms that brevet's keys need, or that are taken for granted and are not. */
static const struct
{
  const char   *name;
  unsigned long mechanism;
} mechanisms[] = {
  { "CKM_EC_KEY_PAIR_GEN", CKM_EC_KEY_PAIR_GEN },
  { "CKM_ECDSA", CKM_ECDSA },
  { "CKM_RSA_PKCS_KEY_PAIR_GEN", CKM_RSA_PKCS_KEY_PAIR_GEN },
  { "CKM_RSA_PKCS", CKM_RSA_PKCS },
  { "CKM_RSA_PKCS_PSS", CKM_RSA_PKCS_PSS },
  { "CKM_EC_EDWARDS_KEY_PAIR_GEN", 0x1055 },
  { "CKM_EDDSA", 0x1057 },
};

static const struct
{
  const char  *member;
  unsigned int flag;
} token_flags[] = {
  { "hardware", GNUTLS_PKCS11_TOKEN_HW },
  { "initialized", GNUTLS_PKCS11_TOKEN_INITIALIZED },
  { "loginRequired", GNUTLS_PKCS11_TOKEN_LOGIN_REQUIRED },
  { "pinPad", GNUTLS_PKCS11_TOKEN_PROTECTED_AUTHENTICATION_PATH },
  { "pinInitialized", GNUTLS_PKCS11_TOKEN_USER_PIN_INITIALIZED },
  { "pinCountLow", GNUTLS_PKCS11_TOKEN_USER_PIN_COUNT_LOW },
  { "pinFinalTry", GNUTLS_PKCS11_TOKEN_USER_PIN_FINAL_TRY },
  { "pinLocked", GNUTLS_PKCS11_TOKEN_USER_PIN_LOCKED },
  { "errorState", GNUTLS_PKCS11_TOKEN_ERROR_STATE },
};

/* Fields of PKCS#11 are padded with blanks, and come from outside. */
static void
set_field (JsonObject *object, const char *member, const void *field, gsize size)
{
  g_autofree char *text = g_strndup (field, size);
  g_autofree char *valid = g_utf8_make_valid (g_strchomp (text), -1);

  json_object_set_string_member (object, member, valid);
}

static void
set_version (JsonObject *object, const char *member, CK_VERSION version)
{
  g_autofree char *text = g_strdup_printf ("%u.%u", version.major, version.minor);

  json_object_set_string_member (object, member, text);
}

static JsonObject *
describe_module (CK_FUNCTION_LIST *module)
{
  JsonObject *object = json_object_new ();
  char *name = p11_kit_module_get_name (module);
  char *path = p11_kit_module_get_filename (module);
  CK_INFO info;

  if (name != NULL)
    json_object_set_string_member (object, "name", name);
  if (path != NULL)
    json_object_set_string_member (object, "path", path);
  free (name);
  free (path);
  if (module->C_GetInfo (&info) == CKR_OK)
    {
      set_field (object, "description", info.libraryDescription, sizeof info.libraryDescription);
      set_field (object, "manufacturer", info.manufacturerID, sizeof info.manufacturerID);
      set_version (object, "version", info.libraryVersion);
    }
  return object;
}

static JsonObject *
describe_token (CK_FUNCTION_LIST *module, unsigned long slot, unsigned int flags)
{
  JsonObject *object = json_object_new ();
  CK_TOKEN_INFO info;

  if (module->C_GetTokenInfo (slot, &info) == CKR_OK)
    {
      set_field (object, "label", info.label, sizeof info.label);
      set_field (object, "manufacturer", info.manufacturerID, sizeof info.manufacturerID);
      set_field (object, "model", info.model, sizeof info.model);
      set_field (object, "serialNumber", info.serialNumber, sizeof info.serialNumber);
    }
  json_object_set_int_member (object, "slot", slot);
  for (gsize i = 0; i < G_N_ELEMENTS (token_flags); i++)
    json_object_set_boolean_member (object, token_flags[i].member, (flags & token_flags[i].flag) != 0);
  return object;
}

static gboolean
is_offered (const CK_MECHANISM_TYPE *offered, unsigned long n_offered, unsigned long mechanism)
{
  for (unsigned long i = 0; i < n_offered; i++)
    if (offered[i] == mechanism)
      return TRUE;
  return FALSE;
}

/* Some modules complain aloud when they are asked about a mechanism that they do not have. */
static JsonArray *
describe_mechanisms (CK_FUNCTION_LIST *module, unsigned long slot)
{
  JsonArray *array = json_array_new ();
  CK_MECHANISM_TYPE offered[1024];
  unsigned long n_offered = G_N_ELEMENTS (offered);

  if (module->C_GetMechanismList (slot, offered, &n_offered) != CKR_OK)
    n_offered = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    {
      CK_MECHANISM_INFO info;
      JsonObject *object;

      if (!is_offered (offered, n_offered, mechanisms[i].mechanism) ||
          module->C_GetMechanismInfo (slot, mechanisms[i].mechanism, &info) != CKR_OK)
        continue;
      object = json_object_new ();
      json_object_set_string_member (object, "name", mechanisms[i].name);
      json_object_set_int_member (object, "minimum", info.ulMinKeySize);
      json_object_set_int_member (object, "maximum", info.ulMaxKeySize);
      json_array_add_object_element (array, object);
    }
  return array;
}

static JsonObject *
describe (const char *uri, GError **error)
{
  char *location;
  unsigned int flags = 0;
  unsigned long slot = 0;
  void *module = NULL;
  JsonObject *object;
  int code;

  location = brevet_token_uri_build (uri, NULL, NULL, NULL, FALSE);
  code = gnutls_pkcs11_token_get_flags (location, &flags);
  if (code >= 0)
    code = gnutls_pkcs11_token_get_ptr (location, &module, &slot, 0);
  brevet_secret_free_text (location);
  if (code < 0)
    {
      g_propagate_error (error, brevet_token_trouble (uri, NULL, code, "The token cannot be used"));
      return NULL;
    }
  object = json_object_new ();
  json_object_set_object_member (object, "module", describe_module (module));
  json_object_set_object_member (object, "token", describe_token (module, slot, flags));
  json_object_set_array_member (object, "mechanisms", describe_mechanisms (module, slot));
  return object;
}

JsonObject *
brevet_token_describe (const char *uri, GError **error)
{
  JsonObject *object;

  g_return_val_if_fail (uri != NULL, NULL);

  brevet_token_find (uri);
  if (!brevet_token_enter (error))
    return NULL;
  object = describe (uri, error);
  brevet_token_leave ();
  return object;
}

static void
set_info (JsonObject *object, const char *member, gnutls_pkcs11_obj_t key, gnutls_pkcs11_obj_info_t kind)
{
  char text[512];
  size_t size = sizeof text;

  if (gnutls_pkcs11_obj_get_info (key, kind, text, &size) >= 0)
    set_field (object, member, text, strnlen (text, sizeof text));
}

static void
describe_object (JsonObject *object, gnutls_pkcs11_obj_t key)
{
  unsigned int flags = 0;

  set_info (object, "label", key, GNUTLS_PKCS11_OBJ_LABEL);
  set_info (object, "id", key, GNUTLS_PKCS11_OBJ_ID_HEX);
  if (gnutls_pkcs11_obj_get_flags (key, &flags) < 0)
    return;
  json_object_set_boolean_member (object, "sensitive", (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE) != 0);
  json_object_set_boolean_member (object, "extractable", (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_EXTRACTABLE) != 0);
  json_object_set_boolean_member (object, "neverExtractable", (flags & GNUTLS_PKCS11_OBJ_FLAG_NEVER_EXTRACTABLE) != 0);
}

static void
add_matching (JsonArray *array, BrevetKey *key, gnutls_pkcs11_obj_t candidate)
{
  gnutls_datum_t der = { NULL, 0 };
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GBytes) bytes = NULL;

  if (gnutls_pkcs11_obj_export2 (candidate, &der) < 0)
    return;
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  certificate = brevet_certificate_new (bytes, NULL);
  if (certificate != NULL && g_str_equal (brevet_certificate_get_spki_sha256 (certificate), brevet_key_get_spki_sha256 (key)))
    {
      g_autofree char *pem = brevet_certificate_to_pem (certificate);

      json_array_add_string_element (array, pem);
    }
}

static JsonArray *
list_certificates (BrevetKey *key, const char *uri, BrevetSecret *pin)
{
  char *location = brevet_token_uri_build (uri, NULL, "cert", pin, TRUE);
  JsonArray *array = json_array_new ();
  gnutls_pkcs11_obj_t *objects = NULL;
  unsigned int n_objects = 0;

  if (gnutls_pkcs11_obj_list_import_url4 (&objects, &n_objects, location,
                                          GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_CRT) < 0)
    n_objects = 0;
  brevet_secret_free_text (location);
  for (unsigned int i = 0; i < n_objects; i++)
    {
      add_matching (array, key, objects[i]);
      gnutls_pkcs11_obj_deinit (objects[i]);
    }
  gnutls_free (objects);
  return array;
}

static JsonObject *
describe_key (BrevetKey *key, const char *uri, BrevetSecret *pin, GError **error)
{
  g_autoptr(JsonObject) object = json_object_new ();
  gnutls_pkcs11_obj_t *objects = NULL;
  unsigned int n_objects = 0;
  char *location = brevet_token_uri_with_pin (uri, pin);
  int code;

  code = gnutls_pkcs11_obj_list_import_url4 (&objects, &n_objects, location,
                                             GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_PRIVKEY);
  brevet_secret_free_text (location);
  if (code < 0)
    {
      g_propagate_error (error, brevet_token_trouble (uri, pin, code, "The key in the token cannot be looked at"));
      return NULL;
    }
  for (unsigned int i = 0; i < n_objects; i++)
    {
      if (i == 0)
        describe_object (object, objects[i]);
      gnutls_pkcs11_obj_deinit (objects[i]);
    }
  gnutls_free (objects);
  json_object_set_int_member (object, "count", n_objects);
  json_object_set_array_member (object, "certificates", list_certificates (key, uri, pin));
  return g_steal_pointer (&object);
}

JsonObject *
brevet_token_describe_key (BrevetKey *key, const char *uri, BrevetSecret *pin, GError **error)
{
  g_autoptr(BrevetSecret) known_pin = NULL;
  JsonObject *object;

  g_return_val_if_fail (key != NULL && uri != NULL, NULL);

  known_pin = brevet_token_uri_find_pin (uri, pin);
  brevet_token_find (uri);
  if (!brevet_token_enter (error))
    return NULL;
  object = describe_key (key, uri, known_pin, error);
  brevet_token_leave ();
  return object;
}
