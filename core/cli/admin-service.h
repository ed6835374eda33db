/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-identifier.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetAdminOptions:
 * @connection_string_file: what `--connection-string-file` says
 * @ca_file: what `--ca-file` says
 * @timeout: what `--timeout` says, seconds
 * @json: print JSON
 *
 * The options of every command that talks to the service API.
 */
typedef struct {
  char *connection_string_file;
  char *ca_file;
  int timeout;
  gboolean json;
} BrevetAdminOptions;

void brevet_admin_options_clear (BrevetAdminOptions *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BrevetAdminOptions, brevet_admin_options_clear)

/**
 * brevet_admin_options_parse:
 * @extra: (nullable): options that only this command has
 * @description: text behind the options in `--help`; translatable
 * @arguments: what follows the options; each of its words is one positional argument
 *
 * brevet_command_parse() with the common options behind @extra.
 *
 * Returns: %FALSE if the command should stop now with @exit_code
 */
gboolean brevet_admin_options_parse (BrevetAdminOptions *self, const char *command, const char *arguments, int count,
                                     const GOptionEntry *extra, const char *description, int *argc, char ***argv, int *exit_code);

/**
 * BrevetAdminService:
 *
 * A service, as an operator's tool sees it: one request after the other over the service API (protocol/dps.md §10), each with a
 * token of its own.
 */
typedef struct _BrevetAdminService BrevetAdminService;

/**
 * brevet_admin_service_new:
 *
 * Reads the connection string from the file that the options name, else from the environment variable BREVET_CONNECTION_STRING. No
 * request is made yet.
 *
 * Returns: (transfer full) (nullable): the service; %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BrevetAdminService *brevet_admin_service_new (const BrevetAdminOptions *options, GError **error);

void brevet_admin_service_free (BrevetAdminService *self);

/**
 * brevet_admin_service_begin:
 * @minimum: how many positional arguments there must be
 * @maximum: how many there may be
 * @kind: what the first of them is, if there is one
 *
 * Reads the command line as brevet_admin_options_parse() does, and makes the service that the options name.
 *
 * Returns: (transfer full) (nullable): the service; %NULL if the command should stop now with @exit_code
 */
BrevetAdminService *brevet_admin_service_begin (BrevetAdminOptions *options, const char *command, const char *arguments,
                                                int minimum, int maximum, BrevetIdentifierKind kind, const GOptionEntry *extra,
                                                const char *description, int *argc, char ***argv, int *exit_code);

/**
 * brevet_admin_service_call:
 * @method: `GET`, `PUT`, `POST` or `DELETE`
 * @segments: (array zero-terminated=1): the path, not encoded
 * @if_match: (nullable): the version that must be there
 * @body: (nullable): what to send
 * @answer: (out) (nullable) (transfer full) (optional): the object in the reply, %NULL after an error
 *
 * Makes one request and waits for the reply.
 *
 * Returns: %FALSE with an error: %BREVET_ERROR_NOT_FOUND (404), %BREVET_ERROR_INVALID (400), %BREVET_ERROR_CONFLICT (409, 412),
 *   %BREVET_ERROR_REJECTED (401, 403, and what else is refused), %BREVET_ERROR_BUSY (429), %BREVET_ERROR_UNREACHABLE (5xx and no
 *   answer), %BREVET_ERROR_UNTRUSTED
 */
gboolean brevet_admin_service_call (BrevetAdminService *self, const char *method, const char *const *segments, const char *if_match,
                                    JsonObject *body, JsonObject **answer, GError **error);

/**
 * brevet_admin_service_list:
 * @segments: (array zero-terminated=1): the path, not encoded
 *
 * Fetches a list and waits for it. Says on standard error if records are missing in it because the service cannot read them.
 *
 * Returns: (transfer full) (nullable): the list; %NULL with an error of brevet_admin_service_call()
 */
JsonArray *brevet_admin_service_list (BrevetAdminService *self, const char *const *segments, GError **error);

/**
 * brevet_admin_service_list_page:
 * @segments: (array zero-terminated=1): the path, not encoded
 * @registration_id: (nullable): only what belongs to this device
 * @continuation: (inout): where the page begins, %NULL for the first; where the next one does, %NULL if this is the last
 *
 * Fetches a part of a list that may be long, and waits for it.
 *
 * Returns: (transfer full) (nullable): the part; %NULL with an error of brevet_admin_service_call()
 */
JsonArray *brevet_admin_service_list_page (BrevetAdminService *self, const char *const *segments, const char *registration_id,
                                           char **continuation, GError **error);

/**
 * brevet_admin_service_check_absent:
 * @segments: (array zero-terminated=1): the path of what is about to be created
 * @name: what the operator calls it
 *
 * Nothing is replaced unseen.
 *
 * Returns: %TRUE if there is no such thing; %FALSE with %BREVET_ERROR_CONFLICT if there is, or an error of
 *   brevet_admin_service_call()
 */
gboolean brevet_admin_service_check_absent (BrevetAdminService *self, const char *const *segments, const char *name,
                                            GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAdminService, brevet_admin_service_free)

G_END_DECLS
