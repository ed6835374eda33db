/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-error.h"
#include "brevet-secret.h"
#include "brevet-token.h"

#include <gnutls/pkcs11.h>

G_BEGIN_DECLS

/* brevet-token-uri.c: parts of PKCS#11 URIs. What brevet_token_uri_build() makes may hold a PIN: brevet_secret_free_text(). */
gboolean  brevet_token_uri_names_object (const char *uri);
char     *brevet_token_uri_find_unknown (const char *uri);
char     *brevet_token_uri_get          (const char *uri, const char *attribute);
char     *brevet_token_uri_get_query    (const char *uri, const char *attribute);
gboolean  brevet_token_uri_has_pin      (const char *uri);
char     *brevet_token_uri_without_pin  (const char *uri);
char     *brevet_token_uri_get_pin_file (const char *uri);
char     *brevet_token_uri_build        (const char *uri, const char *label, const char *type, BrevetSecret *pin,
                                         gboolean keep_pin);
char     *brevet_token_uri_with_pin     (const char *uri, BrevetSecret *pin);

BrevetSecret *brevet_token_uri_find_pin (const char *uri, BrevetSecret *pin);

/* brevet-token-trouble.c: the words for everything that goes wrong with tokens. */
GError   *brevet_token_trouble          (const char *uri, BrevetSecret *pin, int code, const char *what);

/* brevet-token-refusals.c */
void      brevet_token_remember_refused (const char *uri, BrevetSecret *pin);
gboolean  brevet_token_pin_was_refused  (const char *uri, BrevetSecret *pin);
gboolean  brevet_token_may_try          (unsigned int flags);
char     *brevet_token_get_refused_file (void);

/* brevet-pkcs11.c, brevet-token-modules.c: who uses tokens, and tokens that were away. */
char    **brevet_pkcs11_get_modules     (void);
gboolean  brevet_token_enter            (GError **error);
void      brevet_token_leave            (void);
void      brevet_token_find             (const char *uri);

/* brevet-token-place.c: where tokens are kept, and whether this process may go there. */
char     *brevet_token_find_obstacle    (void);

/* brevet-token.c */
int        brevet_token_get_flags       (const char *uri, unsigned int *flags);
GPtrArray *brevet_token_list_labels     (const char *uri, BrevetSecret *pin, const char *prefix, int *code);

G_END_DECLS
