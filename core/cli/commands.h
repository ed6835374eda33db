/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands of brevet; see BrevetCommand. */
int brevet_command_status (int argc, char **argv);
int brevet_command_provision (int argc, char **argv);
int brevet_command_renew (int argc, char **argv);
int brevet_command_reprovision (int argc, char **argv);
int brevet_command_show (int argc, char **argv);
int brevet_command_monitor (int argc, char **argv);
int brevet_command_send (int argc, char **argv);
int brevet_command_register (int argc, char **argv);
int brevet_command_admin (int argc, char **argv);
int brevet_command_admin_enrollment_create (int argc, char **argv);
int brevet_command_admin_enrollment_show (int argc, char **argv);
int brevet_command_admin_enrollment_delete (int argc, char **argv);
int brevet_command_admin_certificate_create (int argc, char **argv);
int brevet_command_admin_certificate_show (int argc, char **argv);
int brevet_command_admin_certificate_list (int argc, char **argv);
int brevet_command_admin_certificate_code (int argc, char **argv);
int brevet_command_admin_certificate_verify (int argc, char **argv);
int brevet_command_admin_certificate_delete (int argc, char **argv);
int brevet_command_admin_ca_status (int argc, char **argv);
int brevet_command_admin_ca_list (int argc, char **argv);
int brevet_command_admin_ca_show (int argc, char **argv);
int brevet_command_admin_ca_create (int argc, char **argv);
int brevet_command_admin_ca_delete (int argc, char **argv);
int brevet_command_admin_issued_list (int argc, char **argv);
int brevet_command_admin_issued_show (int argc, char **argv);
int brevet_command_admin_issued_revoke (int argc, char **argv);
int brevet_command_admin_trust_bundle_create (int argc, char **argv);
int brevet_command_admin_trust_bundle_show (int argc, char **argv);
int brevet_command_admin_trust_bundle_delete (int argc, char **argv);
int brevet_command_key (int argc, char **argv);
int brevet_command_tpm (int argc, char **argv);
