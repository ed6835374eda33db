/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-key-private.h"

#include "brevet-token-private.h"

#include <string.h>

/* CKM_RSA_PKCS_PSS of PKCS#11: what TLS 1.3 wants of an RSA key. */
#define MECHANISM_RSA_PSS 0x0000000dUL

/*
 * A key in a token. GnuTLS' own object for one cannot be used any more once its session is lost and cannot be opened again: it
 * returns from signing with its lock held. So what others see is a key of ours, which asks the one of GnuTLS, and replaces it when
 * it fails: a token that was gone and is back is used again, and a PIN that was refused is not tried again.
 */
struct _BrevetKeyToken
{
  char           *uri; /* may hold a PIN */
  BrevetSecret   *pin;
  gnutls_pubkey_t pubkey; /* borrowed from the key that this is part of */
  int             algorithm;
  unsigned int    bits;
  gboolean        has_rsa_pss;

  GMutex           lock;
  gnutls_privkey_t opened; /* NULL: to be opened; only touched by those who have entered */
  int              last_code;
  GError          *trouble; /* NULL: it worked the last time */
};

/* All that are opened. */
static GMutex opened_lock;
static GHashTable *opened_keys;

/* Tokens lock themselves after a few wrong PINs, so a PIN is tried once. */
static int
give_pin (void *user_data, int attempt, const char *token_url, const char *token_label, unsigned int flags, char *pin,
          size_t pin_max)
{
  BrevetSecret *secret = user_data;
  const guint8 *data;
  gsize length;

  if (secret == NULL || attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0)
    return GNUTLS_E_PKCS11_PIN_ERROR;
  data = brevet_secret_get_data (secret, &length);
  if (length >= pin_max)
    return GNUTLS_E_PKCS11_PIN_ERROR;
  memcpy (pin, data, length + 1);
  return 0;
}

static void
note_opened (BrevetKeyToken *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&opened_lock);

  if (opened_keys == NULL)
    opened_keys = g_hash_table_new (NULL, NULL);
  g_hash_table_add (opened_keys, self);
}

static void
close_key (BrevetKeyToken *self)
{
  g_autoptr(GMutexLocker) locker = NULL;

  if (self->opened == NULL)
    return;
  locker = g_mutex_locker_new (&opened_lock);
  g_hash_table_remove (opened_keys, self);
  g_clear_pointer (&locker, g_mutex_locker_free);
  g_clear_pointer (&self->opened, gnutls_privkey_deinit);
}

/*
 * brevet_key_token_close_all:
 *
 * While nobody has entered: the sessions of all keys end. They are opened again when they are needed.
 */
void
brevet_key_token_close_all (void)
{
  g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func ((GDestroyNotify) gnutls_privkey_deinit);
  GHashTableIter iter;
  gpointer item;

  if (opened_keys == NULL)
    return;
  g_hash_table_iter_init (&iter, opened_keys);
  while (g_hash_table_iter_next (&iter, &item, NULL))
    {
      BrevetKeyToken *key = item;

      g_ptr_array_add (sessions, key->opened);
      /* From here on it may be freed. No token has been asked yet, which may take its time. */
      g_atomic_pointer_set (&key->opened, NULL);
    }
  g_hash_table_remove_all (opened_keys);
}

static int
open_key (BrevetKeyToken *self)
{
  g_autofree char *location = NULL;
  unsigned int flags = 0;
  int code;

  brevet_token_get_flags (self->uri, &flags);
  if (brevet_token_pin_was_refused (self->uri, self->pin) || !brevet_token_may_try (flags))
    return GNUTLS_E_PKCS11_PIN_ERROR;

  gnutls_privkey_init (&self->opened);
  note_opened (self);
  gnutls_privkey_set_pin_function (self->opened, give_pin, self->pin);
  location = brevet_token_uri_without_pin (self->uri);
  code = gnutls_privkey_import_url (self->opened, location, 0);
  if (code < 0)
    close_key (self);
  return code;
}

static GError *
make_trouble (BrevetKeyToken *self, int code)
{
  unsigned int flags;
  GError *error;

  if (code == GNUTLS_E_CONSTRAINT_ERROR)
    return g_error_new_literal (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                                "The key cannot be used: its token has another key under the same name by now; reload");
  error = brevet_token_trouble (self->uri, self->pin, code, "The key cannot be used");
  /* It was there. */
  if (brevet_token_get_flags (self->uri, &flags) < 0)
    error->code = BREVET_ERROR_UNREACHABLE;
  return error;
}

/* An operator hears of it once, and not with each handshake. */
static void
note_trouble (BrevetKeyToken *self, int code, GError *trouble)
{
  self->last_code = code;
  g_clear_error (&self->trouble);
  self->trouble = trouble;
  if (trouble != NULL)
    g_warning ("%s", trouble->message);
}

static void
note_outcome (BrevetKeyToken *self, int code)
{
  if (code >= 0 && self->trouble != NULL)
    g_message ("The key in the token works again, after this: %s", self->trouble->message);
  if (code != self->last_code)
    note_trouble (self, code, code < 0 ? make_trouble (self, code) : NULL);
}

/* Nobody may ask the token; takes @error over. */
static int
note_shut_out (BrevetKeyToken *self, GError *error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->last_code != GNUTLS_E_TIMEDOUT)
    note_trouble (self, GNUTLS_E_TIMEDOUT, error);
  else
    g_error_free (error);
  return GNUTLS_E_TIMEDOUT;
}

/* Behind the same label there may be another key by now, for which nobody has a certificate; GnuTLS, too, takes what it finds when
 * it opens a lost session again. */
static int
verify (BrevetKeyToken *self, gnutls_sign_algorithm_t algorithm, gboolean hashed, const gnutls_datum_t *data,
        const gnutls_datum_t *signature)
{
  unsigned int flags = algorithm == GNUTLS_SIGN_RSA_RAW ? GNUTLS_VERIFY_USE_TLS1_RSA : 0;

  return hashed ? gnutls_pubkey_verify_hash2 (self->pubkey, algorithm, flags, data, signature)
                : gnutls_pubkey_verify_data2 (self->pubkey, algorithm, 0, data, signature);
}

static int
sign_once (BrevetKeyToken *self, gnutls_sign_algorithm_t algorithm, gboolean hashed, const gnutls_datum_t *data,
           gnutls_datum_t *signature)
{
  unsigned int flags = algorithm == GNUTLS_SIGN_RSA_RAW ? GNUTLS_PRIVKEY_SIGN_FLAG_TLS1_RSA : 0;
  int code = hashed ? gnutls_privkey_sign_hash2 (self->opened, algorithm, flags, data, signature)
                    : gnutls_privkey_sign_data2 (self->opened, algorithm, 0, data, signature);

  if (code < 0 || verify (self, algorithm, hashed, data, signature) >= 0)
    return code;
  gnutls_free (signature->data);
  signature->size = 0;
  return GNUTLS_E_CONSTRAINT_ERROR;
}

static gboolean
is_about_pin (int code)
{
  return code == GNUTLS_E_PKCS11_PIN_ERROR || code == GNUTLS_E_PKCS11_PIN_LOCKED || code == GNUTLS_E_PKCS11_PIN_EXPIRED;
}

static gboolean
may_try_again (int code)
{
  return code < 0 && code != GNUTLS_E_INVALID_REQUEST && !is_about_pin (code);
}

static int
sign_in_turn (BrevetKeyToken *self, gboolean again, gnutls_sign_algorithm_t algorithm, gboolean hashed, const gnutls_datum_t *data,
              gnutls_datum_t *signature)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  int code = self->opened != NULL ? 0 : GNUTLS_E_PKCS11_SESSION_ERROR;

  if (self->opened == NULL && again)
    code = open_key (self);
  if (code >= 0)
    code = sign_once (self, algorithm, hashed, data, signature);
  if (code < 0)
    close_key (self);
  if (again || !may_try_again (code))
    note_outcome (self, code);
  return code;
}

static int
sign (BrevetKeyToken *self, gnutls_sign_algorithm_t algorithm, gboolean hashed, const gnutls_datum_t *data,
      gnutls_datum_t *signature)
{
  int code = GNUTLS_E_PKCS11_SESSION_ERROR;
  GError *error = NULL;

  for (int i = 0; i < 2 && may_try_again (code); i++)
    {
      if (i > 0)
        brevet_token_find (self->uri);
      if (!brevet_token_enter (&error))
        return note_shut_out (self, error);
      code = sign_in_turn (self, i > 0, algorithm, hashed, data, signature);
      brevet_token_leave ();
    }
  return code;
}

static int
sign_data (gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *user_data, unsigned int flags,
           const gnutls_datum_t *data, gnutls_datum_t *signature)
{
  return sign (user_data, algorithm, FALSE, data, signature);
}

static int
sign_hash (gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *user_data, unsigned int flags,
           const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
  return sign (user_data, algorithm, TRUE, hash, signature);
}

static int
may_sign_with (BrevetKeyToken *self, gnutls_sign_algorithm_t algorithm)
{
  gboolean needs_pss = gnutls_sign_supports_pk_algorithm (algorithm, GNUTLS_PK_RSA_PSS) ||
                       algorithm == GNUTLS_SIGN_RSA_PSS_RSAE_SHA256 || algorithm == GNUTLS_SIGN_RSA_PSS_RSAE_SHA384 ||
                       algorithm == GNUTLS_SIGN_RSA_PSS_RSAE_SHA512;

  if (self->algorithm == GNUTLS_PK_RSA && needs_pss && !self->has_rsa_pss)
    return FALSE;
  return gnutls_sign_supports_pk_algorithm (algorithm, self->algorithm) != 0;
}

static int
tell_about_key (gnutls_privkey_t key, unsigned int flags, void *user_data)
{
  BrevetKeyToken *self = user_data;

  if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
    return self->algorithm;
  if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
    return self->bits;
  if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0)
    return may_sign_with (self, GNUTLS_FLAGS_TO_SIGN_ALGO (flags));
  return -1;
}

static BrevetKeyToken *
key_token_new (const char *uri, BrevetSecret *pin)
{
  BrevetKeyToken *self = g_new0 (BrevetKeyToken, 1);

  g_mutex_init (&self->lock);
  /* GnuTLS wants the scheme in lower case. */
  self->uri = g_strconcat ("pkcs11:", uri + strlen ("pkcs11:"), NULL);
  self->pin = brevet_token_uri_find_pin (self->uri, pin);
  return self;
}

void
brevet_key_token_free (BrevetKeyToken *self)
{
  /* Nobody opens it any more; it may be closed for us, by somebody who starts the modules anew and does not come to an end. */
  while (g_atomic_pointer_get (&self->opened) != NULL)
    {
      if (!brevet_token_enter (NULL))
        continue;
      close_key (self);
      brevet_token_leave ();
    }
  g_clear_error (&self->trouble);
  g_clear_pointer (&self->uri, brevet_secret_free_text);
  g_clear_pointer (&self->pin, brevet_secret_unref);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static gboolean
load (BrevetKey *key, BrevetKeyToken *self, BrevetSecret *pin, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  int code = brevet_token_uri_names_object (self->uri) ? open_key (self) : GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;

  if (code < 0)
    {
      g_propagate_error (error, brevet_token_trouble (self->uri, pin, code, "The key cannot be used"));
      return FALSE;
    }
  if (!brevet_key_finish (key, self->opened, &local_error))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The key in the token cannot be used: %s; its public half, or its certificate, must be in the token under the "
                   "same label and id", local_error->message);
      return FALSE;
    }
  self->pubkey = key->pubkey;
  self->algorithm = gnutls_pubkey_get_pk_algorithm (key->pubkey, &self->bits);
  self->has_rsa_pss = self->algorithm == GNUTLS_PK_RSA &&
                      gnutls_pkcs11_token_check_mechanism (self->uri, MECHANISM_RSA_PSS, NULL, 0, 0) != 0;
  code = gnutls_privkey_import_ext4 (key->privkey, self, sign_data, sign_hash, NULL, NULL, tell_about_key, 0);
  if (code >= 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The key in the token cannot be used: %s", gnutls_strerror (code));
  return FALSE;
}

BrevetKey *
brevet_key_token_load (const char *uri, BrevetSecret *pin, GError **error)
{
  g_autoptr(BrevetKey) key = brevet_key_new ();
  BrevetKeyToken *self = key->token = key_token_new (uri, pin);
  gboolean usable;

  brevet_token_find (self->uri);
  if (!brevet_token_enter (error))
    return NULL;
  usable = load (key, self, pin, error);
  brevet_token_leave ();
  return usable ? g_steal_pointer (&key) : NULL;
}

BrevetSecret *
brevet_key_token_to_uri (BrevetKeyToken *self)
{
  char *uri = brevet_token_uri_with_pin (self->uri, self->pin);
  BrevetSecret *secret = brevet_secret_new (uri, strlen (uri));

  brevet_secret_free_text (uri);
  return secret;
}

GError *
brevet_key_token_explain (BrevetKeyToken *self, int code, const char *what)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (self->trouble != NULL)
    return g_error_new (BREVET_ERROR, self->trouble->code, "%s: %s", what, self->trouble->message);
  return g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "%s: the token of the key does not work: %s", what,
                      gnutls_strerror (code));
}
