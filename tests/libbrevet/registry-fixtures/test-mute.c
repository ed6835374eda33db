/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A module that can be opened but is no plugin: it has no peas_register_types(). */
int test_mute (void);

int
test_mute (void)
{
  return 0;
}
