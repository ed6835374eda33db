/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-registration-request.h"

#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

#include <string.h>

BrevetRegistrationRequest *
brevet_registration_request_new (void)
{
  return g_new0 (BrevetRegistrationRequest, 1);
}

void
brevet_registration_request_free (BrevetRegistrationRequest *self)
{
  g_free (self->registration_id);
  g_clear_pointer (&self->attestation, json_object_unref);
  g_clear_pointer (&self->payload, json_node_unref);
  g_clear_pointer (&self->csr, g_bytes_unref);
  g_free (self);
}

static gboolean
read_attestation (BrevetRegistrationRequest *self, JsonObject *object, GError **error)
{
  JsonObject *tpm;

  if (!brevet_wire_get_object (object, "tpm", &tpm, error))
    return FALSE;
  if (tpm == NULL)
    return TRUE;
  self->attestation = json_object_new ();
  json_object_set_object_member (self->attestation, "tpm", brevet_wire_strip_nulls (tpm));
  return TRUE;
}

static gboolean
read_csr (BrevetRegistrationRequest *self, JsonObject *object, GError **error)
{
  const char *text, *alternative;

  if (!brevet_wire_get_string (object, "clientCertificateCsr", &text, error) ||
      !brevet_wire_get_string (object, "csr", &alternative, error))
    return FALSE;
  if (text != NULL && alternative != NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "Only one of the members “clientCertificateCsr” and “csr” may be there");
      return FALSE;
    }
  if (text == NULL)
    text = alternative;
  if (text == NULL)
    return TRUE;
  self->csr = brevet_csr_text_decode (text, error);
  return self->csr != NULL;
}

BrevetRegistrationRequest *
brevet_registration_request_parse (GBytes *body, BrevetDialect dialect, GError **error)
{
  g_autoptr(BrevetRegistrationRequest) self = brevet_registration_request_new ();
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the registration", error);

  if (object == NULL || !brevet_wire_dup_string (object, "registrationId", &self->registration_id, error) ||
      !read_attestation (self, object, error))
    return NULL;
  if (dialect != BREVET_DIALECT_STABLE && !read_csr (self, object, error))
    return NULL;
  if (json_object_has_member (object, "payload"))
    self->payload = json_object_dup_member (object, "payload");
  return g_steal_pointer (&self);
}

static void
copy_member (JsonObject *source, const char *member, JsonNode *value, gpointer user_data)
{
  brevet_wire_add_node (user_data, member, value);
}

GBytes *
brevet_registration_request_print (const BrevetRegistrationRequest *self, BrevetDialect dialect)
{
  g_autoptr(JsonObject) object = json_object_new ();

  brevet_wire_add_string (object, "registrationId", self->registration_id);
  if (self->attestation != NULL)
    json_object_foreach_member (self->attestation, copy_member, object);
  if (self->csr != NULL && dialect != BREVET_DIALECT_STABLE)
    {
      g_autofree char *text = g_base64_encode (g_bytes_get_data (self->csr, NULL), g_bytes_get_size (self->csr));

      json_object_set_string_member (object, dialect == BREVET_DIALECT_2021_11_01_PREVIEW ? "clientCertificateCsr" : "csr", text);
    }
  brevet_wire_add_node (object, "payload", self->payload);
  return brevet_wire_print_object (object);
}

/* Copies @text without white space and without the two-character spellings of line ends. */
static char *
squeeze (const char *text, gsize length)
{
  GString *squeezed = g_string_sized_new (length);

  for (gsize i = 0; i < length; i++)
    {
      if (text[i] == '\\' && i + 1 < length && (text[i + 1] == 'n' || text[i + 1] == 'r'))
        i++;
      else if (!g_ascii_isspace (text[i]))
        g_string_append_c (squeezed, text[i]);
    }
  return g_string_free (squeezed, FALSE);
}

/* Finds what stands between the lines of a PEM block; FALSE if it begins and does not end. */
static gboolean
find_pem_block (const char *text, const char **start, const char **end)
{
  static const char *const labels[] = { "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST" };

  for (gsize i = 0; i < G_N_ELEMENTS (labels); i++)
    {
      g_autofree char *begin_line = g_strdup_printf ("-----BEGIN %s-----", labels[i]);
      g_autofree char *end_line = g_strdup_printf ("-----END %s-----", labels[i]);
      const char *begin = strstr (text, begin_line);

      if (begin == NULL)
        continue;
      *start = begin + strlen (begin_line);
      *end = strstr (*start, end_line);
      return *end != NULL;
    }
  *start = text;
  *end = text + strlen (text);
  return strstr (text, "-----") == NULL;
}

GBytes *
brevet_csr_text_decode (const char *text, GError **error)
{
  g_autofree char *base64 = NULL;
  g_autoptr(GBytes) der = NULL;
  const char *start, *end;

  if (!find_pem_block (text, &start, &end))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The CSR is not PEM with a complete block CERTIFICATE REQUEST, nor base64 of its DER");
      return NULL;
    }
  base64 = squeeze (start, (gsize) (end - start));
  der = brevet_wire_base64_decode (base64);

  /* A request is a SEQUENCE; what stands in it is judged where its signature is verified. */
  if (der == NULL || ((const guint8 *) g_bytes_get_data (der, NULL))[0] != 0x30)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The CSR is not the base64 of a PKCS#10 request");
      return NULL;
    }
  return g_steal_pointer (&der);
}
