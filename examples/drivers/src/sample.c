/*
 * A small software-only driver: one device that sixteen programs may have open at a time.
 *
 * Most of the examples are this file. What makes one of them odd is a linker switch, or one of
 *
 *   FX_EXECUTABLE_POOL   non-paged memory is requested executable
 *   FX_RWX_SECTION       a buffer lives in a section of its own, which the linker makes ERW
 *   FX_PACKED_TABLE      a packed table of pointers, one of which crosses a page boundary
 *
 * Without any of them this is the clean driver.
 */
#include "kernel.h"

#define SAMPLE_TAG 'pmaS' /* shows as "Samp" in pool listings */
#define SAMPLE_HISTORY_SIZE 1024

#if defined(FX_EXECUTABLE_POOL)
#define SAMPLE_POOL NonPagedPool
#else
#define SAMPLE_POOL NonPagedPoolNx
#endif

typedef struct SAMPLE_EXTENSION {
    UCHAR *History; /* one byte per open: how many handles were left */
    ULONG Next;
} SAMPLE_EXTENSION;

/* Initialised and writable, so there is a .data section with bytes in the file. */
static LONG volatile FreeHandles = 16;
static UNICODE_STRING SavedRegistryPath;

/* The pointers inside these are what the relocation directory is for. */
static const UNICODE_STRING DeviceName = CONSTANT_STRING(L"\\Device\\RingfenceSample");
static const UNICODE_STRING LinkName = CONSTANT_STRING(L"\\DosDevices\\RingfenceSample");

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH SampleCreate;
static DRIVER_DISPATCH SampleClose;
static DRIVER_UNLOAD SampleUnload;

static NTSTATUS SampleComplete(IRP *Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

#if defined(FX_RWX_SECTION)

/* Only ever holds data; that its section is executable is reason enough to refuse the driver. */
__attribute__((section(".rwx"))) static UCHAR volatile Scratch[64] = {1};

static void SampleNote(UCHAR Value)
{
    Scratch[Value % sizeof(Scratch)] = Value;
}

#elif defined(FX_PACKED_TABLE)

/*
 * Ten bytes an entry, so the pointers drift across the page. The table starts on a page; the pointer
 * of entry 409 is then at offset 0xFFC and ends on the next page. Its relocation has to change two
 * pages, which Windows 10 before 1703 refused to do under memory integrity.
 */
#pragma pack(push, 1)
typedef struct SAMPLE_ROUTE {
    USHORT Code;
    DRIVER_DISPATCH *Handler;
} SAMPLE_ROUTE;
#pragma pack(pop)

#define ROUTE(code) {(code), SampleClose}
#define ROUTES_4(code) ROUTE(code), ROUTE((code) + 1), ROUTE((code) + 2), ROUTE((code) + 3)
#define ROUTES_16(code) \
    ROUTES_4(code), ROUTES_4((code) + 4), ROUTES_4((code) + 8), ROUTES_4((code) + 12)
#define ROUTES_64(code) \
    ROUTES_16(code), ROUTES_16((code) + 16), ROUTES_16((code) + 32), ROUTES_16((code) + 48)
#define ROUTES_256(code) \
    ROUTES_64(code), ROUTES_64((code) + 64), ROUTES_64((code) + 128), ROUTES_64((code) + 192)

__attribute__((aligned(4096))) static const SAMPLE_ROUTE Routes[] = {
    ROUTES_256(0),
    ROUTES_256(256),
};

static DRIVER_DISPATCH *volatile LastRoute;

static void SampleNote(UCHAR Value)
{
    LastRoute = Routes[Value].Handler;
}

#else

static void SampleNote(UCHAR Value)
{
    (void)Value;
}

#endif

static NTSTATUS NTAPI SampleCreate(DEVICE_OBJECT *Device, IRP *Irp)
{
    SAMPLE_EXTENSION *Extension = Device->DeviceExtension;
    LONG Left = _InterlockedDecrement(&FreeHandles);

    if (Left < 0) {
        _InterlockedIncrement(&FreeHandles);
        return SampleComplete(Irp, STATUS_TOO_MANY_OPENED_FILES);
    }
    Extension->History[Extension->Next++ % SAMPLE_HISTORY_SIZE] = (UCHAR)Left;
    SampleNote((UCHAR)Left);
    return SampleComplete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI SampleClose(DEVICE_OBJECT *Device, IRP *Irp)
{
    (void)Device;
    _InterlockedIncrement(&FreeHandles);
    return SampleComplete(Irp, STATUS_SUCCESS);
}

/* The path is only needed at low interrupt level, so the function and its memory are paged. */
PAGED_CODE static NTSTATUS SampleSaveRegistryPath(const UNICODE_STRING *Path)
{
    SavedRegistryPath.Buffer = ExAllocatePoolWithTag(PagedPool, Path->Length, SAMPLE_TAG);
    if (SavedRegistryPath.Buffer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    SavedRegistryPath.MaximumLength = Path->Length;
    RtlCopyUnicodeString(&SavedRegistryPath, Path);
    return STATUS_SUCCESS;
}

static void SampleDeleteDevice(DEVICE_OBJECT *Device)
{
    SAMPLE_EXTENSION *Extension = Device->DeviceExtension;

    if (Extension->History != NULL) {
        ExFreePoolWithTag(Extension->History, SAMPLE_TAG);
    }
    IoDeleteDevice(Device);
}

static void NTAPI SampleUnload(DRIVER_OBJECT *Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    SampleDeleteDevice(Driver->DeviceObject);
    ExFreePoolWithTag(SavedRegistryPath.Buffer, SAMPLE_TAG);
}

INIT_CODE static NTSTATUS SampleCreateDevice(DRIVER_OBJECT *Driver)
{
    DEVICE_OBJECT *Device;
    SAMPLE_EXTENSION *Extension;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(SAMPLE_EXTENSION), &DeviceName,
                                     FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Extension = Device->DeviceExtension;
    Extension->History = ExAllocatePoolWithTag(SAMPLE_POOL, SAMPLE_HISTORY_SIZE, SAMPLE_TAG);
    Status = Extension->History == NULL ? STATUS_INSUFFICIENT_RESOURCES
                                        : IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        SampleDeleteDevice(Device);
    }
    return Status;
}

INIT_CODE NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    NTSTATUS Status = SampleSaveRegistryPath(RegistryPath);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Driver->MajorFunction[IRP_MJ_CREATE] = SampleCreate;
    Driver->MajorFunction[IRP_MJ_CLOSE] = SampleClose;
    Driver->DriverUnload = SampleUnload;
    Status = SampleCreateDevice(Driver);
    if (!NT_SUCCESS(Status)) {
        ExFreePoolWithTag(SavedRegistryPath.Buffer, SAMPLE_TAG);
    }
    return Status;
}
