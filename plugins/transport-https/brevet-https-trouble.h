/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-https-exchange.h"

G_BEGIN_DECLS

/**
 * brevet_https_trouble_new:
 * @cause: what went wrong below us
 * @flags: what is wrong with the peer's certificate, 0 if nothing is
 *
 * Says in words of an operator why @peer gave no answer.
 *
 * Returns: (transfer full): an error of %BREVET_ERROR_UNREACHABLE naming host and port
 */
GError *brevet_https_trouble_new (const BrevetHttpsPeer *peer, const GError *cause, GTlsCertificateFlags flags);

/**
 * brevet_https_trouble_new_timeout:
 *
 * Returns: (transfer full): an error of %BREVET_ERROR_UNREACHABLE
 */
GError *brevet_https_trouble_new_timeout (const BrevetHttpsPeer *peer);

G_END_DECLS
