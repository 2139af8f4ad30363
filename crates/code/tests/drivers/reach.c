/* Ways from a call to an import, as a compiler makes them: case 32 of the specification and more. */
#include "ddi.h"

/* Declared a second time without dllimport, so that the linker makes a jump to the import. */
void *thunked(ULONG, SIZE_T, ULONG) __asm__("ExAllocatePoolWithQuotaTag");

typedef void *allocator(ULONG, SIZE_T, ULONG);

allocator *volatile chosen;
static allocator *const table[] = {thunked, thunked};

/* Three calls in a row: at -O2 one load of the slot may serve all. */
SITE(three_calls)(void) {
    KEEP(ExAllocatePoolWithTag(0, 16, TAG));     //= ExAllocatePoolWithTag 0=0
    KEEP(ExAllocatePoolWithTag(1, 32, TAG));     //= ExAllocatePoolWithTag 0=1
    KEEP(ExAllocatePoolWithTag(0x200, 64, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

SITE(calls_in_a_loop)(ULONG count) {
    for (ULONG i = 0; i < count; i++) {
        KEEP(ExAllocatePoolWithTag(0, i, TAG)); //= ExAllocatePoolWithTag 0=0
        KEEP(ExAllocatePoolWithTag(4, i, TAG)); //= ExAllocatePoolWithTag 0=4
    }
}

/* A tail call at -O2, an ordinary one at -O0. */
__attribute__((noinline, used)) void *case_32(SIZE_T size) {
    return ExAllocatePoolWithTag(0, size, TAG); //= case_32: ExAllocatePoolWithTag 0=0
}

__attribute__((noinline, used)) void *wrapper(ULONG type, SIZE_T size) {
    //= wrapper: ExAllocatePoolWithTag 0=0|0x200|parameter0
    //= wrapper: ExAllocatePoolWithTag 0=0 from=calls_wrapper
    //= wrapper: ExAllocatePoolWithTag 0=0x200 from=calls_wrapper
    //= wrapper: ExAllocatePoolWithTag 0=parameter0 from=?
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(calls_wrapper)(void) {
    KEEP(wrapper(0, 16));
    KEEP(wrapper(512, 16));
}

/* Arguments on the stack make a tail call impossible; at -O2 both calls become one. */
__attribute__((noinline, used)) void *maps(void *mdl, ULONG which) {
    if (which)
        //= maps: -O0 MmMapLockedPagesSpecifyCache 1=0 5=0x10
        return MmMapLockedPagesSpecifyCache(mdl, 0, 1, 0, 0, 0x10);
    //= maps: -O0 MmMapLockedPagesSpecifyCache 1=0 5=0x40000020
    //= maps: -O2 MmMapLockedPagesSpecifyCache 1=0 5=0x10|0x40000020
    return MmMapLockedPagesSpecifyCache(mdl, 0, 1, 0, 0, 0x40000020);
}

/* Through the linker's jump: case 33. */
SITE(case_33)(void) {
    KEEP(thunked(0, 16, TAG)); //= ExAllocatePoolWithQuotaTag 0=0
}

SITE(case_33_again)(ULONG type) {
    KEEP(thunked(type | 1, 16, TAG)); //= ExAllocatePoolWithQuotaTag 0=1+parameter0
}

SITE(through_constant_table)(ULONG which) {
    allocator *const volatile *entry = table;
    KEEP(entry[1](0x200, which, TAG)); //= ExAllocatePoolWithQuotaTag 0=0x200
}

/* The address goes into a variable: a use as a value. */
SITE(stores_address)(void) {
    chosen = ExAllocatePoolWithTag; //= ExAllocatePoolWithTag followed
}

SITE(calls_variable)(void) {
    KEEP(chosen(0, 16, TAG)); //= ExAllocatePoolWithTag 0=0
}

/* Jumped over by a comparison: the address is looked at, not called. */
SITE(compares_address)(allocator *other) {
    if (other == ExAllocatePoolWithTag) //= ExAllocatePoolWithTag data
        KEEP(64);
}

/* Functions without a frame have no unwind data at -O2; these are known by their addresses. */
void *const known_by_address[] = {(void *)case_32, (void *)wrapper, (void *)stores_address,
                                  (void *)compares_address};
