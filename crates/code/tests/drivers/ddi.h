/*
 * The kernel functions that the drivers here call, declared as loosely as the calls need, and the
 * two macros that tie a call to its truth. See README.md.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint8_t UCHAR;
typedef uint16_t USHORT;
typedef unsigned long ULONG; /* 32 bits on Windows */
typedef uint64_t ULONG64;
typedef size_t SIZE_T;
typedef long NTSTATUS;
typedef void *HANDLE;

#define NTKERNELAPI __declspec(dllimport)
#define TAG 0x6b736944ul
#define CURRENT_PROCESS ((HANDLE)(intptr_t)-1)

/* A function with calls; its truth is told in it, in the lines that begin with the mark. */
#define SITE(name) __attribute__((noinline, used)) void name

/* A function with calls that returns what it was given. */
#define WRAPPER(name) __attribute__((noinline, used)) void *name

/* Keeps a result, so that the call is no tail call and not left out. */
extern void *volatile kept;
#define KEEP(call) (kept = (void *)(uintptr_t)(call))

NTKERNELAPI void *ExAllocatePool(ULONG, SIZE_T);
NTKERNELAPI void *ExAllocatePoolWithTag(ULONG, SIZE_T, ULONG);
NTKERNELAPI void *ExAllocatePoolWithQuotaTag(ULONG, SIZE_T, ULONG);
NTKERNELAPI void *ExAllocatePoolWithTagPriority(ULONG, SIZE_T, ULONG, ULONG);
NTKERNELAPI void *ExAllocatePool2(ULONG64, SIZE_T, ULONG);
NTKERNELAPI void *ExAllocatePool3(ULONG64, SIZE_T, ULONG, void *, ULONG);
NTKERNELAPI void *ExAllocateCacheAwareRundownProtection(ULONG, ULONG);
NTKERNELAPI void ExFreePoolWithTag(void *, ULONG);
NTKERNELAPI void ExInitializeNPagedLookasideList(void *, void *, void *, ULONG, SIZE_T, ULONG,
                                                 USHORT);
NTKERNELAPI void ExInitializePagedLookasideList(void *, void *, void *, ULONG, SIZE_T, ULONG,
                                                USHORT);
NTKERNELAPI NTSTATUS ExInitializeLookasideListEx(void *, void *, void *, ULONG, ULONG, SIZE_T,
                                                 ULONG, USHORT);
/* Not said to return never, so that the compiler leaves the code behind a call of it. */
NTKERNELAPI void KeBugCheckEx(ULONG, ULONG64, ULONG64, ULONG64, ULONG64);
NTKERNELAPI ULONG RtlRandomEx(ULONG *);
NTKERNELAPI void *RtlCreateHeap(ULONG, void *, SIZE_T, SIZE_T, void *, void *);

typedef struct {
    USHORT length, capacity;
    const wchar_t *text;
} UNICODE_STRING;

NTKERNELAPI void *MmGetSystemRoutineAddress(const UNICODE_STRING *);
NTKERNELAPI void RtlInitUnicodeString(UNICODE_STRING *, const wchar_t *);

NTKERNELAPI void *MmAllocateContiguousMemory(SIZE_T, ULONG64);
NTKERNELAPI void *MmAllocateContiguousMemorySpecifyCache(SIZE_T, ULONG64, ULONG64, ULONG64, ULONG);
NTKERNELAPI void *MmAllocateContiguousNodeMemory(SIZE_T, ULONG64, ULONG64, ULONG64, ULONG, ULONG);
NTKERNELAPI NTSTATUS MmCopyMemory(void *, ULONG64, SIZE_T, ULONG, SIZE_T *);
NTKERNELAPI void *MmMapIoSpace(ULONG64, SIZE_T, ULONG);
NTKERNELAPI void *MmMapIoSpaceEx(ULONG64, SIZE_T, ULONG);
NTKERNELAPI void *MmMapLockedPages(void *, UCHAR);
NTKERNELAPI void *MmMapLockedPagesSpecifyCache(void *, UCHAR, ULONG, void *, ULONG, ULONG);
NTKERNELAPI NTSTATUS MmProtectMdlSystemAddress(void *, ULONG);

NTKERNELAPI NTSTATUS NtAllocateVirtualMemory(HANDLE, void **, SIZE_T, SIZE_T *, ULONG, ULONG);
NTKERNELAPI NTSTATUS ZwAllocateVirtualMemory(HANDLE, void **, SIZE_T, SIZE_T *, ULONG, ULONG);
NTKERNELAPI NTSTATUS ZwCreateSection(HANDLE *, ULONG, void *, ULONG64 *, ULONG, ULONG, HANDLE);
NTKERNELAPI NTSTATUS ZwMapViewOfSection(HANDLE, HANDLE, void **, SIZE_T, SIZE_T, ULONG64 *,
                                        SIZE_T *, ULONG, ULONG, ULONG);
NTKERNELAPI NTSTATUS ZwProtectVirtualMemory(HANDLE, void **, SIZE_T *, ULONG, ULONG *);
