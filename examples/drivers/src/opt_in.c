/*
 * A small software-only driver that opts in to non-executable memory, as the headers of Windows do it for
 * drivers built with POOL_NX_OPTIN: it asks Windows for its version, and only where that knows of
 * non-executable memory do two variables say so. With nothing defined that is done as it should be. Else
 * one of these is defined:
 *
 *   FX_NEVER   the variables are there and nobody sets them
 *   FX_LATE    memory is asked for before they are set
 *   FX_1809    they are set on Windows 10 1809 and later only
 *   FX_READ    the type is read before they are set, and memory asked for after that
 *   FX_SKIPS   they are set only where a key of the registry can be opened
 *   FX_POINTER a routine that asks for memory is called by a pointer before they are set
 *   FX_TABLE   a routine that asks for memory is handed to Windows in a table before they are set; with 2
 *              the routine is put into the table first
 *   FX_EXPORT  a routine that asks for memory is exported: a driver that imports it may be loaded first,
 *              and then DriverEntry never runs
 */
#include "kernel.h"

#define SAMPLE_TAG 'pmaS' /* shows as "Samp" in pool listings */

/* Windows 8 is the first to know non-executable pool. */
#define WINDOWS_8_MAJOR 6
#define WINDOWS_8_MINOR 2
#define WINDOWS_10_1809_BUILD 17763

typedef struct RTL_OSVERSIONINFOW {
    ULONG Size;
    ULONG Major;
    ULONG Minor;
    ULONG Build;
    ULONG Platform;
    WCHAR ServicePack[128];
} RTL_OSVERSIONINFOW;

_Static_assert(sizeof(RTL_OSVERSIONINFOW) == 0x114, "RTL_OSVERSIONINFOW");

NTKERNELAPI NTSTATUS NTAPI RtlGetVersion(RTL_OSVERSIONINFOW *);

/* What NonPagedPool stands for in a driver that opts in, and what is added to a page priority. */
POOL_TYPE ExDefaultNonPagedPoolType = NonPagedPool;
ULONG ExDefaultMdlProtection = 0;

static const UNICODE_STRING DeviceName = CONSTANT_STRING(L"\\Device\\RingfenceSample");
static const UNICODE_STRING LinkName = CONSTANT_STRING(L"\\DosDevices\\RingfenceSample");
static void *Early;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH SampleOpenOrClose;
static DRIVER_DISPATCH SampleDeviceControl;
static DRIVER_UNLOAD SampleUnload;

/* The compiler calls this to clear a structure. */
void *memset(void *To, int Value, SIZE_T Size)
{
    UCHAR volatile *Byte = To;

    while (Size-- != 0) {
        *Byte++ = (UCHAR)Value;
    }
    return To;
}

#if defined(FX_TABLE)
/* Windows calls a routine whenever a process or thread is opened, from when it is told of it. */
#define OB_FLT_REGISTRATION_VERSION 0x100
#define OB_OPERATION_HANDLE_CREATE 1

typedef ULONG NTAPI OB_PRE_OPERATION_CALLBACK(void *, void *);

typedef struct OB_OPERATION_REGISTRATION {
    void *ObjectType;
    ULONG Operations;
    OB_PRE_OPERATION_CALLBACK *PreOperation;
    void *PostOperation;
} OB_OPERATION_REGISTRATION;

typedef struct OB_CALLBACK_REGISTRATION {
    USHORT Version;
    USHORT OperationRegistrationCount;
    UNICODE_STRING Altitude;
    void *RegistrationContext;
    OB_OPERATION_REGISTRATION *OperationRegistration;
} OB_CALLBACK_REGISTRATION;

_Static_assert(sizeof(OB_OPERATION_REGISTRATION) == 0x20, "OB_OPERATION_REGISTRATION");
_Static_assert(sizeof(OB_CALLBACK_REGISTRATION) == 0x28, "OB_CALLBACK_REGISTRATION");

NTKERNELAPI NTSTATUS NTAPI ObRegisterCallbacks(const OB_CALLBACK_REGISTRATION *, void **);
NTKERNELAPI void NTAPI ObUnRegisterCallbacks(void *);

static ULONG NTAPI SampleBeforeOpen(void *Context, void *Operation)
{
    (void)Context;
    (void)Operation;
    if (Early == NULL) {
        Early = ExAllocatePoolWithTag(ExDefaultNonPagedPoolType, 16, SAMPLE_TAG);
    }
    return 0;
}

static OB_OPERATION_REGISTRATION Operations[] = {
#if FX_TABLE == 2
    {.Operations = OB_OPERATION_HANDLE_CREATE},
#else
    {.Operations = OB_OPERATION_HANDLE_CREATE, .PreOperation = SampleBeforeOpen},
#endif
};
static const OB_CALLBACK_REGISTRATION Registration = {
    .Version = OB_FLT_REGISTRATION_VERSION,
    .OperationRegistrationCount = 1,
    .Altitude = CONSTANT_STRING(L"370030"),
    .OperationRegistration = Operations,
};
static void *Registered;
#endif

static void SampleUnregister(void)
{
#if defined(FX_TABLE)
    ObUnRegisterCallbacks(Registered);
#endif
}

#if defined(FX_SKIPS)
typedef struct OBJECT_ATTRIBUTES {
    ULONG Length;
    void *RootDirectory;
    const UNICODE_STRING *ObjectName;
    ULONG Attributes;
    void *SecurityDescriptor;
    void *SecurityQualityOfService;
} OBJECT_ATTRIBUTES;

_Static_assert(sizeof(OBJECT_ATTRIBUTES) == 0x30, "OBJECT_ATTRIBUTES");

#define KEY_READ 0x20019

NTKERNELAPI NTSTATUS NTAPI ZwOpenKey(void **, ULONG, OBJECT_ATTRIBUTES *);
NTKERNELAPI NTSTATUS NTAPI ZwClose(void *);
#endif

#if defined(FX_EXPORT)
__declspec(dllexport) void *NTAPI SampleAllocate(SIZE_T Size);

void *NTAPI SampleAllocate(SIZE_T Size)
{
    return ExAllocatePoolWithTag(ExDefaultNonPagedPoolType, Size, SAMPLE_TAG);
}
#endif

#if defined(FX_POINTER)
static void SampleEarly(void)
{
    Early = ExAllocatePoolWithTag(ExDefaultNonPagedPoolType, 16, SAMPLE_TAG);
}

static void (*volatile First)(void) = SampleEarly;
#endif

/* What ExInitializeDriverRuntime(DrvRtPoolNxOptIn) is, which the headers put into its caller. */
static inline void SampleOptIn(void)
{
#if !defined(FX_NEVER)
    RTL_OSVERSIONINFOW Version = {.Size = sizeof(Version)};

    if (!NT_SUCCESS(RtlGetVersion(&Version))) {
        return;
    }
#if defined(FX_1809)
    if (Version.Build >= WINDOWS_10_1809_BUILD) {
#else
    if (Version.Major > WINDOWS_8_MAJOR ||
        (Version.Major == WINDOWS_8_MAJOR && Version.Minor >= WINDOWS_8_MINOR)) {
#endif
        ExDefaultNonPagedPoolType = NonPagedPoolNx;
        ExDefaultMdlProtection = MdlMappingNoExecute;
    }
#endif
}

/* Copies the first byte of a direct IOCTL's buffer, which the I/O manager has locked. */
static NTSTATUS SampleCopy(IRP *Irp)
{
    UCHAR *Copy;
    UCHAR *Buffer;

    if (Irp->MdlAddress == NULL) {
        return STATUS_INVALID_PARAMETER;
    }
    Copy = ExAllocatePoolWithTag(ExDefaultNonPagedPoolType, 16, SAMPLE_TAG);
    if (Copy == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Buffer = MmMapLockedPagesSpecifyCache(Irp->MdlAddress, KernelMode, MmCached, NULL, FALSE,
                                          NormalPagePriority | ExDefaultMdlProtection);
    if (Buffer == NULL) {
        ExFreePoolWithTag(Copy, SAMPLE_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Copy = *Buffer;
    *Buffer = *Copy + 1;
    MmUnmapLockedPages(Buffer, Irp->MdlAddress);
    ExFreePoolWithTag(Copy, SAMPLE_TAG);
    return STATUS_SUCCESS;
}

static NTSTATUS SampleComplete(IRP *Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI SampleOpenOrClose(DEVICE_OBJECT *Device, IRP *Irp)
{
    (void)Device;
    return SampleComplete(Irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI SampleDeviceControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    (void)Device;
    return SampleComplete(Irp, SampleCopy(Irp));
}

static void NTAPI SampleUnload(DRIVER_OBJECT *Driver)
{
    IoDeleteSymbolicLink(&LinkName);
    IoDeleteDevice(Driver->DeviceObject);
    SampleUnregister();
    if (Early != NULL) {
        ExFreePoolWithTag(Early, SAMPLE_TAG);
    }
}

INIT_CODE NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    DEVICE_OBJECT *Device;
    NTSTATUS Status;
#if defined(FX_READ)
    POOL_TYPE Type;
#endif
#if defined(FX_SKIPS)
    OBJECT_ATTRIBUTES Attributes = {.Length = sizeof(Attributes)};
    void *Key;
#endif

    (void)RegistryPath;
#if defined(FX_READ)
    Type = ExDefaultNonPagedPoolType;
#endif
#if defined(FX_POINTER)
    First();
#endif
#if defined(FX_LATE)
    Early = ExAllocatePoolWithTag(ExDefaultNonPagedPoolType, 16, SAMPLE_TAG);
#endif
#if FX_TABLE == 2
    Operations[0].PreOperation = SampleBeforeOpen;
#endif
#if defined(FX_TABLE)
    Status = ObRegisterCallbacks(&Registration, &Registered);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
#endif
#if defined(FX_SKIPS)
    /* A driver without a key of its own does without, and starts. */
    Attributes.ObjectName = RegistryPath;
    if (NT_SUCCESS(ZwOpenKey(&Key, KEY_READ, &Attributes))) {
        ZwClose(Key);
        SampleOptIn();
    }
#else
    SampleOptIn();
#endif
#if defined(FX_READ)
    Early = ExAllocatePoolWithTag(Type, 16, SAMPLE_TAG);
#endif
    Status = IoCreateDevice(Driver, 0, &DeviceName, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN,
                            FALSE, &Device);
    if (!NT_SUCCESS(Status)) {
        SampleUnregister();
        return Status;
    }
    Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    if (!NT_SUCCESS(Status)) {
        IoDeleteDevice(Device);
        SampleUnregister();
        return Status;
    }
    Driver->MajorFunction[IRP_MJ_CREATE] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = SampleDeviceControl;
    Driver->DriverUnload = SampleUnload;
    return STATUS_SUCCESS;
}
