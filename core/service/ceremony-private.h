/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ceremony.h"
#include "service-user.h"

struct _BrevetCeremony
{
  char             *config_path;
  BrevetConfig     *config;
  char             *name;
  BrevetSettings   *group; /* of config */
  char             *directory;
  char             *state_path;
  GKeyFile         *state;
  int               lock;
  gboolean          has_owner; /* the directory is another user's, and this is root */
  BrevetServiceUser owner;
};

gboolean brevet_ceremony_become_owner (BrevetCeremony *self, GError **error);

void brevet_ceremony_become_self (BrevetCeremony *self);
