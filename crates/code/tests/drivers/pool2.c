/* Pool flags, lookaside lists and the other allocators: cases 48 to 65 of the specification. */
#include "ddi.h"

static ULONG64 list[16];

#define POOL2(name, flags)                                                                         \
    SITE(name)(void) {                                                                             \
        KEEP(ExAllocatePool2(flags, 16, TAG));                                                     \
    }

POOL2(case_48, 0x80)           //= case_48: ExAllocatePool2 0=0x80
POOL2(case_49, 0x40)           //= case_49: ExAllocatePool2 0=0x40
POOL2(case_50, 0x100)          //= case_50: ExAllocatePool2 0=0x100
POOL2(case_51, 0x42)           //= case_51: ExAllocatePool2 0=0x42
POOL2(case_52, 0)              //= case_52: ExAllocatePool2 0=0
POOL2(case_53, 512)            //= case_53: ExAllocatePool2 0=0x200
POOL2(case_54, 0xc0)           //= case_54: ExAllocatePool2 0=0xc0
POOL2(case_55, 0x100000040ull) //= case_55: ExAllocatePool2 0=0x100000040

SITE(case_56)(void) {
    KEEP(ExAllocatePool3(0x82, 16, TAG, 0, 0)); //= ExAllocatePool3 0=0x82
}

SITE(case_57)(void) {
    KEEP(ExAllocatePoolWithQuotaTag(8, 16, TAG)); //= ExAllocatePoolWithQuotaTag 0=8
}

SITE(case_58)(void) {
    KEEP(ExAllocatePoolWithTagPriority(0, 16, TAG, 16)); //= ExAllocatePoolWithTagPriority 0=0
}

SITE(case_59)(void) {
    //= ExAllocateCacheAwareRundownProtection 0=0
    KEEP(ExAllocateCacheAwareRundownProtection(0, TAG));
}

#define NPAGED(name, allocate, flags)                                                              \
    SITE(name)(void) {                                                                             \
        ExInitializeNPagedLookasideList(list, allocate, 0, flags, 64, TAG, 0);                     \
        KEEP(0);                                                                                   \
    }

__attribute__((noinline, used)) void *allocate(ULONG type, SIZE_T size, ULONG tag) {
    (void)type;
    return ExAllocatePoolWithTag(512, size, tag);
}

NPAGED(case_60, 0, 0)        //= case_60: ExInitializeNPagedLookasideList 1=0 3=0
NPAGED(case_61, 0, 0x200)    //= case_61: ExInitializeNPagedLookasideList 1=0 3=0x200
NPAGED(case_62, 0, 0x10)     //= case_62: ExInitializeNPagedLookasideList 1=0 3=0x10
NPAGED(case_63, allocate, 0) //= case_63: ExInitializeNPagedLookasideList 1=address 3=0
//= allocate: ExAllocatePoolWithTag 0=0x200

SITE(case_64_executable)(void) {
    KEEP(ExInitializeLookasideListEx(list, 0, 0, 0, 0, 64, TAG, 0)); //= ExInitializeLookasideListEx 3=0
}

SITE(case_64)(void) {
    //= ExInitializeLookasideListEx 3=0x200
    KEEP(ExInitializeLookasideListEx(list, 0, 0, 512, 0, 64, TAG, 0));
}

SITE(case_65)(void) {
    ExInitializePagedLookasideList(list, 0, 0, 0, 64, TAG, 0); //= ExInitializePagedLookasideList
    KEEP(0);
}
