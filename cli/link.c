/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/link.h"

static int check_person(const struct tg_cli *cli, const struct tg_policy *policy, struct tg_problem *problem)
{
    const char *name = cli->config.name;
    if (name[0] == '\0')
        return tg_problem_set(problem, TG_client_config,
                              "[person] name is not set in client.conf: write your name in the policy there");
    if (cli->config.key[0] == '\0')
        return tg_problem_set(problem, TG_client_config,
                              "[person] key is not set in client.conf: name your key file there");
    if (tg_policy_person(policy, name) == NULL)
        return tg_problem_set(problem, TG_requester_unknown, "%s ([person] name in client.conf)", name);
    return 0;
}

int tg_link_open(struct tg_cli *cli, enum tg_link_needs needs, struct tg_link *link,
                 struct tg_problem *problem)
{
    *link = (struct tg_link){0};
    if (tg_cli_configure(cli, problem) != 0 ||
        tg_client_open(&cli->config, &cli->means, &link->client, problem) != 0)
        return -1;
    if (needs == TG_LINK_SERVICE)
        return 0;
    if (tg_trust_fetch(link->client, &cli->config, &link->trusted, problem) == 0 &&
        (needs != TG_LINK_PERSON || check_person(cli, link->trusted.policy, problem) == 0))
        return 0;
    tg_link_close(link);
    return -1;
}

void tg_link_close(struct tg_link *link)
{
    tg_trusted_policy_clear(&link->trusted);
    tg_client_close(link->client);
    *link = (struct tg_link){0};
}
