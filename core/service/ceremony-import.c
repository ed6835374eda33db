/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-import.h"

#include "ceremony-census.h"
#include "ceremony-check.h"
#include "ceremony-terminal.h"

#include "brevet-clock.h"
#include "brevet-error.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define DAY G_GINT64_CONSTANT (86400)

/* The root that @chain leads to: its last certificate, or the one in @trust that issued it; NULL if there is none. */
static BrevetCertificate *
find_root (BrevetChain *chain, BrevetTrustBundle *trust)
{
  BrevetCertificate *top = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);

  if (brevet_certificate_is_self_issued (top))
    return top;
  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    if (brevet_certificate_is_issued_by (top, brevet_trust_bundle_get (trust, i)))
      return brevet_trust_bundle_get (trust, i);
  return NULL;
}

static gboolean
holds (BrevetTrustBundle *trust, BrevetCertificate *certificate)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    if (brevet_certificate_equal (brevet_trust_bundle_get (trust, i), certificate))
      return TRUE;
  return FALSE;
}

/* Where there was nothing, somebody must vouch for the root. */
static gboolean
check_first_root (BrevetCertificate *root, const BrevetCeremonyConsent *consent, GError **error)
{
  if (consent->root_sha256 != NULL)
    return TRUE;
  brevet_ceremony_print_certificate (_("The root of this certificate:"), root);
  return brevet_ceremony_confirm (_("Is this the fingerprint that the ceremony's record shows?"), consent->yes, error);
}

/* Signing with a root that devices do not know yet would cut them off. */
static gboolean
check_new_root (BrevetCeremony *self, BrevetCertificate *root, BrevetTrustBundle *trust, const BrevetCeremonyConsent *consent,
                GError **error)
{
  if (!holds (trust, root))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The root “%s” is not published by [ca %s] yet; begin with “ca rotate %s --root=FILE”. Nothing was changed",
                   brevet_certificate_get_subject (root), brevet_ceremony_get_name (self), brevet_ceremony_get_name (self));
      return FALSE;
    }
  if (consent->census != NULL)
    return brevet_ceremony_census_has_bundle (consent->census, brevet_ceremony_get_name (self), root, error);
  if (consent->force)
    {
      g_printerr (_("Warning: nobody has looked whether all devices know the new root; those that do not cannot be trusted by "
                    "their\n"
                    "hubs, and may not trust them, until they have registered again.\n"));
      return TRUE;
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "%s",
               "Before the new root signs, every device must know it: give what “brevet admin ca status --json” prints with "
               "--census, or --force. Nothing was changed");
  return FALSE;
}

/* Who has begun the roll-over of the root and brings what the old one has signed took the wrong one, most likely; the key that
 * waits would be spent on it. */
static gboolean
check_present_root (BrevetCeremony *self, BrevetCertificate *root, const BrevetCeremonyConsent *consent, GError **error)
{
  g_autofree char *step = brevet_ceremony_dup_note (self, "root", "step");

  if (consent->force || g_strcmp0 (step, "published") != 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "The root “%s” has signed this, and not the new one that “ca rotate --root” has published; have the request signed "
               "by that one, or give --force to stay with the old one for now. Nothing was changed",
               brevet_certificate_get_subject (root));
  return FALSE;
}

static gboolean
check_root (BrevetCeremony *self, BrevetChain *chain, const BrevetCeremonyConsent *consent, gboolean *is_new, GError **error)
{
  BrevetCertificate *root = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);
  g_autoptr(BrevetChain) current = NULL;
  g_autoptr(BrevetTrustBundle) trust = NULL;
  BrevetCertificate *present;

  if (consent->root_sha256 != NULL && !brevet_ceremony_check_fingerprint (root, consent->root_sha256, error))
    return FALSE;
  *is_new = FALSE;
  if (brevet_ceremony_get_group (self) == NULL || !brevet_settings_has (brevet_ceremony_get_group (self), "certificate"))
    return check_first_root (root, consent, error);
  current = brevet_ceremony_load_current (self, error);
  trust = current != NULL ? brevet_ceremony_load_trust (self, error) : NULL;
  if (trust == NULL)
    return FALSE;
  present = find_root (current, trust);
  *is_new = present == NULL || !brevet_certificate_equal (present, root);
  if (!*is_new)
    return check_present_root (self, root, consent, error);
  return check_new_root (self, root, trust, consent, error);
}

/* How long at most a device may go on with what the issuer before this one has signed. */
static gint64
find_last_leaf (BrevetCeremony *self, BrevetChain *chain, gint64 now)
{
  gint64 longest = 398 * DAY;

  brevet_settings_get_duration (brevet_ceremony_get_group (self), "maximum-validity", longest, 60, 36500 * DAY, &longest, NULL);
  return MIN (now + longest, brevet_certificate_get_not_after (brevet_chain_get_leaf (chain)));
}

/* Written down before the switch, so that a command that is interrupted after it can still tell what was before. */
static gboolean
note_before (BrevetCeremony *self, gboolean is_new_root, GError **error)
{
  BrevetSettings *group = brevet_ceremony_get_group (self);
  g_autofree char *path = group != NULL ? brevet_settings_get_path (group, "certificate") : NULL;

  brevet_ceremony_note (self, "coming", "before", path != NULL ? path : "");
  brevet_ceremony_note (self, "coming", "new-root", is_new_root ? "yes" : "no");
  return brevet_ceremony_save (self, error);
}

static void
note_switch (BrevetCeremony *self)
{
  gint64 now = brevet_clock_now_seconds ();
  g_autofree char *path = brevet_ceremony_dup_note (self, "coming", "before");
  g_autofree char *new_root = brevet_ceremony_dup_note (self, "coming", "new-root");
  g_autoptr(BrevetChain) before = path != NULL && *path != '\0' ? brevet_chain_load (path, NULL) : NULL;

  brevet_ceremony_forget (self, "coming");
  if (before != NULL)
    {
      brevet_ceremony_note (self, "replaced", "certificate", path);
      brevet_ceremony_note_number (self, "replaced", "since", now);
      brevet_ceremony_note_number (self, "replaced", "until", find_last_leaf (self, before, now));
    }
  if (g_strcmp0 (new_root, "yes") == 0)
    {
      brevet_ceremony_note (self, "root", "step", "switched");
      brevet_ceremony_note_number (self, "root", "since", now);
    }
}

/* The chain with another certificate at its end. */
static char *
replace_top (BrevetChain *chain, BrevetCertificate *top)
{
  GString *pem = g_string_new (NULL);
  g_autofree char *last = brevet_certificate_to_pem (top);

  for (guint i = 0; i + 1 < brevet_chain_get_length (chain); i++)
    {
      g_autofree char *one = brevet_certificate_to_pem (brevet_chain_get (chain, i));

      g_string_append (pem, one);
    }
  g_string_append (pem, last);
  return g_string_free (pem, FALSE);
}

/* The new root as the old one has signed it lets those follow who know the old one alone. */
static char *
add_cross (BrevetChain *chain, const char *path, BrevetTrustBundle *trust, GError **error)
{
  BrevetCertificate *root = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);
  g_autoptr(BrevetChain) cross = brevet_chain_load (path, error);
  BrevetCertificate *certificate, *above;

  if (cross == NULL)
    return NULL;
  certificate = brevet_chain_get_leaf (cross);
  above = find_root (cross, trust);
  if (strcmp (brevet_certificate_get_spki_sha256 (certificate), brevet_certificate_get_spki_sha256 (root)) != 0 ||
      strcmp (brevet_certificate_get_subject_sha256 (certificate), brevet_certificate_get_subject_sha256 (root)) != 0 ||
      brevet_certificate_is_self_issued (certificate) || above == NULL || !holds (trust, above))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "“%s” is not the root “%s” as a root that is trusted now has signed it; nothing was changed", path,
                   brevet_certificate_get_subject (root));
      return NULL;
    }
  return replace_top (chain, certificate);
}

static char *
render_chain (BrevetCeremony *self, BrevetChain *chain, const char *cross, GError **error)
{
  g_autoptr(BrevetTrustBundle) trust = NULL;

  if (cross == NULL)
    return brevet_chain_to_pem (chain);
  trust = brevet_ceremony_load_trust (self, error);
  return trust != NULL ? add_cross (chain, cross, trust, error) : NULL;
}

static char *
install (BrevetCeremony *self, const char *pem, GError **error)
{
  g_autofree char *stem = brevet_ceremony_dup_note (self, "coming", "stem");
  g_autofree char *key = brevet_ceremony_dup_note (self, "coming", "key");
  g_autofree char *password_file = brevet_ceremony_dup_note (self, "coming", "password-file");
  g_autofree char *certificate = brevet_ceremony_build_path (self, stem, ".pem");
  const BrevetCeremonySettings settings = { certificate, key, password_file, NULL };

  if (!brevet_ceremony_write (self, certificate, pem, 0644, error))
    return NULL;
  return brevet_ceremony_configure (self, &settings, error);
}

/* A command that was interrupted after the switch has only to be written down. */
static gboolean
is_installed (BrevetCeremony *self)
{
  g_autofree char *stem = brevet_ceremony_dup_note (self, "coming", "stem");
  g_autofree char *coming = stem != NULL ? brevet_ceremony_build_path (self, stem, ".pem") : NULL;
  BrevetSettings *group = brevet_ceremony_get_group (self);
  g_autofree char *present = group != NULL ? brevet_settings_get_path (group, "certificate") : NULL;

  return coming != NULL && g_strcmp0 (coming, present) == 0;
}

void
brevet_ceremony_settle (BrevetCeremony *self)
{
  if (is_installed (self))
    note_switch (self);
}

char *
brevet_ceremony_import (BrevetCeremony *self, const char *path, const char *cross, const BrevetCeremonyConsent *consent,
                        GError **error)
{
  g_autoptr(BrevetKey) key = brevet_ceremony_load_coming_key (self, error);
  g_autoptr(BrevetChain) chain = NULL;
  g_autofree char *pem = NULL;
  g_autofree char *drop_in = NULL;
  gboolean is_new_root = FALSE;

  if (key == NULL)
    return NULL;
  chain = brevet_ceremony_load_chain (path, brevet_key_get_spki_sha256 (key), brevet_clock_now_seconds (), error);
  if (chain == NULL || !check_root (self, chain, consent, &is_new_root, error))
    return NULL;
  pem = render_chain (self, chain, cross, error);
  if (pem == NULL)
    return NULL;
  if (!is_installed (self) && !note_before (self, is_new_root, error))
    return NULL;
  drop_in = install (self, pem, error);
  if (drop_in == NULL)
    return NULL;
  note_switch (self);
  return brevet_ceremony_save (self, error) ? g_steal_pointer (&drop_in) : NULL;
}

static char *
write_trust (BrevetCeremony *self, BrevetTrustBundle *trust, GError **error)
{
  g_autofree char *pem = brevet_trust_bundle_to_pem (trust);
  g_autofree char *stem = g_strdup_printf ("%s-trust-%.8s", brevet_ceremony_get_name (self), brevet_trust_bundle_get_etag (trust));
  g_autofree char *path = brevet_ceremony_build_path (self, stem, ".pem");

  return brevet_ceremony_write (self, path, pem, 0644, error) ? g_steal_pointer (&path) : NULL;
}

/* Named by its content: a bundle that was written before is the same one. */
static gboolean
configure_trust (BrevetCeremony *self, GPtrArray *roots, const char *certificate, GError **error)
{
  g_autoptr(BrevetTrustBundle) trust = brevet_trust_bundle_new (roots);
  g_autofree char *path = write_trust (self, trust, error);
  const BrevetCeremonySettings settings = { certificate, NULL, NULL, path };
  g_autofree char *drop_in = path != NULL ? brevet_ceremony_configure (self, &settings, error) : NULL;

  return drop_in != NULL;
}

/* A chain that ends with the cross-certificate gets the new root in its place, in a file of its own. */
static gboolean
drop_cross (BrevetCeremony *self, BrevetChain *chain, BrevetCertificate *root, char **path, GError **error)
{
  BrevetCertificate *top = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);
  g_autofree char *stem = NULL;
  g_autofree char *pem = NULL;

  *path = NULL;
  if (brevet_certificate_is_self_issued (top))
    return TRUE;
  stem = g_strdup_printf ("%s-issuing-%.8s", brevet_ceremony_get_name (self), brevet_certificate_get_sha256 (root));
  pem = replace_top (chain, root);
  *path = brevet_ceremony_build_path (self, stem, ".pem");
  return brevet_ceremony_write (self, *path, pem, 0644, error);
}

/* What signs already needs no roll-over, which could never end. */
static gboolean
check_coming_root (BrevetCeremony *self, BrevetCertificate *root, BrevetTrustBundle *trust, GError **error)
{
  g_autofree char *step = brevet_ceremony_dup_note (self, "root", "step");
  g_autofree char *sha256 = brevet_ceremony_dup_note (self, "root", "sha256");
  g_autoptr(BrevetChain) current = NULL;
  BrevetCertificate *present;

  if (g_strcmp0 (step, "switched") == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT,
                   "The roll-over to the root with the SHA-256 %s has not ended yet, and that root signs already; end it first "
                   "with “ca rotate %s --retire”. Nothing was changed", sha256, brevet_ceremony_get_name (self));
      return FALSE;
    }
  current = brevet_ceremony_load_current (self, error);
  if (current == NULL)
    return FALSE;
  present = find_root (current, trust);
  if (present == NULL || !brevet_certificate_equal (present, root))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "“%s” is the root of [ca %s] already; for another issuing key below it, leave --root out. Nothing was changed",
               brevet_certificate_get_subject (root), brevet_ceremony_get_name (self));
  return FALSE;
}

/* A root that was published and never signed gives way to the one that is published in its stead. */
static gboolean
gives_way (BrevetCeremony *self, BrevetCertificate *published, BrevetCertificate *root)
{
  g_autofree char *added = brevet_ceremony_dup_note (self, "root", "added");

  return g_strcmp0 (added, brevet_certificate_get_sha256 (published)) == 0 && !brevet_certificate_equal (published, root);
}

static gboolean
add_root (BrevetCeremony *self, BrevetCertificate *root, BrevetTrustBundle *trust, GError **error)
{
  g_autoptr(GPtrArray) roots = g_ptr_array_new ();

  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    if (!gives_way (self, brevet_trust_bundle_get (trust, i), root))
      g_ptr_array_add (roots, brevet_trust_bundle_get (trust, i));
  if (holds (trust, root))
    return roots->len == brevet_trust_bundle_get_length (trust) || configure_trust (self, roots, NULL, error);
  g_ptr_array_add (roots, root);
  if (!configure_trust (self, roots, NULL, error))
    return FALSE;
  brevet_ceremony_note (self, "root", "added", brevet_certificate_get_sha256 (root));
  return TRUE;
}

gboolean
brevet_ceremony_publish_root (BrevetCeremony *self, BrevetCertificate *root, GError **error)
{
  g_autoptr(BrevetTrustBundle) trust = brevet_ceremony_load_trust (self, error);
  g_autofree char *sha256 = brevet_ceremony_dup_note (self, "root", "sha256");

  if (trust == NULL || !check_coming_root (self, root, trust, error) || !add_root (self, root, trust, error))
    return FALSE;
  if (g_strcmp0 (sha256, brevet_certificate_get_sha256 (root)) == 0)
    return TRUE;
  brevet_ceremony_note (self, "root", "step", "published");
  brevet_ceremony_note (self, "root", "sha256", brevet_certificate_get_sha256 (root));
  brevet_ceremony_note_number (self, "root", "since", brevet_clock_now_seconds ());
  return brevet_ceremony_save (self, error);
}

static gboolean
may_retire (BrevetCeremony *self, const BrevetCeremonyConsent *consent, GError **error)
{
  gint64 until = brevet_ceremony_get_number (self, "replaced", "until");
  g_autofree char *step = brevet_ceremony_dup_note (self, "root", "step");
  g_autofree char *date = brevet_ceremony_format_date (until);

  if (g_strcmp0 (step, "switched") != 0)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                           "No roll-over of the root waits for its end: the new root has to sign first; nothing was changed");
      return FALSE;
    }
  if (consent->force || brevet_clock_now_seconds () > until)
    return TRUE;
  if (consent->census != NULL)
    return brevet_ceremony_census_has_moved (consent->census, brevet_ceremony_get_name (self), error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "Devices may have certificates below the old root until %s; wait, give what “brevet admin ca status --json” prints "
               "with --census, or --force. Nothing was changed", date);
  return FALSE;
}

static BrevetCertificate *
find_new_root (BrevetCeremony *self, BrevetTrustBundle *trust, GError **error)
{
  g_autofree char *sha256 = brevet_ceremony_dup_note (self, "root", "sha256");

  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    if (g_strcmp0 (brevet_certificate_get_sha256 (brevet_trust_bundle_get (trust, i)), sha256) == 0)
      return brevet_trust_bundle_get (trust, i);
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
                       "The new root is not among what is published; publish it again with “ca rotate --root”");
  return NULL;
}

gboolean
brevet_ceremony_retire_root (BrevetCeremony *self, const BrevetCeremonyConsent *consent, GError **error)
{
  g_autoptr(BrevetChain) chain = brevet_ceremony_load_current (self, error);
  g_autoptr(BrevetTrustBundle) trust = chain != NULL ? brevet_ceremony_load_trust (self, error) : NULL;
  g_autoptr(GPtrArray) roots = g_ptr_array_new ();
  g_autofree char *certificate = NULL;
  BrevetCertificate *root;

  if (trust == NULL || !may_retire (self, consent, error))
    return FALSE;
  root = find_new_root (self, trust, error);
  if (root == NULL || !drop_cross (self, chain, root, &certificate, error))
    return FALSE;
  g_ptr_array_add (roots, root);
  if (!configure_trust (self, roots, certificate, error))
    return FALSE;
  brevet_ceremony_forget (self, "root");
  return brevet_ceremony_save (self, error);
}
