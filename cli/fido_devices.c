/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The security keys at this machine's USB ports, as libfido2 finds them.
 */
#include "cli/security_key.h"

#include <stdio.h>
#include <string.h>

static void describe(const fido_dev_info_t *info, struct tg_security_device *device)
{
    const char *maker = fido_dev_info_manufacturer_string(info);
    const char *product = fido_dev_info_product_string(info);
    (void)snprintf(device->path, sizeof device->path, "%s", fido_dev_info_path(info));
    (void)snprintf(device->name, sizeof device->name, "%s%s%s", maker != NULL ? maker : "",
                   maker != NULL && *maker != '\0' ? " " : "", product != NULL ? product : "");
    if (device->name[strspn(device->name, " ")] == '\0')
        (void)snprintf(device->name, sizeof device->name, "security key");
}

static size_t list(void *context, struct tg_security_device *devices, size_t size)
{
    size_t found = 0;
    (void)context;
    fido_init(0);
    fido_dev_info_t *infos = fido_dev_info_new(size);
    if (infos == NULL || fido_dev_info_manifest(infos, size, &found) != FIDO_OK)
        found = 0;
    for (size_t i = 0; i < found; i++)
        describe(fido_dev_info_ptr(infos, i), &devices[i]);
    fido_dev_info_free(&infos, size);
    return found;
}

static fido_dev_t *open_device(void *context, const char *path)
{
    (void)context;
    fido_dev_t *device = fido_dev_new();
    if (device != NULL && fido_dev_open(device, path) != FIDO_OK)
        fido_dev_free(&device);
    return device;
}

const struct tg_security_devices tg_usb_devices = {.list = list, .open = open_device};
