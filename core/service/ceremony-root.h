/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * BrevetCeremonyRoot:
 *
 * The directory of a root CA on its own, offline host: certificate, key or the URI of a key in a token, records.
 */
typedef struct {
  char *directory;
  BrevetCertificate *certificate;
  BrevetKey *key;
} BrevetCeremonyRoot;

#define BREVET_CEREMONY_ROOT     "root.pem"
#define BREVET_CEREMONY_ROOT_KEY "root.key"
#define BREVET_CEREMONY_ROOT_URI "root.uri"

/**
 * BrevetCeremonyRootPlan:
 * @token: (nullable): PKCS#11 URI of the token that the key is made in
 * @password: (nullable): password of the key file, or PIN of the token
 */
typedef struct {
  const char *common_name;
  const char *organization;
  BrevetKeyKind kind;
  int days;
  int path_length;
  const char *token;
  BrevetSecret *password;
  const char *operator_name;
} BrevetCeremonyRootPlan;

/**
 * brevet_ceremony_root_make:
 * @directory: must not exist, or be empty
 *
 * Makes a root: the directory is there whole, or not at all.
 */
BrevetCeremonyRoot *brevet_ceremony_root_make (const char *directory, const BrevetCeremonyRootPlan *plan, GError **error);

/**
 * brevet_ceremony_root_dup_key_location:
 *
 * Returns: (transfer full) (nullable): path of the key, or URI; %NULL if the directory has no key of a root
 */
char *brevet_ceremony_root_dup_key_location (const char *directory);

/**
 * brevet_ceremony_root_load:
 * @password: (nullable): asked for on the terminal if it is needed and %NULL
 * @option: names a file with it, as for brevet_ceremony_load_key()
 *
 * Returns: (transfer full) (nullable): the root with its key
 */
BrevetCeremonyRoot *brevet_ceremony_root_load (const char *directory, BrevetSecret *password, const char *option,
                                               GError **error);

/**
 * brevet_ceremony_root_record:
 * @action: what was done
 * @request: (nullable): SHA-256 of the CSR
 *
 * Writes down who has signed what, when and with which template: a text file of its own, for people.
 *
 * Returns: (transfer full) (nullable): path of the record
 */
char *brevet_ceremony_root_record (BrevetCeremonyRoot *self, const char *directory, const char *action,
                                   BrevetCertificate *certificate, const char *request, const char *operator_name, GError **error);

void brevet_ceremony_root_free (BrevetCeremonyRoot *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCeremonyRoot, brevet_ceremony_root_free)

G_END_DECLS
