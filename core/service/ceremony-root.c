/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-root.h"

#include "ca-template.h"
#include "ceremony-check.h"
#include "ceremony-terminal.h"
#include "directory-maker.h"

#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-text-file.h"
#include "brevet-token.h"

#include <glib/gstdio.h>
#include <string.h>

#define MAX_URI 4096

typedef struct {
  const BrevetCeremonyRootPlan *plan;
  BrevetCeremonyRoot *root;
  char *label; /* of the key in the token */
} Making;

void
brevet_ceremony_root_free (BrevetCeremonyRoot *self)
{
  g_free (self->directory);
  g_clear_pointer (&self->certificate, brevet_certificate_unref);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_free (self);
}

static gboolean
write_file (const char *directory, const char *name, const char *text, int mode, GError **error)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, mode, error);
}

/* It is written down before the key is made: who is stopped in between finds in the unfinished directory which key to delete. */
static gboolean
make_key_in_token (Making *making, const char *directory, GError **error)
{
  const BrevetCeremonyRootPlan *plan = making->plan;
  g_autofree char *label = g_strdup_printf ("root-%08x", g_random_int ());
  g_autofree char *uri = brevet_token_key_uri (plan->token, label);
  g_autofree char *line = g_strconcat (uri, "\n", NULL);

  if (!write_file (directory, BREVET_CEREMONY_ROOT_URI, line, 0600, error))
    return FALSE;
  making->root->key = brevet_token_generate_key (plan->token, plan->password, plan->kind, label, error);
  if (making->root->key != NULL)
    making->label = g_steal_pointer (&label);
  return making->root->key != NULL;
}

static gboolean
make_key (Making *making, const char *directory, GError **error)
{
  const BrevetCeremonyRootPlan *plan = making->plan;
  BrevetCeremonyRoot *self = making->root;
  g_autofree char *path = g_build_filename (directory, BREVET_CEREMONY_ROOT_KEY, NULL);

  if (plan->token != NULL)
    return make_key_in_token (making, directory, error);
  self->key = brevet_key_generate (plan->kind, error);
  if (self->key == NULL)
    return FALSE;
  return plan->password != NULL ? brevet_key_save_encrypted (self->key, path, plan->password, error)
                                : brevet_key_save (self->key, path, error);
}

static gboolean
fill (const char *directory, gpointer user_data, GError **error)
{
  Making *making = user_data;
  const BrevetCeremonyRootPlan *plan = making->plan;
  BrevetCaTemplate template = {
    .common_name = plan->common_name, .organization = plan->organization, .path_length = plan->path_length
  };
  g_autofree char *pem = NULL;
  g_autofree char *record = NULL;

  if (!make_key (making, directory, error))
    return FALSE;
  template.key = making->root->key;
  brevet_ca_template_set_days (&template, plan->days, NULL);
  making->root->certificate = brevet_ca_template_sign (&template, NULL, making->root->key, error);
  if (making->root->certificate == NULL)
    return FALSE;
  pem = brevet_certificate_to_pem (making->root->certificate);
  if (!write_file (directory, BREVET_CEREMONY_ROOT, pem, 0644, error))
    return FALSE;
  record = brevet_ceremony_root_record (making->root, directory, "A root was made", making->root->certificate, NULL,
                                        plan->operator_name, error);
  return record != NULL;
}

/* A root's key without its root must not lie about. */
static void
delete_key (Making *making, GError **error)
{
  g_clear_pointer (&making->root->key, brevet_key_unref);
  if (!brevet_token_delete_key (making->plan->token, making->plan->password, making->label, NULL))
    g_prefix_error (error, "The key “%s” has signed nothing and is still in the token; delete it there. ", making->label);
}

BrevetCeremonyRoot *
brevet_ceremony_root_make (const char *directory, const BrevetCeremonyRootPlan *plan, GError **error)
{
  g_autoptr(BrevetCeremonyRoot) self = g_new0 (BrevetCeremonyRoot, 1);
  g_autofree char *location = NULL;
  Making making = { plan, self, NULL };
  gboolean is_made;

  self->directory = g_canonicalize_filename (directory, NULL);
  is_made = brevet_directory_make (self->directory, fill, &making, error);
  location = brevet_ceremony_root_dup_key_location (self->directory);
  if (!is_made && making.label != NULL && location == NULL)
    delete_key (&making, error);
  g_free (making.label);
  return is_made ? g_steal_pointer (&self) : NULL;
}

char *
brevet_ceremony_root_dup_key_location (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, BREVET_CEREMONY_ROOT_KEY, NULL);
  g_autofree char *uri_path = g_build_filename (directory, BREVET_CEREMONY_ROOT_URI, NULL);
  g_autofree char *uri = NULL;
  gsize length = 0;

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  uri = brevet_text_file_read (uri_path, MAX_URI, &length, NULL);
  return uri != NULL ? g_strdup (g_strstrip (uri)) : NULL;
}

BrevetCeremonyRoot *
brevet_ceremony_root_load (const char *directory, BrevetSecret *password, const char *option, GError **error)
{
  g_autoptr(BrevetCeremonyRoot) self = g_new0 (BrevetCeremonyRoot, 1);
  g_autofree char *location = brevet_ceremony_root_dup_key_location (directory);
  g_autofree char *path = g_build_filename (directory, BREVET_CEREMONY_ROOT, NULL);

  if (location == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "“%s” has neither " BREVET_CEREMONY_ROOT_KEY " nor " BREVET_CEREMONY_ROOT_URI
                   ", as “ca init” makes them; name the root's directory", directory);
      return NULL;
    }
  self->directory = g_canonicalize_filename (directory, NULL);
  self->certificate = brevet_ceremony_load_root (path, brevet_clock_now_seconds (), error);
  if (self->certificate == NULL)
    return NULL;
  self->key = brevet_ceremony_load_key (location, password, option, error);
  if (self->key == NULL)
    return NULL;
  if (strcmp (brevet_key_get_spki_sha256 (self->key), brevet_certificate_get_spki_sha256 (self->certificate)) == 0)
    return g_steal_pointer (&self);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The key of “%s” does not belong to “%s”", directory, path);
  return NULL;
}

/* The record of the root itself shows it as what was signed. */
static char *
describe_root (BrevetCeremonyRoot *self, BrevetCertificate *certificate)
{
  g_autofree char *name = brevet_command_make_printable (brevet_certificate_get_subject (self->certificate));
  g_autofree char *fingerprint = brevet_ceremony_format_fingerprint (self->certificate);

  if (strcmp (brevet_certificate_get_sha256 (self->certificate), brevet_certificate_get_sha256 (certificate)) == 0)
    return g_strdup ("");
  return g_strdup_printf ("Root:              %s\n"
                          "Root SHA-256:      %s\n", name, fingerprint);
}

static char *
render_record (BrevetCeremonyRoot *self, const char *action, BrevetCertificate *certificate, const char *request,
               const char *operator_name)
{
  const gboolean in_token = gnutls_privkey_get_type (brevet_key_get_privkey (self->key)) != GNUTLS_PRIVKEY_X509;
  g_autofree char *now = brevet_ceremony_format_date (brevet_clock_now_seconds ());
  g_autofree char *kind = brevet_key_describe (self->key);
  g_autofree char *root = describe_root (self, certificate);
  g_autofree char *own = brevet_ceremony_format_fingerprint (certificate);
  g_autofree char *since = brevet_ceremony_format_date (brevet_certificate_get_not_before (certificate));
  g_autofree char *until = brevet_ceremony_format_date (brevet_certificate_get_not_after (certificate));
  g_autofree char *pem = brevet_certificate_to_pem (certificate);
  /* Nobody writes lines into the record through a name. */
  g_autofree char *subject = brevet_command_make_printable (brevet_certificate_get_subject (certificate));
  g_autofree char *issuer = brevet_command_make_printable (brevet_certificate_get_issuer (certificate));
  g_autofree char *who = brevet_command_make_printable (operator_name != NULL ? operator_name : g_get_real_name ());

  return g_strdup_printf ("%s\n\n"
                          "When:              %s\n"
                          "Who:               %s (user %s on %s)\n"
                          "With:              brevet-dps " BREVET_VERSION "\n\n"
                          "%sRoot key:          %s, %s\n\n"
                          "Subject:           %s\n"
                          "Issuer:            %s\n"
                          "Serial:            %s\n"
                          "Valid:             %s to %s\n"
                          "Basic constraints: CA:TRUE, path length %d\n"
                          "Key usage:         keyCertSign, cRLSign\n"
                          "SHA-256:           %s\n"
                          "Public key:        SHA-256 %s\n"
                          "Request:           %s%s\n\n%s",
                          action, now, who, g_get_user_name (), g_get_host_name (), root, kind,
                          in_token ? "in a token" : "in a file", subject, issuer, brevet_certificate_get_serial (certificate),
                          since, until,
                          brevet_ceremony_get_path_length (certificate), own, brevet_certificate_get_spki_sha256 (certificate),
                          request != NULL ? "SHA-256 " : "none", request != NULL ? request : "", pem);
}

char *
brevet_ceremony_root_record (BrevetCeremonyRoot *self, const char *directory, const char *action, BrevetCertificate *certificate,
                             const char *request, const char *operator_name, GError **error)
{
  g_autofree char *name = g_strdup_printf ("record-%s.txt", brevet_certificate_get_serial (certificate));
  g_autofree char *text = render_record (self, action, certificate, request, operator_name);

  return write_file (directory, name, text, 0644, error) ? g_build_filename (directory, name, NULL) : NULL;
}
