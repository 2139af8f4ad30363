/*
 * Functions of the framework, which are entries of a table: cases 66 to 70 of the specification. The table
 * is exported under its usual name, for the command that looks for calls of its entries.
 */
#include "ddi.h"

#define NX 512

typedef void *create(void *globals, void *attributes, ULONG type, ULONG tag, SIZE_T size, void **memory,
                     void **buffer);
typedef NTSTATUS query(void *globals, void *what, void *which, ULONG type, void *attributes,
                       void **memory);
typedef void function(void);

/* Kits since KMDF 1.11: a pointer that the framework fills in. Kits up to 1.9: the table itself. */
__declspec(dllexport) function **WdfFunctions_01015;
__declspec(dllexport) function *WdfFunctions_01009[396];
/* A class extension has a table of its own. */
function **NetAdapterFunctions;

static void *globals, *memory, *buffer;

#define MEMORY_CREATE(table, type)                                                                 \
    ((create *)(table)[192])(globals, 0, type, TAG, 64, &memory, &buffer)
#define QUERY(table, entry, type)                                                                  \
    ((query *)(table)[entry])(globals, 0, 0, type, 0, &memory)

SITE(case_66)(void) {
    KEEP(MEMORY_CREATE(WdfFunctions_01015, 0)); //= WdfMemoryCreate 2=0
}

SITE(case_67)(void) {
    KEEP(MEMORY_CREATE(WdfFunctions_01009, 0)); //= WdfMemoryCreate 2=0
}

SITE(case_68)(void) {
    KEEP(MEMORY_CREATE(NetAdapterFunctions, 0));
}

SITE(case_69)(void) {
    KEEP(QUERY(WdfFunctions_01015, 198, NX)); //= WdfLookasideListCreate 3=0x200
}

SITE(case_70)(void) {
    KEEP(QUERY(WdfFunctions_01015, 236, 1)); //= WdfRegistryQueryMemory 3=1
}

SITE(queries_by_pointer)(void) {
    KEEP(QUERY(WdfFunctions_01015, 82, 0));   //= WdfDeviceAllocAndQueryProperty 3=0
    KEEP(QUERY(WdfFunctions_01015, 127, 4));  //= WdfFdoInitAllocAndQueryProperty 3=4
    KEEP(QUERY(WdfFunctions_01015, 176, 32)); //= WdfIoTargetAllocAndQueryTargetProperty 3=0x20
    KEEP(QUERY(WdfFunctions_01015, 434, NX)); //= WdfDeviceAllocAndQueryPropertyEx 3=0x200
    KEEP(QUERY(WdfFunctions_01015, 437, 1));  //= WdfFdoInitAllocAndQueryPropertyEx 3=1
    KEEP(QUERY(WdfFunctions_01015, 83, 0));
}

SITE(queries_by_table)(void) {
    KEEP(QUERY(WdfFunctions_01009, 82, 0));    //= WdfDeviceAllocAndQueryProperty 3=0
    KEEP(QUERY(WdfFunctions_01009, 236, NX));  //= WdfRegistryQueryMemory 3=0x200
    KEEP(QUERY(WdfFunctions_01009, 237, 0));
}

/* Read once, and kept in a register that calls preserve: the calls come long after. */
SITE(reads_the_table_once)(ULONG which) {
    function **table = WdfFunctions_01015;
    for (ULONG i = 0; i < which; i++) {
        KEEP(RtlRandomEx(&which));
        KEEP(RtlRandomEx(&which));
        KEEP(QUERY(table, 200, 0));
        KEEP(RtlRandomEx(&which));
        KEEP(QUERY(table, 201, 0));
        KEEP(RtlRandomEx(&which));
    }
    if (which & 1)
        KEEP(MEMORY_CREATE(table, 0)); //= WdfMemoryCreate 2=0
    else
        KEEP(QUERY(table, 198, NX)); //= WdfLookasideListCreate 3=0x200
}

/* A tail call at -O2: there it has no frame, and no unwind data. */
__attribute__((noinline, used)) void *tail_called(ULONG type) {
    //= tail_called: WdfMemoryCreate 2=parameter0
    return MEMORY_CREATE(WdfFunctions_01015, type);
}

__attribute__((noinline, used)) void *frameless(void *what) {
    //= frameless: WdfMemoryCreate 2=4
    return ((void *(*)(void *, void *, ULONG))WdfFunctions_01015[192])(globals, what, 4);
}

void *const known_by_address[] = {(void *)frameless};

/* What is called with the number of an entry is no entry of the table. */
SITE(other_calls_with_the_number)(ULONG *seed) {
    KEEP(QUERY(WdfFunctions_01015, 202, 0));
    KEEP(seed[0x600 / 4]);
}

/* Which entry is meant shows in the callers, and may be any. */
function *entry_of(ULONG number);
__attribute__((noinline)) function *entry_of(ULONG number) {
    //= entry_of: WdfDeviceAllocAndQueryProperty stored
    //= entry_of: WdfFdoInitAllocAndQueryProperty stored
    //= entry_of: WdfIoTargetAllocAndQueryTargetProperty stored
    //= entry_of: WdfMemoryCreate stored
    //= entry_of: WdfLookasideListCreate stored
    //= entry_of: WdfRegistryQueryMemory stored
    //= entry_of: WdfDeviceAllocAndQueryPropertyEx stored
    //= entry_of: WdfFdoInitAllocAndQueryPropertyEx stored
    return WdfFunctions_01015[number];
}

SITE(calls_an_entry)(void) {
    KEEP(((create *)entry_of(192))(globals, 0, 0, TAG, 64, &memory, &buffer));
}
