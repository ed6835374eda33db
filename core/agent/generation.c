/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation.h"

#include "brevet-token.h"

BrevetGeneration *
brevet_generation_new (guint64 number, const char *input_digest)
{
  BrevetGeneration *self = g_atomic_rc_box_new0 (BrevetGeneration);

  self->number = number;
  self->input_digest = g_strdup (input_digest);
  return self;
}

BrevetGeneration *
brevet_generation_copy (BrevetGeneration *self)
{
  BrevetGeneration *copy = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  copy = brevet_generation_new (self->number, self->input_digest);
  copy->assigned_hub = g_strdup (self->assigned_hub);
  copy->device_id = g_strdup (self->device_id);
  copy->installed = self->installed;
  brevet_generation_take_key_of (copy, self);
  copy->csr = self->csr != NULL ? g_bytes_ref (self->csr) : NULL;
  copy->chain = self->chain != NULL ? brevet_chain_ref (self->chain) : NULL;
  copy->trust_bundle = self->trust_bundle != NULL ? brevet_trust_bundle_ref (self->trust_bundle) : NULL;
  copy->trust_bundle_etag = g_strdup (self->trust_bundle_etag);
  copy->used = self->used;
  return copy;
}

BrevetGeneration *
brevet_generation_ref (BrevetGeneration *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  BrevetGeneration *self = data;

  g_free (self->input_digest);
  g_free (self->assigned_hub);
  g_free (self->device_id);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_free (self->key_token);
  g_free (self->key_label);
  g_free (self->key_spki);
  g_clear_pointer (&self->csr, g_bytes_unref);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->trust_bundle, brevet_trust_bundle_unref);
  g_free (self->trust_bundle_etag);
}

void
brevet_generation_unref (BrevetGeneration *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, clear);
}

void
brevet_generation_take_key_of (BrevetGeneration *self, BrevetGeneration *other)
{
  g_return_if_fail (self != NULL && self->key == NULL && self->key_label == NULL);

  if (other == NULL)
    return;
  self->key = other->key != NULL ? brevet_key_ref (other->key) : NULL;
  self->key_token = g_strdup (other->key_token);
  self->key_label = g_strdup (other->key_label);
  self->key_spki = g_strdup (other->key_spki);
}

const char *
brevet_generation_get_spki (BrevetGeneration *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->key != NULL ? brevet_key_get_spki_sha256 (self->key) : self->key_spki;
}

char *
brevet_generation_dup_key_uri (BrevetGeneration *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->key_label != NULL ? brevet_token_key_uri (self->key_token, self->key_label) : NULL;
}

gint64
brevet_generation_get_not_after (BrevetGeneration *self)
{
  g_return_val_if_fail (self != NULL, 0);

  if (self->chain == NULL)
    return G_MAXINT64;
  return brevet_certificate_get_not_after (brevet_chain_get_leaf (self->chain));
}

gboolean
brevet_generation_is_valid (BrevetGeneration *self, gint64 now)
{
  BrevetCertificate *leaf = NULL;

  g_return_val_if_fail (self != NULL, FALSE);

  if (self->assigned_hub == NULL)
    return FALSE;
  if (self->chain == NULL)
    return TRUE;
  leaf = brevet_chain_get_leaf (self->chain);
  return now >= brevet_certificate_get_not_before (leaf) - BREVET_GENERATION_CLOCK_TOLERANCE
         && now <= brevet_certificate_get_not_after (leaf);
}
