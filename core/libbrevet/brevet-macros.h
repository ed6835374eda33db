/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include <gio/gio.h>

/**
 * BREVET_API:
 *
 * Marks a symbol as exported; everything else stays hidden in the library.
 */
#define BREVET_API __attribute__ ((visibility ("default"))) extern
