/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-key.h"
#include "brevet-x509-private.h"

G_BEGIN_DECLS

typedef struct _BrevetKeyToken BrevetKeyToken;

struct _BrevetKey
{
  gnutls_privkey_t privkey;
  gnutls_pubkey_t  pubkey;
  BrevetKeyToken  *token; /* NULL: in memory */
  char             spki_sha256[BREVET_SHA256_HEX_SIZE];

  gnutls_digest_algorithm_t digest;
};

BrevetKey *brevet_key_new    (void);
gboolean   brevet_key_finish (BrevetKey *self, gnutls_privkey_t privkey, GError **error);

void brevet_key_kind_get_parameters (BrevetKeyKind kind, gnutls_pk_algorithm_t *algorithm, unsigned int *bits);

/* brevet-key-token.c */
BrevetKey    *brevet_key_token_load    (const char *uri, BrevetSecret *pin, GError **error);
BrevetSecret *brevet_key_token_to_uri  (BrevetKeyToken *self);
GError       *brevet_key_token_explain (BrevetKeyToken *self, int code, const char *what);
void          brevet_key_token_free    (BrevetKeyToken *self);
void          brevet_key_token_close_all (void);

G_END_DECLS
