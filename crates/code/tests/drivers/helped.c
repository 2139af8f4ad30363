/* What helpers return, seen by nobody but the linker: helpers.c has the other half. */
#include "ddi.h"

#define HELPER(name) __attribute__((noinline, used)) ULONG name

HELPER(returns_nx)(void) {
    return 512;
}

HELPER(returns_either)(ULONG which) {
    if (which) {
        KEEP(which);
        return 0;
    }
    return 512;
}

HELPER(returns_its_parameter)(ULONG other, ULONG type) {
    KEEP(other);
    return type;
}

HELPER(returns_with_nx)(ULONG type) {
    return type | 512;
}

HELPER(returns_what_another_does)(ULONG other) {
    KEEP(other);
    return returns_nx();
}

HELPER(returns_what_it_reads)(ULONG *from) {
    return *from;
}

HELPER(returns_by_kind)(ULONG kind) {
    switch (kind) {
    case 0:
        return 1;
    case 1:
        KEEP(kind);
        return 512;
    default:
        return 0;
    }
}

HELPER(returns_its_own_sum)(ULONG depth) {
    return depth ? returns_its_own_sum(depth - 1) * 3 + 1 : 0;
}

__attribute__((noinline, used)) void writes_type(ULONG *type) {
    *type = 512;
}
