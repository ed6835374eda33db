/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

/* What every transport must do, whatever it speaks; and what every transport over a network must do beside that. */

typedef enum {
  TRANSPORT_PEER_GOOD,         /* answers, see below */
  TRANSPORT_PEER_ABSENT,       /* nobody listens */
  TRANSPORT_PEER_MUTE,         /* accepts a connection and says nothing */
  TRANSPORT_PEER_FOREIGN,      /* its certificate is from an authority that is not trusted */
  TRANSPORT_PEER_MISNAMED,     /* its certificate is for another host */
  TRANSPORT_PEER_EXPIRED,      /* its certificate has expired */
} TransportPeer;

/* What the good peer is asked for. */
typedef enum {
  TRANSPORT_QUESTION_ECHO,     /* answered with 200, and with what was sent as far as check_echo can tell; each may be sent twice */
  TRANSPORT_QUESTION_MISSING,  /* answered with 404 and a body */
  TRANSPORT_QUESTION_NEVER,    /* not answered as long as the test lasts */
  TRANSPORT_QUESTION_LARGE,    /* answered with more than a transport takes; over a network */
} TransportQuestion;

/* A good peer in a network answers these paths: */
#define TRANSPORT_ECHO    "/echo"      /* 200, the request's body; header x-seen: method, path, query, prefer, authorization */
#define TRANSPORT_MISSING "/missing"   /* 404 with a body */
#define TRANSPORT_NEVER   "/never"     /* never answers */
#define TRANSPORT_LARGE   "/large"     /* a body of more than 1 MiB */

typedef struct {
  const char *plugin;                                              /* name in the test paths */
  gpointer (*set_up) (void);
  BrevetTransport *(*create) (gpointer world, TransportPeer peer, guint timeout);
  BrevetRequest *(*make_request) (gpointer world, TransportQuestion question);   /* from any thread */
  void (*check_echo) (gpointer world, BrevetRequest *request, BrevetReply *reply);
  void (*tear_down) (gpointer world);
} TransportSuite;

typedef struct {
  const TransportSuite *suite;
  gpointer world;
} TransportFixture;

typedef void (*TransportTest) (TransportFixture *fixture, gconstpointer suite);

/* For every transport; and for those over a network. */
void transport_suite_add (const TransportSuite *suite);
void transport_suite_add_network (const TransportSuite *suite);
void transport_suite_add_test (const TransportSuite *suite, const char *name, TransportTest test);

/* Sends one request and waits. */
BrevetReply *transport_exchange (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable, GError **error);
BrevetReply *transport_ask (BrevetTransport *transport, const char *path, GError **error);

/* The error says that nobody was reached, where that was, and why. */
void transport_assert_error (const GError *error, BrevetError code, const char *reason);
