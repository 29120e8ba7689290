/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tegata: the command for operators, approvers and administrators, with the security keys of this machine.
 */
#include "cli/program.h"

int main(int argc, char **argv)
{
    return tg_program(argc, argv, &tg_usb_devices);
}
