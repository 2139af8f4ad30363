/* Pool types that stand in the call: cases 1 to 12 and 45 of the specification. */
#include "ddi.h"

#define POOL(name, type)                                                                           \
    SITE(name)(void) {                                                                             \
        KEEP(ExAllocatePoolWithTag(type, 16, TAG));                                                \
    }

POOL(case_1, 0)       //= case_1: ExAllocatePoolWithTag 0=0
POOL(case_2, 512)     //= case_2: ExAllocatePoolWithTag 0=0x200
POOL(case_3, 1)       //= case_3: ExAllocatePoolWithTag 0=1
POOL(case_4, 4)       //= case_4: ExAllocatePoolWithTag 0=4
POOL(case_5, 2)       //= case_5: ExAllocatePoolWithTag 0=2
POOL(case_6, 0x10)    //= case_6: ExAllocatePoolWithTag 0=0x10
POOL(case_7, 0x400)   //= case_7: ExAllocatePoolWithTag 0=0x400
POOL(case_8, 0x600)   //= case_8: ExAllocatePoolWithTag 0=0x600
POOL(case_9, 0x401)   //= case_9: ExAllocatePoolWithTag 0=0x401
POOL(case_10, 0x614)  //= case_10: ExAllocatePoolWithTag 0=0x614
POOL(case_11, 32)     //= case_11: ExAllocatePoolWithTag 0=0x20
POOL(case_12, 544)    //= case_12: ExAllocatePoolWithTag 0=0x220

SITE(case_45)(void) {
    KeBugCheckEx(0xe2, 0, 0, 0, 0);
    KEEP(ExAllocatePoolWithTag(0, 16, TAG)); //= ExAllocatePoolWithTag unreached
}

/* The tag is an argument like any other, and so is the size. */
SITE(whole_pool_call)(SIZE_T size) {
    KEEP(ExAllocatePoolWithTag(1, size, TAG)); //= ExAllocatePoolWithTag 0=1
}

/* Two calls of two functions: each has its own. */
SITE(pool_then_other)(void) {
    KEEP(ExAllocatePool(0, 16));             //= ExAllocatePool 0=0
    KEEP(ExAllocatePoolWithTag(1, 16, TAG)); //= ExAllocatePoolWithTag 0=1
}

/* What a call leaves in the registers of its parameters is not known. */
SITE(free_between)(void *old) {
    ExFreePoolWithTag(old, TAG);
    KEEP(ExAllocatePoolWithTag(0x200, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}
