/* A driver of an imaginary device that memory integrity objects to. */
#include "acme.h"

static NPAGED_LOOKASIDE_LIST Requests;
static PVOID Block, Names, Table, Scratch, Code;
PVOID volatile Kept;

PVOID AcmeRead(PMDL mdl)
{
    return MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority); /* one mapping a request */
}

#if NTDDI_VERSION < NTDDI_WIN8
/* Nothing of it is compiled for a Windows that has memory integrity. */
static PVOID AcmeOld(SIZE_T size)
{
    return ExAllocatePoolWithTag(NonPagedPool, size, ACME_TAG);
}
#endif

_Use_decl_annotations_
NTSTATUS NTAPI DriverEntry(_In_ PDRIVER_OBJECT driver, _In_ PUNICODE_STRING path)
{
    PHYSICAL_ADDRESS registers;
    static MDL mdl;

    (void)driver;
    (void)path;
    registers.QuadPart = 0xFED00000;

    Block = ExAllocatePoolWithTag(ACME_POOL, 64, ACME_TAG);
    Names = AcmeAllocate(PagedPool, 4096);
    Table = AcmeAllocate(NonPagedPool | POOL_ZERO_ALLOCATION, 4096);
    Scratch = ExAllocatePool2(NonPagedPoolNx, 64, ACME_TAG);
    // ringfence: allow(executable-pool-flags) the trampolines go with the next release
    Code = ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, ACME_TAG);
    ExInitializeNPagedLookasideList(&Requests, NULL, NULL, 0, 128, ACME_TAG, 0);

    Kept = AcmeMapRegisters(registers, 4096);
    Kept = AcmeMapFrames(registers, 4096);
    Kept = AcmeRing(4096);
    Kept = AcmeRead(&mdl);
    return Block && Names && Table && Scratch && Code ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
