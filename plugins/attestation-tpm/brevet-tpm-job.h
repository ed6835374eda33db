/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-tpm-device.h"

G_BEGIN_DECLS

/**
 * BrevetTpmWork:
 * @tpm: an open conversation
 * @source: the object for which it is done; it lives as long as the work
 * @data: what it needs to know
 *
 * Something to be done with a TPM; on a thread that may block.
 *
 * Returns: (transfer full) (nullable): the result, or %NULL with @error set
 */
typedef gpointer (*BrevetTpmWork) (BrevetTpm *tpm, gpointer source, gpointer data, GError **error);

/**
 * BrevetTpmJob:
 * @tcti: which TPM; lives as long as the source object
 * @seconds: time limit
 * @work: what to do
 * @data: (transfer full) (nullable): what it needs to know
 * @data_free: (nullable): frees it
 * @result_free: frees a result that nobody takes
 */
typedef struct {
  const char    *tcti;
  guint          seconds;
  BrevetTpmWork  work;
  gpointer       data;
  GDestroyNotify data_free;
  GDestroyNotify result_free;
} BrevetTpmJob;

/**
 * brevet_tpm_job_run_async:
 * @source: whose TPM it is
 * @job: what to do; copied
 *
 * Works with a TPM on a thread, one at a time for each TPM of the process. A TPM that does not answer is given up when the time is
 * over: the thread stays behind with it until it answers, and who comes then waits for his time, too.
 */
void brevet_tpm_job_run_async (GObject *source, const BrevetTpmJob *job, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data);

/**
 * brevet_tpm_job_run_finish:
 *
 * Returns: (transfer full) (nullable): the result of the work, or %NULL with @error set, %BREVET_ERROR_BUSY if the time was over
 */
gpointer brevet_tpm_job_run_finish (GAsyncResult *result, GError **error);

G_END_DECLS
