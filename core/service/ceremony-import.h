/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ceremony.h"

G_BEGIN_DECLS

/**
 * BrevetCeremonyConsent:
 * @root_sha256: (nullable): fingerprint that the root must have
 * @census: (nullable): file with what `brevet admin ca status --json` prints
 * @force: whether devices that may be left behind are accepted
 * @yes: whether nothing is to be asked
 *
 * What the operator vouches for.
 */
typedef struct {
  const char *root_sha256;
  const char *census;
  gboolean force;
  gboolean yes;
} BrevetCeremonyConsent;

/**
 * brevet_ceremony_import:
 * @path: what came back from the root's host
 * @cross: (nullable): certificate of the new root by the old one
 *
 * Checks the chain of the key that waits, and makes it the one that signs.
 *
 * Returns: (transfer full) (nullable): path of the configuration's drop-in; %NULL with an error, and then nothing is changed
 */
char *brevet_ceremony_import (BrevetCeremony *self, const char *path, const char *cross, const BrevetCeremonyConsent *consent,
                              GError **error);

/**
 * brevet_ceremony_settle:
 *
 * If an import was interrupted after its switch, notes what it has done; not saved yet.
 */
void brevet_ceremony_settle (BrevetCeremony *self);

/**
 * brevet_ceremony_publish_root:
 *
 * Begins the roll-over of the root: @root is published beside what is trusted now, and signs nothing yet. It takes the place of one
 * that was published like that and has not signed either.
 */
gboolean brevet_ceremony_publish_root (BrevetCeremony *self, BrevetCertificate *root, GError **error);

/**
 * brevet_ceremony_retire_root:
 *
 * Ends the roll-over of the root: only the root that signs is published by the CA. What devices still need of the old one the
 * service knows by itself.
 */
gboolean brevet_ceremony_retire_root (BrevetCeremony *self, const BrevetCeremonyConsent *consent, GError **error);

G_END_DECLS
