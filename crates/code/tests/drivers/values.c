/* Pool types that are worked out: cases 13 to 20, 43 and 44 of the specification. */
#include "ddi.h"

ULONG volatile written;
static const ULONG without_zero[2] = {512, 1};
static const ULONG with_zero[2] = {512, 0};

struct request {
    ULONG64 other;
    ULONG type;
};

SITE(case_13)(ULONG x) {
    KEEP(ExAllocatePoolWithTag(x | 0x200, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200+parameter0
}

SITE(case_14)(ULONG x) {
    KEEP(ExAllocatePoolWithTag(x | 0x10, 16, TAG)); //= ExAllocatePoolWithTag 0=0x10+parameter0
}

SITE(case_15)(ULONG which) {
    ULONG type;
    if (which)
        type = 0;
    else
        type = 512;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200
}

SITE(case_16)(ULONG which) {
    KEEP(ExAllocatePoolWithTag(which ? 1 : 512, 16, TAG)); //= ExAllocatePoolWithTag 0=1|0x200
}

SITE(case_17)(ULONG which) {
    KEEP(ExAllocatePoolWithTag(which > 7 ? 0 : 512, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200
}

SITE(case_18)(ULONG which) {
    //= ExAllocatePoolWithTag 0=1|0x200
    KEEP(ExAllocatePoolWithTag(without_zero[which & 1], 16, TAG));
}

SITE(case_19)(ULONG which) {
    //= ExAllocatePoolWithTag 0=0|0x200
    KEEP(ExAllocatePoolWithTag(with_zero[which & 1], 16, TAG));
}

/* A table of which the entry is compared before. */
static const ULONG five[5] = {512, 1, 0x404, 512, 1};
static const ULONG sixteen[16] = {1, 1, 4, 4, 1, 0, 0, 0, 4, 1, 1, 1, 1, 4, 4, 0x10};

SITE(entry_by_comparison)(ULONG which) {
    if (which > 4)
        return;
    KEEP(ExAllocatePoolWithTag(five[which], 16, TAG)); //= ExAllocatePoolWithTag 0=1|0x200|0x404
}

SITE(entry_or_default)(ULONG which) {
    ULONG type = 0x10;
    if (which < 5)
        type = five[which];
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=1|0x10|0x200|0x404
}

SITE(entry_behind_a_base)(ULONG which) {
    if (which - 7 > 4)
        return;
    // At -O0 it is worked out twice, and what is compared is not what is used.
    //= -O0 ExAllocatePoolWithTag 0=memory
    //= -O2 ExAllocatePoolWithTag 0=1|0x200|0x404
    KEEP(ExAllocatePoolWithTag(five[which - 7], 16, TAG));
}

SITE(entry_by_mask)(ULONG which) {
    KEEP(ExAllocatePoolWithTag(sixteen[which & 15], 16, TAG)); //= ExAllocatePoolWithTag 0=0|1|4|0x10
}

SITE(entry_of_many_by_comparison)(ULONG which) {
    if (which >= 13)
        return;
    KEEP(ExAllocatePoolWithTag(sixteen[which], 16, TAG)); //= ExAllocatePoolWithTag 0=0|1|4
}

/* At -O2 a product takes the place of the division, which is not followed. */
SITE(entry_by_remainder)(ULONG which) {
    //= ExAllocatePoolWithTag 0=1|0x200|0x404||memory
    KEEP(ExAllocatePoolWithTag(five[which % 5], 16, TAG));
}

SITE(entry_by_another)(ULONG which, ULONG other) {
    if (other > 4)
        return;
    KEEP(ExAllocatePoolWithTag(five[which], 16, TAG)); //= ExAllocatePoolWithTag 0=memory
}

SITE(entry_by_signed_comparison)(int which) {
    if (which > 4)
        return;
    KEEP(ExAllocatePoolWithTag(five[which], 16, TAG)); //= ExAllocatePoolWithTag 0=memory
}

/* Another entry than was compared. */
SITE(entry_farther_on)(ULONG which) {
    if (which > 4)
        return;
    KEEP(ExAllocatePoolWithTag(sixteen[which + 3], 16, TAG));
    //= ExAllocatePoolWithTag 0=0|1|4||memory
}

SITE(entry_by_a_bit_more)(ULONG which) {
    if (which > 4)
        return;
    KEEP(ExAllocatePoolWithTag(sixteen[which | 8], 16, TAG));
    //= ExAllocatePoolWithTag 0=1|4||1|4|0x10||memory
}

SITE(case_20)(ULONG rounds) {
    ULONG type = 3;
    for (ULONG round = 0; round < rounds; round++)
        type = type * 5 + (type >> 3);
    //= ExAllocatePoolWithTag 0=*many-values/arithmetic
    KEEP(ExAllocatePoolWithTag(type, 16, TAG));
}

/* The value is kept across a call, in the frame at -O0 and in a saved register at -O2. */
SITE(case_43)(ULONG which) {
    ULONG volatile type = which ? 0 : 4;
    KEEP(RtlRandomEx(0));
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0|4
}

SITE(case_44)(struct request *request) {
    KEEP(ExAllocatePoolWithTag(request->type, 16, TAG)); //= ExAllocatePoolWithTag 0=memory
}

SITE(from_parameter)(ULONG type) {
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=parameter0
}

SITE(from_second_parameter)(ULONG other, ULONG type) {
    KEEP(ExAllocatePoolWithTag(type, other, TAG)); //= ExAllocatePoolWithTag 0=parameter1
}

SITE(from_variable)(void) {
    KEEP(ExAllocatePoolWithTag(written, 16, TAG)); //= ExAllocatePoolWithTag 0=0|callers
}

SITE(writes_variable)(ULONG value) {
    written = value;
}

SITE(from_call)(ULONG *seed) {
    KEEP(ExAllocatePoolWithTag(RtlRandomEx(seed), 16, TAG)); //= ExAllocatePoolWithTag 0=returned
}

/* The address of the variable is given away: what stands in it afterwards is not known. */
SITE(given_away)(void) {
    ULONG type = 1;
    KEEP(RtlRandomEx(&type));
    //= ExAllocatePoolWithTag 0=clobbered/memory
    KEEP(ExAllocatePoolWithTag(type, 16, TAG));
}

SITE(shifted_bool)(ULONG a, ULONG b) {
    KEEP(ExAllocatePoolWithTag((ULONG)(a == b) << 9, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200
}

SITE(widened)(UCHAR x) {
    ULONG type = 0x200 | (x & 1);
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200|0x201
}

SITE(same_both_ways)(ULONG which, ULONG *seed) {
    ULONG type = 512;
    if (which) {
        KEEP(RtlRandomEx(seed));
        type = 512;
    }
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

/* Parameter or constant. */
SITE(default_type)(ULONG type) {
    KEEP(ExAllocatePoolWithTag(type ? type : 512, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200|parameter0
}
