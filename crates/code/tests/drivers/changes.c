/* What code does to code, and what only looks like it: each function that does something has its twin
 * that does not. */
#include "ddi.h"

typedef ULONG routine(ULONG);

NTKERNELAPI NTSTATUS ZwClose(HANDLE);
NTKERNELAPI USHORT NtBuildNumber;
NTKERNELAPI void *memmove(void *, const void *, SIZE_T);

__attribute__((section(".text"))) volatile ULONG counter_in_code = 1;
volatile ULONG counter;
routine *volatile chosen;
static routine *built, *built_later, *built_by_room, *given;
static routine *volatile replaced;

__attribute__((noinline, used)) ULONG answers(ULONG a) { return a + 1; }

/* A store into a function of its own, and into a variable that stands among the code. */
SITE(patches)(void) {
    ((volatile UCHAR *)answers)[1] = 0x90; //= sighted code-written
}

SITE(counts_in_code)(void) {
    counter_in_code++; //= sighted code-written
}

SITE(counts)(void) { counter++; }

/* The pointer is in a register, a local or both. */
SITE(patches_in_a_loop)(ULONG count) {
    volatile UCHAR *code = (volatile UCHAR *)answers;
#pragma clang loop unroll(disable)
    for (ULONG i = 0; i < count; i++)
        code[i] = 0xcc; //= sighted code-written
}

SITE(fills_a_table)(ULONG count) {
    volatile ULONG *data = &counter;
    for (ULONG i = 0; i < count; i++)
        data[i] = 0xcc;
}

SITE(keeps_pointers)(routine *volatile *table, ULONG count) {
    for (ULONG i = 0; i < count; i++)
        table[i] = answers;
}

SITE(patches_one_of_two)(ULONG which) {
    volatile UCHAR *byte = which ? (volatile UCHAR *)answers : (volatile UCHAR *)&counter;
    *byte = 0x90; //= sighted code-maybe-written
}

uint64_t read_cr0(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

void write_cr0(uint64_t value) { __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }

/* In the function itself. */
#define READ_CR0(value) __asm__ volatile("mov %%cr0, %0" : "=r"(value))
#define WRITE_CR0(value) __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory")

SITE(toggles)(void) {
    uint64_t before, cleared;
    READ_CR0(before);
    cleared = before & ~0x10000ull;
    WRITE_CR0(cleared); //= sighted cr0-cleared
    counter = 1;
    WRITE_CR0(before); //= sighted cr0-kept
}

SITE(sets)(void) {
    uint64_t value;
    READ_CR0(value);
    value |= 0x10000;
    WRITE_CR0(value); //= sighted cr0-kept
}

SITE(clears_another_bit)(void) {
    uint64_t value;
    READ_CR0(value);
    value &= ~8ull;
    WRITE_CR0(value); //= sighted cr0-kept
}

/* What a program sends: the function can do anything. */
SITE(writes_what_is_sent)(uint64_t *buffer) {
    uint64_t value = *buffer;
    WRITE_CR0(value); //= sighted cr0-unknown
}

SITE(flips_what_is_sent)(uint64_t *buffer) {
    uint64_t value;
    READ_CR0(value);
    value ^= *buffer;
    WRITE_CR0(value); //= sighted cr0-unknown
}

SITE(clears_on_one_path)(ULONG which) {
    uint64_t value;
    READ_CR0(value);
    if (which)
        value &= ~0x10000ull;
    WRITE_CR0(value); //= sighted cr0-maybe-cleared
}

/* The address is made of another one, rounded down: what is patched at once is aligned. */
SITE(patches_a_whole_word)(void) {
    //= sighted code-written
    *(volatile uint64_t *)((uintptr_t)(void *)answers & ~(uintptr_t)7) = 0x90;
}

SITE(patches_by_the_page)(void) {
    UCHAR *page = (UCHAR *)((uintptr_t)(void *)answers & ~(uintptr_t)0xfff);
    page[(uintptr_t)(void *)answers & 0xfff] = 0x90; //= sighted code-written
}

/* Code is put into pool and called. */
SITE(runs_pool)(void) {
    UCHAR *code = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
    if (code) {
        code[0] = 0xc3;
        counter = ((routine *)code)(1); //= sighted memory-run
        ExFreePoolWithTag(code, TAG);
    }
}

/* The driver's own allocator gives the memory, by way of another one. */
__attribute__((noinline)) UCHAR *room(SIZE_T size) {
    UCHAR *memory = ExAllocatePoolWithTag(512, size, TAG); //= room: ExAllocatePoolWithTag 0=0x200
    if (memory)
        memory[0] = 0;
    return memory;
}

__attribute__((noinline)) UCHAR *small_room(void) {
    return room(16);
}

SITE(runs_a_room)(void) {
    UCHAR *code = room(64);
    if (code) {
        code[0] = 0xc3;
        counter = ((routine *)code)(1); //= sighted memory-run
    }
}

SITE(runs_a_small_room)(void) {
    UCHAR *code = small_room();
    if (code) {
        code[0] = 0xc3;
        counter = ((routine *)code)(1); //= sighted memory-run
    }
}

SITE(runs_behind_a_header)(void) {
    UCHAR *memory = ExAllocatePoolWithTag(0, 64, TAG); //= ExAllocatePoolWithTag 0=0
    if (!memory)
        return;
    routine *code = (routine *)(memory + 16);
    for (ULONG i = 0; i < 16; i++)
        memory[16 + i] = ((volatile UCHAR *)answers)[i];
    counter = code(counter); //= sighted memory-run
}

SITE(runs_a_mapping)(void) {
    routine *code = MmMapIoSpace(0xa0000, 4096, 0); //= MmMapIoSpace 2=0
    counter = code(1);                              //= sighted memory-run
}

SITE(runs_pool_or_not)(ULONG which) {
    routine *code = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
    if (which)
        code = answers;
    counter = code(1); //= sighted memory-maybe-run
}

/* By way of a variable that nothing else is stored in. */
SITE(builds)(void) {
    built = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
}

SITE(runs_what_was_built)(ULONG a) {
    counter = built(a); //= sighted memory-run
}

/* It is filled first, and forgotten when it is freed. */
SITE(fills_and_builds)(void) {
    UCHAR *code = ExAllocatePoolWithTag(512, 16, TAG); //= ExAllocatePoolWithTag 0=0x200
    if (code) {
        memmove(code, "\x31\xc0\xc3", 3);
        built_later = (routine *)(void *)code;
    }
}

SITE(runs_what_was_filled)(ULONG a) {
    counter = built_later(a); //= sighted memory-run
}

SITE(forgets_what_was_filled)(void) {
    ExFreePoolWithTag((void *)built_later, TAG);
    built_later = 0;
}

/* The driver's own allocator gave it. */
SITE(builds_by_a_room)(void) { built_by_room = (routine *)(void *)room(16); }

SITE(runs_what_a_room_gave)(ULONG a) {
    counter = built_by_room(a); //= sighted memory-run
}

/* And of one that is also given another value: not told, as nothing is proven. */
SITE(builds_one)(void) {
    replaced = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
}

SITE(replaces_it)(void) { replaced = answers; }

SITE(runs_either)(ULONG a) { counter = replaced(a); }

/* A function runs it that it is handed to, or one that is called by that. */
__attribute__((noinline)) static ULONG runs(routine *code) {
    counter++;
    return code(1) + counter;
}

__attribute__((noinline)) static ULONG runs_by_another(ULONG count, routine *code) {
    counter++;
    return runs(code) + count;
}

__attribute__((noinline)) static ULONG reads(routine *code) {
    counter++;
    return *(ULONG *)(void *)code + chosen(1);
}

SITE(hands_pool_on)(void) {
    routine *code = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
    counter = runs(code);                              //= sighted memory-run
}

SITE(hands_pool_on_by_two)(ULONG count) {
    routine *code = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
    if (code)
        counter = runs_by_another(count, code); //= sighted memory-run
}

SITE(hands_a_room_on)(void) {
    counter = runs((routine *)room(64)); //= sighted memory-run
}

SITE(hands_pool_or_code_on)(ULONG which) {
    routine *code = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
    if (which)
        code = answers;
    counter = runs(code); //= sighted memory-maybe-run
}

SITE(hands_pool_on_as_data)(void) {
    routine *code = ExAllocatePoolWithTag(0, 16, TAG); //= ExAllocatePoolWithTag 0=0
    counter = reads(code);
}

/* The driver's own allocator may give something else. */
__attribute__((noinline)) UCHAR *room_or_code(ULONG which) {
    if (which)
        return (UCHAR *)answers;
    counter++;
    return ExAllocatePoolWithTag(512, 16, TAG); //= room_or_code: ExAllocatePoolWithTag 0=0x200
}

SITE(runs_a_room_or_code)(ULONG which) {
    counter = ((routine *)room_or_code(which))(1); //= sighted memory-maybe-run
}

/* Pool that is data, with a call of something else. */
SITE(uses_pool)(void) {
    ULONG *data = ExAllocatePoolWithTag(512, 16, TAG); //= ExAllocatePoolWithTag 0=0x200
    if (data) {
        data[0] = chosen(data[1]);
        counter = data[0];
        ExFreePoolWithTag(data, TAG);
    }
}

struct object {
    routine *act;
};

SITE(calls_by_pool)(void) {
    struct object *object = ExAllocatePoolWithTag(512, 16, TAG); //= ExAllocatePoolWithTag 0=0x200
    if (object) {
        object->act = chosen;
        counter = object->act(1);
    }
}

SITE(keeps_pool)(void) {
    given = ExAllocatePoolWithTag(512, 16, TAG); //= ExAllocatePoolWithTag 0=0x200
}

SITE(frees_pool)(void) { ExFreePoolWithTag(given, TAG); }

/* The kernel's code is read, and a variable of the kernel. */
SITE(reads_a_service_number)(void) {
    counter = *(volatile ULONG *)((UCHAR *)ZwClose + 1); //= sighted import-read
}

SITE(looks_for_a_jump)(void) {
    if (*(volatile UCHAR *)ZwClose == 0xe9) //= sighted import-read
        counter = 1;
}

SITE(reads_a_variable)(void) { counter = *(volatile USHORT *)&NtBuildNumber; }

SITE(saves_the_kernels_code)(void *where) {
    memmove(where, (const void *)ZwClose, 16); //= sighted import-read
}

/* Hooks of the kernel. */
SITE(hooks_the_kernel)(void) {
    *(volatile UCHAR *)ZwClose = 0xe9; //= sighted import-written
}

SITE(hooks_the_kernel_by_a_copy)(const void *jump) {
    memmove((void *)ZwClose, jump, 5); //= sighted import-written
}

SITE(calls_the_kernel)(HANDLE handle) { counter = (ULONG)ZwClose(handle); }

SITE(through_functions)(void) {
    write_cr0(read_cr0() & ~0x10000ull); //= sighted cr0-cleared
}

/* A function writes that is given the address. */
__attribute__((noinline)) static void copies(volatile UCHAR *to, const UCHAR *from, ULONG count) {
    for (ULONG i = 0; i < count; i++)
        to[i] = from[i];
}

__attribute__((noinline)) static void copies_if(ULONG count, volatile UCHAR *to, const UCHAR *from) {
    counter++;
    if (count < 16)
        copies(to, from, count);
}

__attribute__((noinline)) static ULONG asks(volatile const UCHAR *code) { return code[0] + counter; }

__attribute__((noinline)) static void keeps(routine **where, routine *what) {
    *where = what;
    counter++;
}

static const UCHAR stub[] = {0x31, 0xc0, 0xc3};
static UCHAR copy_of_stub[sizeof(stub)];

SITE(patches_by_a_copy)(void) {
    copies((volatile UCHAR *)answers, stub, sizeof(stub)); //= sighted code-written
    counter++;
}

/* Nothing is left to do behind the call, which is a jump where the compiler optimises. */
SITE(patches_at_last)(void) {
    memmove((void *)answers, stub, sizeof(stub)); //= sighted code-written
}

SITE(patches_at)(ULONG which) {
    ((volatile UCHAR *)answers)[which & 7] = 0x90; //= sighted code-written
}

SITE(patches_by_two)(ULONG count) {
    copies_if(count, (volatile UCHAR *)answers + 1, stub); //= sighted code-written
    counter++;
}

SITE(copies_by_a_copy)(void) {
    copies(copy_of_stub, stub, sizeof(stub));
    counter++;
}

SITE(copies_from_code)(void) {
    copies(copy_of_stub, (const UCHAR *)answers, sizeof(stub));
    counter++;
}

SITE(asks_of_code)(void) { counter = asks((volatile UCHAR *)answers); }

SITE(keeps_by_a_function)(void) {
    keeps(&given, answers);
    counter++;
}

SITE(patches_by_the_kernel)(void) {
    memmove((void *)answers, stub, sizeof(stub)); //= sighted code-written
    counter++;
}

SITE(copies_by_the_kernel)(void) {
    memmove(copy_of_stub, (void *)answers, sizeof(stub));
    counter++;
}

/* Functions without a frame are not listed, and count as code only if something names them. */
void *const functions[] = {
    patches,
    counts_in_code,
    counts,
    patches_in_a_loop,
    fills_a_table,
    keeps_pointers,
    patches_one_of_two,
    toggles,
    sets,
    clears_another_bit,
    writes_what_is_sent,
    flips_what_is_sent,
    clears_on_one_path,
    runs_pool,
    runs_behind_a_header,
    runs_a_mapping,
    runs_pool_or_not,
    hands_pool_on,
    hands_pool_on_by_two,
    hands_a_room_on,
    hands_pool_or_code_on,
    hands_pool_on_as_data,
    runs_a_room_or_code,
    builds,
    runs_what_was_built,
    fills_and_builds,
    runs_what_was_filled,
    forgets_what_was_filled,
    builds_by_a_room,
    runs_what_a_room_gave,
    patches_a_whole_word,
    patches_by_the_page,
    builds_one,
    replaces_it,
    runs_either,
    uses_pool,
    calls_by_pool,
    keeps_pool,
    frees_pool,
    reads_a_service_number,
    looks_for_a_jump,
    reads_a_variable,
    calls_the_kernel,
    through_functions,
    patches_by_a_copy,
    patches_by_two,
    copies_by_a_copy,
    copies_from_code,
    asks_of_code,
    keeps_by_a_function,
    patches_by_the_kernel,
    copies_by_the_kernel,
    patches_at_last,
    patches_at,
    saves_the_kernels_code,
    hooks_the_kernel,
    hooks_the_kernel_by_a_copy,
};
