/*
 * A small software-only driver that links a library, pool-helper.c, and has its PDB beside it. It asks
 * for no executable memory itself: once it tells the library to, and once the library does unasked.
 *
 * "asks:" marks the lines that call the kernel for memory, with the function that they are in, and
 * "passes:" those that tell the library what to ask for.
 */
#include "kernel.h"
#include "pool-helper.h"

#define SAMPLE_TAG 'pmaS' /* shows as "Samp" in pool listings */
#define SAMPLE_SIZE 4096

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD SampleUnload;

static void *Buffer;
static void *Queue;
static LONG *Log;

/* Executable memory, by way of the library. */
static __attribute__((noinline)) NTSTATUS SampleMakeBuffer(void)
{
    Buffer = HelperAllocate(NonPagedPool, SAMPLE_SIZE); /* passes: SampleMakeBuffer */
    return Buffer != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* Memory that is not executable, by way of the library and without. */
static __attribute__((noinline)) NTSTATUS SampleMakeQueue(void)
{
    void *Own;

    Queue = HelperAllocate(NonPagedPoolNx, SAMPLE_SIZE); /* passes: SampleMakeQueue */
    Own = HelperAllocateNx(64, SAMPLE_TAG); /* asks: SampleMakeQueue */
    if (Own != NULL) {
        ExFreePoolWithTag(Own, SAMPLE_TAG);
    }
    return Queue != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static void NTAPI SampleUnload(DRIVER_OBJECT *Driver)
{
    (void)Driver;
    if (Buffer != NULL) {
        HelperFree(Buffer);
    }
    if (Queue != NULL) {
        HelperFree(Queue);
    }
    if (Log != NULL) {
        HelperFree(Log);
    }
}

INIT_CODE NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    NTSTATUS Status;

    (void)RegistryPath;
    Driver->DriverUnload = SampleUnload;
    Log = HelperOpenLog();
    Status = SampleMakeBuffer();
    if (NT_SUCCESS(Status)) {
        Status = SampleMakeQueue();
    }
    if (!NT_SUCCESS(Status)) {
        SampleUnload(Driver);
    }
    return Status;
}
