/* What the files of the driver share. */
#pragma once

#include <ntddk.h>

#define ACME_TAG 'emcA'
#define ACME_POOL NonPagedPool

PVOID AcmeAllocate(POOL_TYPE type, SIZE_T size);
PVOID AcmeMapRegisters(PHYSICAL_ADDRESS base, SIZE_T size);
PVOID AcmeMapFrames(PHYSICAL_ADDRESS base, SIZE_T size);
PVOID AcmeRead(PMDL mdl);
PVOID AcmeRing(SIZE_T size);
