/*
 * What a branch says of the value it looked at. At -O0 the value is read from the stack again behind the
 * branch; at -O2 the compiler draws the conclusions itself, where it can. `implications.s` has more.
 */
#include "ddi.h"

SITE(equal)(ULONG type) {
    if (type == 512)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

SITE(not_equal)(ULONG type) {
    if (type != 512)
        return;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

SITE(one_of_two)(ULONG type) {
    if (type == 512 || type == 1)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=1|0x200||parameter0
}

SITE(has_a_bit)(ULONG type) {
    if (type & 512)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200+parameter0
}

SITE(by_switch)(ULONG type) {
    switch (type) {
    case 0:
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0
        break;
    case 512:
        KEEP(ExAllocatePoolWithQuotaTag(type, 16, TAG)); //= ExAllocatePoolWithQuotaTag 0=0x200
        break;
    default:
        KEEP(ExAllocatePool(type, 16)); //= ExAllocatePool 0=parameter0
        break;
    }
}

/* How large it is at the most. */
SITE(at_most)(ULONG type) {
    if (type <= 8)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0&0xf
}

SITE(below)(ULONG type) {
    if (type >= 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0&0x1ff
}

SITE(above)(ULONG type) {
    if (type < 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0
}

SITE(at_most_or_anything)(ULONG type) {
    if (type <= 8)
        KEEP(RtlRandomEx(0));
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0
}

SITE(at_most_as_signed)(int type) {
    if (type <= 8)
        KEEP(ExAllocatePoolWithTag((ULONG)type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0
}

/* What is never so. */
SITE(at_most_and_more)(ULONG type) {
    ULONG kind = 512;
    if (type > 8)
        return;
    if (type > 20)
        kind = 0;
    KEEP(ExAllocatePoolWithTag(kind | type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200+parameter0&0xf||0x200+parameter0&0xf|parameter0&0xf
}

/* The value changes between the branch and the call. */
SITE(changed_since)(ULONG type, ULONG *from) {
    if (type == 512) {
        type = *from;
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=memory
    }
}

/* Another value was looked at. */
SITE(about_another)(ULONG type, ULONG other) {
    if (other == 512)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0
}

/* Only the low byte was looked at. */
SITE(about_a_part)(ULONG type) {
    if ((UCHAR)type == 0)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0&0xffffff00
}

/* Clamped: optimised it is one of two numbers by what was compared, and no branch. */
SITE(clamps)(ULONG type) {
    if (type > 15)
        type = 0x200;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200|parameter0&0xf
}

SITE(replaces_what_has_bits)(ULONG type) {
    if (type & 0xF0)
        type = 0x200;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200|parameter0&0xffffff0f
}
