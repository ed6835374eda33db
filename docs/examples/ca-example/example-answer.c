/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the CA's JSON to brevet's types. Pure functions. */

#include "example-answer.h"

#include <string.h>

#define POLL_AFTER      30
#define LONGEST_ID      128
#define MAX_AUTHORITIES 16

void
example_answer_free (ExampleAnswer *self)
{
  g_clear_pointer (&self->object, json_object_unref);
  g_free (self->problem);
  g_free (self);
}

/* A login page of some proxy says 200 as well, so the type is looked at before the text. */
ExampleAnswer *
example_answer_new (guint status, const char *type, GBytes *body)
{
  ExampleAnswer *self = g_new0 (ExampleAnswer, 1);
  g_autoptr(GError) error = NULL;

  self->status = status;
  if (status == 204)
    return self;
  if (g_strcmp0 (type, "application/json") != 0)
    {
      self->problem = g_strdup ("it is no JSON and so not from the CA; look for a proxy in between");
      return self;
    }
  self->object = brevet_json_read_object (body, &error);
  if (self->object == NULL)
    self->problem = g_strdup (error->message);
  return self;
}

static const char *
get_text (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

const char *
example_answer_get_text (ExampleAnswer *self, const char *member)
{
  return get_text (self->object, member);
}

static JsonArray *
get_array (ExampleAnswer *self, const char *member)
{
  JsonNode *node = self->object != NULL ? json_object_get_member (self->object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

/* Ids become parts of addresses. */
static gboolean
is_id (const char *id)
{
  gsize length = id != NULL ? strlen (id) : 0;

  return length > 0 && length <= LONGEST_ID && strspn (id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-") == length;
}

static BrevetCaOutcome *
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, text);
  return NULL;
}

static BrevetCaOutcome *
read_issued (JsonObject *object, GError **error)
{
  const char *pem = get_text (object, "chain");
  const char *id = get_text (object, "id");
  g_autoptr(BrevetChain) chain = NULL;

  if (pem == NULL)
    return refuse (error, "there is no certificate");
  chain = brevet_chain_new_from_pem (pem, error);
  if (chain == NULL)
    return NULL;
  return brevet_ca_outcome_new_issued (chain, NULL, is_id (id) ? id : NULL);
}

BrevetCaOutcome *
example_answer_read_outcome (ExampleAnswer *self, GError **error)
{
  const char *pending = example_answer_get_text (self, "request");

  if (self->status == 202 && example_answer_get_text (self, "chain") == NULL)
    return is_id (pending) ? brevet_ca_outcome_new_pending (pending, POLL_AFTER, 0)
                           : refuse (error, "the pending request has no usable id");
  return read_issued (self->object, error);
}

/* Newest first. What the core has already is not what it misses. */
BrevetCaOutcome *
example_answer_read_found (ExampleAnswer *self, BrevetCaRequest *request, GError **error)
{
  JsonArray *array = get_array (self, "certificates");

  if (array == NULL)
    return refuse (error, "there is no list of certificates");
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *item = json_array_get_element (array, i);
      g_autoptr(BrevetCaOutcome) outcome = NULL;

      outcome = read_issued (JSON_NODE_HOLDS_OBJECT (item) ? json_node_get_object (item) : NULL, error);
      if (outcome == NULL)
        return NULL;
      if (!brevet_ca_request_is_known (request, brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome))))
        return g_steal_pointer (&outcome);
    }
  g_set_error_literal (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND, "The CA has no other certificate for this public key");
  return NULL;
}

gboolean
example_answer_read_certificates (ExampleAnswer *self, const char *member, GPtrArray *certificates, GError **error)
{
  JsonArray *array = get_array (self, member);
  guint length = array != NULL ? json_array_get_length (array) : 0;

  if (array == NULL || length > MAX_AUTHORITIES)
    {
      refuse (error, "there is no list of certificates, or too long a one");
      return FALSE;
    }
  for (guint i = 0; i < length; i++)
    {
      JsonNode *item = json_array_get_element (array, i);
      BrevetCertificate *certificate = NULL;

      if (json_node_get_value_type (item) == G_TYPE_STRING)
        certificate = brevet_certificate_new_from_pem (json_node_get_string (item), error);
      else
        refuse (error, "a certificate is no text");
      if (certificate == NULL)
        return FALSE;
      g_ptr_array_add (certificates, certificate);
    }
  return TRUE;
}
