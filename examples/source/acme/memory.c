/* Memory: a wrapper whose callers choose the pool type, and device memory. */
#include "acme.h"

PVOID AcmeAllocate(POOL_TYPE type, SIZE_T size)
{
    return ExAllocatePoolWithTag(type, size, ACME_TAG);
}

PVOID AcmeMapRegisters(PHYSICAL_ADDRESS base, SIZE_T size)
{
    return MmMapIoSpace(base, size, MmNonCached);
}

PVOID AcmeMapFrames(PHYSICAL_ADDRESS base, SIZE_T size)
{
    return MmMapIoSpaceEx(base, size, PAGE_EXECUTE_READWRITE | PAGE_WRITECOMBINE);
}

PVOID AcmeRing(SIZE_T size)
{
    PHYSICAL_ADDRESS lowest, highest, boundary;

    lowest.QuadPart = 0;
    highest.QuadPart = 0xFFFFFFFF;
    boundary.QuadPart = 0;
    return MmAllocateContiguousMemorySpecifyCache(size, lowest, highest, boundary, MmCached);
}
