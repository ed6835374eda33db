/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

#include "brevet-key-private.h"
#include "brevet-pkcs11.h"

#include <p11-kit/p11-kit.h>

/*
 * A token that is missed is looked for anew here, for few modules notice by themselves that one has come. By the standard they look
 * when they are asked how long their list of slots is, which GnuTLS never asks (hardware that is plugged in). Some look only when
 * they are initialised: SoftHSM, which in addition gives up for good a token of which it could once not read or write a file, be it
 * that another process was just writing it. So first they are asked, and if that does not help, they are started anew.
 *
 * A module that is started anew loses all its sessions, and crashes if it is used meanwhile. So whoever uses tokens enters before
 * and leaves after, the keys that are open are closed, and it is done only while nobody else is in there: if somebody stays, it is
 * left to the next attempt.
 */

/* Who misses a token waits this long until nobody uses one, and whoever wants to use one waits for him. */
#define PATIENCE (G_TIME_SPAN_SECOND / 4)

/* Who wants to use one waits this long until the modules have started. */
#define START_PATIENCE 10

/* Between two starts; doubled as long as they bring nothing, since each of them costs the other keys their sessions. */
#define SHORTEST_PAUSE (1 * G_TIME_SPAN_SECOND)
#define LONGEST_PAUSE  (32 * G_TIME_SPAN_SECOND)

static GMutex lock;
static GCond changed;
static guint users;
static guint waiting; /* for nobody to be in there */
static gboolean starting;
static guint n_starts;
static GHashTable *started; /* modules, for the one who starts them */
static gint64 next_start;
static gint64 pause_between = SHORTEST_PAUSE;

/* How often this thread has entered. */
static _Thread_local guint depth;

gboolean
brevet_pkcs11_hold (GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  gint64 end = g_get_monotonic_time () + START_PATIENCE * G_TIME_SPAN_SECOND;

  while ((starting || (waiting > 0 && depth == 0)) && g_cond_wait_until (&changed, &lock, end))
    ;
  if (starting)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE,
                   "The PKCS#11 modules are started anew to find a token that is not there, and one of them has not answered for "
                   "%d seconds; if that does not pass, look at the devices and their services, and restart the program",
                   START_PATIENCE);
      return FALSE;
    }
  users++;
  return TRUE;
}

void
brevet_pkcs11_release (void)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  /* Each signature comes by here: nobody is woken who does not wait. */
  if (--users == 0 && waiting > 0)
    g_cond_broadcast (&changed);
}

/*
 * brevet_token_enter:
 *
 * To be called before tokens are used, and after brevet_token_find(); may be nested.
 *
 * Returns: %FALSE with %BREVET_ERROR_UNREACHABLE if the modules do not come to an end with starting anew
 */
gboolean
brevet_token_enter (GError **error)
{
  if (!brevet_pkcs11_hold (error))
    return FALSE;
  depth++;
  return TRUE;
}

void
brevet_token_leave (void)
{
  depth--;
  brevet_pkcs11_release ();
}

static gboolean
is_missing (const char *uri)
{
  unsigned int flags;
  int code = brevet_token_get_flags (uri, &flags);

  return code < 0 && code != GNUTLS_E_PARSING_ERROR;
}

static CK_FUNCTION_LIST **
load_modules (char **names)
{
  CK_FUNCTION_LIST **modules = g_new0 (CK_FUNCTION_LIST *, g_strv_length (names) + 1);
  gsize n_modules = 0;

  for (gsize i = 0; names[i] != NULL; i++)
    {
      modules[n_modules] = p11_kit_module_load (names[i], P11_KIT_MODULE_UNMANAGED);
      if (modules[n_modules] != NULL)
        n_modules++;
    }
  return modules;
}

typedef void (*ModuleFunc) (CK_FUNCTION_LIST *module);

/* The modules themselves, and not the wrapping of p11-kit that GnuTLS has and does not hand out: it would count who uses them, and
 * keep them running. Those that hold the system's trusted certificates are not for keys, and others use them. */
static void
foreach_module (char **names, ModuleFunc func)
{
  g_autofree CK_FUNCTION_LIST **modules = names == NULL ? p11_kit_modules_load (NULL, P11_KIT_MODULE_UNMANAGED)
                                                        : load_modules (names);

  for (gsize i = 0; modules != NULL && modules[i] != NULL; i++)
    {
      if ((p11_kit_module_get_flags (modules[i]) & P11_KIT_MODULE_TRUSTED) == 0)
        func (modules[i]);
      p11_kit_module_release (modules[i]);
    }
}

static void
ask_for_slots (CK_FUNCTION_LIST *module)
{
  unsigned long n_slots;

  module->C_GetSlotList (CK_FALSE, NULL, &n_slots);
}

/* As GnuTLS does it, and only what GnuTLS could start: the others it does not use. A module that cannot start this time says so to
 * whoever asks it, and may be able to the next time. */
static void
start_anew (CK_FUNCTION_LIST *module)
{
  CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK };
  g_autofree char *reserved = NULL;
  CK_RV result;

  if (started == NULL)
    started = g_hash_table_new (NULL, NULL);
  if (module->C_Finalize (NULL) == CKR_OK)
    g_hash_table_add (started, module);
  if (!g_hash_table_contains (started, module))
    return;
  /* Some do not start without what p11-kit's configuration has for them. */
  reserved = p11_kit_config_option (module, "x-init-reserved");
  arguments.pReserved = reserved;
  result = module->C_Initialize (&arguments);
  if (result == CKR_NEED_TO_CREATE_THREADS || result == CKR_CANT_LOCK)
    module->C_Initialize (NULL);
}

/* Returns: whether the token is still missing */
static gboolean
look (const char *uri, char **names, guint *starts)
{
  gboolean missing;

  if (!brevet_token_enter (NULL))
    return FALSE;
  *starts = n_starts;
  missing = is_missing (uri);
  if (missing)
    {
      foreach_module (names, ask_for_slots);
      missing = is_missing (uri);
    }
  brevet_token_leave ();
  return missing;
}

static gboolean
begin_start (guint starts)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  gint64 now = g_get_monotonic_time ();

  if (now < next_start)
    return FALSE;
  waiting++;
  while (n_starts == starts && (starting || users > 0) && g_cond_wait_until (&changed, &lock, now + PATIENCE))
    ;
  waiting--;
  g_cond_broadcast (&changed);
  /* Somebody else has looked meanwhile, or stays in there: then others need not wait for that, too. */
  if (n_starts == starts && (starting || users > 0))
    next_start = g_get_monotonic_time () + pause_between;
  if (n_starts != starts || starting || users > 0)
    return FALSE;
  starting = TRUE;
  return TRUE;
}

static void
end_start (gboolean missing)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  pause_between = missing ? MIN (2 * pause_between, LONGEST_PAUSE) : SHORTEST_PAUSE;
  next_start = g_get_monotonic_time () + pause_between;
  n_starts++;
  starting = FALSE;
  g_cond_broadcast (&changed);
}

/*
 * brevet_token_find:
 * @uri: of a token, or of what is in one
 *
 * To be called before a token is used for anything but signing with a key that is open. If the token is not there, the modules are
 * made to look for it; whether it is there then is for the caller to see.
 */
void
brevet_token_find (const char *uri)
{
  g_auto(GStrv) names = NULL;
  guint starts;
  gboolean missing;

  /* Who is in there already would be in the way. */
  if (depth > 0)
    return;
  /* Before the start: who adds a module to them may be waiting for its end. */
  names = brevet_pkcs11_get_modules ();
  if (!look (uri, names, &starts) || !begin_start (starts))
    return;
  brevet_key_token_close_all ();
  foreach_module (names, start_anew);
  missing = is_missing (uri);
  end_start (missing);
  if (!missing)
    g_message ("A token that was not there is, now that the PKCS#11 modules were started anew");
}
