/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"
#include "generation.h"

G_BEGIN_DECLS

/* Names of the records of an identity, fixed by the documents on which brevet rests (protocol/device-agent.md §10). */
#define BREVET_IDENTITY_CERTIFICATE_NAME "aziot-dps-identity-cert"
#define BREVET_IDENTITY_KEY_NAME "aziot-dps-identity-cert-key"
#define BREVET_IDENTITY_TRUST_BUNDLE_NAME "aziot-dps-trust-bundle"

/* Names of brevet's own records beside them. */
#define BREVET_IDENTITY_CSR_NAME "csr"
#define BREVET_IDENTITY_GENERATION_NAME "generation"
#define BREVET_IDENTITY_MEMORY_NAME "memory"
#define BREVET_IDENTITY_TOKENS_NAME "tokens"

/**
 * BrevetIdentityMemory:
 * @failures: attempts that failed in a row
 * @next_attempt: when the next one is due, seconds since 1970-01-01 UTC; 0 for none
 * @last_success: when the service was last asked with success; 0 for never
 * @error_name: (nullable): D-Bus name of the last error, %NULL for none
 * @error_code: six digits of the service's error, 0 if it sent none
 * @error_text: (nullable): its sentence
 * @error_tracking_id: (nullable): what the service's operator finds the request by
 * @error_time: when it happened
 * @input_digest: (nullable): what the attempt was made with that @next_attempt follows: other inputs need not wait
 * @asked_until: until then the service wants to be left alone, seconds since 1970-01-01 UTC; 0 if it does not
 * @refusals: definitive refusals in a row, 0 if the last failure was none
 * @disabled: the last answer was that the device is disabled
 *
 * What an identity remembers over restarts beside its generations. Plain data.
 */
typedef struct {
  guint failures;
  gint64 next_attempt;
  gint64 last_success;
  char *error_name;
  guint error_code;
  char *error_text;
  char *error_tracking_id;
  gint64 error_time;
  char *input_digest;
  gint64 asked_until;
  guint refusals;
  gboolean disabled;
} BrevetIdentityMemory;

BrevetIdentityMemory *brevet_identity_memory_new (void);

/**
 * brevet_identity_memory_new_after_success:
 *
 * Returns: (transfer full): what is remembered when @installed has come into use
 */
BrevetIdentityMemory *brevet_identity_memory_new_after_success (BrevetGeneration *installed);

BrevetIdentityMemory *brevet_identity_memory_copy (const BrevetIdentityMemory *self);

/**
 * brevet_identity_memory_clear_error:
 *
 * Forgets the last error with what it says of the device: @disabled too.
 */
void brevet_identity_memory_clear_error (BrevetIdentityMemory *self);

void brevet_identity_memory_free (BrevetIdentityMemory *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetIdentityMemory, brevet_identity_memory_free)

/**
 * BrevetStoredIdentity:
 * @current: (nullable): the generation in use
 * @previous: (nullable): the one before it
 * @staged: (nullable): the one that is being asked for: its key is stored before the service is asked, so that the answer to a
 *   question that was cut off can still be used
 * @memory: never %NULL
 * @problems: (element-type utf8): what could not be read back, one sentence each; empty as a rule
 *
 * All that is stored of one identity. Plain data.
 */
typedef struct {
  BrevetGeneration *current;
  BrevetGeneration *previous;
  BrevetGeneration *staged;
  BrevetIdentityMemory *memory;
  GPtrArray *problems;
} BrevetStoredIdentity;

void brevet_stored_identity_free (BrevetStoredIdentity *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetStoredIdentity, brevet_stored_identity_free)

/**
 * BrevetIdentityRecords:
 *
 * The typed records of one identity in a #BrevetStore. Collections: `identity-NAME` holds what is in use under the names above, and
 * `generation`, `memory` and `tokens` as JSON; `identity-NAME-previous` and `identity-NAME-staged` hold the other two in the same
 * form. Each verb is one batch: it happens as a whole or not at all.
 */
#define BREVET_TYPE_IDENTITY_RECORDS (brevet_identity_records_get_type ())
G_DECLARE_FINAL_TYPE (BrevetIdentityRecords, brevet_identity_records, BREVET, IDENTITY_RECORDS, GObject)

/**
 * brevet_identity_records_new:
 * @store: an open store
 * @name: name of the identity: 1 to 32 of `a-z`, `0-9` and `-`
 * @trust_bundle_name: name under which the trust bundle is stored: `aziot-dps-trust-bundle` unless the configuration says otherwise
 */
BrevetIdentityRecords *brevet_identity_records_new (BrevetStore *store, const char *name, const char *trust_bundle_name);

/**
 * brevet_identity_records_load_async:
 *
 * Reads everything. A current generation that cannot be read back (damaged, key and certificate do not match) is replaced by the
 * previous one where that is whole, and the problem is named; what cannot be read of the rest is left out and named. A trust
 * bundle that is stored under another name than now is found (its name is in the generation) and moved by the next commit.
 */
void brevet_identity_records_load_async (BrevetIdentityRecords *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                         gpointer user_data);

/**
 * brevet_identity_records_load_finish:
 *
 * Returns: (transfer full) (nullable): what is stored, possibly nothing; %NULL with an error if the store itself fails
 */
BrevetStoredIdentity *brevet_identity_records_load_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_records_stage_async:
 * @staged: (nullable): with number, digest, key and CSR (stored as record `csr`), or a key place alone while the key is not made
 *   yet; %NULL to drop what is staged
 */
void brevet_identity_records_stage_async (BrevetIdentityRecords *self, BrevetGeneration *staged, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data);

gboolean brevet_identity_records_stage_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_records_switch_async:
 * @current: the complete new generation
 * @previous: (nullable): the one that it replaces, kept until @current was used; %NULL to keep none
 * @memory: what to remember from now on
 *
 * The one atomic switch: @current is in use, @previous is kept, nothing is staged any more.
 */
void brevet_identity_records_switch_async (BrevetIdentityRecords *self, BrevetGeneration *current, BrevetGeneration *previous,
                                           const BrevetIdentityMemory *memory, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_identity_records_switch_finish:
 *
 * Returns: %TRUE once it is on stable storage; %FALSE with an error if the old state still holds
 */
gboolean brevet_identity_records_switch_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_records_update_async:
 * @current: (nullable): the generation in use with another trust bundle or with @used set; %NULL to leave it
 * @memory: (nullable): what to remember from now on; %NULL to leave it
 * @drop_previous: the previous generation is no longer needed
 *
 * Changes that leave key and certificate alone.
 */
void brevet_identity_records_update_async (BrevetIdentityRecords *self, BrevetGeneration *current,
                                           const BrevetIdentityMemory *memory, gboolean drop_previous, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer user_data);

gboolean brevet_identity_records_update_finish (BrevetIdentityRecords *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_records_needs_repair:
 *
 * What was found damaged is put right by any commit; until then other programs find it damaged, too.
 *
 * Returns: %TRUE if the identity in use is not stored as it should be
 */
gboolean brevet_identity_records_needs_repair (BrevetIdentityRecords *self);

/**
 * brevet_identity_records_make_key_label:
 * @token: PKCS#11 URI of a token
 * @number: of the generation
 *
 * Thinks of a label for a new key: `brevet-NAME-INSTALLATION-NUMBER-RANDOM`, where INSTALLATION is chosen at random once for the
 * records of this identity. That and @token are stored with the next commit, and that must be done before the key is made.
 *
 * Returns: (transfer full): a label that was never in use
 */
char *brevet_identity_records_make_key_label (BrevetIdentityRecords *self, const char *token, guint64 number);

/**
 * brevet_identity_records_dup_key_prefix:
 *
 * Returns: (transfer full) (nullable): what the labels of all its keys in tokens begin with: no other program, device or identity
 *   has such ones; %NULL if there never was one
 */
char *brevet_identity_records_dup_key_prefix (BrevetIdentityRecords *self);

/**
 * brevet_identity_records_get_tokens:
 *
 * Returns: (transfer none) (element-type utf8): URIs of the tokens that may have keys of this identity
 */
GPtrArray *brevet_identity_records_get_tokens (BrevetIdentityRecords *self);

/**
 * brevet_identity_records_forget_token:
 *
 * @token has no key of this identity any more. Stored with the next commit; until then it may be looked at once too often.
 */
void brevet_identity_records_forget_token (BrevetIdentityRecords *self, const char *token);

/**
 * brevet_identity_records_locate:
 * @record: one of the names above; %BREVET_IDENTITY_TRUST_BUNDLE_NAME stands for the configured one
 *
 * Returns: (transfer full) (nullable): the file in which other programs find what is in use, or %NULL if the store has none
 */
char *brevet_identity_records_locate (BrevetIdentityRecords *self, const char *record);

G_END_DECLS
