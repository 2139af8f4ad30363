/*
 * Pool types in variables. What a variable may hold is what the file has there and what any instruction
 * stores there, if all those are known and nobody else has its address.
 */
#include "ddi.h"

/* Never stored to. */
ULONG never_stored = 512;
ULONG never_stored_zero;

SITE(reads_never_stored)(void) {
    KEEP(ExAllocatePoolWithTag(never_stored, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

/* Spec case 22: an opt-in that is compiled in and never made. */
SITE(case_22)(void) {
    KEEP(ExAllocatePoolWithTag(never_stored_zero, 16, TAG)); //= ExAllocatePoolWithTag 0=0
}

/* One store, in another function. */
ULONG stored_once;

SITE(stores_once)(void) {
    stored_once = 512;
}

SITE(reads_stored_once)(void) {
    KEEP(ExAllocatePoolWithTag(stored_once, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200
}

/* Stored before it is read, in the same function: whatever it held before, and another thread may write. */
SITE(stores_and_reads)(void) {
    stored_once = 512;
    KEEP(RtlRandomEx(0));
    KEEP(ExAllocatePoolWithTag(stored_once, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200||0x200
}

/* Spec case 25: the opt-in variable with a flag added. */
SITE(case_25)(void) {
    KEEP(ExAllocatePoolWithTag(stored_once + 4, 16, TAG)); //= ExAllocatePoolWithTag 0=4|0x204
}

SITE(reads_with_a_bit)(void *mdl) {
    //= MmMapLockedPagesSpecifyCache 1=0 5=0x10|0x210
    KEEP(MmMapLockedPagesSpecifyCache(mdl, 0, 1, 0, 0, stored_once | 0x10));
}

/* Two stores, and a start that is neither. */
ULONG stored_twice = 1;

SITE(stores_twice)(ULONG which) {
    if (which) {
        KEEP(which);
        stored_twice = 0;
    } else {
        KEEP(RtlRandomEx(0));
        stored_twice = 512;
    }
}

SITE(reads_stored_twice)(void) {
    //= ExAllocatePoolWithTag 0=0|1|0x200
    KEEP(ExAllocatePoolWithTag(stored_twice, 16, TAG));
}

/* Read, changed and written back; at -O2 only the byte that changes. */
ULONG changed;

SITE(changes)(void) {
    changed |= 512;
}

SITE(reads_changed)(void) {
    //= ExAllocatePoolWithTag 0=0|0x200||0|0x200|0x200+global&0xfd00
    KEEP(ExAllocatePoolWithTag(changed, 16, TAG));
}

ULONG counted;

SITE(counts)(void) {
    counted += 4;
}

SITE(reads_counted)(void) {
    KEEP(ExAllocatePoolWithTag(counted, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* Stored with what is not known. */
ULONG random;

SITE(stores_random)(ULONG *seed) {
    random = RtlRandomEx(seed);
}

SITE(reads_random)(void) {
    KEEP(ExAllocatePoolWithTag(random, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* Stored with what callers choose, and one is not known. */
ULONG chosen;

__declspec(dllexport) SITE(stores_chosen)(ULONG type) {
    chosen = type;
}

SITE(reads_chosen)(void) {
    KEEP(ExAllocatePoolWithTag(chosen, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* Spec case 27: somebody has the address. */
ULONG given_away;

SITE(gives_away)(void) {
    KEEP(RtlRandomEx(&given_away));
}

SITE(case_27)(void) {
    KEEP(ExAllocatePoolWithTag(given_away, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* The address stands in the image's own data. */
ULONG pointed_to;
ULONG *volatile pointer = &pointed_to;

SITE(stores_by_pointer)(ULONG type) {
    *pointer = type;
}

SITE(reads_pointed_to)(void) {
    KEEP(ExAllocatePoolWithTag(pointed_to, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* One of several, stored to by a number. */
ULONG types[4];

SITE(stores_one_of_them)(ULONG index, ULONG type) {
    types[index & 3] = type;
}

SITE(reads_one_of_them)(void) {
    KEEP(ExAllocatePoolWithTag(types[2], 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* Next to a variable whose address is known to others: that does not reach this far. */
ULONG neighbour_given_away[2];
ULONG volatile neighbour;

SITE(gives_the_neighbour)(void) {
    KEEP(RtlRandomEx(neighbour_given_away));
    neighbour = 512;
}

SITE(reads_the_neighbour)(void) {
    KEEP(ExAllocatePoolWithTag(neighbour, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200||*?
}

/* A wider store covers it. */
struct settings {
    ULONG other;
    ULONG type;
} settings;

SITE(stores_both)(void) {
    settings = (struct settings){7, 512};
}

SITE(reads_half)(void) {
    //= ExAllocatePoolWithTag 0=0|0x200||*?
    KEEP(ExAllocatePoolWithTag(settings.type, 16, TAG));
}

struct settings copied;

SITE(stores_a_copy)(struct settings *from) {
    copied = *from;
}

SITE(reads_a_copy)(void) {
    KEEP(ExAllocatePoolWithTag(copied.type, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* A part of it is stored. */
union {
    ULONG type;
    UCHAR low;
} parts;

SITE(stores_a_part)(UCHAR low) {
    parts.low = low;
}

SITE(reads_the_whole)(void) {
    KEEP(ExAllocatePoolWithTag(parts.type, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* Other modules may write to it. */
__declspec(dllexport) ULONG exported;

SITE(reads_exported)(void) {
    KEEP(ExAllocatePoolWithTag(exported, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* Exchanged by an instruction that locks the bus. */
long exchanged;

SITE(exchanges)(long value) {
    KEEP((SIZE_T)_InterlockedExchange(&exchanged, value));
}

SITE(reads_exchanged)(void) {
    KEEP(ExAllocatePoolWithTag((ULONG)exchanged, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* A byte that says which. */
UCHAR executable;

SITE(sets_executable)(void) {
    executable = 1;
}

SITE(reads_executable)(void) {
    //= ExAllocatePoolWithTag 0=0|0x200
    KEEP(ExAllocatePoolWithTag(executable ? 0 : 512, 16, TAG));
}

/* One that is never set: the other arm is not taken, though both answers are right. */
UCHAR never_set;

SITE(reads_never_set)(void) {
    //= ExAllocatePoolWithTag 0=0x200||0|0x200
    KEEP(ExAllocatePoolWithTag(never_set ? 0 : 512, 16, TAG));
}

/* A wrapper whose caller reads a variable. */
WRAPPER(wrapper)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|1|0x200
    //= ExAllocatePoolWithTag 0=0|0x200 from=asks_by_variable
    //= ExAllocatePoolWithTag 0=1 from=asks_by_number
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_by_variable)(void) {
    KEEP(wrapper(stored_once, 16));
}

SITE(asks_by_number)(void) {
    KEEP(wrapper(1, 16));
}
