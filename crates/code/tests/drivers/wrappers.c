/* Functions that hand on what their callers chose: cases 28 to 31 of the specification, and more. */
#include "ddi.h"

WRAPPER(case_28_wrapper)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithTag 0=0 from=case_28
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(case_28)(void) {
    KEEP(case_28_wrapper(0, 16));
}

/* The parameter moves from the first place to the second; a tail call at -O2. */
WRAPPER(case_29_inner)(SIZE_T size, ULONG type) {
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithTag 0=0 from=case_29>case_29_outer
    return ExAllocatePoolWithTag(type, size, TAG);
}

WRAPPER(case_29_outer)(ULONG type, SIZE_T size) {
    return case_29_inner(size + 8, type);
}

SITE(case_29)(void) {
    KEEP(case_29_outer(0, 16));
}

WRAPPER(case_30_wrapper)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0 from=case_30_executable
    //= ExAllocatePoolWithTag 0=0x200 from=case_30_fine
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(case_30_executable)(void) {
    KEEP(case_30_wrapper(0, 16));
}

SITE(case_30_fine)(void) {
    KEEP(case_30_wrapper(512, 16));
}

/* Two calls in one function are two routes. */
WRAPPER(called_twice)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0 from=calls_twice
    //= ExAllocatePoolWithTag 0=0x200 from=calls_twice
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(calls_twice)(void) {
    KEEP(called_twice(0, 16));
    KEEP(called_twice(512, 16));
}

/* Other modules may call it with anything. */
__declspec(dllexport) WRAPPER(case_31_exported)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0x200|parameter0
    //= ExAllocatePoolWithTag 0=0x200 from=case_31
    //= ExAllocatePoolWithTag 0=parameter0 from=?
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(case_31)(void) {
    KEEP(case_31_exported(512, 16));
}

/* Somebody may call it by the address that is kept. */
WRAPPER(case_31_taken)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0x200|parameter0
    //= ExAllocatePoolWithTag 0=0x200 from=case_31_again
    //= ExAllocatePoolWithTag 0=parameter0 from=?
    return ExAllocatePoolWithTag(type, size, TAG);
}

void *(*volatile taken)(ULONG, SIZE_T);

SITE(case_31_again)(void) {
    taken = case_31_taken;
    KEEP(case_31_taken(512, 16));
}

/* A driver with no call of it: others may do so all the same. */
WRAPPER(never_called)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=parameter0
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

/* Five levels. What each does with the size keeps them apart. */
WRAPPER(deep_5)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithTag 0=0 from=deep>deep_1>deep_2>deep_3>deep_4
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

WRAPPER(deep_4)(ULONG type, SIZE_T size) {
    KEEP(deep_5(type, size + 1));
    return 0;
}

WRAPPER(deep_3)(ULONG type, SIZE_T size) {
    KEEP(deep_4(type, size + 1));
    return 0;
}

WRAPPER(deep_2)(ULONG type, SIZE_T size) {
    KEEP(deep_3(type, size + 1));
    return 0;
}

WRAPPER(deep_1)(ULONG type, SIZE_T size) {
    KEEP(deep_2(type, size + 1));
    return 0;
}

SITE(deep)(void) {
    KEEP(deep_1(0, 16));
}

/* A level that chooses for itself ends the route: its own caller does not matter. */
WRAPPER(inner_of_chooser)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0x200
    //= ExAllocatePoolWithTag 0=0x200 from=chooser
    return ExAllocatePoolWithTag(type, size, TAG);
}

WRAPPER(chooser)(ULONG type, SIZE_T size) {
    KEEP(inner_of_chooser(512, size));
    return (void *)(uintptr_t)type;
}

SITE(calls_chooser)(void) {
    KEEP(chooser(0, 16));
}

/* One of two levels below: each allocation has its own route. */
WRAPPER(parts)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=4
    //= ExAllocatePoolWithTag 0=4 from=calls_parts
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    //= ExAllocatePoolWithQuotaTag 0=0x204
    //= ExAllocatePoolWithQuotaTag 0=0x204 from=calls_parts
    KEEP(ExAllocatePoolWithQuotaTag(type | 0x200, size, TAG));
    return 0;
}

SITE(calls_parts)(void) {
    KEEP(parts(4, 16));
}

/* Fine whatever the caller says. */
WRAPPER(always_nx)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0x200|0x200+memory
    //= ExAllocatePoolWithTag 0=0x200 from=asks_for_nx
    //= ExAllocatePoolWithTag 0=0x200+memory from=asks_for_what_is_given
    return ExAllocatePoolWithTag(type | 0x200, size, TAG);
}

SITE(asks_for_nx)(void) {
    KEEP(always_nx(0, 16));
}

SITE(asks_for_what_is_given)(ULONG *type) {
    KEEP(always_nx(*type, 16));
}

/* The fifth and the sixth parameter are on the stack. */
WRAPPER(by_the_fifth)(ULONG a, ULONG b, ULONG c, ULONG d, ULONG type) {
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithTag 0=0 from=gives_the_fifth
    KEEP(ExAllocatePoolWithTag(type, a + b + c + d, TAG));
    return 0;
}

SITE(gives_the_fifth)(void) {
    KEEP(by_the_fifth(1, 2, 3, 4, 0));
}

WRAPPER(by_the_sixth)(ULONG a, ULONG b, ULONG c, ULONG d, SIZE_T size, ULONG type) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0 from=gives_the_sixth>hands_on_the_sixth
    //= ExAllocatePoolWithTag 0=0x200 from=gives_the_sixth
    KEEP(ExAllocatePoolWithTag(type, a + b + c + d + size, TAG));
    return 0;
}

/* From the sixth place to the sixth place. */
WRAPPER(hands_on_the_sixth)(ULONG a, ULONG b, ULONG c, ULONG d, SIZE_T size, ULONG type) {
    KEEP(by_the_sixth(d, c, b, a, size + 1, type));
    return 0;
}

SITE(gives_the_sixth)(void) {
    KEEP(by_the_sixth(1, 2, 3, 4, 5, 512));
    KEEP(hands_on_the_sixth(1, 2, 3, 4, 5, 0));
}

/* Two parameters that both matter. */
WRAPPER(maps)(void *mdl, UCHAR mode, ULONG priority) {
    //= MmMapLockedPagesSpecifyCache 1=0|1 5=0x10|0x40000010
    //= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010 from=maps_for_the_kernel
    //= MmMapLockedPagesSpecifyCache 1=1 5=0x10 from=maps_for_a_program
    KEEP(MmMapLockedPagesSpecifyCache(mdl, mode, 1, 0, 0, priority));
    return 0;
}

SITE(maps_for_the_kernel)(void *mdl) {
    KEEP(maps(mdl, 0, 0x40000010));
}

SITE(maps_for_a_program)(void *mdl) {
    KEEP(maps(mdl, 1, 0x10));
}

/* Tail calls at -O2, all the way from a caller without a frame. */
WRAPPER(jumped_to)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|4
    //= ExAllocatePoolWithTag 0=0 from=jumps
    //= ExAllocatePoolWithTag 0=4 from=jumps_or_not
    return ExAllocatePoolWithTag(type, size, TAG);
}

WRAPPER(jumps)(SIZE_T size) {
    return jumped_to(0, size);
}

/* On one of two paths. */
WRAPPER(jumps_or_not)(SIZE_T size) {
    if (size)
        return jumped_to(4, size);
    return 0;
}

/* The caller's value depends on the path. */
WRAPPER(of_two_minds)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0|0x200 from=either
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(either)(ULONG which) {
    ULONG type;
    if (which)
        type = 0;
    else
        type = 512;
    KEEP(of_two_minds(type, 16));
}

/* What is passed in a structure is in memory, wherever the structure is: case 44. */
struct request {
    ULONG64 other;
    ULONG type;
};

WRAPPER(by_request)(struct request *request) {
    //= ExAllocatePoolWithTag 0=memory
    KEEP(ExAllocatePoolWithTag(request->type, 16, TAG));
    return 0;
}

SITE(case_44_caller)(void) {
    struct request *request = ExAllocatePoolWithTag(1, 16, TAG); //= ExAllocatePoolWithTag 0=1
    request->type = 0;
    KEEP(by_request(request));
}

SITE(requests_from_the_stack)(ULONG64 other) {
    struct request request = {other, 0};
    KEEP(by_request(&request));
}

/* The caller is in code that no path leads to. */
WRAPPER(called_by_the_dead)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=? from=*
    return ExAllocatePoolWithTag(type, size, TAG);
}

SITE(dead_caller)(void) {
    KeBugCheckEx(0xe2, 0, 0, 0, 0);
    KEEP(called_by_the_dead(0, 16));
}

/* At -O2 the calls are jumps behind branches, in functions without unwind data: blocks of those functions, and no
   jumps to imports that others may call. */
WRAPPER(limited)(ULONG type, SIZE_T size, ULONG tag) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0 from=calls_limited
    //= ExAllocatePoolWithTag 0=0x200 from=calls_limited
    if (size > 0x10000)
        return 0;
    return ExAllocatePoolWithTag(type, size, tag);
}

SITE(calls_limited)(void) {
    KEEP(limited(0, 16, TAG));
    KEEP(limited(512, 16, TAG));
}

/* The other call is by a variable, a jump as well. */
WRAPPER(by_newer)(ULONG type, SIZE_T size, ULONG tag) {
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithTag 0=0 from=calls_by_newer
    void *(*newer)(ULONG, SIZE_T) = taken;
    if (newer)
        return newer(512, size);
    return ExAllocatePoolWithTag(type, size, tag);
}

SITE(calls_by_newer)(void) {
    KEEP(by_newer(0, 16, TAG));
}

/* Functions without a frame have no unwind data at -O2; these are known by their addresses. */
void *const known_by_address[] = {(void *)jumps, (void *)jumps_or_not};
