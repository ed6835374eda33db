/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Most labels that one message lists. */
#define MOST_NAMES 12

static char *
name_token (const char *uri)
{
  g_autofree char *label = brevet_token_uri_get (uri, "token");
  g_autofree char *serial = label == NULL ? brevet_token_uri_get (uri, "serial") : NULL;

  if (label != NULL)
    return g_strdup_printf ("the token “%s”", label);
  return serial != NULL ? g_strdup_printf ("the token with the serial number %s", serial) : g_strdup ("the token");
}

static GError *
make (int code, const char *what, char *why)
{
  GError *error = g_error_new (BREVET_ERROR, code, "%s: %s", what, why);

  g_free (why);
  return error;
}

/* Labels of the tokens that there are. Those that hold the system's trusted certificates are none for keys. */
static GPtrArray *
list_tokens (guint *n_uninitialised)
{
  GPtrArray *labels = g_ptr_array_new_with_free_func (g_free);
  char *uri;

  *n_uninitialised = 0;
  for (guint i = 0; gnutls_pkcs11_token_get_url (i, GNUTLS_PKCS11_URL_GENERIC, &uri) >= 0; i++)
    {
      g_autofree char *label = brevet_token_uri_get (uri, "token");
      unsigned int flags = 0;

      if (gnutls_pkcs11_token_get_flags (uri, &flags) >= 0 && (flags & GNUTLS_PKCS11_TOKEN_TRUSTED) == 0)
        {
          if ((flags & GNUTLS_PKCS11_TOKEN_INITIALIZED) == 0)
            (*n_uninitialised)++;
          else if (label != NULL && strcmp (label, "System Trust") != 0 && strcmp (label, "Default Trust") != 0)
            g_ptr_array_add (labels, g_steal_pointer (&label));
        }
      gnutls_free (uri);
    }
  return labels;
}

static char *
join (GPtrArray *names)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < MIN (names->len, MOST_NAMES); i++)
    g_string_append_printf (text, "%s“%s”", i > 0 ? ", " : "", (const char *) names->pdata[i]);
  if (names->len > MOST_NAMES)
    g_string_append_printf (text, " and %u more", names->len - MOST_NAMES);
  return g_string_free (text, FALSE);
}

static GError *
miss_token (const char *uri, const char *what)
{
  guint n_uninitialised;
  g_autoptr(GPtrArray) labels = list_tokens (&n_uninitialised);
  g_autofree char *wanted = name_token (uri);
  g_autofree char *unknown = brevet_token_uri_find_unknown (uri);
  g_autofree char *there = join (labels);
  g_autofree char *obstacle = brevet_token_find_obstacle ();
  g_autofree char *others = labels->len > 0 ? g_strdup_printf ("those that there are: %s", there)
                                            : g_strdup ("no PKCS#11 module shows any token");

  if (unknown != NULL)
    return make (BREVET_ERROR_NOT_CONFIGURED, what,
                 g_strdup_printf ("“%s” means nothing in a PKCS#11 URI; write for example "
                                  "pkcs11:token=devices;object=operational;type=private", unknown));
  if (obstacle != NULL)
    return make (BREVET_ERROR_NOT_CONFIGURED, what, g_strdup_printf ("%s is not there; %s; %s", wanted, others, obstacle));
  if (labels->len > 0)
    return make (BREVET_ERROR_NOT_CONFIGURED, what,
                 g_strdup_printf ("%s is not there; %s; correct the URI, or put the token in", wanted, others));
  return make (BREVET_ERROR_UNREACHABLE, what,
               g_strdup_printf ("%s is not there; %s%s; put the token in, or make one (softhsm2-util, tpm2_ptool), and look at "
                                "the modules: p11-kit list-modules, and module= of the group [pkcs11]", wanted, others,
                                n_uninitialised > 0 ? " that is initialised" : ""));
}

static char *
tell_labels (const char *uri, BrevetSecret *pin)
{
  int code;
  g_autoptr(GPtrArray) labels = brevet_token_list_labels (uri, pin, "", &code);
  g_autofree char *there = labels != NULL ? join (labels) : NULL;

  if (labels == NULL)
    return g_strdup_printf ("what it has cannot be listed (%s)", gnutls_strerror (code));
  return labels->len > 0 ? g_strdup_printf ("the private keys that it has: %s", there) : g_strdup ("it has no private key");
}

static GError *
miss_object (const char *uri, BrevetSecret *pin, const char *what)
{
  g_autofree char *token = name_token (uri);
  g_autofree char *label = brevet_token_uri_get (uri, "object");
  g_autofree char *id = label == NULL ? brevet_token_uri_get (uri, "id") : NULL;
  g_autofree char *there = tell_labels (uri, pin);

  if (!brevet_token_uri_names_object (uri))
    return make (BREVET_ERROR_NOT_CONFIGURED, what,
                 g_strdup_printf ("the URI names %s and no key in it; append ;object=LABEL;type=private; %s", token, there));
  if (label == NULL)
    return make (BREVET_ERROR_NOT_CONFIGURED, what,
                 g_strdup_printf ("%s has no private key with %s; %s", token, id != NULL ? "this id" : "this name", there));
  return make (BREVET_ERROR_NOT_CONFIGURED, what, g_strdup_printf ("%s has no private key “%s”; %s", token, label, there));
}

/* What is wrong with the file that pin-source names; NULL if nothing is. */
static char *
check_pin_source (const char *uri)
{
  g_autofree char *path = brevet_token_uri_get_pin_file (uri);

  if (path == NULL || g_access (path, R_OK) == 0)
    return NULL;
  return g_strdup_printf ("the file “%s” with the PIN, which pin-source names, cannot be read: %s", path, g_strerror (errno));
}

static const char *
tell_tries (unsigned int flags)
{
  if ((flags & GNUTLS_PKCS11_TOKEN_USER_PIN_LOCKED) != 0)
    return "; it is locked now";
  if ((flags & GNUTLS_PKCS11_TOKEN_USER_PIN_FINAL_TRY) != 0)
    return "; one try is left before it locks itself";
  return (flags & GNUTLS_PKCS11_TOKEN_USER_PIN_COUNT_LOW) != 0 ? "; few tries are left before it locks itself" : "";
}

static char *
tell_former_refusal (const char *token, unsigned int flags)
{
  g_autofree char *file = brevet_token_get_refused_file ();
  g_autofree char *otherwise = NULL;

  if (file != NULL)
    otherwise = g_strdup_printf ("; if it was not the PIN that was wrong, delete %s and restart", file);
  return g_strdup_printf ("%s has refused this PIN before, so it is not tried again%s; correct the PIN, and reload%s", token,
                          tell_tries (flags), otherwise != NULL ? otherwise : "");
}

static GError *
refuse_pin (const char *uri, BrevetSecret *pin, unsigned int flags, int code, const char *what)
{
  g_autofree char *token = name_token (uri);
  g_autofree char *source = pin == NULL ? check_pin_source (uri) : NULL;
  char *why;

  if (code == GNUTLS_E_PKCS11_PIN_LOCKED || (flags & GNUTLS_PKCS11_TOKEN_USER_PIN_LOCKED) != 0)
    why = g_strdup_printf ("%s is locked after too many wrong PINs; set a new PIN with that of its security officer", token);
  else if (code == GNUTLS_E_PKCS11_PIN_EXPIRED)
    why = g_strdup_printf ("the PIN of %s has expired; set a new one", token);
  else if ((flags & GNUTLS_PKCS11_TOKEN_INITIALIZED) == 0 || (flags & GNUTLS_PKCS11_TOKEN_USER_PIN_INITIALIZED) == 0)
    why = g_strdup_printf ("%s is not set up: it has no PIN for its user yet; initialise it", token);
  else if (source != NULL)
    why = g_steal_pointer (&source);
  else if (pin == NULL && !brevet_token_uri_has_pin (uri))
    why = g_strdup_printf ("%s needs a PIN and none is given; name a file or a credential that holds it", token);
  else if (brevet_token_pin_was_refused (uri, pin))
    why = tell_former_refusal (token, flags);
  else if (!brevet_token_may_try (flags))
    why = g_strdup_printf ("%s allows one try of a PIN more before it locks itself, and that is left to people; correct the PIN, "
                           "try it with “brevet key test”, and reload", token);
  else
    {
      brevet_token_remember_refused (uri, pin);
      why = g_strdup_printf ("%s refuses the PIN; it was tried once, and is not tried again%s", token, tell_tries (flags));
    }
  return make (BREVET_ERROR_NOT_CONFIGURED, what, why);
}

static GError *
explain_rest (const char *uri, int code, const char *what)
{
  g_autofree char *token = name_token (uri);

  switch (code)
    {
    case GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR:
    case GNUTLS_E_PKCS11_ATTRIBUTE_ERROR:
    case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
    case GNUTLS_E_ECC_UNSUPPORTED_CURVE:
    case GNUTLS_E_UNKNOWN_ALGORITHM:
      return make (BREVET_ERROR_UNSUPPORTED, what,
                   g_strdup_printf ("%s cannot do this with this kind of key (%s)", token, gnutls_strerror (code)));
    case GNUTLS_E_PARSING_ERROR:
      return make (BREVET_ERROR_NOT_CONFIGURED, what,
                   g_strdup ("the text is no PKCS#11 URI; write for example pkcs11:token=devices;object=operational;type=private"));
    default:
      return make (BREVET_ERROR_UNREACHABLE, what,
                   g_strdup_printf ("%s does not work (%s); that may pass; if it does not, look at the device, at its service "
                                    "and at the rights of this process", token, gnutls_strerror (code)));
    }
}

/*
 * brevet_token_trouble:
 * @uri: what was wanted of which token
 * @pin: (nullable): PIN that was used
 * @code: what GnuTLS says
 * @what: what failed, as the beginning of a sentence
 *
 * Returns: (transfer full): what is wrong, and what to do
 */
GError *
brevet_token_trouble (const char *uri, BrevetSecret *pin, int code, const char *what)
{
  unsigned int flags = 0;
  int found = brevet_token_get_flags (uri, &flags);
  gboolean about_pin = code == GNUTLS_E_PKCS11_PIN_ERROR || code == GNUTLS_E_PKCS11_PIN_LOCKED ||
                       code == GNUTLS_E_PKCS11_PIN_EXPIRED || code == GNUTLS_E_PKCS11_USER_ERROR;

  if (code == GNUTLS_E_PARSING_ERROR || found == GNUTLS_E_PARSING_ERROR)
    return explain_rest (uri, GNUTLS_E_PARSING_ERROR, what);
  if (found < 0)
    return miss_token (uri, what);
  if (about_pin)
    return refuse_pin (uri, pin, flags, code, what);
  if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || code == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
    return miss_object (uri, pin, what);
  return explain_rest (uri, code, what);
}
