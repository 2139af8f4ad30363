/* Wrappers whose parameter is not the pool type itself but chooses one. */
#include "ddi.h"

/* By branches, as each arm does something else too. */
WRAPPER(mapped_by_branches)(UCHAR nonpaged, SIZE_T size) {
    ULONG type;
    if (nonpaged) {
        KEEP(size);
        type = 0;
    } else {
        KEEP(RtlRandomEx(0));
        type = 1;
    }
    //= ExAllocatePoolWithTag 0=0|1
    //= ExAllocatePoolWithTag 0=0 from=asks_branches_for_nonpaged
    //= ExAllocatePoolWithTag 0=1 from=asks_branches_for_paged
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_branches_for_nonpaged)(void) {
    KEEP(mapped_by_branches(1, 16));
}

SITE(asks_branches_for_paged)(void) {
    KEEP(mapped_by_branches(0, 16));
}

/* setcc. */
WRAPPER(mapped_by_comparison)(UCHAR nonpaged, SIZE_T size) {
    ULONG type = nonpaged == 0;
    //= ExAllocatePoolWithTag 0=0|1
    //= ExAllocatePoolWithTag 0=0 from=asks_comparison_for_nonpaged
    //= ExAllocatePoolWithTag 0=1 from=asks_comparison_for_paged
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_comparison_for_nonpaged)(void) {
    KEEP(mapped_by_comparison(1, 16));
}

SITE(asks_comparison_for_paged)(void) {
    KEEP(mapped_by_comparison(0, 16));
}

/* cmov. */
WRAPPER(mapped_by_choice)(UCHAR nonpaged, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=4|0x201
    //= ExAllocatePoolWithTag 0=4 from=asks_choice_for_nonpaged
    //= ExAllocatePoolWithTag 0=0x201 from=asks_choice_for_paged
    KEEP(ExAllocatePoolWithTag(nonpaged ? 4 : 513, size, TAG));
    return 0;
}

SITE(asks_choice_for_nonpaged)(void) {
    KEEP(mapped_by_choice(1, 16));
}

SITE(asks_choice_for_paged)(void) {
    KEEP(mapped_by_choice(0, 16));
}

/* A table or a jump table, as the cases follow one another. */
WRAPPER(mapped_by_table)(ULONG kind, SIZE_T size) {
    ULONG type;
    switch (kind) {
    case 0:
        type = 512;
        break;
    case 1:
        type = 1;
        break;
    case 2:
        type = 0;
        break;
    case 3:
        type = 513;
        break;
    default:
        type = 516;
        break;
    }
    // Which entry of a jump table is taken is not followed, but that the default is not.
    //= -O0 ExAllocatePoolWithTag 0=0|1|0x200|0x201 from=*
    //= -O2 ExAllocatePoolWithTag 0=0|0x200
    //= -O2 ExAllocatePoolWithTag 0=0x200 from=asks_table_for_nx
    //= -O2 ExAllocatePoolWithTag 0=0 from=asks_table_for_executable
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_table_for_nx)(void) {
    KEEP(mapped_by_table(0, 16));
}

SITE(asks_table_for_executable)(void) {
    KEEP(mapped_by_table(2, 16));
}

/* Comparisons, as the cases lie far apart. */
WRAPPER(mapped_by_cases)(ULONG kind, SIZE_T size) {
    ULONG type;
    switch (kind) {
    case 7:
        KEEP(RtlRandomEx(0));
        type = 0;
        break;
    case 4000:
        KEEP(size);
        type = 1;
        break;
    default:
        type = 512;
        break;
    }
    //= ExAllocatePoolWithTag 0=0|1|0x200
    //= ExAllocatePoolWithTag 0=0 from=asks_cases_for_executable
    //= ExAllocatePoolWithTag 0=1 from=asks_cases_for_paged
    //= ExAllocatePoolWithTag 0=0x200 from=asks_cases_for_default
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_cases_for_executable)(void) {
    KEEP(mapped_by_cases(7, 16));
}

SITE(asks_cases_for_paged)(void) {
    KEEP(mapped_by_cases(4000, 16));
}

SITE(asks_cases_for_default)(void) {
    KEEP(mapped_by_cases(8, 16));
}

/* Nobody passes what would make it executable. */
WRAPPER(mapped_and_never_executable)(ULONG kind, SIZE_T size) {
    ULONG type = 512;
    if (kind == 3) {
        KEEP(size);
        type = 0;
    }
    //= ExAllocatePoolWithTag 0=0x200
    //= ExAllocatePoolWithTag 0=0x200 from=asks_for_the_second_kind
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_for_the_second_kind)(void) {
    KEEP(mapped_and_never_executable(2, 16));
}

/* Callers that are not known pass anything. */
__declspec(dllexport) WRAPPER(mapped_for_all)(UCHAR nonpaged, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|0x200 from=*
    KEEP(ExAllocatePoolWithTag(nonpaged ? 0 : 512, size, TAG));
    return 0;
}

/* Arithmetic on the parameter. */
WRAPPER(mapped_by_shift)(ULONG nx, SIZE_T size) {
    //= ExAllocatePoolWithTag 0=0|0x200
    //= ExAllocatePoolWithTag 0=0x200 from=asks_shift_for_nx
    //= ExAllocatePoolWithTag 0=0 from=asks_shift_for_executable
    KEEP(ExAllocatePoolWithTag(nx << 9, size, TAG));
    return 0;
}

SITE(asks_shift_for_nx)(void) {
    KEEP(mapped_by_shift(1, 16));
}

SITE(asks_shift_for_executable)(void) {
    KEEP(mapped_by_shift(0, 16));
}

/* 0 stands for the default. */
WRAPPER(mapped_by_default)(ULONG type, SIZE_T size) {
    if (type == 0)
        type = 512;
    //= ExAllocatePoolWithTag 0=4|0x200
    //= ExAllocatePoolWithTag 0=0x200 from=asks_for_the_default
    //= ExAllocatePoolWithTag 0=4 from=asks_for_another
    KEEP(ExAllocatePoolWithTag(type, size, TAG));
    return 0;
}

SITE(asks_for_the_default)(void) {
    KEEP(mapped_by_default(0, 16));
}

SITE(asks_for_another)(void) {
    KEEP(mapped_by_default(4, 16));
}
