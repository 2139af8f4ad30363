/* A driver without a function table: functions are known by calls and by tables of their addresses. */
#include "ddi.h"

void *volatile kept;
typedef void operation(ULONG);

SITE(first_called)(ULONG size) {
    KEEP(ExAllocatePoolWithTag(0, size, TAG)); //= ExAllocatePoolWithTag 0=0
}

SITE(second_called)(ULONG type) {
    KEEP(RtlRandomEx(&type));
    KEEP(MmMapLockedPagesSpecifyCache(&type, 0, 1, 0, 0, 0x40000020));
    //= MmMapLockedPagesSpecifyCache 1=0 5=0x40000020
}

/* Known by its address in a table only. */
SITE(in_table)(ULONG type) {
    //= ExAllocatePoolWithTag 0=0x203|0x200+parameter0
    //= ExAllocatePoolWithTag 0=0x203 from=DriverEntry
    //= ExAllocatePoolWithTag 0=0x200+parameter0 from=?
    KEEP(ExAllocatePoolWithTag(type | 0x200, 16, TAG));
}

/* Known by an address that is loaded only. */
SITE(stored)(ULONG which) {
    KEEP(ExAllocatePoolWithTag(which ? 1 : 4, 16, TAG)); //= ExAllocatePoolWithTag 0=1|4
}

operation *volatile registered;
static operation *const operations[] = {in_table, first_called};

NTSTATUS DriverEntry(void *driver, void *path) {
    (void)driver;
    (void)path;
    first_called(64);
    second_called(7);
    registered = stored;
    operation *const volatile *entry = operations;
    entry[0](3);
    return 0;
}
