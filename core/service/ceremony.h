/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-config.h"
#include "brevet-key.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * BrevetCeremony:
 * @config_path: main configuration file of the service
 * @name: which group `[ca NAME]`
 * @group: (nullable): what the configuration says of it; %NULL while there is no such group
 * @directory: where its keys and certificates are
 *
 * The server's side of a ceremony: which key waits for its certificate, and which step of a roll-over is next. That is kept in one
 * file, which is replaced as a whole; keys and certificates get new names each time and are never overwritten, because the service
 * still needs the old ones. Whoever interrupts a command may give it again.
 */
typedef struct _BrevetCeremony BrevetCeremony;

/**
 * BrevetCeremonyRequest:
 * @kind: of the new key
 * @token: (nullable): PKCS#11 URI of the token that it is made in
 * @password_file: (nullable): file with the password of the key file or the PIN of the token
 * @subject: (nullable): common name that is asked for; %NULL for one that no other key of the CA has: revocation lists are found by
 *   the issuer's name
 * @anew: whether a key that waits already is left alone, and another one made
 */
typedef struct {
  BrevetKeyKind kind;
  const char *token;
  const char *password_file;
  const char *subject;
  gboolean anew;
} BrevetCeremonyRequest;

/**
 * brevet_ceremony_open:
 * @directory: (nullable): where keys and certificates are; %NULL for where the present ones are
 * @exclusive: whether something is going to be changed; only one command at a time may
 */
BrevetCeremony *brevet_ceremony_open (const char *config_path, const char *name, const char *directory, gboolean exclusive,
                                      GError **error);

void brevet_ceremony_free (BrevetCeremony *self);

BrevetSettings *brevet_ceremony_get_group (BrevetCeremony *self);

const char *brevet_ceremony_get_name (BrevetCeremony *self);

/* The option that the next command needs to find the same configuration, behind a blank; empty where it needs none. */
char *brevet_ceremony_dup_config_option (BrevetCeremony *self);

const char *brevet_ceremony_get_directory (BrevetCeremony *self);

char *brevet_ceremony_build_path (BrevetCeremony *self, const char *stem, const char *suffix);

/* What the file says: groups `coming` (a key without certificate), `replaced` (the issuer before), `root` (its roll-over). */
char *brevet_ceremony_dup_note (BrevetCeremony *self, const char *group, const char *key);

gint64 brevet_ceremony_get_number (BrevetCeremony *self, const char *group, const char *key);

void brevet_ceremony_note (BrevetCeremony *self, const char *group, const char *key, const char *value);

void brevet_ceremony_note_number (BrevetCeremony *self, const char *group, const char *key, gint64 value);

void brevet_ceremony_forget (BrevetCeremony *self, const char *group);

gboolean brevet_ceremony_save (BrevetCeremony *self, GError **error);

/**
 * brevet_ceremony_write:
 *
 * Writes a file beside the keys, as the user whom they belong to; durably, and whole or not at all.
 */
gboolean brevet_ceremony_write (BrevetCeremony *self, const char *path, const char *text, int mode, GError **error);

/**
 * brevet_ceremony_prepare:
 *
 * Makes a key and a request, or goes on with those that wait already.
 *
 * Returns: (transfer full) (nullable): path of the request; %NULL with an error
 */
char *brevet_ceremony_prepare (BrevetCeremony *self, const BrevetCeremonyRequest *request, gboolean *resumed, GError **error);

/**
 * brevet_ceremony_load_coming_key:
 *
 * Returns: (transfer full) (nullable): the key that waits for its certificate; %NULL with an error, also if none does
 */
BrevetKey *brevet_ceremony_load_coming_key (BrevetCeremony *self, GError **error);

/**
 * brevet_ceremony_load_current:
 *
 * Returns: (transfer full) (nullable): the chain that the configuration names now
 */
BrevetChain *brevet_ceremony_load_current (BrevetCeremony *self, GError **error);

/**
 * brevet_ceremony_load_trust:
 *
 * Returns: (transfer full) (nullable): the roots that the configuration has published now
 */
BrevetTrustBundle *brevet_ceremony_load_trust (BrevetCeremony *self, GError **error);

/**
 * BrevetCeremonySettings:
 *
 * What the configuration is going to say; %NULL leaves a key as it is.
 */
typedef struct {
  const char *certificate;
  const char *key;
  const char *password_file;
  const char *trust;
} BrevetCeremonySettings;

/**
 * brevet_ceremony_configure:
 *
 * Tries the settings with the plugin, and puts them into a drop-in of the configuration, whole or not at all.
 *
 * Returns: (transfer full) (nullable): path of the drop-in; %NULL with an error, and then nothing is changed
 */
char *brevet_ceremony_configure (BrevetCeremony *self, const BrevetCeremonySettings *settings, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCeremony, brevet_ceremony_free)

G_END_DECLS
