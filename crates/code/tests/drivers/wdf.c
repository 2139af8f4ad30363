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
    // Unoptimised it stands on the stack, beside what others are told the address of.
    //= -O0 table-behind stored
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
    //= entry_of: table-behind stored
    return WdfFunctions_01015[number];
}

SITE(calls_an_entry)(void) {
    KEEP(((create *)entry_of(192))(globals, 0, 0, TAG, 64, &memory, &buffer));
}

/* Whoever holds the table's address may call any entry. */
__attribute__((noinline)) static void *handed(function **table) {
    return MEMORY_CREATE(table, 0);
}

SITE(hands_the_table_on)(void) {
    //= table-behind stored
    KEEP(handed(WdfFunctions_01015));
}

/* With the table at a known place the compiler reads entries there. */
__attribute__((noinline, optnone)) static void *handed_array(function **table) {
    return MEMORY_CREATE(table, 0);
}

SITE(hands_the_array_on)(void) {
    //= -O0 table-at stored
    //= -O2 WdfMemoryCreate 2=0
    KEEP(handed_array(WdfFunctions_01009));
}

struct context {
    ULONG size;
    function **table;
};

__attribute__((noinline)) static void *handed_context(struct context *context) {
    return MEMORY_CREATE(context->table, 0);
}

SITE(hands_a_structure_on)(void) {
    //= table-behind stored
    struct context context = {sizeof(context), WdfFunctions_01015};
    KEEP(handed_context(&context));
}

static function **volatile kept_table;

SITE(keeps_the_table)(void) {
    //= table-behind stored
    kept_table = WdfFunctions_01015;
    KEEP(MEMORY_CREATE(kept_table, 0));
}

SITE(keeps_the_array)(void) {
    //= table-at stored
    kept_table = WdfFunctions_01009;
    KEEP(MEMORY_CREATE(kept_table, 0));
}

__attribute__((noinline)) static function **table_of(void) {
    //= table_of: table-behind stored
    return WdfFunctions_01015;
}

SITE(calls_by_a_table_that_is_returned)(void) {
    KEEP(MEMORY_CREATE(table_of(), 0));
}

static function *volatile copied[396];

SITE(copies_the_table)(void) {
    //= table-behind stored
    for (ULONG i = 0; i < 396; i++)
        copied[i] = WdfFunctions_01015[i];
    KEEP(MEMORY_CREATE(copied, 0));
}

SITE(copies_the_array)(void) {
    //= table-at stored
    for (ULONG i = 0; i < 396; i++)
        copied[i] = WdfFunctions_01009[i];
    KEEP(MEMORY_CREATE(copied, 0));
}

/* The address of the pointer leads to the table as well. */
__attribute__((noinline)) static void *handed_pointer(function ***table) {
    return MEMORY_CREATE(*table, 0);
}

SITE(hands_the_pointer_on)(void) {
    //= -O0 table-behind stored
    //= -O2 WdfMemoryCreate 2=0
    KEEP(handed_pointer(&WdfFunctions_01015));
}

static volatile ULONG which_entry = 192;

SITE(reads_the_array_by_a_variable)(void) {
    //= table-at stored
    KEEP(((create *)WdfFunctions_01009[which_entry])(globals, 0, 0, TAG, 64, &memory, &buffer));
}

/* One entry alone is known to whom it is handed. */
__attribute__((noinline)) static void *handed_function(create *function) {
    return function(globals, 0, 0, TAG, 64, &memory, &buffer);
}

SITE(hands_an_entry_on)(void) {
    //= WdfMemoryCreate data
    KEEP(handed_function((create *)WdfFunctions_01015[192]));
}
