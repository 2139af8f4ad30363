/*
 * A small software-only driver that does something to code, once: what it does is what makes an
 * example of it. Without any of these it does nothing, and is clean; else exactly one is defined:
 *
 *   FX_PATCH             it changes one of its own functions
 *   FX_WRITE_PROTECTION  it clears the write-protect bit of CR0 to change a constant, and sets it again
 *   FX_RUN_POOL          it puts code into pool and calls it
 *   FX_IMPORTS           it writes to its import address table
 *
 * Each does it in SampleAct and nowhere else.
 */
#include "kernel.h"

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD SampleUnload;

static ULONG volatile Result;

#if defined(FX_PATCH)

/* mov eax, 1; ret */
__attribute__((noinline)) static ULONG SampleAnswer(void)
{
    return 1;
}

/* The number stands behind the first byte of the first instruction. */
__attribute__((noinline)) static void SampleAct(void)
{
    ((UCHAR volatile *)SampleAnswer)[1] = 2;
    Result = SampleAnswer();
}

#elif defined(FX_WRITE_PROTECTION)

#define CR0_WP 0x10000

static const ULONG volatile Limit = 100;

__attribute__((noinline)) static void SampleAct(void)
{
    uint64_t Before;
    uint64_t Cleared;

    __asm__ volatile("mov %%cr0, %0" : "=r"(Before));
    Cleared = Before & ~(uint64_t)CR0_WP;
    __asm__ volatile("mov %0, %%cr0" : : "r"(Cleared) : "memory");
    *(ULONG volatile *)&Limit = 200;
    __asm__ volatile("mov %0, %%cr0" : : "r"(Before) : "memory");
    Result = Limit;
}

#elif defined(FX_RUN_POOL)

#define SAMPLE_TAG 'pmaS' /* shows as "Samp" in pool listings */

typedef ULONG ANSWER(void);

/* mov eax, 1; ret */
static const UCHAR Code[] = {0xB8, 1, 0, 0, 0, 0xC3};

__attribute__((noinline)) static void SampleAct(void)
{
    UCHAR *Memory = ExAllocatePoolWithTag(NonPagedPool, sizeof(Code), SAMPLE_TAG);
    size_t Byte;

    if (Memory == NULL) {
        return;
    }
    for (Byte = 0; Byte < sizeof(Code); Byte++) {
        Memory[Byte] = *(const UCHAR volatile *)&Code[Byte];
    }
    Result = ((ANSWER *)Memory)();
    ExFreePoolWithTag(Memory, SAMPLE_TAG);
}

#elif defined(FX_IMPORTS)

/* The slot that calls of IoDeleteDevice go by. */
extern void *volatile __imp_IoDeleteDevice;

/* A hook would put a function of its own there. */
__attribute__((noinline)) static void SampleAct(void)
{
    __imp_IoDeleteDevice = __imp_IoDeleteDevice;
    Result = 1;
}

#else

__attribute__((noinline)) static void SampleAct(void)
{
    Result = 1;
}

#endif

static void NTAPI SampleUnload(DRIVER_OBJECT *Driver)
{
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN,
                                     FILE_DEVICE_SECURE_OPEN, FALSE, &Device);

    (void)RegistryPath;
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    SampleAct();
    Driver->DriverUnload = SampleUnload;
    return STATUS_SUCCESS;
}
