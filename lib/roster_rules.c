/* SPDX-License-Identifier: BSD-2-Clause */
#include <config.h>

#include "lib/roster_reader.h"

#include <string.h>

enum {
    DYNAMIC_FIRST = 61184, /* systemd's DynamicUser= range begins here */
    DYNAMIC_LAST = 65535,  /* nobody is 65534; 65535 is (uid_t)-1 in 16 bits */
};

/* A person of such a name has an own group of that name, to which default configurations give root's powers
 * (sudoers, polkit) or raw devices (udev) on hosts whose own files do not hold the name. */
static const char *const reserved_names[] = {
    "root", "wheel", "sudo", "admin", "adm",    "disk",    "shadow",
    "kmem", "mem",   "tty",  "utmp",  "nobody", "nogroup",
};

bool tg_roster_name_allowed(const char *name)
{
    size_t length = strnlen(name, TG_ROSTER_NAME_MAX + 1);
    if (length == 0 || length > TG_ROSTER_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        char byte = name[i];
        bool first = (byte >= 'a' && byte <= 'z') || byte == '_';
        bool later = (byte >= '0' && byte <= '9') || byte == '-';
        if (!first && !(later && i > 0))
            return false;
    }
    for (size_t i = 0; i < sizeof reserved_names / sizeof reserved_names[0]; i++) {
        if (strcmp(name, reserved_names[i]) == 0)
            return false;
    }
    return true;
}

bool tg_roster_id_allowed(uint32_t id)
{
    return id >= TG_FIRST_UID && id <= INT32_MAX && !(id >= DYNAMIC_FIRST && id <= DYNAMIC_LAST);
}

bool tg_roster_text_allowed(const char *text)
{
    size_t length = strnlen(text, TG_ROSTER_STRING_MAX + 1);
    if (length > TG_ROSTER_STRING_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7f || byte == ':')
            return false;
    }
    return true;
}
