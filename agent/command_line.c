/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/sudo_gate.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 4096, PATH_SIZE = 256, ESCAPED_SIZE = 3 };

static const char cut_mark[] = "...";

/* Up to `size` bytes of the file; 0 if there is nothing to read. */
static size_t read_arguments(const char *path, char *out, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    while (used < size && (got = read(fd, out + used, size - used)) > 0)
        used += (size_t)got;
    (void)close(fd);
    return got < 0 ? 0 : used;
}

void tg_command_line(const char *proc_root, pid_t pid, char *out, size_t size)
{
    char path[PATH_SIZE];
    char bytes[READ_SIZE];
    size_t used = 0;
    (void)snprintf(path, sizeof path, "%s/%d/cmdline", proc_root, (int)pid);
    size_t length = read_arguments(path, bytes, sizeof bytes);
    bool whole = length < sizeof bytes;
    while (length > 0 && bytes[length - 1] == '\0')
        length--;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (used + ESCAPED_SIZE + sizeof cut_mark > size) {
            whole = false;
            break;
        }
        if (byte == '\0')
            out[used++] = ' ';
        else if (byte > 0x20 && byte <= 0x7e && byte != '%')
            out[used++] = (char)byte;
        else
            used += (size_t)snprintf(out + used, ESCAPED_SIZE + 1, "%%%02x", byte);
    }
    (void)snprintf(out + used, size - used, "%s", whole ? "" : cut_mark);
}
