/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-key-policy.h"

#include "brevet-error.h"

#include <string.h>

#define RSA_MINIMUM_BITS 2048
#define RSA_MAXIMUM_BITS 4096 /* more only buys strangers our CPU time */

typedef enum {
  KEY_TYPE_P256    = 1 << 0,
  KEY_TYPE_P384    = 1 << 1,
  KEY_TYPE_P521    = 1 << 2,
  KEY_TYPE_RSA     = 1 << 3,
  KEY_TYPE_RSA_PSS = 1 << 4,
  KEY_TYPE_ED25519 = 1 << 5,
} KeyTypes;

#define NO_KIND -1

static const struct
{
  KeyTypes    type;
  const char *name;
  const char *title;
  int         kind; /* what is made if a key of the type is asked for, or NO_KIND */
} key_types[] = {
  { KEY_TYPE_P256, "p256", "P-256", BREVET_KEY_KIND_EC_P256 },
  { KEY_TYPE_P384, "p384", "P-384", BREVET_KEY_KIND_EC_P384 },
  { KEY_TYPE_P521, "p521", "P-521", NO_KIND },
  { KEY_TYPE_RSA, "rsa", "RSA with 2048 to 4096 bits", BREVET_KEY_KIND_RSA_3072 },
  { KEY_TYPE_RSA_PSS, "rsa-pss", "RSA-PSS with 2048 to 4096 bits", NO_KIND },
  { KEY_TYPE_ED25519, "ed25519", "Ed25519", BREVET_KEY_KIND_ED25519 },
};

struct _BrevetKeyPolicy
{
  KeyTypes allowed;
  char    *allowed_text;
};

G_DEFINE_BOXED_TYPE (BrevetKeyPolicy, brevet_key_policy, brevet_key_policy_ref, brevet_key_policy_unref)

static BrevetKeyPolicy *
policy_new (KeyTypes allowed)
{
  BrevetKeyPolicy *self = g_atomic_rc_box_new0 (BrevetKeyPolicy);
  g_autoptr(GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (key_types); i++)
    if (allowed & key_types[i].type)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", key_types[i].title);
  self->allowed = allowed;
  self->allowed_text = g_string_free (g_steal_pointer (&text), FALSE);
  return self;
}

BrevetKeyPolicy *
brevet_key_policy_new (void)
{
  return policy_new (KEY_TYPE_P256 | KEY_TYPE_P384 | KEY_TYPE_RSA);
}

static KeyTypes
key_type_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (key_types); i++)
    if (g_ascii_strcasecmp (name, key_types[i].name) == 0)
      return key_types[i].type;
  return 0;
}

gboolean
brevet_key_kind_from_name (const char *name, BrevetKeyKind *kind, GError **error)
{
  KeyTypes type = 0;

  g_return_val_if_fail (name != NULL && kind != NULL, FALSE);

  type = key_type_from_name (name);
  for (guint i = 0; i < G_N_ELEMENTS (key_types); i++)
    if (key_types[i].type == type && key_types[i].kind != NO_KIND)
      {
        *kind = (BrevetKeyKind) key_types[i].kind;
        return TRUE;
      }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "“%s” is not a type of key that can be made; write p256, p384, rsa or ed25519", name);
  return FALSE;
}

BrevetKeyPolicy *
brevet_key_policy_new_from_settings (BrevetSettings *settings, GError **error)
{
  g_auto(GStrv) names = NULL;
  KeyTypes allowed = 0;

  g_return_val_if_fail (BREVET_IS_SETTINGS (settings), NULL);

  if (!brevet_settings_has (settings, "key-types"))
    return brevet_key_policy_new ();

  names = brevet_settings_get_strings (settings, "key-types");
  for (guint i = 0; names[i] != NULL; i++)
    {
      KeyTypes type = key_type_from_name (names[i]);

      if (type == 0)
        {
          g_propagate_error (
            error, brevet_settings_error (settings, "key-types",
                                          "“%s” is not a type of key; write p256, p384, p521, rsa, rsa-pss or ed25519", names[i]));
          return NULL;
        }
      allowed |= type;
    }
  if (allowed == 0)
    {
      g_propagate_error (error,
                         brevet_settings_error (settings, "key-types", "The list is empty; write for example p256, p384, rsa"));
      return NULL;
    }
  return policy_new (allowed);
}

BrevetKeyPolicy *
brevet_key_policy_ref (BrevetKeyPolicy *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
policy_clear (gpointer data)
{
  BrevetKeyPolicy *self = data;

  g_free (self->allowed_text);
}

void
brevet_key_policy_unref (BrevetKeyPolicy *self)
{
  g_atomic_rc_box_release_full (self, policy_clear);
}

static gboolean
reject (BrevetKeyPolicy *self, const char *kind, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The public key is %s; allowed are %s", kind, self->allowed_text);
  return FALSE;
}

/* By name of the curve: GnuTLS counts 528 bits for P-521, and a number would not tell brainpool from NIST. */
static gboolean
check_ec (BrevetKeyPolicy *self, gnutls_pubkey_t key, GError **error)
{
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
  g_autofree char *kind = NULL;
  KeyTypes type = 0;

  if (gnutls_pubkey_export_ecc_raw2 (key, &curve, NULL, NULL, 0) < 0)
    return reject (self, "an EC key that cannot be read", error);

  if (curve == GNUTLS_ECC_CURVE_SECP256R1)
    type = KEY_TYPE_P256;
  else if (curve == GNUTLS_ECC_CURVE_SECP384R1)
    type = KEY_TYPE_P384;
  else if (curve == GNUTLS_ECC_CURVE_SECP521R1)
    type = KEY_TYPE_P521;

  if (type & self->allowed)
    return TRUE;
  kind = g_strdup_printf ("EC on curve %s", gnutls_ecc_curve_get_name (curve));
  return reject (self, kind, error);
}

static guint
count_bits (const guint8 *number, guint size)
{
  while (size > 0 && *number == 0)
    {
      number++;
      size--;
    }
  return size == 0 ? 0 : (size - 1) * 8 + g_bit_storage (*number);
}

/* The modulus and the exponent as GnuTLS exports them may have leading zero bytes. */
static gboolean
check_rsa (BrevetKeyPolicy *self, gnutls_pubkey_t key, KeyTypes type, const char *name, GError **error)
{
  gnutls_datum_t modulus = { NULL, 0 }, exponent = { NULL, 0 };
  g_autofree char *kind = NULL;
  guint bits;
  gboolean common_exponent, odd;

  if (gnutls_pubkey_export_rsa_raw2 (key, &modulus, &exponent, 0) < 0)
    return reject (self, "an RSA key that cannot be read", error);

  bits = count_bits (modulus.data, modulus.size);
  odd = modulus.size > 0 && (modulus.data[modulus.size - 1] & 1) == 1;
  common_exponent = count_bits (exponent.data, exponent.size) == 17 && exponent.data[exponent.size - 1] == 1 &&
                    exponent.data[exponent.size - 2] == 0;
  gnutls_free (modulus.data);
  gnutls_free (exponent.data);

  if ((self->allowed & type) == 0)
    kind = g_strdup_printf ("%s with %u bits", name, bits);
  else if (bits < RSA_MINIMUM_BITS || bits > RSA_MAXIMUM_BITS || !odd)
    kind = g_strdup_printf ("%s with %u bits", name, bits);
  else if (!common_exponent)
    kind = g_strdup_printf ("%s with a public exponent other than 65537", name);
  return kind == NULL || reject (self, kind, error);
}

gboolean
brevet_key_policy_check (BrevetKeyPolicy *self, gnutls_pubkey_t key, GError **error)
{
  int algorithm;

  g_return_val_if_fail (self != NULL && key != NULL, FALSE);

  algorithm = gnutls_pubkey_get_pk_algorithm (key, NULL);
  switch (algorithm)
    {
    case GNUTLS_PK_ECDSA:
      return check_ec (self, key, error);

    case GNUTLS_PK_RSA:
      return check_rsa (self, key, KEY_TYPE_RSA, "RSA", error);

    case GNUTLS_PK_RSA_PSS:
      return check_rsa (self, key, KEY_TYPE_RSA_PSS, "RSA-PSS", error);

    case GNUTLS_PK_EDDSA_ED25519:
      return (self->allowed & KEY_TYPE_ED25519) != 0 || reject (self, "Ed25519", error);

    default:
      return reject (self, algorithm < 0 ? "of an unknown kind" : gnutls_pk_get_name (algorithm), error);
    }
}
