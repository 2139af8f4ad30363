/*
 * A small software-only driver that asks the kernel for memory, once: what for is what makes an
 * example of it. Exactly one of these is defined:
 *
 *   FX_MDL_MAPPING       an MDL is mapped without MdlMappingNoExecute; if it is 0, with it
 *   FX_PAGE_PROTECTION   device memory is mapped writable and executable; if it is 0, only writable
 *   FX_MAP_IO_SPACE      device memory is mapped by a function that cannot do other than executable
 *   FX_POOL_FROM_IOCTL   the pool type is what a program passes in with an IOCTL
 *   FX_WRAPPER           the pool types are what the callers of a function of the driver's own pass to it
 *   FX_ROUTINE_BY_NAME   the function that allocates is found by its name when the driver is loaded
 *
 * Each asks in SampleAsk, or in what that calls, and nowhere else.
 */
#include "kernel.h"

#define SAMPLE_TAG 'pmaS' /* shows as "Samp" in pool listings */

/* A page of the legacy video memory, which every PC has. */
#define SAMPLE_PHYSICAL 0xA0000
#define SAMPLE_SIZE 4096

static const UNICODE_STRING DeviceName = CONSTANT_STRING(L"\\Device\\RingfenceSample");
static const UNICODE_STRING LinkName = CONSTANT_STRING(L"\\DosDevices\\RingfenceSample");

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH SampleOpenOrClose;
static DRIVER_DISPATCH SampleDeviceControl;
static DRIVER_UNLOAD SampleUnload;

#if defined(FX_MDL_MAPPING)

#if FX_MDL_MAPPING
#define SAMPLE_PRIORITY NormalPagePriority
#else
#define SAMPLE_PRIORITY (NormalPagePriority | MdlMappingNoExecute)
#endif

/* The pages of a direct IOCTL's buffer, which the I/O manager has locked. */
static NTSTATUS SampleAsk(IRP *Irp)
{
    UCHAR *Buffer;

    if (Irp->MdlAddress == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    Buffer = MmMapLockedPagesSpecifyCache(Irp->MdlAddress, KernelMode, MmCached, NULL, FALSE,
                                          SAMPLE_PRIORITY);
    if (Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Buffer[0] = 1;
    MmUnmapLockedPages(Buffer, Irp->MdlAddress);
    return STATUS_SUCCESS;
}

#elif defined(FX_PAGE_PROTECTION) || defined(FX_MAP_IO_SPACE)

#if defined(FX_PAGE_PROTECTION) && FX_PAGE_PROTECTION
#define SAMPLE_PROTECTION PAGE_EXECUTE_READWRITE
#else
#define SAMPLE_PROTECTION 0x04 /* PAGE_READWRITE */
#endif

static UCHAR volatile LastByte;

static NTSTATUS SampleAsk(IRP *Irp)
{
#if defined(FX_PAGE_PROTECTION)
    UCHAR volatile *Memory = MmMapIoSpaceEx(SAMPLE_PHYSICAL, SAMPLE_SIZE, SAMPLE_PROTECTION);
#else
    UCHAR volatile *Memory = MmMapIoSpace(SAMPLE_PHYSICAL, SAMPLE_SIZE, MmNonCached);
#endif

    (void)Irp;
    if (Memory == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    LastByte = Memory[0];
    MmUnmapIoSpace((void *)Memory, SAMPLE_SIZE);
    return STATUS_SUCCESS;
}

#elif defined(FX_POOL_FROM_IOCTL)

/* The first number of a buffered IOCTL's input. */
static NTSTATUS SampleAsk(IRP *Irp)
{
    const POOL_TYPE *Wanted = Irp->SystemBuffer;
    void *Memory;

    if (Wanted == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    Memory = ExAllocatePoolWithTag(*Wanted, SAMPLE_SIZE, SAMPLE_TAG);
    if (Memory == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ExFreePoolWithTag(Memory, SAMPLE_TAG);
    return STATUS_SUCCESS;
}

#elif defined(FX_WRAPPER)

/* Hands on the pool type. The compiler makes the call a jump to the import. */
__attribute__((noinline)) static void *SampleAllocate(POOL_TYPE Type, SIZE_T Size)
{
    return ExAllocatePoolWithTag(Type, Size, SAMPLE_TAG);
}

static NTSTATUS SampleAsk(IRP *Irp)
{
    UCHAR volatile *Plain = SampleAllocate(NonPagedPoolNx, SAMPLE_SIZE);
    UCHAR volatile *Odd;

    (void)Irp;
    if (Plain == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Odd = SampleAllocate(NonPagedPool, SAMPLE_SIZE);
    if (Odd == NULL) {
        ExFreePoolWithTag((void *)Plain, SAMPLE_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Plain[0] = 1;
    Odd[0] = Plain[0];
    ExFreePoolWithTag((void *)Odd, SAMPLE_TAG);
    ExFreePoolWithTag((void *)Plain, SAMPLE_TAG);
    return STATUS_SUCCESS;
}

#elif defined(FX_ROUTINE_BY_NAME)

typedef void *(NTAPI ALLOCATE)(POOL_TYPE, SIZE_T, ULONG);

static ALLOCATE *Allocate;

INIT_CODE static NTSTATUS SamplePrepare(void)
{
    UNICODE_STRING Name = CONSTANT_STRING(L"ExAllocatePoolWithTag");

    Allocate = (ALLOCATE *)MmGetSystemRoutineAddress(&Name);
    return Allocate != NULL ? STATUS_SUCCESS : STATUS_PROCEDURE_NOT_FOUND;
}

static NTSTATUS SampleAsk(IRP *Irp)
{
    void *Memory = Allocate(NonPagedPool, SAMPLE_SIZE, SAMPLE_TAG);

    (void)Irp;
    if (Memory == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ExFreePoolWithTag(Memory, SAMPLE_TAG);
    return STATUS_SUCCESS;
}

#else
#error "nothing to ask for"
#endif

static NTSTATUS SampleComplete(IRP *Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI SampleOpenOrClose(DEVICE_OBJECT *Device, IRP *Irp)
{
    (void)Device;
    Irp->IoStatus.Information = 0;
    return SampleComplete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI SampleDeviceControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    (void)Device;
    Irp->IoStatus.Information = 0;
    return SampleComplete(Irp, SampleAsk(Irp));
}

static void NTAPI SampleUnload(DRIVER_OBJECT *Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
}

INIT_CODE NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN,
                                     FILE_DEVICE_SECURE_OPEN, FALSE, &Device);

    (void)RegistryPath;
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
#if defined(FX_ROUTINE_BY_NAME)
    Status = SamplePrepare();
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
#endif
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        return Status;
    }
    Driver->MajorFunction[IRP_MJ_CREATE] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = SampleDeviceControl;
    Driver->DriverUnload = SampleUnload;
    return STATUS_SUCCESS;
}
