/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libtasn1.h>

/* Made of revocation-list.asn when brevet is built. */
extern const asn1_static_node revocation_list_asn1_tab[];
