/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-view.h"

#include "ceremony-import.h"
#include "ceremony-root.h"
#include "ceremony-terminal.h"

#include "brevet-clock.h"
#include "brevet-token.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>
#include <string.h>

/* Everything that is known, for both kinds of output. */
typedef struct {
  BrevetCeremony *ceremony;
  BrevetChain *chain;       /* %NULL before the first certificate */
  BrevetTrustBundle *trust;
  char *key;
  char *request;            /* of the key that waits */
  char *replaced;           /* the certificate before this one */
  gint64 replaced_until;
  char *step;               /* of the root's roll-over */
  gint64 half_life;
} View;

static void
view_clear (View *self)
{
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->trust, brevet_trust_bundle_unref);
  g_free (self->key);
  g_free (self->request);
  g_free (self->replaced);
  g_free (self->step);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (View, view_clear)

static char *
describe_key (BrevetSettings *group)
{
  const char *key = brevet_settings_get_string (group, "key", "");

  return brevet_token_is_uri (key) ? g_strdup (key) : brevet_settings_get_path (group, "key");
}

/* The half of the time in which all of the path is valid. */
static gint64
find_half_life (BrevetChain *chain)
{
  gint64 since = 0;
  gint64 until = G_MAXINT64;

  for (guint i = 0; i < brevet_chain_get_length (chain); i++)
    {
      since = MAX (since, brevet_certificate_get_not_before (brevet_chain_get (chain, i)));
      until = MIN (until, brevet_certificate_get_not_after (brevet_chain_get (chain, i)));
    }
  return since + (until - since) / 2;
}

static gboolean
collect (View *self, GError **error)
{
  BrevetSettings *group = brevet_ceremony_get_group (self->ceremony);
  g_autofree char *stem = brevet_ceremony_dup_note (self->ceremony, "coming", "stem");

  self->request = stem != NULL ? brevet_ceremony_build_path (self->ceremony, stem, ".csr") : NULL;
  self->replaced = brevet_ceremony_dup_note (self->ceremony, "replaced", "certificate");
  self->replaced_until = brevet_ceremony_get_number (self->ceremony, "replaced", "until");
  self->step = brevet_ceremony_dup_note (self->ceremony, "root", "step");
  if (group == NULL || !brevet_settings_has (group, "certificate"))
    return TRUE;
  self->chain = brevet_ceremony_load_current (self->ceremony, error);
  self->trust = self->chain != NULL ? brevet_ceremony_load_trust (self->ceremony, error) : NULL;
  if (self->trust == NULL)
    return FALSE;
  self->key = describe_key (group);
  self->half_life = find_half_life (self->chain);
  return TRUE;
}

static char *
find_next (const View *self)
{
  const char *name = brevet_ceremony_get_name (self->ceremony);
  g_autofree char *date = brevet_ceremony_format_date (self->replaced_until);
  g_autofree char *config = brevet_ceremony_dup_config_option (self->ceremony);

  if (self->request != NULL && self->step != NULL)
    return g_strdup_printf (_("Have %s signed by the new root. When “brevet admin ca status %s” says that every device has the new "
                              "trust bundle: brevet-dps ca import %s FILE --census=FILE%s"), self->request, name, name, config);
  if (self->request != NULL)
    return g_strdup_printf (_("Have %s signed by the root, and run: brevet-dps ca import %s FILE%s"), self->request, name, config);
  if (self->chain == NULL)
    return g_strdup_printf (_("Make a key and a request: brevet-dps ca csr %s%s"), name, config);
  if (g_strcmp0 (self->step, "published") == 0)
    return g_strdup_printf (_("Go on with the roll-over of the root: brevet-dps ca rotate %s --root=FILE%s"), name, config);
  if (g_strcmp0 (self->step, "switched") == 0)
    return g_strdup_printf (_("When no device uses the old root any more, or after %s: brevet-dps ca rotate %s "
                              "--retire%s"), date, name, config);
  if (brevet_clock_now_seconds () >= self->half_life)
    return g_strdup_printf (_("Half of the CA's life is over. Begin a roll-over: brevet-dps ca rotate %s%s"), name, config);
  return NULL;
}

static void
add_string (JsonBuilder *builder, const char *member, const char *value)
{
  if (value == NULL)
    return;
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, value);
}

static void
add_date (JsonBuilder *builder, const char *member, gint64 seconds)
{
  g_autofree char *text = brevet_ceremony_format_date (seconds);

  if (seconds != 0)
    add_string (builder, member, text);
}

static void
add_certificate (JsonBuilder *builder, BrevetCertificate *certificate)
{
  json_builder_begin_object (builder);
  add_string (builder, "subject", brevet_certificate_get_subject (certificate));
  add_string (builder, "issuer", brevet_certificate_get_issuer (certificate));
  add_string (builder, "serialNumber", brevet_certificate_get_serial (certificate));
  add_date (builder, "notBefore", brevet_certificate_get_not_before (certificate));
  add_date (builder, "notAfter", brevet_certificate_get_not_after (certificate));
  if (brevet_ceremony_get_path_length (certificate) >= 0)
    {
      json_builder_set_member_name (builder, "pathLength");
      json_builder_add_int_value (builder, brevet_ceremony_get_path_length (certificate));
    }
  add_string (builder, "sha256", brevet_certificate_get_sha256 (certificate));
  json_builder_end_object (builder);
}

static void
add_certificates (JsonBuilder *builder, const View *self)
{
  json_builder_set_member_name (builder, "chain");
  json_builder_begin_array (builder);
  for (guint i = 0; self->chain != NULL && i < brevet_chain_get_length (self->chain); i++)
    add_certificate (builder, brevet_chain_get (self->chain, i));
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "trust");
  json_builder_begin_array (builder);
  for (guint i = 0; self->trust != NULL && i < brevet_trust_bundle_get_length (self->trust); i++)
    add_certificate (builder, brevet_trust_bundle_get (self->trust, i));
  json_builder_end_array (builder);
}

static void
print_builder (JsonBuilder *builder)
{
  g_autoptr(JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);

  g_print ("%s\n", text);
}

static void
print_json (const View *self, const char *next)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_string (builder, "name", brevet_ceremony_get_name (self->ceremony));
  add_string (builder, "directory", brevet_ceremony_get_directory (self->ceremony));
  add_string (builder, "key", self->key);
  add_certificates (builder, self);
  add_date (builder, "halfLife", self->half_life);
  add_string (builder, "request", self->request);
  add_string (builder, "replacedCertificate", self->replaced);
  add_date (builder, "replacedUntil", self->replaced_until);
  add_string (builder, "rootRollOver", self->step);
  add_string (builder, "next", next);
  json_builder_end_object (builder);
  print_builder (builder);
}

static gboolean
is_same (BrevetCertificate *one, BrevetCertificate *other)
{
  return strcmp (brevet_certificate_get_sha256 (one), brevet_certificate_get_sha256 (other)) == 0;
}

static gboolean
is_above (const View *self, BrevetCertificate *root)
{
  for (guint i = 1; self->chain != NULL && i < brevet_chain_get_length (self->chain); i++)
    if (is_same (brevet_chain_get (self->chain, i), root))
      return TRUE;
  return FALSE;
}

/* What stands above the issuing CA is shown once, also if it is published. */
static const char *
name_place (const View *self, guint number)
{
  if (number == 0)
    return _("Issuing CA:");
  for (guint i = 0; self->trust != NULL && i < brevet_trust_bundle_get_length (self->trust); i++)
    if (is_same (brevet_trust_bundle_get (self->trust, i), brevet_chain_get (self->chain, number)))
      return _("Above it, published as a root:");
  return _("Above it:");
}

static void
print_text (const View *self, const char *next)
{
  g_autofree char *half_life = brevet_ceremony_format_date (self->half_life);
  g_autofree char *until = brevet_ceremony_format_date (self->replaced_until);

  /* Whoever has mistyped the name is not to be told to make that CA, and nothing else. */
  if (self->chain == NULL)
    g_print (_("The CA “%s” has no certificate in the configuration yet\n"), brevet_ceremony_get_name (self->ceremony));
  for (guint i = 0; self->chain != NULL && i < brevet_chain_get_length (self->chain); i++)
    brevet_ceremony_print_certificate (name_place (self, i), brevet_chain_get (self->chain, i));
  for (guint i = 0; self->trust != NULL && i < brevet_trust_bundle_get_length (self->trust); i++)
    if (!is_above (self, brevet_trust_bundle_get (self->trust, i)))
      brevet_ceremony_print_certificate (_("Published as a root:"), brevet_trust_bundle_get (self->trust, i));
  if (self->key != NULL)
    g_print (_("Key: %s\n"), self->key);
  if (self->chain != NULL)
    g_print (_("Half of its life: %s\n"), half_life);
  if (self->replaced != NULL)
    g_print (_("Before it: %s; keep it with its key until %s, for revocation lists\n"), self->replaced, until);
  if (next != NULL)
    g_print (_("Next: %s\n"), next);
}

gboolean
brevet_ceremony_view_print (BrevetCeremony *ceremony, gboolean json, GError **error)
{
  g_auto(View) view = { .ceremony = ceremony };
  g_autofree char *next = NULL;

  if (!collect (&view, error))
    return FALSE;
  next = find_next (&view);
  if (json)
    print_json (&view, next);
  else
    print_text (&view, next);
  return TRUE;
}

static GPtrArray *
list_records (const char *directory, GError **error)
{
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GDir) entries = g_dir_open (directory, 0, error);
  const char *name;

  if (entries == NULL)
    return NULL;
  while ((name = g_dir_read_name (entries)) != NULL)
    if (g_str_has_prefix (name, "record-") && g_str_has_suffix (name, ".txt"))
      g_ptr_array_add (records, g_build_filename (directory, name, NULL));
  return g_steal_pointer (&records);
}

static void
print_root_json (BrevetCertificate *root, const char *key, GPtrArray *records)
{
  g_autoptr(JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "root");
  add_certificate (builder, root);
  add_string (builder, "key", key);
  json_builder_set_member_name (builder, "records");
  json_builder_begin_array (builder);
  for (guint i = 0; i < records->len; i++)
    json_builder_add_string_value (builder, g_ptr_array_index (records, i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  print_builder (builder);
}

gboolean
brevet_ceremony_view_print_root (const char *directory, gboolean json, GError **error)
{
  g_autofree char *path = g_build_filename (directory, BREVET_CEREMONY_ROOT, NULL);
  g_autofree char *key = brevet_ceremony_root_dup_key_location (directory);
  g_autoptr(BrevetChain) chain = brevet_chain_load (path, error);
  g_autoptr(GPtrArray) records = chain != NULL ? list_records (directory, error) : NULL;

  if (records == NULL)
    return FALSE;
  if (json)
    {
      print_root_json (brevet_chain_get_leaf (chain), key, records);
      return TRUE;
    }
  brevet_ceremony_print_certificate (_("Root:"), brevet_chain_get_leaf (chain));
  if (key != NULL)
    g_print (_("Key: %s\n"), key);
  for (guint i = 0; i < records->len; i++)
    g_print (_("Record: %s\n"), (const char *) g_ptr_array_index (records, i));
  return TRUE;
}
