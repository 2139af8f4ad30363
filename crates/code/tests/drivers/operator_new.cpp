/* C++ with an operator that takes the pool type, as drivers that are written in it have. */
extern "C" {
#include "ddi.h"
}

inline void *operator new(SIZE_T size, ULONG type, ULONG tag) {
    return ExAllocatePoolWithTag(type, size, tag);
}

struct Device {
    explicit Device(ULONG number) : number(number) {}
    ULONG number;
    void *next = nullptr;
};

/* Spec case 47, where the compiler puts the operator into its caller. */
extern "C" SITE(case_47)(ULONG number) {
    KEEP(new (0ul, TAG) Device(number)); //= ExAllocatePoolWithTag 0=0
}

extern "C" SITE(non_executable)(ULONG number) {
    KEEP(new (0x200ul, TAG) Device(number)); //= ExAllocatePoolWithTag 0=0x200
}
