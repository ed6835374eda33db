/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* A small HTTPS server on a free port that behaves, or misbehaves, as the path asks for. One thread per connection. */

typedef struct _HttpsPeer HttpsPeer;

/* @name: whom its certificate is for; @authority, @authority_key: who signs it */
HttpsPeer *https_peer_new (const char *name, BrevetCertificate *authority, BrevetKey *authority_key, gboolean expired);
HttpsPeer *https_peer_new_mute (void);
void https_peer_free (HttpsPeer *self);

guint16 https_peer_get_port (HttpsPeer *self);

/* How often a path was asked for, and on how many connections anything was. */
guint https_peer_count_requests (HttpsPeer *self, const char *path);
guint https_peer_count_connections (HttpsPeer *self);

#define HTTPS_REDIRECT  "/redirect"    /* 302 to /echo */
#define HTTPS_DROP      "/drop"        /* reads the request and closes the connection */
#define HTTPS_CUT       "/cut"         /* closes in the middle of the body */
#define HTTPS_GARBAGE   "/garbage"     /* answers something that is not HTTP */
#define HTTPS_ENDLESS   "/endless"     /* chunks without an end */
#define HTTPS_GZIP      "/gzip"        /* claims to be compressed */
#define HTTPS_WHO       "/who"         /* the subject of the client's certificate in the header x-who */
#define HTTPS_CHALLENGE "/challenge"   /* 401 with www-authenticate */
#define HTTPS_LATER     "/later"       /* 503 with retry-after: a date in an hour */
#define HTTPS_SOON      "/soon"        /* 503 with retry-after: a date that is past */
#define HTTPS_SECONDS   "/seconds"     /* 503 with retry-after: 17 */
