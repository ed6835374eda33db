/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-versions.h"
#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "records.h"
#include "service-fixture.h"

#include <string.h>

G_BEGIN_DECLS

/* Configurations: without any CA, and what makes a local one of it. */
#define SERVICE_GROUP "[service]\nid-scope=0ne000A1B2C\nhost-names=dps.example.net\n[store main]\nfile=store.db\n" \
                      "[policy " OWNER "]\n" \
                      "primary-key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define CA_GROUP(name) "[ca " name "]\ntype=local\ncertificate=ca.pem\nkey=ca.key\n"

extern const char no_groups[]; /* SERVICE_GROUP */

/* Adds a case for a service of its own. */
void add (const char *path, const char *config, void (*test) (Service *service, gconstpointer data));

/* A callback for what is waited for: keeps the result at user_data. */
void keep_result (GObject *source, GAsyncResult *result, gpointer user_data);

/* From the name to the CA, now or (with an identity) one that it stood for earlier. */
BrevetAuthority *resolve_as (Service *service, const char *name, const char *identity, GError **error);
BrevetAuthority *resolve (Service *service, const char *name, GError **error);

/* The name leads to this error, which says these words and no secret. */
void assert_refused (Service *service, const char *name, GQuark domain, int code, const char *words);

/* An operator's PUT of a CA that is made of the stored members alone. */
void put_members (Service *service, const char *name, const char *profile, const char *key);

/* The API key that an authority works with. */
const char *get_key (BrevetAuthority *authority);

/* A new configuration over the same store, as after a reload or a restart. */
void configure_anew (Service *service, const char *text);

G_END_DECLS
