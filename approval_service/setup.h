/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEGATA_APPROVAL_SERVICE_SETUP_H
#define TEGATA_APPROVAL_SERVICE_SETUP_H

#include "approval_service/config.h"
#include "approval_service/service.h"

/* Takes over what may change while the service runs: the root signers, the enrolment token, the authority,
 * who may read metrics, the rate, the page, accounts and the certificate authority. On failure the service
 * stays as it was. */
int tg_service_configure(struct tg_service *service, const struct tg_service_config *config,
                         struct tg_error *error);

/* Starts the threads. Once, with signals blocked and privileges given up. */
int tg_service_start_workers(struct tg_service *service, const struct tg_service_config *config,
                             struct tg_error *error);

#endif
