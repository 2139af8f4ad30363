/* What pool-helper.c offers to drivers. */
#pragma once

void *HelperAllocate(POOL_TYPE Type, SIZE_T Size);
void HelperFree(void *Memory);
LONG *HelperOpenLog(void);

/* Memory with a tag of the caller's own, without a call of the library. */
static inline void *HelperAllocateTagged(POOL_TYPE Type, SIZE_T Size, ULONG Tag)
{
    return ExAllocatePoolWithTag(Type, Size, Tag); /* asks: HelperAllocateTagged */
}

static inline void *HelperAllocateNx(SIZE_T Size, ULONG Tag)
{
    return HelperAllocateTagged(NonPagedPoolNx, Size, Tag); /* asks: HelperAllocateNx */
}
