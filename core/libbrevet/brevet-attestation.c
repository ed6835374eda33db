/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-attestation.h"

struct _BrevetAttestation
{
  char       *mechanism;
  gboolean    is_group;
  JsonObject *parameters;
  GHashTable *certificates;
  JsonObject *memory;
};

G_DEFINE_BOXED_TYPE (BrevetAttestation, brevet_attestation, brevet_attestation_ref, brevet_attestation_unref)

BrevetAttestation *
brevet_attestation_new (const char *mechanism, gboolean is_group, JsonObject *parameters)
{
  BrevetAttestation *self = NULL;

  g_return_val_if_fail (mechanism != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetAttestation);
  self->mechanism = g_strdup (mechanism);
  self->is_group = is_group;
  self->parameters = parameters != NULL ? json_object_ref (parameters) : json_object_new ();
  return self;
}

BrevetAttestation *
brevet_attestation_ref (BrevetAttestation *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_attestation_clear (gpointer data)
{
  BrevetAttestation *self = data;

  g_free (self->mechanism);
  json_object_unref (self->parameters);
  g_clear_pointer (&self->certificates, g_hash_table_unref);
  g_clear_pointer (&self->memory, json_object_unref);
}

void
brevet_attestation_unref (BrevetAttestation *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_attestation_clear);
}

const char *
brevet_attestation_get_mechanism (BrevetAttestation *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->mechanism;
}

gboolean
brevet_attestation_is_group (BrevetAttestation *self)
{
  g_return_val_if_fail (self != NULL, FALSE);
  return self->is_group;
}

JsonObject *
brevet_attestation_get_parameters (BrevetAttestation *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->parameters;
}

BrevetAttestation *
brevet_attestation_complete (BrevetAttestation *self, GHashTable *certificates, JsonObject *memory)
{
  BrevetAttestation *complete;

  g_return_val_if_fail (self != NULL, NULL);

  complete = brevet_attestation_new (self->mechanism, self->is_group, self->parameters);
  complete->certificates = certificates != NULL ? g_hash_table_ref (certificates) : NULL;
  complete->memory = memory != NULL ? json_object_ref (memory) : NULL;
  return complete;
}

BrevetCertificate *
brevet_attestation_get_certificate (BrevetAttestation *self, const char *name)
{
  g_autofree char *key = NULL;

  g_return_val_if_fail (self != NULL && name != NULL, NULL);

  if (self->certificates == NULL)
    return NULL;
  key = g_ascii_strdown (name, -1);
  return g_hash_table_lookup (self->certificates, key);
}

JsonObject *
brevet_attestation_get_memory (BrevetAttestation *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->memory;
}
