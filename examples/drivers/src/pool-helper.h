/* What pool-helper.c offers to drivers. */
#pragma once

void *HelperAllocate(POOL_TYPE Type, SIZE_T Size);
void HelperFree(void *Memory);
LONG *HelperOpenLog(void);
