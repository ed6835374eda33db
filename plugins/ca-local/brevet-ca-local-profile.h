/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-request.h"
#include "brevet-chain.h"
#include "brevet-key.h"
#include "brevet-settings.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/*
 * BrevetCaLocalProfile:
 *
 * What a local CA is configured with. Complete and consistent once it exists; never changed afterwards.
 */
typedef struct
{
  BrevetChain       *chain; /* issuing certificate first */
  BrevetTrustBundle *trust;     /* roots */
  BrevetTrustBundle *published; /* roots and issuers, for hubs */
  BrevetKey         *key;
  gint64             not_before; /* when all certificates of the path are valid */
  gint64             not_after;
  gint64             validity;
  gint64             backdate;
  gint64             min_validity;
  gint64             crl_validity;
  gboolean           clamp;
  gboolean           key_encipherment;
  gboolean           dns_name;
  char              *organization;
  char              *organizational_unit;
  char              *crl_uri;
  char              *issuers_uri;
  char              *policy;
} BrevetCaLocalProfile;

BrevetCaLocalProfile *brevet_ca_local_profile_new       (BrevetSettings *settings, GError **error);
void                  brevet_ca_local_profile_free      (BrevetCaLocalProfile *self);
gboolean              brevet_ca_local_profile_in_memory (BrevetCaLocalProfile *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCaLocalProfile, brevet_ca_local_profile_free)

G_END_DECLS
