/* SPDX-License-Identifier: BSD-2-Clause */
#include "certificate_authority/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1100 };

int tg_ca_user_find(const char *name, const char *key, uid_t *uid, struct tg_error *error)
{
    const struct passwd *user = getpwnam(name);
    *uid = (uid_t)-1;
    if (user == NULL)
        return tg_fail(error, TG_config_bad, "%s: there is no user %s: useradd --system --user-group %s", key,
                       name, name);
    *uid = user->pw_uid;
    return 0;
}

/* The user's own directory; one that is there stays as it is. */
static int make_directory(const char *path, const struct passwd *user, mode_t mode, struct tg_error *error)
{
    if (mkdir(path, mode) != 0)
        return errno == EEXIST
                   ? 0
                   : tg_fail(error, TG_config_bad, "%s: cannot create it: %s", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd >= 0 && fchown(fd, user->pw_uid, user->pw_gid) == 0 && fchmod(fd, mode) == 0
                     ? 0
                     : tg_fail(error, TG_config_bad, "%s: cannot set its owner: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return result;
}

static int make_directories(const struct passwd *user, const char *state, const char *socket,
                            struct tg_error *error)
{
    char parent[PATH_SIZE];
    (void)snprintf(parent, sizeof parent, "%s", socket);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent)
        *slash = '\0';
    if (make_directory(state, user, 0700, error) != 0)
        return -1;
    return make_directory(parent, user, 0755, error);
}

static int become(const char *name, const char *state, const char *socket, struct tg_error *error)
{
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return tg_fail(error, TG_config_bad,
                       "[service] user: there is no user %s: useradd --system --user-group %s", name, name);
    if (make_directories(user, state, socket, error) != 0)
        return -1;
    if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return tg_fail(error, TG_config_bad, "[service] user: cannot become %s: %s", name, strerror(errno));
    if (user->pw_uid != 0 && (geteuid() == 0 || setuid(0) == 0))
        return tg_fail(error, TG_internal_error, "root could not be given up");
    return 0;
}

static bool limit(__rlimit_resource_t resource, rlim_t most)
{
    const struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    return setrlimit(resource, &both) == 0;
}

int tg_ca_privileges_drop(const char *user, const char *state, const char *socket, rlim_t descriptors,
                          bool may_fork, struct tg_error *error)
{
    bool stays = strcmp(user, "root") == 0;
    if (geteuid() == 0 && !stays && become(user, state, socket, error) != 0)
        return -1;
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, descriptors) ||
        (!may_fork && !limit(RLIMIT_NPROC, 0)))
        return tg_fail(error, TG_internal_error, "setrlimit: %s", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        return tg_fail(error, TG_internal_error, "prctl: %s", strerror(errno));
    return 0;
}
