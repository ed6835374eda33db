/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-network-peer.h"
#include "brevet-secret.h"

G_BEGIN_DECLS

/*
 * DigicertApi:
 * @DIGICERT_API_LIFECYCLE: Trust Lifecycle Manager, `/mpki/api/v1`
 * @DIGICERT_API_IOT: IoT Trust Manager, now Device Trust Manager, `/iot/api/v1`
 */
typedef enum {
  DIGICERT_API_LIFECYCLE,
  DIGICERT_API_IOT,
} DigicertApi;

/*
 * DigicertConfiguration:
 *
 * What this CA is configured with. Complete and consistent once it exists; never changed afterwards.
 */
typedef struct {
  BrevetNetworkPeer *peer;
  DigicertApi        api;
  char              *profile;
  BrevetSecret      *api_key;  /* text without white space */
  BrevetTrustBundle *trust;    /* NULL: DigiCert says what to trust */
  gboolean           validity; /* the profile lets us choose the lifetime */
} DigicertConfiguration;

DigicertConfiguration *digicert_configuration_new  (BrevetSettings *settings, GError **error);
void                   digicert_configuration_free (DigicertConfiguration *self);

/* Whether @settings, which lack profile and API key, are right as far as they go. */
gboolean digicert_configuration_check_defaults (BrevetSettings *settings, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DigicertConfiguration, digicert_configuration_free)

G_END_DECLS
