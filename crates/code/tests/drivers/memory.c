/* Mappings and protections: cases 80 to 100 of the specification. */
#include "ddi.h"

ULONG volatile mdl_protection; /* what ExDefaultMdlProtection is to a driver that opts in */
static void *base;
static SIZE_T size;
static ULONG old;

struct mdl {
    struct mdl *next;
    USHORT size, flags;
    void *process, *mapped;
};

#define MAP(name, mode, priority)                                                                  \
    SITE(name)(void *mdl) {                                                                        \
        KEEP(MmMapLockedPagesSpecifyCache(mdl, mode, 1, 0, 0, priority));                          \
    }

MAP(case_80, 0, 0x10)        //= case_80: MmMapLockedPagesSpecifyCache 1=0 5=0x10
MAP(case_81, 0, 0x40000010)  //= case_81: MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
MAP(case_82, 0, 0xC0000010)  //= case_82: MmMapLockedPagesSpecifyCache 1=0 5=0xc0000010
MAP(case_83, 0, 0x80000010)  //= case_83: MmMapLockedPagesSpecifyCache 1=0 5=0x80000010
MAP(case_84, 1, 0x10)        //= case_84: MmMapLockedPagesSpecifyCache 1=1 5=0x10
MAP(case_85, 0, mdl_protection | 0x10)
//= case_85: MmMapLockedPagesSpecifyCache 1=0 5=0x10|0x40000010

SITE(opts_in)(void) {
    mdl_protection = 0x40000000;
}

/* The inline function of the headers: maps only what is not mapped. */
SITE(case_86)(struct mdl *mdl) {
    if (mdl->flags & 5)
        KEEP(mdl->mapped);
    else
        //= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
        KEEP(MmMapLockedPagesSpecifyCache(mdl, 0, 1, 0, 0, 0x40000010));
}

SITE(case_87)(void *mdl) {
    KEEP(MmMapLockedPages(mdl, 0)); //= MmMapLockedPages 1=0
}

SITE(case_87_user)(void *mdl) {
    KEEP(MmMapLockedPages(mdl, 1)); //= MmMapLockedPages 1=1
}

#define SPACE(name, function, last)                                                                \
    SITE(name)(ULONG64 at) {                                                                       \
        KEEP(function(at, 0x1000, last));                                                          \
    }

SPACE(case_88_0, MmMapIoSpace, 0)           //= case_88_0: MmMapIoSpace 2=0
SPACE(case_88_2, MmMapIoSpace, 2)           //= case_88_2: MmMapIoSpace 2=2
SPACE(case_88_1, MmMapIoSpace, 1)           //= case_88_1: MmMapIoSpace 2=1
SPACE(case_89, MmMapIoSpaceEx, 0x204)       //= case_89: MmMapIoSpaceEx 2=0x204
SPACE(case_89_exec, MmMapIoSpaceEx, 0x40)   //= case_89_exec: MmMapIoSpaceEx 2=0x40

SITE(case_90_1)(void) {
    //= MmAllocateContiguousMemorySpecifyCache 4=1
    KEEP(MmAllocateContiguousMemorySpecifyCache(4096, 0, ~0ull, 0, 1));
}

SITE(case_90_0)(void) {
    //= MmAllocateContiguousMemorySpecifyCache 4=0
    KEEP(MmAllocateContiguousMemorySpecifyCache(4096, 0, ~0ull, 0, 0));
}

SITE(case_91)(void) {
    KEEP(MmAllocateContiguousMemory(4096, ~0ull)); //= MmAllocateContiguousMemory
}

SITE(case_92)(void) {
    //= MmAllocateContiguousNodeMemory 4=0x40
    KEEP(MmAllocateContiguousNodeMemory(4096, 0, ~0ull, 0, 0x40, 0));
}

SITE(case_92_nx)(void) {
    //= MmAllocateContiguousNodeMemory 4=0x404
    KEEP(MmAllocateContiguousNodeMemory(4096, 0, ~0ull, 0, 0x404, 0));
}

SITE(case_93)(void *mdl) {
    KEEP(MmProtectMdlSystemAddress(mdl, 0x40)); //= MmProtectMdlSystemAddress 1=0x40
}

SITE(case_93_readonly)(void *mdl) {
    KEEP(MmProtectMdlSystemAddress(mdl, 2)); //= MmProtectMdlSystemAddress 1=2
}

SITE(case_94)(HANDLE process) {
    //= ZwProtectVirtualMemory 0=parameter0 3=0x40
    KEEP(ZwProtectVirtualMemory(process, &base, &size, 0x40, &old));
}

SITE(case_94_own)(void) {
    //= ZwProtectVirtualMemory 0=0xffffffffffffffff 3=0x20
    KEEP(ZwProtectVirtualMemory(CURRENT_PROCESS, &base, &size, 0x20, &old));
}

#define VIEW(name, protection)                                                                     \
    SITE(name)(HANDLE section) {                                                                   \
        KEEP(ZwMapViewOfSection(section, CURRENT_PROCESS, &base, 0, 0, 0, &size, 2, 0,             \
                                protection));                                                      \
    }

VIEW(case_95, 0x40) //= case_95: ZwMapViewOfSection 1=0xffffffffffffffff 9=0x40
VIEW(case_95_rw, 4) //= case_95_rw: ZwMapViewOfSection 1=0xffffffffffffffff 9=4

SITE(case_96_image)(HANDLE *section, HANDLE file) {
    //= ZwCreateSection 4=0x10 5=0x1000000
    KEEP(ZwCreateSection(section, 0xf001f, 0, 0, 0x10, 0x1000000, file));
}

SITE(case_96)(HANDLE *section) {
    //= ZwCreateSection 4=0x40 5=0x8000000
    KEEP(ZwCreateSection(section, 0xf001f, 0, 0, 0x40, 0x8000000, 0));
}

SITE(case_98)(void) {
    //= NtAllocateVirtualMemory 0=0xffffffffffffffff 5=0x40
    KEEP(NtAllocateVirtualMemory(CURRENT_PROCESS, &base, 0, &size, 0x3000, 0x40));
}

SITE(case_98_zw)(HANDLE process) {
    //= ZwAllocateVirtualMemory 0=parameter0 5=0x40
    KEEP(ZwAllocateVirtualMemory(process, &base, 0, &size, 0x3000, 0x40));
}

SITE(case_99)(void) {
    KEEP(RtlCreateHeap(0x40000, 0, 0, 0, 0, 0)); //= RtlCreateHeap 0=0x40000
}

SITE(case_100)(void *target, SIZE_T *copied) {
    KEEP(MmCopyMemory(target, 0, 8, 1, copied)); //= MmCopyMemory
}
