/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

#include "brevet-key-private.h"

#include <gnutls/crypto.h>
#include <string.h>

#define LONGEST_LABEL 100
#define ID_SIZE       20

/* Looking whether a label is free and taking it is two calls. */
static GMutex change_lock;

static gboolean
check_token_uri (const char *uri, GError **error)
{
  g_autofree char *type = NULL;

  if (!brevet_token_is_uri (uri))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The place of a token is a PKCS#11 URI; write for example pkcs11:token=devices");
      return FALSE;
    }
  type = brevet_token_uri_get (uri, "type");
  if (type != NULL || brevet_token_uri_names_object (uri))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The PKCS#11 URI shall name a token, and not an object in it; leave out object, id and type");
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_label (const char *label, GError **error)
{
  gsize length = strlen (label);

  if (length > 0 && length <= LONGEST_LABEL && strspn (label, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") == length)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "“%s” cannot be the label of a key: 1 to %d letters, digits, dots, underscores and hyphens are", label,
               LONGEST_LABEL);
  return FALSE;
}

gboolean
brevet_token_is_uri (const char *location)
{
  return g_ascii_strncasecmp (location, "pkcs11:", strlen ("pkcs11:")) == 0;
}

static char *
get_label (gnutls_pkcs11_obj_t object)
{
  char label[256];
  size_t size = sizeof label;

  return gnutls_pkcs11_obj_get_info (object, GNUTLS_PKCS11_OBJ_LABEL, label, &size) >= 0 ? g_strdup (label) : NULL;
}

static int
compare_labels (gconstpointer first, gconstpointer second)
{
  return strcmp (*(const char *const *) first, *(const char *const *) second);
}

/* Of the token that @uri is about, be it the URI of an object; a negative code of GnuTLS if it is not there. */
int
brevet_token_get_flags (const char *uri, unsigned int *flags)
{
  char *location = brevet_token_uri_build (uri, NULL, NULL, NULL, FALSE);
  int code = gnutls_pkcs11_token_get_flags (location, flags);

  brevet_secret_free_text (location);
  return code;
}

/*
 * brevet_token_list_labels:
 * @code: (out): what GnuTLS says
 *
 * Returns: (transfer full) (nullable): sorted labels of private keys that begin with @prefix; %NULL if they cannot be read
 */
GPtrArray *
brevet_token_list_labels (const char *uri, BrevetSecret *pin, const char *prefix, int *code)
{
  GPtrArray *labels;
  gnutls_pkcs11_obj_t *objects = NULL;
  unsigned int n_objects = 0;
  unsigned int flags;
  char *location;

  /* Of a token that is not there GnuTLS says that it has no objects. */
  *code = brevet_token_get_flags (uri, &flags);
  if (*code >= 0 && (brevet_token_pin_was_refused (uri, pin) || !brevet_token_may_try (flags)))
    *code = GNUTLS_E_PKCS11_PIN_ERROR;
  if (*code < 0)
    return NULL;
  location = brevet_token_uri_build (uri, NULL, "private", pin, TRUE);
  *code = gnutls_pkcs11_obj_list_import_url4 (&objects, &n_objects, location,
                                              GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_PRIVKEY);
  brevet_secret_free_text (location);
  if (*code < 0)
    return NULL;

  labels = g_ptr_array_new_with_free_func (g_free);
  for (unsigned int i = 0; i < n_objects; i++)
    {
      g_autofree char *label = get_label (objects[i]);

      if (label != NULL && g_str_has_prefix (label, prefix))
        g_ptr_array_add (labels, g_steal_pointer (&label));
      gnutls_pkcs11_obj_deinit (objects[i]);
    }
  gnutls_free (objects);
  g_ptr_array_sort (labels, compare_labels);
  return labels;
}

static GPtrArray *
list (const char *uri, BrevetSecret *pin, const char *prefix, GError **error)
{
  int code;
  GPtrArray *labels = brevet_token_list_labels (uri, pin, prefix, &code);

  if (labels == NULL)
    g_propagate_error (error, brevet_token_trouble (uri, pin, code, "The keys in the token cannot be listed"));
  return labels;
}

/* Looks for the token, and enters. */
static gboolean
approach (const char *uri, GError **error)
{
  brevet_token_find (uri);
  return brevet_token_enter (error);
}

char **
brevet_token_list_keys (const char *token_uri, BrevetSecret *pin, const char *prefix, GError **error)
{
  g_autoptr(BrevetSecret) known_pin = NULL;
  g_autoptr(GPtrArray) labels = NULL;

  g_return_val_if_fail (token_uri != NULL && prefix != NULL, NULL);

  if (!check_token_uri (token_uri, error))
    return NULL;
  known_pin = brevet_token_uri_find_pin (token_uri, pin);
  if (!approach (token_uri, error))
    return NULL;
  labels = list (token_uri, known_pin, prefix, error);
  brevet_token_leave ();
  if (labels == NULL)
    return NULL;
  g_ptr_array_add (labels, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&labels), FALSE);
}

char *
brevet_token_key_uri (const char *token_uri, const char *label)
{
  g_return_val_if_fail (token_uri != NULL && label != NULL, NULL);

  return brevet_token_uri_build (token_uri, label, "private", NULL, FALSE);
}

gboolean
brevet_token_names_key (const char *uri)
{
  g_return_val_if_fail (brevet_token_is_uri (uri), FALSE);

  return brevet_token_uri_names_object (uri);
}

char *
brevet_token_strip_key (const char *uri)
{
  g_return_val_if_fail (brevet_token_is_uri (uri), NULL);

  return brevet_token_uri_build (uri, NULL, NULL, NULL, TRUE);
}

/* One half of a pair. That it is not there is a success. */
static int
delete_half (const char *uri, BrevetSecret *pin, const char *label, const char *type)
{
  char *location = brevet_token_uri_build (uri, label, type, pin, TRUE);
  int deleted = gnutls_pkcs11_delete_url (location, GNUTLS_PKCS11_OBJ_FLAG_LOGIN);

  brevet_secret_free_text (location);
  if (deleted == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    return 0;
  /* The object was found, and stays. */
  return deleted == 0 ? GNUTLS_E_PKCS11_ATTRIBUTE_ERROR : MIN (deleted, 0);
}

static int
delete_pair (const char *uri, BrevetSecret *pin, const char *label)
{
  int code = delete_half (uri, pin, label, "private");

  return code < 0 ? code : delete_half (uri, pin, label, "public");
}

static gboolean
delete_key (const char *uri, BrevetSecret *pin, const char *label, GError **error)
{
  /* Says more when token or PIN are not as they should be. */
  g_autoptr(GPtrArray) labels = list (uri, pin, label, error);
  g_autofree char *what = NULL;
  int code;

  if (labels == NULL)
    return FALSE;
  code = delete_pair (uri, pin, label);
  if (code >= 0)
    return TRUE;
  what = g_strdup_printf ("The key “%s” cannot be deleted", label);
  g_propagate_error (error, brevet_token_trouble (uri, pin, code, what));
  return FALSE;
}

gboolean
brevet_token_delete_key (const char *token_uri, BrevetSecret *pin, const char *label, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&change_lock);
  g_autoptr(BrevetSecret) known_pin = NULL;
  gboolean deleted;

  g_return_val_if_fail (token_uri != NULL && label != NULL, FALSE);

  if (!check_token_uri (token_uri, error) || !check_label (label, error))
    return FALSE;
  known_pin = brevet_token_uri_find_pin (token_uri, pin);
  if (!approach (token_uri, error))
    return FALSE;
  deleted = delete_key (token_uri, known_pin, label, error);
  brevet_token_leave ();
  return deleted;
}

/* The token may be asked for a key that stays inside, and make another one. */
static gboolean
check_stays_inside (const char *uri, BrevetSecret *pin, const char *label, GError **error)
{
  char *location = brevet_token_uri_build (uri, label, "private", pin, TRUE);
  gnutls_pkcs11_obj_t object;
  unsigned int flags = 0;
  int code;

  gnutls_pkcs11_obj_init (&object);
  code = gnutls_pkcs11_obj_import_url (object, location, GNUTLS_PKCS11_OBJ_FLAG_LOGIN);
  if (code >= 0)
    code = gnutls_pkcs11_obj_get_flags (object, &flags);
  gnutls_pkcs11_obj_deinit (object);
  brevet_secret_free_text (location);
  if (code < 0)
    {
      g_propagate_error (error, brevet_token_trouble (uri, pin, code, "The new key in the token cannot be looked at"));
      return FALSE;
    }
  if ((flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE) != 0 && (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_EXTRACTABLE) == 0)
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED,
                       "The token makes keys that can be taken out of it, although it was asked for one that cannot");
  return FALSE;
}

static int
make_pair (const char *uri, BrevetSecret *pin, BrevetKeyKind kind, const char *label)
{
  char *location = brevet_token_uri_build (uri, NULL, NULL, pin, TRUE);
  gnutls_pk_algorithm_t algorithm;
  unsigned int bits;
  guint8 digest[32];
  gnutls_datum_t id = { digest, ID_SIZE };
  int code;

  brevet_key_kind_get_parameters (kind, &algorithm, &bits);
  gnutls_hash_fast (GNUTLS_DIG_SHA256, label, strlen (label), digest);
  code = gnutls_pkcs11_privkey_generate3 (location, algorithm, bits, label, &id, GNUTLS_X509_FMT_DER, NULL,
                                          GNUTLS_KEY_DIGITAL_SIGNATURE,
                                          GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE |
                                            GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE);
  brevet_secret_free_text (location);
  return code;
}

static gboolean
make_in_free_place (const char *uri, BrevetSecret *pin, BrevetKeyKind kind, const char *label, GError **error)
{
  g_autoptr(GPtrArray) labels = list (uri, pin, label, error);
  g_autofree char *what = g_strdup_printf ("The key “%s” cannot be made", label);
  int code;

  if (labels == NULL)
    return FALSE;
  for (guint i = 0; i < labels->len; i++)
    if (g_str_equal (labels->pdata[i], label))
      {
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "The token has a private key “%s” already", label);
        return FALSE;
      }
  /* A public half that was left behind would be taken for that of the new key. */
  code = delete_half (uri, pin, label, "public");
  if (code >= 0)
    code = make_pair (uri, pin, kind, label);
  if (code >= 0 && check_stays_inside (uri, pin, label, error))
    return TRUE;
  if (code >= 0)
    {
      delete_pair (uri, pin, label);
      return FALSE;
    }
  /* What a token cannot make it refuses with one of many codes; one that is gone is not there to say no. */
  if (code == GNUTLS_E_PKCS11_ERROR || code == GNUTLS_E_PKCS11_KEY_ERROR || code == GNUTLS_E_INVALID_REQUEST)
    code = GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR;
  g_propagate_error (error, brevet_token_trouble (uri, pin, code, what));
  return FALSE;
}

static BrevetKey *
generate_key (const char *token_uri, BrevetSecret *pin, BrevetKeyKind kind, const char *label, GError **error)
{
  g_autofree char *uri = brevet_token_key_uri (token_uri, label);
  BrevetKey *key;

  if (!make_in_free_place (token_uri, pin, kind, label, error))
    return NULL;
  key = brevet_key_load (uri, pin, error);
  /* Nobody would know of it. */
  if (key == NULL)
    delete_pair (token_uri, pin, label);
  return key;
}

BrevetKey *
brevet_token_generate_key (const char *token_uri, BrevetSecret *pin, BrevetKeyKind kind, const char *label, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&change_lock);
  g_autoptr(BrevetSecret) known_pin = NULL;
  BrevetKey *key;

  g_return_val_if_fail (token_uri != NULL && label != NULL, NULL);

  if (!check_token_uri (token_uri, error) || !check_label (label, error))
    return NULL;
  known_pin = brevet_token_uri_find_pin (token_uri, pin);
  if (!approach (token_uri, error))
    return NULL;
  key = generate_key (token_uri, known_pin, kind, label, error);
  brevet_token_leave ();
  return key;
}
