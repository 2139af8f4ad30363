/*
 * A small library that drivers link, with a PDB. Drivers cannot see that the last function asks for
 * executable memory; their import tables only say that somebody calls ExAllocatePoolWithTag.
 *
 * "asks:" marks the lines that call the kernel for memory, with the function that they are in.
 */
#include "kernel.h"
#include "pool-helper.h"

#define HELPER_TAG 'pleH' /* shows as "Help" in pool listings */

/* What the memory is like is up to the caller. */
__attribute__((noinline)) void *HelperAllocate(POOL_TYPE Type, SIZE_T Size)
{
    UCHAR volatile *Memory;

    Memory = ExAllocatePoolWithTag(Type, Size, HELPER_TAG); /* asks: HelperAllocate */
    if (Memory != NULL) {
        Memory[0] = 0;
    }
    return (void *)Memory;
}

void HelperFree(void *Memory)
{
    ExFreePoolWithTag(Memory, HELPER_TAG);
}

/* Memory that the library needs for itself, from the pool that is executable. */
__attribute__((noinline)) LONG *HelperOpenLog(void)
{
    LONG volatile *Log;

    Log = ExAllocatePoolWithTag(NonPagedPool, 512, HELPER_TAG); /* asks: HelperOpenLog */
    if (Log != NULL) {
        Log[0] = 1;
    }
    return (LONG *)Log;
}
