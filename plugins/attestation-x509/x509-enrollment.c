/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-enrollment.h"

#include "brevet-certificate-text.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-trust-bundle-document.h"
#include "brevet-wire-json.h"
#include "x509-certificate.h"

#define CERTIFICATE "certificate"
#define INFO        "info"

const char *const x509_slots[X509_N_SLOTS] = { "primary", "secondary" };

static const char *const forms[] = { X509_CLIENT_CERTIFICATES, X509_SIGNING_CERTIFICATES, X509_CA_REFERENCES };

/* One slot of one form, and what became of it. */
typedef struct
{
  gboolean    is_group;
  const char *form;
  const char *slot;
  JsonObject *stored; /* the whole member, or NULL */
} Slot;

static gboolean G_GNUC_PRINTF (3, 4)
refuse (GError **error, const char *member, const char *format, ...)
{
  g_autofree char *trouble = NULL;
  va_list arguments;

  va_start (arguments, format);
  trouble = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “x509.%s” %s", member, trouble);
  return FALSE;
}

static gboolean G_GNUC_PRINTF (3, 4)
refuse_slot (GError **error, const Slot *self, const char *format, ...)
{
  g_autofree char *member = g_strconcat (self->form, ".", self->slot, NULL);
  g_autofree char *trouble = NULL;
  va_list arguments;

  va_start (arguments, format);
  trouble = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return refuse (error, member, "%s", trouble);
}

const char *
x509_enrollment_get_form (JsonObject *stored)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      JsonNode *node = json_object_get_member (stored, forms[i]);

      if (node != NULL && !JSON_NODE_HOLDS_NULL (node))
        return forms[i];
    }
  return NULL;
}

static JsonObject *
get_slot (JsonObject *stored, const char *form, const char *slot)
{
  JsonObject *pair = NULL, *entry = NULL;

  if (!brevet_wire_get_object (stored, form, &pair, NULL) || pair == NULL || !brevet_wire_get_object (pair, slot, &entry, NULL))
    return NULL;
  return entry;
}

gboolean
x509_enrollment_get_certificate (JsonObject *stored, const char *form, const char *slot, BrevetCertificate **certificate,
                                 GError **error)
{
  JsonObject *entry = get_slot (stored, form, slot);
  const char *text = NULL;

  *certificate = NULL;
  if (entry == NULL)
    return TRUE;
  if (brevet_wire_get_string (entry, CERTIFICATE, &text, NULL) && text != NULL)
    *certificate = brevet_certificate_new_from_pem (text, NULL);
  if (*certificate != NULL)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
               "The stored certificate “%s.%s” cannot be read; write the enrollment again with its certificate", form, slot);
  return FALSE;
}

const char *
x509_enrollment_get_reference (JsonObject *stored, const char *slot)
{
  JsonObject *pair = NULL;
  const char *name = NULL;

  if (!brevet_wire_get_object (stored, X509_CA_REFERENCES, &pair, NULL) || pair == NULL ||
      !brevet_wire_get_string (pair, slot, &name, NULL))
    return NULL;
  return name;
}

/* What would never let a device in is refused while an operator is looking; that it is expired may be why he is changing it. */
static gboolean
check_certificate (const Slot *self, BrevetCertificate *certificate, GError **error)
{
  g_autoptr(GError) problem = NULL;
  gboolean ok = x509_certificate_check_key (certificate, "certificate", &problem) &&
                x509_certificate_check_purpose (certificate, "certificate", &problem);

  if (ok && self->is_group)
    ok = x509_certificate_check_issuer (certificate, "certificate", &problem);
  return ok || refuse_slot (error, self, "cannot be used: %s", problem->message);
}

static BrevetCertificate *
parse_certificate (const Slot *self, const char *text, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new_from_text (text, &problem);

  if (certificate == NULL)
    {
      refuse_slot (error, self, "holds no certificate: %s", problem->message);
      return NULL;
    }
  return check_certificate (self, certificate, error) ? g_steal_pointer (&certificate) : NULL;
}

/* The certificate that the operator means who writes back what he was shown. */
static BrevetCertificate *
find_stored (const Slot *self, JsonObject *info, GError **error)
{
  const char *thumbprint = NULL;

  if (!brevet_wire_get_string (info, "sha256Thumbprint", &thumbprint, error))
    {
      g_prefix_error (error, "x509.%s.%s.info: ", self->form, self->slot);
      return NULL;
    }
  for (gsize i = 0; i < X509_N_SLOTS && self->stored != NULL; i++)
    {
      g_autoptr(BrevetCertificate) certificate = NULL;

      if (!x509_enrollment_get_certificate (self->stored, self->form, x509_slots[i], &certificate, NULL) || certificate == NULL)
        continue;
      if (thumbprint != NULL ? g_ascii_strcasecmp (thumbprint, brevet_certificate_get_sha256 (certificate)) == 0
                             : g_str_equal (self->slot, x509_slots[i]))
        return g_steal_pointer (&certificate);
    }
  refuse_slot (error, self, "has an info, but no certificate, and the enrollment has none with this thumbprint; send the "
               "certificate, or read the enrollment again");
  return NULL;
}

static BrevetCertificate *
choose_certificate (const Slot *self, JsonObject *entry, GError **error)
{
  const char *text;
  JsonObject *info;

  if (!brevet_wire_get_string (entry, CERTIFICATE, &text, error) || !brevet_wire_get_object (entry, INFO, &info, error))
    {
      g_prefix_error (error, "x509.%s.%s: ", self->form, self->slot);
      return NULL;
    }
  if (text != NULL)
    return parse_certificate (self, text, error);
  if (info != NULL)
    return find_stored (self, info, error);
  refuse_slot (error, self, "has neither a certificate nor an info; leave it out if there shall be none");
  return NULL;
}

/* @kept stays NULL for an empty slot. */
static gboolean
prepare_certificate (const Slot *self, JsonObject *pair, JsonNode **kept, GError **error)
{
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autofree char *pem = NULL;
  JsonObject *entry, *object;

  if (!brevet_wire_get_object (pair, self->slot, &entry, error))
    {
      g_prefix_error (error, "x509.%s: ", self->form);
      return FALSE;
    }
  if (entry == NULL)
    return TRUE;
  certificate = choose_certificate (self, entry, error);
  if (certificate == NULL)
    return FALSE;
  pem = brevet_certificate_to_pem (certificate);
  object = json_object_new ();
  json_object_set_string_member (object, CERTIFICATE, pem);
  *kept = json_node_init_object (json_node_alloc (), object);
  json_object_unref (object);
  return TRUE;
}

static gboolean
prepare_reference (const Slot *self, JsonObject *pair, JsonNode **kept, GError **error)
{
  g_autoptr(GError) problem = NULL;
  const char *name;

  if (!brevet_wire_get_string (pair, self->slot, &name, error))
    {
      g_prefix_error (error, "x509.%s: ", self->form);
      return FALSE;
    }
  if (name == NULL || *name == '\0')
    return TRUE;
  if (!brevet_identifier_check (BREVET_IDENTIFIER_CERTIFICATE_NAME, name, &problem))
    return refuse_slot (error, self, "is no name of a CA certificate: %s", problem->message);
  *kept = json_node_init_string (json_node_alloc (), name);
  return TRUE;
}

/* The form that the operator has chosen; others do not stand beside it. */
static const char *
choose_form (gboolean is_group, JsonObject *wanted, GError **error)
{
  const char *form = x509_enrollment_get_form (wanted);

  if (form == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “x509” must have “%s”",
                   is_group ? X509_SIGNING_CERTIFICATES "” or “" X509_CA_REFERENCES : X509_CLIENT_CERTIFICATES);
      return NULL;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      JsonNode *node = json_object_get_member (wanted, forms[i]);

      if (node == NULL || JSON_NODE_HOLDS_NULL (node))
        continue;
      if (is_group == g_str_equal (forms[i], X509_CLIENT_CERTIFICATES))
        {
          refuse (error, forms[i], is_group ? "is for individual enrollments only" : "is for enrollment groups only");
          return NULL;
        }
      if (!g_str_equal (form, forms[i]))
        {
          refuse (error, forms[i], "excludes “x509.%s”; send one of the two", form);
          return NULL;
        }
    }
  return form;
}

JsonObject *
x509_enrollment_prepare (gboolean is_group, JsonObject *wanted, JsonObject *stored, GError **error)
{
  g_autoptr(JsonObject) prepared = json_object_new ();
  const char *form = choose_form (is_group, wanted, error);
  JsonObject *pair, *kept_pair;

  if (form == NULL || !brevet_wire_get_object (wanted, form, &pair, error))
    return NULL;
  kept_pair = json_object_new ();
  json_object_set_object_member (prepared, form, kept_pair);
  for (gsize i = 0; i < X509_N_SLOTS; i++)
    {
      Slot slot = { is_group, form, x509_slots[i], stored };
      JsonNode *kept = NULL;

      if (!(g_str_equal (form, X509_CA_REFERENCES) ? prepare_reference (&slot, pair, &kept, error)
                                                   : prepare_certificate (&slot, pair, &kept, error)))
        return NULL;
      if (kept != NULL)
        json_object_set_member (kept_pair, x509_slots[i], kept);
      else if (i == 0)
        {
          refuse_slot (error, &slot, "is missing; to remove the primary one, put the secondary one in its place");
          return NULL;
        }
    }
  return g_steal_pointer (&prepared);
}

static void
describe_slot (JsonObject *pair, JsonObject *stored, const char *form, const char *slot)
{
  g_autoptr(BrevetCertificate) certificate = NULL;
  const char *name = x509_enrollment_get_reference (stored, slot);
  JsonObject *entry;

  if (g_str_equal (form, X509_CA_REFERENCES))
    {
      if (name != NULL)
        json_object_set_string_member (pair, slot, name);
      return;
    }
  if (!x509_enrollment_get_certificate (stored, form, slot, &certificate, NULL) || certificate == NULL)
    return;
  entry = json_object_new ();
  json_object_set_object_member (entry, INFO, brevet_certificate_metadata_to_json (certificate));
  json_object_set_object_member (pair, slot, entry);
}

JsonObject *
x509_enrollment_describe (JsonObject *stored)
{
  JsonObject *shown = json_object_new ();
  const char *form = x509_enrollment_get_form (stored);
  JsonObject *pair;

  if (form == NULL)
    return shown;
  pair = json_object_new ();
  json_object_set_object_member (shown, form, pair);
  for (gsize i = 0; i < X509_N_SLOTS; i++)
    describe_slot (pair, stored, form, x509_slots[i]);
  return shown;
}
