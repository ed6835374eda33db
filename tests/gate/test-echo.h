/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Makes the protocols `websocket/echo` and `websocket/lines` known to the gate:
 *
 * `echo` sends back what it receives, as it comes.
 *
 * `lines` reads one line at a time, takes nothing but whole ones, and answers with the line. Lines with a meaning: `close`,
 * `abort`, `big` (256 KiB come back), `busy` (a request is in flight until the next line), `hold` (reads nothing for half a second
 * and says so), `wait` (reads nothing any more). It prints `left lines` when it loses a connection. */
void test_echo_register (void);
