/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-key.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What there is to know about a token and a key in it, for people who look for what is wrong. */

/**
 * brevet_token_describe:
 * @uri: PKCS#11 URI of a token, or of something in it
 *
 * Needs no PIN. Blocks.
 *
 * Returns: (transfer full) (nullable): an object with the members `module` (`name`, `path`, `description`, `manufacturer`,
 *   `version`), `token` (`label`, `manufacturer`, `model`, `serialNumber`, `slot`, and truth values for its state) and `mechanisms`
 *   (a list with `name`, `minimum`, `maximum`); %NULL with an error of brevet_key_load()
 */
BREVET_API
JsonObject *brevet_token_describe (const char *uri, GError **error);

/**
 * brevet_token_describe_key:
 * @key: the key of that URI
 * @uri: PKCS#11 URI that names a key
 * @pin: (nullable): PIN of the token's user
 *
 * Blocks.
 *
 * Returns: (transfer full) (nullable): an object with the members `label`, `id`, `sensitive`, `extractable`, `neverExtractable`,
 *   and `certificates`, a list of PEM texts of the certificates in the token that belong to the key; %NULL with an error of
 *   brevet_key_load()
 */
BREVET_API
JsonObject *brevet_token_describe_key (BrevetKey *key, const char *uri, BrevetSecret *pin, GError **error);

G_END_DECLS
