/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same bytes as the lines of a key file, as what a store holds as a sealed secret, and as a secret to be sealed. */
#include "fuzz.h"

#include "brevet-error.h"
#include "secret-key-file.h"
#include "secret-seal.h"

#include <string.h>

#define CONFIG "[service]\nsecrets-key=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"

static BrevetSecretSeal *
make_seal (void)
{
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (CONFIG, "fuzz", NULL, NULL);

  return brevet_secret_seal_new (config, NULL);
}

static void
parse_keys (const char *text)
{
  g_autoptr(BrevetSecret) secret = brevet_secret_new (text, strlen (text));
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_secret_unref);
  g_autoptr(GError) error = NULL;

  if (brevet_secret_keys_parse (secret, keys, &error))
    g_assert_cmpuint (keys->len, >, 0);
  else
    g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(BrevetSecretSeal) seal = make_seal ();
  g_autoptr(BrevetSecret) given = brevet_secret_new (data, size);
  g_autoptr(BrevetSecret) opened = NULL;
  g_autoptr(BrevetSecret) again = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *sealed = NULL;

  parse_keys (text);
  opened = brevet_secret_seal_open (seal, "place", text, &error);
  g_assert_true ((opened != NULL) == (error == NULL));
  if (!brevet_secret_seal_can_open (seal, text))
    g_assert_null (opened);

  sealed = brevet_secret_seal_close (seal, "place", given, NULL);
  again = brevet_secret_seal_open (seal, "place", sealed, NULL);
  g_assert_true (size > 64 * 1024 || (again != NULL && brevet_secret_equal (given, again)));
  return 0;
}
