/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The least that an AuthorizedPrincipalsCommand can do, to compare with: prints the account, which is the
 * principal.
 */
#include <stdio.h>

int main(int count, char **words)
{
    return count == 2 && puts(words[1]) >= 0 ? 0 : 1;
}
