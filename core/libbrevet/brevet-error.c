/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-error.h"

static const GDBusErrorEntry entries[] = {
  { BREVET_ERROR_FAILED,         "org.brevet.Error.Failed" },
  { BREVET_ERROR_INVALID,        "org.brevet.Error.Invalid" },
  { BREVET_ERROR_REJECTED,       "org.brevet.Error.Rejected" },
  { BREVET_ERROR_UNREACHABLE,    "org.brevet.Error.Unreachable" },
  { BREVET_ERROR_NOT_CONFIGURED, "org.brevet.Error.NotConfigured" },
  { BREVET_ERROR_NOT_FOUND,      "org.brevet.Error.NotFound" },
  { BREVET_ERROR_CONFLICT,       "org.brevet.Error.Conflict" },
  { BREVET_ERROR_BUSY,           "org.brevet.Error.Busy" },
  { BREVET_ERROR_UNSUPPORTED,    "org.brevet.Error.Unsupported" },
  { BREVET_ERROR_CORRUPT,        "org.brevet.Error.Corrupt" },
  { BREVET_ERROR_UNTRUSTED,      "org.brevet.Error.Untrusted" },
};
G_STATIC_ASSERT (G_N_ELEMENTS (entries) == BREVET_ERROR_UNTRUSTED + 1);

GQuark
brevet_error_quark (void)
{
  static gsize quark;

  g_dbus_error_register_error_domain ("brevet-error-quark", &quark, entries, G_N_ELEMENTS (entries));
  return (GQuark) quark;
}
