/* C++ with an operator that takes the pool type and stays a function: case 47 of the specification. */
extern "C" {
#include "ddi.h"
}

void *operator new(SIZE_T size, ULONG type, ULONG tag) __asm__("new_with_type");

/* An operator must not return null, or so the compiler believes: it is written as other drivers have it. */
__attribute__((noinline, used)) void *operator new(SIZE_T size, ULONG type, ULONG tag) {
    //= new_with_type: ExAllocatePoolWithTag 0=0|0x200
    //= new_with_type: ExAllocatePoolWithTag 0=0 from=case_47
    //= new_with_type: ExAllocatePoolWithTag 0=0x200 from=non_executable
    return ExAllocatePoolWithTag(type, size, tag);
}

struct Device {
    explicit Device(ULONG number) : number(number) {}
    ULONG number;
    void *next = nullptr;
};

extern "C" SITE(case_47)(ULONG number) {
    KEEP(new (0ul, TAG) Device(number));
}

extern "C" SITE(non_executable)(ULONG number) {
    KEEP(new (0x200ul, TAG) Device(number));
}
