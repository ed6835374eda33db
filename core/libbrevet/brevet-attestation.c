/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-attestation.h"

struct _BrevetAttestation
{
  char       *mechanism;
  gboolean    is_group;
  JsonObject *parameters;
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
