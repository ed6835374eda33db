/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-pool.h"
#include "authority-versions.h"

G_BEGIN_DECLS

/* A group `[ca NAME]` of the configuration. */
typedef struct {
  char *module;
  char *type; /* what the service API calls it */
  BrevetAuthority *authority;
} BrevetConfiguredAuthority;

/* An instance made from a stored document, good for one version of it. */
typedef struct {
  char *etag;
  BrevetAuthority *authority;
} BrevetMadeAuthority;

/* A version of which it is known that the store has it. */
typedef struct {
  char *digest;      /* of what is to be trusted, NULL if that is not known */
  gint64 noted_at;   /* when that was brought up to date, seconds since 1970-01-01 UTC */
  gboolean is_noted; /* the name stands for it, and the store says so */
} BrevetNotedVersion;

struct _BrevetAuthorityPool
{
  GObject parent_instance;

  BrevetRegistry *registry; /* main thread only */
  BrevetStore *store;
  BrevetAuthorityTraffics *traffics;
  BrevetSecretSeal *seal;
  gboolean is_to_read; /* nothing is written */
  int has_plain_keys;  /* atomic: API keys in the store could not be sealed yet */

  /* Immutable once the pool is made. */
  GHashTable *modules;    /* certificateAuthorityType → module */
  GHashTable *configured; /* folded name → BrevetConfiguredAuthority */
  GPtrArray *names;       /* of configured groups, in their order, zero-terminated */
  GHashTable *defaults;   /* module → BrevetSettings of `[plugin MODULE]` */

  GMutex mutex;
  GHashTable *made;    /* folded name → BrevetMadeAuthority */
  GHashTable *earlier; /* key of the version → BrevetAuthority: those that names no longer stand for */
  GHashTable *noted;   /* key of the version → BrevetNotedVersion */
};

BrevetAuthority *brevet_authority_new (const char *name, BrevetCaBackend *backend, BrevetIssuanceCheck *check,
                                       BrevetAuthorityTraffic *traffic);

/* An authority with the traffic that goes by its name, which has the limits of @settings if nobody has asked this CA before. */
BrevetAuthority *brevet_authority_pool_make (BrevetAuthorityPool *self, const char *name, BrevetCaBackend *backend,
                                             BrevetIssuanceCheck *check, BrevetSettings *settings, GError **error);

/* What is known of a version; under the mutex. Never NULL. */
BrevetNotedVersion *brevet_authority_pool_look_up_noted (BrevetAuthorityPool *self, const char *name, const char *identity);

/**
 * brevet_authority_pool_make_earlier_async:
 *
 * Makes a CA that @name stood for earlier, or finds it made. Answered as brevet_authority_pool_resolve_async().
 */
void brevet_authority_pool_make_earlier_async (BrevetAuthorityPool *self, const char *name, const char *identity,
                                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

BrevetAuthority *brevet_authority_pool_make_earlier_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error);

/**
 * brevet_authority_pool_read_defaults:
 *
 * Reads the groups `[plugin ca-…]`: what certificate authorities that come with a profile and an API key alone have in common.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
gboolean brevet_authority_pool_read_defaults (BrevetAuthorityPool *self, BrevetConfig *config, GError **error);

/**
 * brevet_authority_pool_make_from_document:
 *
 * On the main thread.
 *
 * Returns: (transfer full) (nullable): an authority of what the operator has said for its plugin and the members of @document,
 *   which stands for itself
 */
BrevetAuthority *brevet_authority_pool_make_from_document (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document,
                                                           GError **error);

/* The API key of @document, opened if need be; NULL with an error if there is none, or it cannot be opened. */
BrevetSecret *brevet_authority_pool_open_api_key (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document,
                                                  GError **error);

/* The store says that the name stands for this CA, and for no other one. */
void brevet_authority_pool_set_noted (BrevetAuthorityPool *self, const BrevetAuthority *authority);

/* What was noted of the name does not hold any more. */
void brevet_authority_pool_forget_noted (BrevetAuthorityPool *self, const char *name);

/* Runs @function on the main thread, soon, whoever runs the main context then; it gets @task. */
void brevet_authority_pool_ask_main_thread (GTask *task, GSourceFunc function);

void brevet_configured_authority_free (BrevetConfiguredAuthority *self);

/**
 * brevet_authority_pool_add_group:
 *
 * Makes the backend of a group. On the main thread, while the pool is being made.
 *
 * Returns: %FALSE with an error that names file and line
 */
gboolean brevet_authority_pool_add_group (BrevetAuthorityPool *self, BrevetSettings *settings, GError **error);

/**
 * brevet_authority_pool_find_group:
 *
 * Returns: (transfer none) (nullable): the configured group of this name
 */
BrevetConfiguredAuthority *brevet_authority_pool_find_group (BrevetAuthorityPool *self, const char *name);

/**
 * brevet_authority_pool_list_groups:
 *
 * Returns: (transfer full) (nullable): the names of the groups of @module, for a message; %NULL if there are none
 */
char *brevet_authority_pool_list_groups (BrevetAuthorityPool *self, const char *module);

/**
 * brevet_authority_pool_choose_group:
 * @module: plugin of the document's type
 * @chosen: (out) (nullable) (transfer none): the group that @document means: the one that its profileName names, or without
 *   profileName the only one of @module; %NULL if it stands for itself
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if it has no profileName and there are several groups
 */
gboolean brevet_authority_pool_choose_group (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const char *module,
                                             BrevetConfiguredAuthority **chosen, GError **error);

G_END_DECLS
