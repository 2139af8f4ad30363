/* Control flow between the value and the call: switches, jump tables, joins of many paths. */
#include "ddi.h"

static void *made[16];

/* A table of targets: each case has its call. */
SITE(calls_in_cases)(ULONG kind, SIZE_T size) {
    switch (kind) {
    case 0:
        made[3] = ExAllocatePoolWithTag(0, size, 0x30303030); //= ExAllocatePoolWithTag 0=0
        break;
    case 1:
        made[5] = ExAllocatePool(1, size + 1); //= ExAllocatePool 0=1
        made[1] = 0;
        break;
    case 2:
        made[0] = ExAllocatePool2(0x40, size, 0x32323232); //= ExAllocatePool2 0=0x40
        made[9] = made[2];
        break;
    case 3:
        KEEP(RtlRandomEx(0));
        break;
    case 4:
        //= ExAllocatePoolWithTagPriority 0=4
        made[11] = ExAllocatePoolWithTagPriority(4, size, 0x34343434, 0);
        made[12] = 0;
        break;
    case 5:
        made[7] = ExAllocatePoolWithQuotaTag(0x200, size, TAG); //= ExAllocatePoolWithQuotaTag 0=0x200
        break;
    default:
        made[14] = made[15];
    }
}

/* Five values come together before one call. */
SITE(value_by_case)(ULONG kind, SIZE_T size) {
    ULONG protection;
    switch (kind) {
    case 0: protection = 2; made[1] = 0; break;
    case 1: protection = 0x40; made[2] = made[3]; break;
    case 2: protection = 0x20; made[4] = made[1]; break;
    case 3: protection = 0x104; made[5] = made[7]; break;
    default: protection = 0x204; made[6] = made[9];
    }
    //= MmMapIoSpaceEx 2=2|0x40|0x20|0x104|0x204
    KEEP(MmMapIoSpaceEx(size, 0x1000, protection));
}

/* Nine values are more than a value can be. */
SITE(nine_values)(ULONG kind, SIZE_T size) {
    ULONG protection;
    switch (kind) {
    case 0: protection = 0x204; made[1] = 0; break;
    case 1: protection = 0x40; made[2] = made[3]; break;
    case 2: protection = 0x20; made[4] = made[1]; break;
    case 3: protection = 0x104; made[5] = made[7]; break;
    case 4: protection = 0x404; made[5] = made[2]; break;
    case 5: protection = 0x10; made[3] = made[7]; break;
    case 6: protection = 0x80; made[8] = made[1]; break;
    case 7: protection = 4; made[9] = made[7]; break;
    default: protection = 2; made[6] = made[9];
    }
    //= MmMapIoSpaceEx 2=*many-values
    KEEP(MmMapIoSpaceEx(size, 0x1000, protection));
}

/* The value is chosen, a loop runs, and then it is used. */
SITE(loop_between)(ULONG which, ULONG *seeds, ULONG count) {
    ULONG type = which ? 0x200 : 1;
    for (ULONG i = 0; i < count; i++)
        KEEP(RtlRandomEx(&seeds[i]));
    KEEP(ExAllocatePoolWithTag(type, count, TAG)); //= ExAllocatePoolWithTag 0=1|0x200
}

/* A loop may change the value once. */
SITE(changed_in_loop)(ULONG *seeds, ULONG count) {
    ULONG type = 0x200;
    for (ULONG i = 0; i < count; i++)
        if (RtlRandomEx(&seeds[i]) == 7)
            type = 0;
    KEEP(ExAllocatePoolWithTag(type, count, TAG)); //= ExAllocatePoolWithTag 0=0|0x200
}

/* A frame of more than a page: the compiler calls __chkstk. Arguments 4, 5 and 9 are on the stack. */
SITE(large_frame)(HANDLE section, void *mdl) {
    UCHAR buffer[0x5000];
    void *base = 0;
    SIZE_T size = 0;
    KEEP(RtlRandomEx((ULONG *)buffer));
    //= ZwMapViewOfSection 1=0xffffffffffffffff 9=0x204
    KEEP(ZwMapViewOfSection(section, CURRENT_PROCESS, &base, 0, 0, 0, &size, 2, 0, 0x204));
    //= MmMapLockedPagesSpecifyCache 1=0 5=0x40000020
    KEEP(MmMapLockedPagesSpecifyCache(mdl, 0, 1, 0, 0, 0x40000020));
    //= MmAllocateContiguousNodeMemory 4=4
    KEEP(MmAllocateContiguousNodeMemory(4096, 0, ~0ull, 0, 4, buffer[0]));
}

/* The stack pointer is moved while the function runs: the frame pointer keeps the rest in place. */
SITE(allocates_on_stack)(SIZE_T count, void *mdl) {
    UCHAR *room = __builtin_alloca(count);
    room[0] = 1;
    KEEP(room);
    //= MmMapLockedPagesSpecifyCache 1=0 5=0x10
    KEEP(MmMapLockedPagesSpecifyCache(mdl, 0, 1, 0, 0, 0x10));
}
