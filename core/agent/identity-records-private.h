/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity-records.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Where a generation is stored. */
typedef enum {
  BREVET_PLACE_CURRENT,
  BREVET_PLACE_PREVIOUS,
  BREVET_PLACE_STAGED,
  BREVET_N_PLACES,
} BrevetPlace;

/* How many records a generation has at most, with the memory and what is known of tokens. */
#define BREVET_N_RECORD_NAMES 7

struct _BrevetIdentityRecords
{
  GObject           parent_instance;

  BrevetStore      *store;
  char             *name;
  char             *trust_bundle_name;
  char             *collections[BREVET_N_PLACES];
  GHashTable       *names[BREVET_N_PLACES]; /* of the records that are there, as far as known */
  BrevetGeneration *current;                /* as it is stored */
  gboolean          needs_repair;           /* it is not stored the way it should be: all of it goes into the next commit */
  GError           *untouchable;            /* why nothing may be written */
  char             *installation;           /* part of the labels of keys in tokens; NULL until there is one */
  GPtrArray        *tokens;                 /* URIs of those that may have keys of this identity */
  gboolean          tokens_changed;         /* since they were stored */
};

/* The names of all records that may be there. */
void brevet_identity_records_list_names (BrevetIdentityRecords *self, const char *names[BREVET_N_RECORD_NAMES]);

/* How the records of an identity are written and read. An error of %BREVET_ERROR_UNSUPPORTED means that a newer brevet wrote them:
 * they are whole, and not to be touched. */

/* The format of what an older brevet does not understand: a generation whose key is in a token. */
#define BREVET_IDENTITY_JSON_FORMAT_TOKEN 2

/* Begins an object of this version. */
JsonObject *brevet_identity_json_new (void);

/* Reads an object, and looks whether this version can read it. @what is named in errors. */
JsonObject *brevet_identity_json_parse (GBytes *body, const char *what, GError **error);

/* A whole number, 0 if it is absent. */
gboolean brevet_identity_json_get_int (JsonObject *object, const char *member, gint64 minimum, gint64 *value, GError **error);

/* A text, %NULL if it is absent. */
gboolean brevet_identity_json_dup_string (JsonObject *object, const char *member, char **value, GError **error);

void brevet_identity_json_set_string (JsonObject *object, const char *member, const char *value);

/* identity-records-tokens.c */

/* Takes what the record says, and what the generations do. @record: (nullable) */
gboolean brevet_identity_records_read_tokens (BrevetIdentityRecords *self, BrevetRecord *record, BrevetStoredIdentity *stored,
                                              GError **error);

void brevet_identity_records_put_tokens (BrevetIdentityRecords *self, BrevetBatch *batch);

void brevet_identity_records_add_token (BrevetIdentityRecords *self, const char *token);

GBytes *brevet_identity_memory_print (const BrevetIdentityMemory *self);

BrevetIdentityMemory *brevet_identity_memory_parse (GBytes *body, GError **error);

/*
 * brevet_generation_put:
 * @collection: where it goes
 * @trust_bundle_name: name of the record of its trust bundle
 * @whole: %FALSE if key, CSR and certificate are stored already
 * @names: gets the names of all its records, also of those that are stored already
 */
gboolean brevet_generation_put (BrevetGeneration *self, BrevetBatch *batch, const char *collection, const char *trust_bundle_name,
                                gboolean whole, GHashTable *names, GError **error);

/*
 * brevet_generation_read:
 * @records: (element-type utf8 BrevetRecord): all records of a collection by name
 * @trust_bundle_name: (out) (transfer full) (nullable): name under which its trust bundle is stored
 * @problem: (out) (transfer full) (nullable): why the trust bundle is left out
 *
 * Returns: the generation; %NULL without an error if there is none
 */
BrevetGeneration *brevet_generation_read (GHashTable *records, char **trust_bundle_name, char **problem, GError **error);

G_END_DECLS
