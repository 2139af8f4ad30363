/* Wrappers that are called by way of pointers. */
#include "ddi.h"

typedef void *allocator(ULONG, SIZE_T);

struct operations {
    void *first;
    allocator *allocate;
};

/* In a table that nobody writes to. Who else reads the table is not known. */
WRAPPER(in_a_table)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|parameter0
    //= ExAllocatePoolWithTag 0=0 from=calls_by_table
    //= ExAllocatePoolWithTag 0=parameter0 from=?
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

static const struct operations operations = {0, in_a_table};

SITE(calls_by_table)(void) {
    const struct operations volatile *table = &operations;
    KEEP(table->allocate(0, 16));
}

/* In a variable that anybody may write to. */
WRAPPER(in_a_variable)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=parameter0
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

allocator *volatile variable = in_a_variable;

SITE(calls_by_variable)(void) {
    KEEP(variable(0, 16));
}

/* The address is given to the kernel, which calls it with what it likes. */
WRAPPER(given_to_the_kernel)(ULONG type, SIZE_T size, ULONG tag) {
    //= ExAllocatePoolWithTag 0=parameter0
    KEEP(ExAllocatePoolWithTag(type, size, tag));
    return 0;
}

SITE(gives)(void *list) {
    //= ExInitializeNPagedLookasideList 3=0x200
    ExInitializeNPagedLookasideList(list, (void *)given_to_the_kernel, 0, 512, 16, TAG, 0);
}

/* By a register, and no other way. */
WRAPPER(in_a_register)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|parameter0
    //= ExAllocatePoolWithTag 0=0 from=calls_by_register
    //= ExAllocatePoolWithTag 0=parameter0 from=?
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(calls_by_register)(void) {
    allocator *by = in_a_register;
    __asm__ volatile("" : "+r"(by));
    KEEP(by(0, 16));
}
