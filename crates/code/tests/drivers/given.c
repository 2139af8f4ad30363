/* Stack objects that others write to by an address that took some way to them. */
#include "ddi.h"

typedef struct {
    void *routine;
    ULONG flags;
    const void *name;
    void *context;
    ULONG type;
    void *standard;
    ULONG length;
} Entry;

NTKERNELAPI NTSTATUS RtlQueryRegistryValues(ULONG, void *, Entry *, void *, void *);

/* The table's address is given to the call, the value's stands in the table. */
SITE(read_from_registry)(void *key) {
    ULONG type = 0x200;
    Entry table[2];
    table[0].routine = 0;
    table[0].flags = 0x20;
    table[0].name = L"PoolType";
    table[0].context = &type;
    table[0].type = 4;
    table[0].standard = &type;
    table[0].length = 4;
    table[1].routine = 0;
    table[1].name = 0;
    RtlQueryRegistryValues(0, key, table, 0, 0);
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* One of two objects is written to by an array of their addresses. */
SITE(by_array_of_pointers)(ULONG which) {
    ULONG first = 0x200, second = 0x200;
    ULONG *volatile pointers[20];
    for (int i = 0; i < 10; i++) {
        pointers[2 * i] = &first;
        pointers[2 * i + 1] = &second;
    }
    *pointers[which % 20] = 0;
    KEEP(ExAllocatePoolWithTag(first, 16, TAG)); //= ExAllocatePoolWithTag 0=0|0x200||*?
}

/* Its address went from one structure to another, and from there to the call. */
SITE(by_copied_pointer)(void) {
    struct {
        ULONG *pointer;
        ULONG64 more;
    } first, second;
    ULONG type = 0x200;
    first.pointer = &type;
    first.more = 1;
    second = first;
    KEEP(RtlRandomEx((ULONG *)&second));
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* The frame is aligned: how far its objects are from the function's parameters is not known. */
SITE(in_aligned_frame)(void) {
    __attribute__((aligned(64))) ULONG values[16];
    values[3] = 0x200;
    KEEP(RtlRandomEx(values));
    KEEP(ExAllocatePoolWithTag(values[3], 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* An array as long as a parameter says, in room below the frame. */
SITE(in_allocated_room)(SIZE_T count) {
    ULONG *values = __builtin_alloca(count * sizeof(ULONG));
    values[3] = 0x200;
    KEEP(RtlRandomEx(values));
    KEEP(ExAllocatePoolWithTag(values[3], count, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* The room grows and shrinks; what stands in the frame above it stays. */
SITE(frame_above_allocated_room)(SIZE_T count) {
    ULONG type = 0x200;
    UCHAR *room = __builtin_alloca(count);
    KEEP(RtlRandomEx((ULONG *)room));
    KEEP(RtlRandomEx(&type));
    KEEP(ExAllocatePoolWithTag(type, count, TAG)); //= ExAllocatePoolWithTag 0=*?
}

/* A list links a member; who follows it back comes to the whole. */
struct queued {
    ULONG type;
    void *next, *previous;
};

SITE(by_member)(void) {
    struct queued queued = {0x200, 0, 0};
    KEEP(RtlRandomEx((ULONG *)&queued.next));
    KEEP(ExAllocatePoolWithTag(queued.type, 16, TAG)); //= ExAllocatePoolWithTag 0=*?
}
