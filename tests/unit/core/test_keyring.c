/* What the ring does when the store does not answer. */
#include "core_fixture.h"

#include "core/change.h"

/* T-031, U12: a key that was withdrawn must not live on because the store was
 * away when this process heard of it. */
CORE_TEST(keyring, a_reload_that_failed_is_tried_again)
{
    uint64_t before = keyring_version();

    torture_fail(0, E_TIMED_OUT);
    change_tell(CHANGE_KEYS, default_tenant, UUID_NIL);
    for (unsigned i = 0; i < 40 && keyring_version() == before; i++)
        cr_assert(fiber_sleep(50, NO_DEADLINE) == OK);
    cr_assert(torture_hit());
    cr_assert_gt(keyring_version(), before);
    cr_assert(keyring_active());
}

CORE_TEST(keyring, it_is_read_again_when_changes_were_missed)
{
    uint64_t before = keyring_version();

    change_tell(CHANGE_ANY, UUID_NIL, UUID_NIL);
    for (unsigned i = 0; i < 40 && keyring_version() == before; i++)
        cr_assert(fiber_sleep(50, NO_DEADLINE) == OK);
    cr_assert_gt(keyring_version(), before);
}
