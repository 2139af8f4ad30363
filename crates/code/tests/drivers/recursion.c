/* Functions that call themselves, or one another in turn. */
#include "ddi.h"

/* With its own parameter: what the first caller chose. */
WRAPPER(again)(ULONG type, ULONG depth) {
    if (depth)
        KEEP(again(type, depth - 1));
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithTag 0=0 from=calls_again
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_again)(ULONG depth) {
    KEEP(again(0, depth));
}

WRAPPER(turn)(ULONG type, ULONG depth);

WRAPPER(turn_about)(ULONG type, ULONG depth) {
    KEEP(depth);
    KEEP(turn(type, depth - 1));
    return 0;
}

WRAPPER(turn)(ULONG type, ULONG depth) {
    if (depth)
        KEEP(turn_about(type, depth - 1));
    //= ExAllocatePoolWithTag 0=0x200
    //= ExAllocatePoolWithTag 0=0x200 from=calls_turn
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_turn)(ULONG depth) {
    KEEP(turn(512, depth));
}

/* With more and more. */
WRAPPER(grows)(ULONG type, ULONG depth) {
    if (depth)
        KEEP(grows(type + 4, depth - 1));
    //= ExAllocatePoolWithTag 0=*? from=*
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_grows)(ULONG depth) {
    KEEP(grows(0, depth));
}

/* With another constant: one route for each. */
WRAPPER(falls_back)(ULONG type, ULONG depth) {
    if (depth == 0)
        KEEP(falls_back(1, 16));
    //= ExAllocatePoolWithTag 0=1|0x200
    //= ExAllocatePoolWithTag 0=1 from=falls_back
    //= ExAllocatePoolWithTag 0=0x200 from=calls_falls_back
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_falls_back)(ULONG depth) {
    KEEP(falls_back(512, depth));
}

/* With what it was given changed: joined over all that comes of it. */
WRAPPER(adds_a_bit)(ULONG type, ULONG depth) {
    if (depth)
        KEEP(adds_a_bit(type | 512, depth - 1));
    //= ExAllocatePoolWithTag 0=1|0x201 from=*
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_adds_a_bit)(ULONG depth) {
    KEEP(adds_a_bit(1, depth));
}

/* The other way round, and only where it is not so already. */
WRAPPER(takes_turns)(ULONG type, ULONG depth) {
    if (depth > 1)
        KEEP(takes_turns(type ^ 512, depth - 1));
    //= ExAllocatePoolWithTag 0=0|0x200 from=*
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_takes_turns)(ULONG depth) {
    KEEP(takes_turns(512, depth));
}

/* By way of another function: what comes back may be anything. */
WRAPPER(there)(ULONG type, ULONG depth);

WRAPPER(and_back)(ULONG type, ULONG depth) {
    KEEP(depth);
    KEEP(there(type | 512, depth - 1));
    return 0;
}

WRAPPER(there)(ULONG type, ULONG depth) {
    if (depth > 7)
        KEEP(there(type | 1, depth - 1));
    if (depth)
        KEEP(and_back(type, depth - 1));
    //= ExAllocatePoolWithTag 0=*? from=*
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_there)(ULONG depth) {
    KEEP(there(4, depth));
}

/* Two parameters that change places. */
WRAPPER(swaps)(ULONG type, ULONG other, ULONG depth) {
    if (depth)
        KEEP(swaps(other, type, depth - 1));
    //= ExAllocatePoolWithTag 0=1|0x200||*? from=*
    KEEP(ExAllocatePoolWithTag(type, depth, TAG));
    return 0;
}

SITE(calls_swaps)(ULONG depth) {
    KEEP(swaps(512, 1, depth));
}
