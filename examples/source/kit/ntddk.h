/*
 * As much of the kit's header as the source here needs, written for it: declarations with the kit's names and values.
 * It is there so that a compiler can build the example before and after its fixes; see xtask/src/mend.rs.
 */
#pragma once

#include <stddef.h>

typedef void VOID, *PVOID, *HANDLE;
typedef unsigned char UCHAR, BOOLEAN;
typedef unsigned short USHORT;
typedef unsigned long ULONG; /* 32 bits on Windows */
typedef unsigned long long ULONG64;
typedef size_t SIZE_T;
typedef long NTSTATUS;
typedef char KPROCESSOR_MODE;

typedef union {
    struct {
        ULONG LowPart;
        long HighPart;
    } u;
    long long QuadPart;
} PHYSICAL_ADDRESS;

typedef struct _DRIVER_OBJECT *PDRIVER_OBJECT;
typedef struct _UNICODE_STRING *PUNICODE_STRING;

typedef struct _MDL {
    struct _MDL *Next;
    short Size;
    short MdlFlags;
    PVOID Process;
    PVOID MappedSystemVa;
} MDL, *PMDL;

typedef struct {
    unsigned char opaque[128];
} NPAGED_LOOKASIDE_LIST, *PNPAGED_LOOKASIDE_LIST;

#define STATUS_SUCCESS 0
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define FALSE 0
#define TRUE 1
#define KernelMode 0
#define UserMode 1
#define NTAPI
#define FORCEINLINE static inline
#define NTKERNELAPI __declspec(dllimport)
#define _In_
#define _Use_decl_annotations_
#define MM_ANY_NODE_OK 0x80000000ul

typedef enum {
    NonPagedPool = 0,
    NonPagedPoolExecute = 0,
    PagedPool = 1,
    NonPagedPoolCacheAligned = 4,
    NonPagedPoolNx = 0x200,
    NonPagedPoolNxCacheAligned = 0x204
} POOL_TYPE;

#define POOL_NX_ALLOCATION 0x200
#define POOL_ZERO_ALLOCATION 0x400

typedef ULONG64 POOL_FLAGS;
#define POOL_FLAG_UNINITIALIZED 0x2ull
#define POOL_FLAG_NON_PAGED 0x40ull
#define POOL_FLAG_NON_PAGED_EXECUTE 0x80ull
#define POOL_FLAG_PAGED 0x100ull

typedef enum { MmNonCached, MmCached, MmWriteCombined } MEMORY_CACHING_TYPE;

#define LowPagePriority 0
#define NormalPagePriority 16
#define HighPagePriority 32
#define MdlMappingNoExecute 0x40000000

#define PAGE_READONLY 0x02
#define PAGE_READWRITE 0x04
#define PAGE_EXECUTE_READWRITE 0x40
#define PAGE_NOCACHE 0x200
#define PAGE_WRITECOMBINE 0x400

NTKERNELAPI PVOID ExAllocatePoolWithTag(POOL_TYPE, SIZE_T, ULONG);
NTKERNELAPI PVOID ExAllocatePool2(POOL_FLAGS, SIZE_T, ULONG);
NTKERNELAPI VOID ExFreePoolWithTag(PVOID, ULONG);
NTKERNELAPI VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST, PVOID, PVOID, ULONG, SIZE_T, ULONG, USHORT);
NTKERNELAPI PVOID MmMapLockedPagesSpecifyCache(PMDL, KPROCESSOR_MODE, MEMORY_CACHING_TYPE, PVOID, ULONG, ULONG);
NTKERNELAPI PVOID MmMapIoSpace(PHYSICAL_ADDRESS, SIZE_T, MEMORY_CACHING_TYPE);
NTKERNELAPI PVOID MmMapIoSpaceEx(PHYSICAL_ADDRESS, SIZE_T, ULONG);
NTKERNELAPI PVOID MmAllocateContiguousMemorySpecifyCache(SIZE_T, PHYSICAL_ADDRESS, PHYSICAL_ADDRESS, PHYSICAL_ADDRESS, MEMORY_CACHING_TYPE);
NTKERNELAPI PVOID MmAllocateContiguousNodeMemory(SIZE_T, PHYSICAL_ADDRESS, PHYSICAL_ADDRESS, PHYSICAL_ADDRESS, ULONG, ULONG);

#define MDL_MAPPED 0x5

FORCEINLINE PVOID MmGetSystemAddressForMdlSafe(PMDL Mdl, ULONG Priority) {
    if (Mdl->MdlFlags & MDL_MAPPED) {
        return Mdl->MappedSystemVa;
    }
    return MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, Priority);
}
