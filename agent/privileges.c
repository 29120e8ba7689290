/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, RAISED_PRIORITY = -10 };

int tg_user_find(const struct tg_host_config *config, struct tg_user *user, struct tg_error *error)
{
    *user = (struct tg_user){.uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0)
        return 0;
    const struct passwd *entry = getpwnam(config->user);
    if (entry == NULL)
        return tg_fail(
            error, TG_config_bad,
            "[agent] user: there is no user %s: useradd --system --user-group --shell /usr/sbin/nologin %s",
            config->user, config->user);
    *user = (struct tg_user){.uid = entry->pw_uid, .gid = entry->pw_gid};
    return 0;
}

int tg_directory_prepare(const char *path, const struct tg_user *user, mode_t mode, struct tg_error *error)
{
    struct stat status;
    bool made = mkdir(path, mode) == 0;
    if (!made && errno != EEXIST)
        return tg_fail(error, TG_config_bad, "%s: cannot create it: %s", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return tg_fail(error, TG_config_bad, "%s: cannot open it as a directory: %s", path, strerror(errno));
    int result = 0;
    /* The mode again, because of the umask. */
    if (made && (fchown(fd, user->uid, user->gid) != 0 || fchmod(fd, mode) != 0))
        result = tg_fail(error, TG_config_bad, "%s: cannot set its owner: %s", path, strerror(errno));
    else if (fstat(fd, &status) != 0 || status.st_uid != user->uid || (status.st_mode & 022) != 0)
        result =
            tg_fail(error, TG_config_bad,
                    "%s: must belong to uid %u and be writable by nobody else: chown %u %s; chmod go-w %s",
                    path, user->uid, user->uid, path, path);
    (void)close(fd);
    return result;
}

/* Does somebody answer there? A socket file that was left behind refuses connections. */
static bool is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        (void)close(fd);
    return alive;
}

/* The file gets its mode and group as it is made, not by its name afterwards: the directory is the agent
 * user's, who could put a link in its place in between and have root change another file. */
static bool bind_for_group(int listener, const struct sockaddr_un *address, gid_t group)
{
    gid_t old_group = getegid();
    mode_t old_mask = umask(0117);
    bool bound =
        setegid(group) == 0 && bind(listener, (const struct sockaddr *)address, sizeof *address) == 0;
    int cause = errno;
    (void)umask(old_mask);
    bool back = setegid(old_group) == 0;
    errno = bound ? errno : cause;
    return bound && back;
}

int tg_socket_bind(const char *path, const struct tg_user *user, int *fd, struct tg_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *fd = -1;
    if (strlen(path) >= sizeof address.sun_path)
        return tg_fail(error, TG_config_bad, "[agent] socket: %s: longer than %zu bytes", path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (is_alive(&address))
        return tg_fail(error, TG_config_bad, "%s: another tegatad answers there", path);
    (void)unlink(path);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener >= 0 && bind_for_group(listener, &address, user->gid) && listen(listener, BACKLOG) == 0) {
        *fd = listener;
        return 0;
    }
    int cause = errno;
    if (listener >= 0)
        (void)close(listener);
    return tg_fail(error, TG_config_bad, "%s: cannot listen: %s", path, strerror(cause));
}

void tg_descriptors_allow(rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    if (limit.rlim_max < wanted && geteuid() == 0)
        limit.rlim_max = wanted;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void tg_priority_raise(void)
{
    if (geteuid() == 0)
        (void)setpriority(PRIO_PROCESS, 0, RAISED_PRIORITY);
}

/* CAP_KILL, to end processes of sessions; CAP_NET_ADMIN, for the network rules of confined accounts. Where
 * root itself is without the latter, as in many containers, only those accounts cannot be used. */
static bool keep_capabilities(void)
{
    static const cap_value_t kept[] = {CAP_KILL, CAP_NET_ADMIN};
    cap_t now = cap_get_proc();
    cap_t capabilities = cap_init();
    cap_flag_value_t has_network = CAP_CLEAR;
    bool ok = now != NULL && capabilities != NULL &&
              cap_get_flag(now, CAP_NET_ADMIN, CAP_PERMITTED, &has_network) == 0;
    int count = has_network == CAP_SET ? 2 : 1;
    ok = ok && cap_set_flag(capabilities, CAP_PERMITTED, count, kept, CAP_SET) == 0 &&
         cap_set_flag(capabilities, CAP_EFFECTIVE, count, kept, CAP_SET) == 0 &&
         cap_set_proc(capabilities) == 0;
    (void)cap_free(now);
    (void)cap_free(capabilities);
    return ok;
}

/* Terminals are writable for their owner and the group tty: sessions are told of their end on them. */
static bool keep_only_group_tty(void)
{
    const struct group *tty = getgrnam("tty");
    gid_t group = tty == NULL ? 0 : tty->gr_gid;
    return setgroups(tty == NULL ? 0 : 1, &group) == 0;
}

static bool become(const struct tg_user *user)
{
    return prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) == 0 && keep_only_group_tty() &&
           setresgid(user->gid, user->gid, user->gid) == 0 &&
           setresuid(user->uid, user->uid, user->uid) == 0 && keep_capabilities() &&
           prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) == 0;
}

int tg_privileges_drop(const struct tg_user *user, struct tg_error *error)
{
    if (geteuid() == 0 && user->uid != 0 && !become(user))
        return tg_fail(error, TG_internal_error, "cannot become uid %u: %s", user->uid, strerror(errno));
    /* uid 0 must be out of reach now, whatever the calls above said. */
    if (user->uid != 0 && (geteuid() == 0 || setuid(0) == 0))
        return tg_fail(error, TG_internal_error, "root could not be given up");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        return tg_fail(error, TG_internal_error, "prctl: %s", strerror(errno));
    return 0;
}
