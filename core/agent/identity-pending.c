/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "identity-bundle.h"
#include "identity-staging.h"

/* A complete generation that its hub has not taken yet. It is staged with all that belongs to it, so that it survives a restart.
 * What is trusted may change while it waits, and be what the hub waits for: so it goes with the times, in memory. After a
 * restart the first look at the trust bundle, which asks for all of it, brings it up to date again. */

static gboolean
is_pending (BrevetIdentity *self)
{
  return self->candidate != NULL && brevet_identity_staging_is_complete (self->staged);
}

/* @bundle: (nullable), @etag: (nullable) */
static void
set_bundle (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag)
{
  BrevetGeneration *copy = brevet_generation_copy (self->candidate);

  g_clear_pointer (&copy->trust_bundle, brevet_trust_bundle_unref);
  copy->trust_bundle = bundle != NULL ? brevet_trust_bundle_ref (bundle) : NULL;
  g_free (copy->trust_bundle_etag);
  copy->trust_bundle_etag = g_strdup (etag);
  brevet_generation_unref (self->candidate);
  self->candidate = copy;
}

/* What the configuration adds may be other than when it was staged. What it no longer adds goes when the service says what is
 * left: it is asked without a version. */
void
brevet_identity_add_local_trust_to_pending (BrevetIdentity *self)
{
  g_autoptr(BrevetTrustBundle) bundle = NULL;

  if (!is_pending (self))
    return;
  bundle = brevet_identity_bundle_add (self->candidate->trust_bundle, self->config->local_trust);
  set_bundle (self, bundle, NULL);
}

void
brevet_identity_load_pending (BrevetIdentity *self)
{
  g_clear_pointer (&self->candidate, brevet_generation_unref);
  if (!brevet_identity_staging_is_complete (self->staged))
    return;
  self->candidate = brevet_identity_staging_make_candidate (self->staged);
  brevet_identity_add_local_trust_to_pending (self);
}

/* Somebody asks for a registration from scratch. The key will not be asked for again, either; what is staged goes with the next
 * key. */
void
brevet_identity_drop_pending (BrevetIdentity *self)
{
  if (!is_pending (self))
    return;
  g_clear_pointer (&self->candidate, brevet_generation_unref);
  g_clear_pointer (&self->staged, brevet_generation_unref);
}

/* The service has told of this trust bundle. @bundle: (nullable), @etag: (nullable) */
void
brevet_identity_update_pending (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag)
{
  if (is_pending (self) && self->current != NULL && g_strcmp0 (self->candidate->input_digest, self->current->input_digest) == 0)
    set_bundle (self, bundle, etag);
}
