/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "register-input.h"

#include "argument-file.h"
#include "brevet-error.h"
#include "brevet-registration-request.h"
#include "brevet-text-file.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

/* First byte of every DER sequence; no text that holds a CSR begins with it. */
#define DER_SEQUENCE 0x30

static GBytes *
load (const char *path, GError **error)
{
  g_autofree char *settled = brevet_argument_file_settle (path, error);
  char *content = NULL;
  gsize length;

  if (settled != NULL)
    content = brevet_text_file_read (settled, BREVET_ARGUMENT_FILE_MAXIMUM, &length, error);
  return content != NULL ? g_bytes_new_take (content, length) : NULL;
}

static GBytes *
decode_csr (GBytes *content, GError **error)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (content, &length);
  g_autofree char *text = NULL;

  if (length > 1 && data[0] == DER_SEQUENCE && (data[1] & 0x80))
    return g_bytes_ref (content);
  text = g_strndup ((const char *) data, length);
  return brevet_csr_text_decode (text, error);
}

/* The service decides which keys are good enough. Here only what cannot be meant seriously is refused. */
static BrevetKeyPolicy *
make_policy (GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("policy", NULL, NULL);

  brevet_settings_set (settings, "key-types", "p256;p384;p521;rsa;rsa-pss;ed25519", NULL);
  return brevet_key_policy_new_from_settings (settings, error);
}

BrevetCsr *
brevet_register_load_csr (const char *path, GError **error)
{
  g_autoptr(BrevetKeyPolicy) policy = NULL;
  g_autoptr(GBytes) content = NULL;
  g_autoptr(GBytes) der = NULL;
  g_autoptr(GError) local_error = NULL;
  BrevetCsr *csr = NULL;

  content = load (path, error);
  if (content == NULL)
    return NULL;
  der = decode_csr (content, &local_error);
  if (der != NULL)
    policy = make_policy (&local_error);
  if (policy != NULL)
    csr = brevet_csr_new (der, policy, &local_error);
  if (csr == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("Cannot use the CSR %s: %s"), path, local_error->message);
  return csr;
}

JsonNode *
brevet_register_load_payload (const char *path, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable ();
  g_autoptr(GBytes) content = NULL;
  g_autoptr(GError) local_error = NULL;
  const char *text;
  gsize length;

  content = load (path, error);
  if (content == NULL)
    return NULL;
  text = g_bytes_get_data (content, &length);
  if (json_parser_load_from_data (parser, text != NULL ? text : "", (gssize) length, &local_error) &&
      json_parser_get_root (parser) != NULL)
    return json_parser_steal_root (parser);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("The payload %s is not JSON: %s"), path,
               local_error != NULL ? local_error->message : _("it is empty"));
  return NULL;
}

gboolean
brevet_register_check_target (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("Cannot write %s: it is a directory"), path);
  else if (access (directory, W_OK | X_OK) != 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 _("Cannot write %s: the directory %s does not exist or is not writable"),
                 path, directory);
  else
    return TRUE;
  return FALSE;
}
