/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which certificates a trust bundle has, and where each of them came from. */

#include "brevet-trust-bundle-document.h"

#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

#include <string.h>

#define BEGIN_ANY "-----BEGIN "
#define BEGIN_LINE "-----BEGIN CERTIFICATE-----"
#define END_LINE "-----END CERTIFICATE-----"

/* Certificates with their texts and where they came from. */
typedef struct {
  GPtrArray *certificates;
  GPtrArray *pems;
  GPtrArray *sources; /* NULL for the bundle's own */
} Entries;

/* A body that is being read. */
typedef struct {
  const BrevetTrustBundleDocument *stored; /* NULL if there is none */
  gboolean names_authorities;
  char **authorities;
  Entries *own;
  Entries *followed;
} Reading;

static Entries *
entries_new (void)
{
  Entries *self = g_new0 (Entries, 1);

  self->certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  self->pems = g_ptr_array_new_with_free_func (g_free);
  self->sources = g_ptr_array_new_with_free_func (g_free);
  return self;
}

static void
entries_free (Entries *self)
{
  g_ptr_array_unref (self->certificates);
  g_ptr_array_unref (self->pems);
  g_ptr_array_unref (self->sources);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Entries, entries_free)

static void
reading_clear (Reading *self)
{
  g_clear_pointer (&self->authorities, g_strfreev);
  g_clear_pointer (&self->own, entries_free);
  g_clear_pointer (&self->followed, entries_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reading, reading_clear)

static gboolean
refuse_entry (guint index, const char *reason, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The entry certificates[%u] %s", index, reason);
  return FALSE;
}

static gboolean
contains (GPtrArray *certificates, BrevetCertificate *certificate)
{
  for (guint i = 0; i < certificates->len; i++)
    if (brevet_certificate_equal (g_ptr_array_index (certificates, i), certificate))
      return TRUE;
  return FALSE;
}

static void
add_entry (Entries *self, BrevetCertificate *certificate, const char *pem, const char *source)
{
  g_ptr_array_add (self->certificates, brevet_certificate_ref (certificate));
  g_ptr_array_add (self->pems, g_strdup (pem));
  g_ptr_array_add (self->sources, g_strdup (source));
}

/* The name as @authorities spells it. */
static const char *
find_authority (char **authorities, const char *name)
{
  for (guint i = 0; name != NULL && authorities[i] != NULL; i++)
    if (brevet_identifier_equal (authorities[i], name))
      return authorities[i];
  return NULL;
}

/* Whom the stored bundle has @certificate from; %NULL if it has it not, or as its own. */
static const char *
find_stored_source (const BrevetTrustBundleDocument *stored, BrevetCertificate *certificate)
{
  for (guint i = 0; stored != NULL && i < stored->pems->len; i++)
    if (brevet_certificate_equal (brevet_trust_bundle_get (stored->bundle, i), certificate))
      return g_ptr_array_index (stored->sources, i);
  return NULL;
}

/* Length of the block at @start with its last line end, 0 if it does not end. */
static gsize
measure_block (const char *start)
{
  const char *end = strstr (start, END_LINE);

  if (end == NULL)
    return 0;
  end += strlen (END_LINE);
  if (end[0] == '\r' && end[1] == '\n')
    end += 2;
  else if (end[0] == '\n')
    end++;
  return (gsize) (end - start);
}

static gboolean
take_certificate (Reading *self, const char *start, gsize length, const char *source, guint index, GError **error)
{
  g_autofree char *pem = g_strndup (start, length);
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new_from_pem (pem, error);
  Entries *entries;

  if (certificate == NULL)
    {
      g_prefix_error (error, "The entry certificates[%u] cannot be read: ", index);
      return FALSE;
    }
  if (!brevet_certificate_is_ca (certificate))
    return refuse_entry (index, "is not a CA certificate; only those belong in a trust bundle", error);
  if (source == NULL && !self->names_authorities)
    source = find_stored_source (self->stored, certificate);
  entries = source != NULL ? self->followed : self->own;
  if (source != NULL)
    source = find_authority (self->authorities, source);
  if (contains (entries->certificates, certificate) || (source == NULL && entries == self->followed))
    return TRUE;
  if (self->own->certificates->len + self->followed->certificates->len >= BREVET_TRUST_BUNDLE_MAX_LENGTH)
    return refuse_entry (index, "is one too many; a trust bundle has at most 100 certificates", error);
  add_entry (entries, certificate, pem, source);
  return TRUE;
}

/* An entry may hold several certificates; anything else in PEM, a private key above all, does not belong here. */
static gboolean
take_entry (Reading *self, const char *text, const char *source, guint index, GError **error)
{
  const char *start = strstr (text, BEGIN_ANY);

  if (start == NULL)
    return refuse_entry (index, "holds no PEM certificate", error);
  while (start != NULL)
    {
      gsize length = g_str_has_prefix (start, BEGIN_LINE) ? measure_block (start) : 0;

      if (length == 0)
        return refuse_entry (index, "holds something else than complete PEM certificates", error);
      if (!take_certificate (self, start, length, source, index, error))
        return FALSE;
      start = strstr (start + length, BEGIN_ANY);
    }
  return TRUE;
}

static gboolean
read_entry (Reading *self, JsonArray *entries, guint index, GError **error)
{
  JsonNode *node = json_array_get_element (entries, index);
  JsonObject *object;
  const char *source = NULL;
  const char *text = NULL;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return refuse_entry (index, "must be an object with the member “certificate”", error);
  object = json_node_get_object (node);
  if (!brevet_wire_get_string (object, "certificate", &text, error) ||
      !brevet_wire_get_string (object, "certificateAuthority", &source, error))
    {
      g_prefix_error (error, "The entry certificates[%u]: ", index);
      return FALSE;
    }
  if (text == NULL)
    return refuse_entry (index, "has no member “certificate”", error);
  return take_entry (self, text, source, index, error);
}

static gboolean
read_authorities (Reading *self, JsonObject *object, GError **error)
{
  g_auto(GStrv) names = NULL;
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  guint count = 0;

  if (!brevet_wire_get_strings (object, "certificateAuthorities", &names, error))
    return FALSE;
  self->names_authorities = names != NULL;
  if (names == NULL)
    {
      self->authorities = self->stored != NULL ? g_strdupv (self->stored->authorities) : g_new0 (char *, 1);
      return TRUE;
    }
  for (guint i = 0; names[i] != NULL; i++)
    {
      const char *first = find_authority (names, names[i]);

      if (!brevet_identifier_check (BREVET_IDENTIFIER_NAME, names[i], error))
        {
          g_prefix_error (error, "The entry certificateAuthorities[%u]: ", i);
          return FALSE;
        }
      if (first != names[i])
        continue;
      g_strv_builder_add (builder, names[i]);
      count++;
    }
  self->authorities = g_strv_builder_end (builder);
  if (count <= BREVET_TRUST_BUNDLE_MAX_AUTHORITIES)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “certificateAuthorities” has %u entries; a trust bundle can "
               "follow at most %d certificate authorities", count, BREVET_TRUST_BUNDLE_MAX_AUTHORITIES);
  return FALSE;
}

/* What a certificate authority says is to be trusted is not taken back by a body that leaves it out. */
static void
keep_followed (Reading *self)
{
  for (guint i = 0; self->stored != NULL && i < self->stored->pems->len; i++)
    {
      BrevetCertificate *certificate = brevet_trust_bundle_get (self->stored->bundle, i);
      const char *source = find_authority (self->authorities, g_ptr_array_index (self->stored->sources, i));

      if (source != NULL && !contains (self->followed->certificates, certificate))
        add_entry (self->followed, certificate, g_ptr_array_index (self->stored->pems, i), source);
    }
}

/* The certificates of the bundle in their order, or %NULL if there are too many. */
static Entries *
join (const Entries *own, const Entries *followed, char **authorities, GError **error)
{
  g_autoptr(Entries) all = entries_new ();

  for (guint i = 0; i < own->pems->len; i++)
    add_entry (all, g_ptr_array_index (own->certificates, i), g_ptr_array_index (own->pems, i), NULL);
  for (guint name = 0; authorities[name] != NULL; name++)
    for (guint i = 0; i < followed->pems->len; i++)
      {
        BrevetCertificate *certificate = g_ptr_array_index (followed->certificates, i);

        if (brevet_identifier_equal (g_ptr_array_index (followed->sources, i), authorities[name]) &&
            !contains (all->certificates, certificate))
          add_entry (all, certificate, g_ptr_array_index (followed->pems, i), authorities[name]);
      }
  if (all->pems->len <= BREVET_TRUST_BUNDLE_MAX_LENGTH)
    return g_steal_pointer (&all);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The trust bundle would have %u certificates with those of its "
               "certificate authorities; it can have at most %d", all->pems->len, BREVET_TRUST_BUNDLE_MAX_LENGTH);
  return NULL;
}

static void
take_entries (BrevetTrustBundleDocument *self, Entries *entries)
{
  g_clear_pointer (&self->pems, g_ptr_array_unref);
  g_clear_pointer (&self->sources, g_ptr_array_unref);
  g_clear_pointer (&self->bundle, brevet_trust_bundle_unref);
  self->bundle = brevet_trust_bundle_new (entries->certificates);
  self->pems = g_ptr_array_ref (entries->pems);
  self->sources = g_ptr_array_ref (entries->sources);
}

static gboolean
read_entries (Reading *self, JsonObject *object, GError **error)
{
  JsonNode *node = json_object_get_member (object, "certificates");
  JsonArray *entries;

  if (node == NULL && self->names_authorities)
    return TRUE;
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “certificates” must be a list of objects");
      return FALSE;
    }
  entries = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (entries); i++)
    if (!read_entry (self, entries, i, error))
      return FALSE;
  return TRUE;
}

BrevetTrustBundleDocument *
brevet_trust_bundle_document_read (JsonObject *object, const BrevetTrustBundleDocument *stored, GError **error)
{
  g_auto(Reading) reading = { .stored = stored, .own = entries_new (), .followed = entries_new () };
  g_autoptr(Entries) entries = NULL;
  BrevetTrustBundleDocument *self;

  if (!read_authorities (&reading, object, error) || !read_entries (&reading, object, error))
    return NULL;
  keep_followed (&reading);
  entries = join (reading.own, reading.followed, reading.authorities, error);
  if (entries == NULL)
    return NULL;
  self = g_new0 (BrevetTrustBundleDocument, 1);
  self->authorities = g_steal_pointer (&reading.authorities);
  take_entries (self, entries);
  return self;
}

static gboolean
has_entries (const BrevetTrustBundleDocument *self, const Entries *entries)
{
  if (self->pems->len != entries->pems->len)
    return FALSE;
  for (guint i = 0; i < entries->pems->len; i++)
    if (!brevet_certificate_equal (brevet_trust_bundle_get (self->bundle, i), g_ptr_array_index (entries->certificates, i)) ||
        g_strcmp0 (g_ptr_array_index (self->sources, i), g_ptr_array_index (entries->sources, i)) != 0)
      return FALSE;
  return TRUE;
}

gboolean
brevet_trust_bundle_document_follow (BrevetTrustBundleDocument *self, GPtrArray *certificates, GPtrArray *sources,
                                     gboolean *changed, GError **error)
{
  g_autoptr(Entries) own = entries_new ();
  g_autoptr(Entries) followed = entries_new ();
  g_autoptr(Entries) all = NULL;

  for (guint i = 0; i < self->pems->len; i++)
    if (g_ptr_array_index (self->sources, i) == NULL)
      add_entry (own, brevet_trust_bundle_get (self->bundle, i), g_ptr_array_index (self->pems, i), NULL);
  for (guint i = 0; i < certificates->len; i++)
    {
      g_autofree char *pem = brevet_certificate_to_pem (g_ptr_array_index (certificates, i));

      add_entry (followed, g_ptr_array_index (certificates, i), pem, g_ptr_array_index (sources, i));
    }
  all = join (own, followed, self->authorities, error);
  if (all == NULL)
    return FALSE;
  *changed = !has_entries (self, all);
  if (*changed)
    take_entries (self, all);
  return TRUE;
}
