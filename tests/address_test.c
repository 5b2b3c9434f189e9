/* address_test.c - what an address says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fairlead/node.h>

static void test_loopback_is_told_from_the_rest(void **state)
{
    (void)state;
    static const char *const here[] = {"127.0.0.1:7600", "127.9.8.7:1", "127.1:7600", "[::1]:7600",
                                       "localhost:7600"};
    static const char *const elsewhere[] = {"0.0.0.0:7600",
                                            "10.127.0.1:7600",
                                            "127.example.com:7600",
                                            "127.0.0.1.nip:7600",
                                            "[::]:7600",
                                            "localhost.example:7600",
                                            "",
                                            "127.0.0.1"};
    for (size_t k = 0; k < sizeof here / sizeof *here; k++)
        assert_true(fl_address_is_loopback(here[k]));
    for (size_t k = 0; k < sizeof elsewhere / sizeof *elsewhere; k++)
        assert_false(fl_address_is_loopback(elsewhere[k]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_is_told_from_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
