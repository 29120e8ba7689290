/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/teardown.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tg_teardown_check(const char *path, struct tg_error *error)
{
    struct stat status;
    if (path[0] != '/')
        return tg_fail(error, TG_config_bad, "[host] teardown: %s: must be an absolute path", path);
    if (stat(path, &status) != 0)
        return tg_fail(error, TG_config_bad, "[host] teardown: %s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return tg_fail(error, TG_config_bad, "[host] teardown: %s: is no program: chmod 755", path);
    if (status.st_uid != 0 || (status.st_mode & 022) != 0)
        return tg_fail(error, TG_config_bad,
                       "[host] teardown: %s: must belong to root and be writable by nobody else: chown "
                       "root:root; chmod 755",
                       path);
    return 0;
}
