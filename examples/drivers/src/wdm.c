/*
 * A software-only driver that uses most of what drivers use beside requests: a deferred procedure call, a
 * timer, a work item, a thread of its own, a callback for processes, an MDL, and exception handling for the
 * buffers of programs. Without any of these it is clean; with one it does one thing more:
 *
 *   FX_POOL_IN_DPC   the deferred procedure call asks for executable pool
 *   FX_CODE_BY_MDL   a function's code is changed by a second address of its page
 *   FX_RUN_MAPPING   code is put into the executable mapping of an MDL and called
 *   FX_DISCARDED     the callback for processes lies in INIT, which is thrown away after DriverEntry
 *   FX_THREAD_LEFT   the thread goes on when the driver is unloaded
 *   FX_LEAK          memory of a request is never given back
 *   FX_UNCHECKED     memory of a request is written to whether there is any or not
 *   FX_ASKS          it asks whether memory integrity is on, and makes its device only if it is not
 */
#include "wdm.h"

#define SAMPLE_TAG 'pmaS' /* shows as "Samp" in pool listings */
#define SAMPLE_HISTORY 32

/* Units of 100 ns from now on are negative. */
#define SAMPLE_SECOND (-10000000LL)

typedef struct SAMPLE_EXTENSION {
    KDPC Dpc;
    KTIMER Timer;
    KDPC TimerDpc;
    KEVENT Stop;
    KEVENT WorkDone;
    IO_WORKITEM *WorkItem;
    void *Thread;
    LONG volatile Requests;
    LONG volatile Deferred;
    LONG volatile Ticks;
    LONG volatile Works;
    LONG volatile Rounds;
    UCHAR History[SAMPLE_HISTORY];
} SAMPLE_EXTENSION;

static const UNICODE_STRING DeviceName = CONSTANT_STRING(L"\\Device\\RingfenceWdm");
static const UNICODE_STRING LinkName = CONSTANT_STRING(L"\\DosDevices\\RingfenceWdm");
static LONG volatile Processes;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_DISPATCH SampleOpenOrClose;
static DRIVER_DISPATCH SampleReadOrWrite;
static DRIVER_DISPATCH SampleDeviceControl;
static DRIVER_UNLOAD SampleUnload;

static IO_STACK_LOCATION *SampleLocation(IRP *Irp)
{
    return ((IRP_TAIL *)Irp)->CurrentStackLocation;
}

static void SampleDeferred(KDPC *Dpc, void *Context, void *First, void *Second)
{
    SAMPLE_EXTENSION *Extension = Context;

    (void)Dpc;
    (void)First;
    (void)Second;
    _InterlockedIncrement(&Extension->Deferred);
#if defined(FX_POOL_IN_DPC)
    {
        void *Memory = ExAllocatePoolWithTag(NonPagedPool, 64, SAMPLE_TAG);

        if (Memory != NULL) {
            ExFreePoolWithTag(Memory, SAMPLE_TAG);
        }
    }
#endif
}

static void SampleTick(KDPC *Dpc, void *Context, void *First, void *Second)
{
    SAMPLE_EXTENSION *Extension = Context;

    (void)Dpc;
    (void)First;
    (void)Second;
    _InterlockedIncrement(&Extension->Ticks);
}

static void SampleWork(DEVICE_OBJECT *Device, void *Context)
{
    SAMPLE_EXTENSION *Extension = Context;
    void *Memory = ExAllocatePoolWithTag(PagedPool, 128, SAMPLE_TAG);

    (void)Device;
    if (Memory != NULL) {
        ExFreePoolWithTag(Memory, SAMPLE_TAG);
    }
    _InterlockedIncrement(&Extension->Works);
    KeSetEvent(&Extension->WorkDone, IO_NO_INCREMENT, FALSE);
}

/* Counts seconds until it is told to stop. */
static void SampleThread(void *Context)
{
    SAMPLE_EXTENSION *Extension = Context;
    int64_t Timeout = SAMPLE_SECOND;

    while (KeWaitForSingleObject(&Extension->Stop, Executive, KernelMode, FALSE, &Timeout) ==
           STATUS_TIMEOUT) {
        _InterlockedIncrement(&Extension->Rounds);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

#if defined(FX_DISCARDED)
INIT_CODE
#endif
static void SampleProcess(void *Parent, void *Process, BOOLEAN Create)
{
    (void)Parent;
    (void)Process;
    if (Create) {
        _InterlockedIncrement(&Processes);
    }
}

#if defined(FX_CODE_BY_MDL)

/* mov eax, 1; ret */
__attribute__((noinline)) static ULONG SampleAnswer(void)
{
    return 1;
}

static ULONG volatile Result;

/* The number stands behind the first byte of the first instruction. */
static void SampleChange(void)
{
    MDL *List = IoAllocateMdl((void *)SampleAnswer, 16, FALSE, FALSE, NULL);
    UCHAR volatile *Code;

    if (List == NULL) {
        return;
    }
    MmBuildMdlForNonPagedPool(List);
    Code = MmMapLockedPagesSpecifyCache(List, KernelMode, MmCached, NULL, FALSE,
                                        NormalPagePriority | MdlMappingNoExecute);
    if (Code != NULL) {
        Code[1] = 2;
        MmUnmapLockedPages((void *)Code, List);
    }
    IoFreeMdl(List);
    Result = SampleAnswer();
}

#endif

#if defined(FX_RUN_MAPPING)

typedef ULONG ANSWER(void);

/* mov eax, 1; ret */
static const UCHAR Code[] = {0xB8, 1, 0, 0, 0, 0xC3};
static ULONG volatile Result;

/* The memory is not executable, its second address is. */
static void SampleRun(void)
{
    void *Memory = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(Code), SAMPLE_TAG);
    MDL *List;
    UCHAR volatile *Mapping;
    size_t Byte;

    if (Memory == NULL) {
        return;
    }
    List = IoAllocateMdl(Memory, sizeof(Code), FALSE, FALSE, NULL);
    if (List != NULL) {
        MmBuildMdlForNonPagedPool(List);
        Mapping = MmMapLockedPagesSpecifyCache(List, KernelMode, MmCached, NULL, FALSE,
                                               NormalPagePriority);
        if (Mapping != NULL) {
            for (Byte = 0; Byte < sizeof(Code); Byte++) {
                Mapping[Byte] = *(const UCHAR volatile *)&Code[Byte];
            }
            Result = ((ANSWER *)Mapping)();
            MmUnmapLockedPages((void *)Mapping, List);
        }
        IoFreeMdl(List);
    }
    ExFreePoolWithTag(Memory, SAMPLE_TAG);
}

#endif

static NTSTATUS SampleComplete(IRP *Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS NTAPI SampleOpenOrClose(DEVICE_OBJECT *Device, IRP *Irp)
{
    SAMPLE_EXTENSION *Extension = Device->DeviceExtension;

    _InterlockedIncrement(&Extension->Requests);
    return SampleComplete(Irp, STATUS_SUCCESS, 0);
}

/* The device's buffers are buffered: the data is in memory of the kernel. */
static NTSTATUS NTAPI SampleReadOrWrite(DEVICE_OBJECT *Device, IRP *Irp)
{
    SAMPLE_EXTENSION *Extension = Device->DeviceExtension;
    IO_STACK_LOCATION *Location = SampleLocation(Irp);
    UCHAR volatile *Buffer = Irp->SystemBuffer;
    ULONG Length = Location->ReadWrite.Length;
    ULONG Byte;

    if (Length > SAMPLE_HISTORY) {
        Length = SAMPLE_HISTORY;
    }
    for (Byte = 0; Byte < Length; Byte++) {
        if (Location->MajorFunction == IRP_MJ_READ) {
            Buffer[Byte] = ((UCHAR volatile *)Extension->History)[Byte];
        } else {
            ((UCHAR volatile *)Extension->History)[Byte] = Buffer[Byte];
        }
    }
    return SampleComplete(Irp, STATUS_SUCCESS, Length);
}

/* How often what was run, as four numbers; and everything is set going once more. */
static NTSTATUS SampleCount(SAMPLE_EXTENSION *Extension, DEVICE_OBJECT *Device, IRP *Irp)
{
    IO_STACK_LOCATION *Location = SampleLocation(Irp);
    ULONG *Numbers = Irp->SystemBuffer;

    (void)Device;
    if (Location->DeviceIoControl.OutputBufferLength < 4 * sizeof(ULONG)) {
        return SampleComplete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    }
    KeInsertQueueDpc(&Extension->Dpc, NULL, NULL);
    KeSetTimer(&Extension->Timer, SAMPLE_SECOND / 1000, &Extension->TimerDpc);
    IoQueueWorkItem(Extension->WorkItem, SampleWork, DelayedWorkQueue, Extension);
    KeWaitForSingleObject(&Extension->WorkDone, Executive, KernelMode, FALSE, NULL);
    Numbers[0] = (ULONG)Extension->Deferred;
    Numbers[1] = (ULONG)Extension->Ticks;
    Numbers[2] = (ULONG)Extension->Works;
    Numbers[3] = (ULONG)Extension->Rounds;
    return SampleComplete(Irp, STATUS_SUCCESS, 4 * sizeof(ULONG));
}

/* The program's buffer is locked; it gets a second address here. */
static NTSTATUS SampleFill(IRP *Irp)
{
    MDL *List = Irp->MdlAddress;
    UCHAR volatile *Buffer;
    void *Copy;

    if (List == NULL) {
        return SampleComplete(Irp, STATUS_INVALID_PARAMETER, 0);
    }
    Buffer = MmMapLockedPagesSpecifyCache(List, KernelMode, MmCached, NULL, FALSE,
                                          NormalPagePriority | MdlMappingNoExecute);
    if (Buffer == NULL) {
        return SampleComplete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    }
    Buffer[0] = 1;
    MmUnmapLockedPages((void *)Buffer, List);
    Copy = ExAllocatePoolWithTag(NonPagedPoolNx, 64, SAMPLE_TAG);
#if defined(FX_UNCHECKED)
    *(UCHAR volatile *)Copy = 1;
#endif
#if !defined(FX_LEAK)
    if (Copy != NULL) {
        ExFreePoolWithTag(Copy, SAMPLE_TAG);
    }
#else
    (void)Copy;
#endif
    return SampleComplete(Irp, STATUS_SUCCESS, 1);
}

/* clang guards calls alone, so what may fault is in a function of its own. */
__attribute__((noinline)) static void SampleCopyByte(UCHAR volatile *To, UCHAR const volatile *From)
{
    *To = *From;
}

/* The program's own addresses, which may be anything: a read at 0 is tried as well. */
static NTSTATUS SampleExchange(IRP *Irp)
{
    IO_STACK_LOCATION *Location = SampleLocation(Irp);
    UCHAR volatile *Input = Location->DeviceIoControl.Type3InputBuffer;
    UCHAR volatile *Output = ((IRP_TAIL *)Irp)->UserBuffer;
    UCHAR volatile *volatile Nowhere = NULL;
    LONG volatile Caught = 0;

    __try {
        ProbeForRead(Input, 1, 1);
        ProbeForWrite(Output, 1, 1);
        SampleCopyByte(Output, Input);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return SampleComplete(Irp, STATUS_INVALID_PARAMETER, 0);
    }
    __try {
        __try {
            SampleCopyByte(Output, Nowhere);
        } __finally {
            Caught += 1;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        Caught += 2;
    }
    return SampleComplete(Irp, Caught == 3 ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_REQUEST, 1);
}

static NTSTATUS NTAPI SampleDeviceControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    switch (SampleLocation(Irp)->DeviceIoControl.IoControlCode) {
    case IOCTL_SAMPLE_COUNT:
        return SampleCount(Device->DeviceExtension, Device, Irp);
    case IOCTL_SAMPLE_FILL:
        return SampleFill(Irp);
    case IOCTL_SAMPLE_EXCHANGE:
        return SampleExchange(Irp);
    default:
        return SampleComplete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

/* Stops everything, in the reverse order. */
static void SampleStop(DEVICE_OBJECT *Device)
{
    SAMPLE_EXTENSION *Extension = Device->DeviceExtension;

#if !defined(FX_THREAD_LEFT)
    KeSetEvent(&Extension->Stop, IO_NO_INCREMENT, FALSE);
#endif
    if (Extension->Thread != NULL) {
#if !defined(FX_THREAD_LEFT)
        KeWaitForSingleObject(Extension->Thread, Executive, KernelMode, FALSE, NULL);
#endif
        ObfDereferenceObject(Extension->Thread);
    }
    KeCancelTimer(&Extension->Timer);
    KeFlushQueuedDpcs();
    if (Extension->WorkItem != NULL) {
        IoFreeWorkItem(Extension->WorkItem);
    }
    IoDeleteDevice(Device);
}

static void NTAPI SampleUnload(DRIVER_OBJECT *Driver)
{
    PsSetCreateProcessNotifyRoutine(SampleProcess, TRUE);
    IoDeleteSymbolicLink(&LinkName);
    if (Driver->DeviceObject != NULL) {
        SampleStop(Driver->DeviceObject);
    }
}

INIT_CODE static NTSTATUS SampleStart(DEVICE_OBJECT *Device)
{
    SAMPLE_EXTENSION *Extension = Device->DeviceExtension;
    void *Handle;
    NTSTATUS Status;

    KeInitializeDpc(&Extension->Dpc, SampleDeferred, Extension);
    KeInitializeDpc(&Extension->TimerDpc, SampleTick, Extension);
    KeInitializeTimer(&Extension->Timer);
    KeInitializeEvent(&Extension->Stop, NotificationEvent, FALSE);
    KeInitializeEvent(&Extension->WorkDone, SynchronizationEvent, FALSE);
    Extension->WorkItem = IoAllocateWorkItem(Device);
    if (Extension->WorkItem == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = PsCreateSystemThread(&Handle, 0x1FFFFF, NULL, NULL, NULL, SampleThread, Extension);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = ObReferenceObjectByHandle(Handle, 0x100000, NULL, KernelMode, &Extension->Thread, NULL);
    ZwClose(Handle);
    return Status;
}

#if defined(FX_ASKS)

#define SystemCodeIntegrityInformation 103
#define CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED 0x400

INIT_CODE static BOOLEAN SampleIntegrity(void)
{
    ULONG Information[2] = {sizeof(Information), 0};

    return NT_SUCCESS(ZwQuerySystemInformation(SystemCodeIntegrityInformation, Information,
                                               sizeof(Information), NULL)) &&
           (Information[1] & CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED) != 0;
}

#endif

INIT_CODE static NTSTATUS SampleCreateDevice(DRIVER_OBJECT *Driver)
{
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, sizeof(SAMPLE_EXTENSION), &DeviceName,
                                     FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Device->Flags |= DO_BUFFERED_IO;
    Status = SampleStart(Device);
    if (NT_SUCCESS(Status)) {
        Status = IoCreateSymbolicLink(&LinkName, &DeviceName);
    }
    if (!NT_SUCCESS(Status)) {
        SampleStop(Device);
    }
    return Status;
}

INIT_CODE NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    NTSTATUS Status = STATUS_SUCCESS;

    (void)RegistryPath;
#if defined(FX_ASKS)
    if (!SampleIntegrity())
#endif
    {
        Status = SampleCreateDevice(Driver);
    }
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    PsSetCreateProcessNotifyRoutine(SampleProcess, FALSE);
#if defined(FX_CODE_BY_MDL)
    SampleChange();
#elif defined(FX_RUN_MAPPING)
    SampleRun();
#endif
    Driver->MajorFunction[IRP_MJ_CREATE] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_CLOSE] = SampleOpenOrClose;
    Driver->MajorFunction[IRP_MJ_READ] = SampleReadOrWrite;
    Driver->MajorFunction[IRP_MJ_WRITE] = SampleReadOrWrite;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = SampleDeviceControl;
    Driver->DriverUnload = SampleUnload;
    return STATUS_SUCCESS;
}
