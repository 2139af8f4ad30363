/*
 * What wdm.c uses beside kernel.h, written by hand. Names, values and layouts are the public interface of
 * Windows for x64; the text is ours.
 */
#pragma once

#include "kernel.h"

typedef intptr_t LONG_PTR;

#define IRP_MJ_READ 3
#define IRP_MJ_WRITE 4
#define IRP_MJ_CLEANUP 18

#define STATUS_TIMEOUT ((NTSTATUS)0x00000102)
#define STATUS_INVALID_DEVICE_REQUEST ((NTSTATUS)0xC0000010)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)

#define DO_BUFFERED_IO 0x4
#define EXCEPTION_EXECUTE_HANDLER 1
#define DelayedWorkQueue 1
#define SynchronizationEvent 1
#define NotificationEvent 0
#define Executive 0

/* FILE_DEVICE_UNKNOWN, the first functions that are the driver's own, and each way to pass buffers. */
#define IOCTL_SAMPLE_COUNT 0x222000   /* METHOD_BUFFERED */
#define IOCTL_SAMPLE_FILL 0x222006    /* METHOD_OUT_DIRECT */
#define IOCTL_SAMPLE_EXCHANGE 0x22200B /* METHOD_NEITHER */

typedef struct MDL {
    struct MDL *Next;
    SHORT Size;
    SHORT MdlFlags;
    void *Process;
    void *MappedSystemVa;
    void *StartVa;
    ULONG ByteCount;
    ULONG ByteOffset;
} MDL;

#define MDL_MAPPED_TO_SYSTEM_VA 0x1
#define MDL_SOURCE_IS_NONPAGED_POOL 0x4

typedef struct IO_STACK_LOCATION {
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR Flags;
    UCHAR Control;
    union {
        struct {
            ULONG Length;
        } ReadWrite;
        struct {
            ULONG OutputBufferLength;
            ULONG Unused1;
            ULONG InputBufferLength;
            ULONG Unused2;
            ULONG IoControlCode;
            ULONG Unused3;
            void *Type3InputBuffer;
        } DeviceIoControl;
    };
    DEVICE_OBJECT *DeviceObject;
    void *FileObject;
} IO_STACK_LOCATION;

/* IRP behind IoStatus. */
typedef struct IRP_TAIL {
    UCHAR Before[0x70];
    void *UserBuffer;
    UCHAR Between[0x40];
    IO_STACK_LOCATION *CurrentStackLocation;
} IRP_TAIL;

typedef struct KEVENT {
    UCHAR Type;
    UCHAR Unused[3];
    LONG SignalState;
    void *WaitListHead[2];
} KEVENT;

typedef struct KDPC {
    void *Opaque[8];
} KDPC;

typedef struct KTIMER {
    void *Opaque[8];
} KTIMER;

typedef void KDEFERRED_ROUTINE(KDPC *, void *Context, void *, void *);
typedef void IO_WORKITEM_ROUTINE(DEVICE_OBJECT *, void *Context);
typedef void KSTART_ROUTINE(void *Context);
typedef struct IO_WORKITEM IO_WORKITEM;

_Static_assert(offsetof(IO_STACK_LOCATION, DeviceObject) == 0x28, "IO_STACK_LOCATION");
_Static_assert(offsetof(IO_STACK_LOCATION, DeviceIoControl.Type3InputBuffer) == 0x20, "IO_STACK_LOCATION");
_Static_assert(offsetof(IRP_TAIL, CurrentStackLocation) == 0xB8, "IRP");
_Static_assert(sizeof(MDL) == 0x30, "MDL");
_Static_assert(sizeof(KEVENT) == 0x18, "KEVENT");

NTKERNELAPI void KeInitializeEvent(KEVENT *, int Type, BOOLEAN State);
NTKERNELAPI LONG KeSetEvent(KEVENT *, LONG Increment, BOOLEAN Wait);
NTKERNELAPI NTSTATUS KeWaitForSingleObject(void *Object, int Reason, int Mode, BOOLEAN Alertable,
                                           int64_t *Timeout);
NTKERNELAPI void KeInitializeDpc(KDPC *, KDEFERRED_ROUTINE *, void *Context);
NTKERNELAPI BOOLEAN KeInsertQueueDpc(KDPC *, void *, void *);
NTKERNELAPI void KeFlushQueuedDpcs(void);
NTKERNELAPI void KeInitializeTimer(KTIMER *);
NTKERNELAPI BOOLEAN KeSetTimer(KTIMER *, int64_t DueTime, KDPC *);
NTKERNELAPI BOOLEAN KeCancelTimer(KTIMER *);
NTKERNELAPI IO_WORKITEM *IoAllocateWorkItem(DEVICE_OBJECT *);
NTKERNELAPI void IoQueueWorkItem(IO_WORKITEM *, IO_WORKITEM_ROUTINE *, int Queue, void *Context);
NTKERNELAPI void IoFreeWorkItem(IO_WORKITEM *);
NTKERNELAPI NTSTATUS PsCreateSystemThread(void **Handle, ULONG Access, void *Attributes, void *Process,
                                          void *ClientId, KSTART_ROUTINE *, void *Context);
NTKERNELAPI NTSTATUS PsTerminateSystemThread(NTSTATUS);
NTKERNELAPI NTSTATUS ObReferenceObjectByHandle(void *Handle, ULONG Access, void *Type, int Mode,
                                               void **Object, void *Information);
NTKERNELAPI LONG_PTR ObfDereferenceObject(void *Object);
NTKERNELAPI NTSTATUS ZwClose(void *Handle);
NTKERNELAPI NTSTATUS PsSetCreateProcessNotifyRoutine(void (*)(void *, void *, BOOLEAN), BOOLEAN Remove);
NTKERNELAPI void ProbeForRead(const volatile void *, SIZE_T Length, ULONG Alignment);
NTKERNELAPI void ProbeForWrite(volatile void *, SIZE_T Length, ULONG Alignment);
NTKERNELAPI MDL *IoAllocateMdl(void *, ULONG Length, BOOLEAN, BOOLEAN, IRP *);
NTKERNELAPI void IoFreeMdl(MDL *);
NTKERNELAPI void MmBuildMdlForNonPagedPool(MDL *);
NTKERNELAPI NTSTATUS ZwQuerySystemInformation(int Class, void *, ULONG Length, ULONG *Returned);
