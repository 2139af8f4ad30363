/* Functions that are found by name when the driver runs: cases 37 to 39 of the specification. */
#include "ddi.h"

#define NAME(text) {sizeof(text) - 2, sizeof(text), text}

typedef void *allocator(ULONG, SIZE_T, ULONG);
typedef void *allocator2(ULONG64, SIZE_T, ULONG);

allocator *by_case_37;

SITE(case_37)(void) {
    UNICODE_STRING name = NAME(L"ExAllocatePoolWithTag");
    by_case_37 = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePoolWithTag followed
}

SITE(case_37_user)(void) {
    KEEP(by_case_37(0, 16, TAG)); //= ExAllocatePoolWithTag 0=0
}

/* The string is in the image. */
static const UNICODE_STRING constant_name = NAME(L"ExAllocatePoolWithTag");
allocator *by_constant;

SITE(finds_by_constant)(void) {
    by_constant = MmGetSystemRoutineAddress(&constant_name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePoolWithTag followed
}

SITE(calls_by_constant)(void) {
    if (by_constant)
        KEEP(by_constant(512, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

/* Called where it is found. */
SITE(finds_and_calls)(void) {
    UNICODE_STRING name = NAME(L"ExAllocatePoolWithTag");
    allocator *found = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    if (found)
        KEEP(found(4, 16, TAG)); //= ExAllocatePoolWithTag 0=4
}

allocator *by_case_38;

SITE(case_38)(void) {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"ExAllocatePoolWithTag");
    by_case_38 = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePoolWithTag followed
}

SITE(case_38_user)(void) {
    KEEP(by_case_38(0, 16, TAG)); //= ExAllocatePoolWithTag 0=0
}

/* The string is made in one function and used in another: what is found is not known. */
static UNICODE_STRING made_elsewhere;
allocator *by_made_elsewhere;

SITE(makes_name)(void) {
    RtlInitUnicodeString(&made_elsewhere, L"ExAllocatePoolWithTag");
}

SITE(finds_by_made_elsewhere)(void) {
    //= MmGetSystemRoutineAddress 0=?
    by_made_elsewhere = MmGetSystemRoutineAddress(&made_elsewhere);
}

SITE(calls_by_made_elsewhere)(void) {
    KEEP(by_made_elsewhere(0, 16, TAG));
}

/* The name is not to be read in the image. */
static const USHORT encrypted[] = {0x45 ^ 7, 0x78 ^ 7, 0x41 ^ 7, 0x6c ^ 7, 7};
allocator *by_case_39;

SITE(case_39)(void) {
    wchar_t plain[5];
    for (int i = 0; i < 5; i++)
        plain[i] = encrypted[i] ^ 7;
    UNICODE_STRING name = {8, 10, plain};
    by_case_39 = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
}

SITE(case_39_user)(void) {
    KEEP(by_case_39(0, 16, TAG));
}

/* A function that has nothing to do with executable memory. */
allocator *harmless;

SITE(finds_harmless)(void) {
    UNICODE_STRING name = NAME(L"RtlCompareMemory");
    harmless = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
}

SITE(calls_harmless)(void) {
    KEEP(harmless(0, 16, TAG));
}

/* What drivers do that run on old Windows too. */
allocator2 *newer;

SITE(finds_newer)(void) {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"ExAllocatePool2");
    newer = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePool2 followed
}

SITE(newer_or_older)(SIZE_T size) {
    if (newer)
        KEEP(newer(0x40, size, TAG)); //= ExAllocatePool2 0=0x40
    else
        KEEP(ExAllocatePoolWithTag(512, size, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

/* In a structure of such pointers. */
struct routines {
    void *other;
    allocator *allocate;
} routines;

SITE(finds_member)(void) {
    UNICODE_STRING name = NAME(L"ExAllocatePoolWithTag");
    routines.allocate = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePoolWithTag followed
}

SITE(calls_member)(void) {
    KEEP(routines.allocate(0, 16, TAG)); //= ExAllocatePoolWithTag 0=0
}

/* A wrapper around what was found. */
WRAPPER(by_found)(ULONG type, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0x200
    //= ExAllocatePoolWithTag 0=0x200 from=calls_by_found
    return by_case_37(type, size, TAG);
}

SITE(calls_by_found)(void) {
    KEEP(by_found(512, 16));
}

/* The length says how much of the text is the name: the first fourteen characters. */
void *(*shorter)(ULONG, SIZE_T);

SITE(finds_shorter)(void) {
    UNICODE_STRING name = {28, 44, L"ExAllocatePoolWithTag"};
    shorter = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePool followed
}

SITE(calls_shorter)(void) {
    KEEP(shorter(0, 16)); //= ExAllocatePool 0=0
}

/* The variable may hold one of two. */
allocator *one_of_two;

SITE(finds_the_first)(void) {
    UNICODE_STRING name = NAME(L"ExAllocatePoolWithTag");
    one_of_two = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePoolWithTag followed
}

SITE(finds_the_second)(void) {
    UNICODE_STRING name = NAME(L"ExAllocatePoolWithQuotaTag");
    one_of_two = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    //= ExAllocatePoolWithQuotaTag followed
}

SITE(calls_one_of_two)(void) {
    //= ExAllocatePoolWithTag 0=0
    //= ExAllocatePoolWithQuotaTag 0=0
    KEEP(one_of_two(0, 16, TAG));
}

/* Who asks for the function gets it from another one. */
allocator *hands_back(void);
__attribute__((noinline)) allocator *hands_back(void) {
    UNICODE_STRING name = NAME(L"ExAllocatePoolWithTag");
    return MmGetSystemRoutineAddress(&name); //= hands_back: MmGetSystemRoutineAddress 0=?
    //= hands_back: ExAllocatePoolWithTag stored
}

SITE(calls_what_it_gets)(void) {
    KEEP(hands_back()(0, 16, TAG));
}

/* By a function that is given the name. */
WRAPPER(finds)(const wchar_t *text) {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, text);
    return MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
}

/* And by one that is given it in turn, and says so where there is no such function. */
WRAPPER(finds_or_counts)(ULONG *missing, const wchar_t *text) {
    void *found = finds(text);
    if (!found) {
        ++*missing;
        return 0;
    }
    return found;
}

allocator *by_finder, *by_second_finder;
static ULONG missing;

SITE(finds_by_function)(void) {
    by_finder = finds(L"ExAllocatePoolWithTag"); //= ExAllocatePoolWithTag followed
}

SITE(calls_by_function)(void) {
    KEEP(by_finder(0, 16, TAG)); //= ExAllocatePoolWithTag 0=0
}

SITE(finds_by_two_functions)(void) {
    //= ExAllocatePoolWithTag followed
    by_second_finder = finds_or_counts(&missing, L"ExAllocatePoolWithTag");
}

SITE(calls_by_two_functions)(void) {
    KEEP(by_second_finder(1, 16, TAG)); //= ExAllocatePoolWithTag 0=1
}

SITE(finds_by_function_and_calls)(void) {
    allocator *found = finds(L"ExAllocatePoolWithTag");
    if (found)
        KEEP(found(4, 16, TAG)); //= ExAllocatePoolWithTag 0=4
}

SITE(finds_harmless_by_function)(void) {
    allocator *found = finds(L"RtlCompareMemory");
    if (found)
        KEEP(found(4, 16, TAG));
}

/* The string is the caller's. */
WRAPPER(finds_string)(ULONG *missing, const UNICODE_STRING *name) {
    void *found = MmGetSystemRoutineAddress(name); //= MmGetSystemRoutineAddress 0=? from=*
    if (!found)
        ++*missing;
    return found;
}

SITE(finds_string_and_calls)(void) {
    allocator *found = finds_string(&missing, &constant_name);
    if (found)
        KEEP(found(512, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

/* What is found is kept as well: who calls it from there is not seen. */
allocator *volatile found_last;

WRAPPER(finds_and_keeps)(const wchar_t *text) {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, text);
    found_last = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    return (void *)found_last;
}

SITE(calls_what_was_kept)(void) {
    //= ExAllocatePoolWithTag stored
    allocator *found = finds_and_keeps(L"ExAllocatePoolWithTag");
    if (found)
        KEEP(found(0, 16, TAG));
}

/* What is found goes where the caller says, or it is only asked whether it is there: the names are known all the same. */
WRAPPER(finds_for_another)(const wchar_t *text, void *volatile *found) {
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, text);
    *found = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    return *found ? (void *)text : 0;
}

SITE(lets_find)(void *volatile *where) {
    //= ExAllocatePoolWithTag stored
    KEEP(finds_for_another(L"RtlGetVersion", where) && finds_for_another(L"ExAllocatePoolWithTag", where + 1));
}

/* The text is changed before it is used. */
static unsigned short changed_text[] = L"DyAllocatePoolWithTag";

SITE(changes_text)(void) {
    UNICODE_STRING name = {sizeof(changed_text) - 2, sizeof(changed_text), changed_text};
    changed_text[0] = 'E';
    changed_text[1] = 'x';
    allocator *found = MmGetSystemRoutineAddress(&name); //= MmGetSystemRoutineAddress 0=?
    if (found)
        KEEP(found(0, 16, TAG));
}
