/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Getting a login certificate: password, then a touch that names the very key to be certified.
 */
#ifndef TEGATA_CLI_LOGIN_H
#define TEGATA_CLI_LOGIN_H

#include "cli/link.h"

struct tg_login_wish {
    uint32_t seconds; /* how long it is to live; 0: as the policy says */
    bool web;         /* the person does it on the approval page */
    bool open;        /* and the page is opened by xdg-open(1) */
    bool agent;       /* into ssh-agent in any case */
};

/* Gets one, checks it (cli/login_certificate.h), keeps it beside the key and, where asked or where the agent
 * holds the key, in ssh-agent with its lifetime. Says on cli->err until when it is good. */
int tg_login(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
             struct tg_problem *problem);

/* Takes a certificate line of the service: the second half of tg_login(). */
int tg_login_take(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
                  const struct tg_public_key *key, const char *line, struct tg_problem *problem);

/* The approval page's way (cli/login_web.c): tells where it is and waits until a certificate for the key has
 * been issued there. On 0, *line is malloc'ed. */
int tg_login_on_page(struct tg_cli *cli, struct tg_link *link, const struct tg_login_wish *wish,
                     const struct tg_public_key *key, char **line, struct tg_problem *problem);

#endif
