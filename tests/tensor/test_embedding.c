/* SPDX-License-Identifier: MIT */
#include "tensor/kernel_case.h"

static const um_real ids[] = { 2, 0, 2 };

static void rows_are_looked_up_by_number(void **state)
{
    (void)state;
    const um_real table[] = { 1, 2, 3, 4, 5, 6 };
    const um_kernels *k;
    for (int i = 0; (k = case_tier(i)); i++) {
        kernel_case c = { 0 };
        um_real *y = case_empty(&c, 6, UNALIGNED);
        k->embedding(3, 2, table, ids, y);
        const um_real right[] = { 5, 6, 1, 2, 5, 6 };
        case_same_bits(k->isa, 6, y, right);
        case_end(&c);
    }
}

static void gradients_of_a_row_add_up_in_order(void **state)
{
    (void)state;
    const um_real dy[] = { 1, 10, 2, 20, 3, 30 };
    const um_kernels *k;
    for (int i = 0; (k = case_tier(i)); i++)
        for (int add = 0; add < 2; add++) {
            const um_real start = add ? 100 : 0;
            const um_real right[] = { start + 2, start + 20, start, start, start + 4, start + 40 };
            kernel_case c = { 0 };
            um_real *dtable = case_empty(&c, 6, UNALIGNED);
            for (int j = 0; add && j < 6; j++) dtable[j] = 100;
            k->embedding_vjp(3, 3, 2, dy, ids, dtable, add);
            case_same_bits(k->isa, 6, dtable, right);
            case_end(&c);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_looked_up_by_number),
        cmocka_unit_test(gradients_of_a_row_add_up_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
