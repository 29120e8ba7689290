/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A resolv.conf, a list of name servers and a destination. What is taken must be the same when it is written
 * and read again.
 */
#include "agent/network_rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_network_rules rules = {0};
    struct tg_network_destination first, second;
    char again[TG_DESTINATION_SIZE];
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    tg_network_name_servers_of_file(text, &rules);
    (void)tg_network_name_servers_of_list(text, &rules);
    if (rules.name_server_count > TG_NAME_SERVERS_MAX)
        abort();
    if (tg_network_destination_parse(text, &first) &&
        (!tg_network_destination_parse(tg_network_destination_text(&first, again), &second) ||
         memcmp(&first.address, &second.address, sizeof first.address) != 0 || first.port != second.port))
        abort();
    free(text);
    return 0;
}
