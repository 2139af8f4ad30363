/* Pool types that helpers return: helped.c has them. */
#include "ddi.h"

ULONG returns_nx(void);
ULONG returns_either(ULONG which);
ULONG returns_its_parameter(ULONG other, ULONG type);
ULONG returns_with_nx(ULONG type);
ULONG returns_what_another_does(ULONG other);
ULONG returns_what_it_reads(ULONG *from);
ULONG returns_by_kind(ULONG kind);
ULONG returns_its_own_sum(ULONG depth);
void writes_type(ULONG *type);

SITE(a_constant)(void) {
    KEEP(ExAllocatePoolWithTag(returns_nx(), 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

SITE(one_of_two_constants)(ULONG which) {
    KEEP(ExAllocatePoolWithTag(returns_either(which), 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200
}

SITE(its_parameter)(ULONG other) {
    //= ExAllocatePoolWithTag 0=4
    KEEP(ExAllocatePoolWithTag(returns_its_parameter(other, 4), 16, TAG));
}

SITE(its_parameter_with_nx)(ULONG *type) {
    //= ExAllocatePoolWithTag 0=0x200+memory
    KEEP(ExAllocatePoolWithTag(returns_with_nx(*type), 16, TAG));
}

SITE(what_another_does)(ULONG other) {
    //= ExAllocatePoolWithTag 0=0x200
    KEEP(ExAllocatePoolWithTag(returns_what_another_does(other), 16, TAG));
}

SITE(what_it_reads)(ULONG *from) {
    //= ExAllocatePoolWithTag 0=memory/returned
    KEEP(ExAllocatePoolWithTag(returns_what_it_reads(from), 16, TAG));
}

/* The helper knows two more, and with this parameter returns only one: all three are right too. */
SITE(by_kind)(void) {
    //= ExAllocatePoolWithTag 0=0x200||0|1|0x200
    KEEP(ExAllocatePoolWithTag(returns_by_kind(1), 16, TAG));
}

SITE(its_own_sum)(ULONG depth) {
    //= ExAllocatePoolWithTag 0=*?
    KEEP(ExAllocatePoolWithTag(returns_its_own_sum(depth), 16, TAG));
}

/* By way of a pointer to a local. */
SITE(what_it_writes)(void) {
    ULONG type = 0;
    writes_type(&type);
    //= ExAllocatePoolWithTag 0=0x200||?
    KEEP(ExAllocatePoolWithTag(type, 16, TAG));
}

/* A wrapper whose caller asks a helper. */
WRAPPER(helped_wrapper)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0x200 from=asks_for_one
    //= ExAllocatePoolWithTag 0=0|0x200 from=asks_for_either
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_for_one)(void) {
    KEEP(helped_wrapper(returns_nx(), 16));
}

SITE(asks_for_either)(ULONG which) {
    KEEP(helped_wrapper(returns_either(which), 16));
}

/* A wrapper that asks a helper about what its caller chose. */
WRAPPER(translates)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0x200|0x204
    //= ExAllocatePoolWithTag 0=0x200 from=asks_translator_for_0
    //= ExAllocatePoolWithTag 0=0x204 from=asks_translator_for_4
    KEEP(ExAllocatePoolWithTag(returns_with_nx(type), size, TAG));
    return 0;
}

SITE(asks_translator_for_0)(void) {
    KEEP(translates(0, 16));
}

SITE(asks_translator_for_4)(void) {
    KEEP(translates(4, 16));
}
