/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-trust.h"

#include "brevet-clock.h"

#define FRESH (G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC)

struct _DigicertTrust
{
  GMutex             lock;
  BrevetTrustBundle *known;        /* or NULL; under the lock */
  gint64             fresh_until;  /* monotonic microseconds; under the lock */
};

DigicertTrust *
digicert_trust_new (BrevetTrustBundle *configured)
{
  DigicertTrust *self = g_new0 (DigicertTrust, 1);

  g_mutex_init (&self->lock);
  if (configured != NULL)
    {
      self->known = brevet_trust_bundle_ref (configured);
      self->fresh_until = G_MAXINT64;
    }
  return self;
}

void
digicert_trust_free (DigicertTrust *self)
{
  g_clear_pointer (&self->known, brevet_trust_bundle_unref);
  g_mutex_clear (&self->lock);
  g_free (self);
}

BrevetTrustBundle *
digicert_trust_get (DigicertTrust *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->known != NULL ? brevet_trust_bundle_ref (self->known) : NULL;
}

gboolean
digicert_trust_is_fresh (DigicertTrust *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->known != NULL && brevet_clock_monotonic () < self->fresh_until;
}

void
digicert_trust_set (DigicertTrust *self, BrevetTrustBundle *trust)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  g_clear_pointer (&self->known, brevet_trust_bundle_unref);
  self->known = brevet_trust_bundle_ref (trust);
  self->fresh_until = brevet_clock_monotonic () + FRESH;
}

static BrevetCertificate *
find_issuer (BrevetTrustBundle *trust, BrevetCertificate *certificate)
{
  for (guint i = 0; i < brevet_trust_bundle_get_length (trust); i++)
    if (brevet_certificate_is_issued_by (certificate, brevet_trust_bundle_get (trust, i)))
      return brevet_trust_bundle_get (trust, i);
  return NULL;
}

gboolean
digicert_trust_covers (DigicertTrust *self, BrevetChain *chain)
{
  g_autoptr(BrevetTrustBundle) known = digicert_trust_get (self);
  BrevetCertificate *top = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);

  if (known == NULL || find_issuer (known, top) != NULL)
    return known != NULL;
  g_mutex_lock (&self->lock);
  if (self->fresh_until != G_MAXINT64)
    self->fresh_until = 0;
  g_mutex_unlock (&self->lock);
  return FALSE;
}

BrevetChain *
digicert_trust_lengthen (DigicertTrust *self, BrevetChain *chain)
{
  g_autoptr(BrevetTrustBundle) known = digicert_trust_get (self);
  g_autoptr(GPtrArray) path = g_ptr_array_new ();
  BrevetCertificate *next = brevet_chain_get_leaf (chain);
  BrevetChain *longer;

  while (next != NULL && path->len < BREVET_CHAIN_MAX_LENGTH && !g_ptr_array_find (path, next, NULL))
    {
      g_ptr_array_add (path, next);
      next = known != NULL && !brevet_certificate_is_self_issued (next) ? find_issuer (known, next) : NULL;
    }
  longer = brevet_chain_new (path, NULL);
  return longer != NULL ? longer : brevet_chain_ref (chain);
}
