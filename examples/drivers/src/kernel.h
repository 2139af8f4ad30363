/*
 * The few kernel declarations the example drivers use, written by hand.
 *
 * Names, values and layouts are the public interface of Windows; the text is ours. Structures end
 * after the last field a driver touches, because drivers only receive pointers to them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint8_t UCHAR;
typedef uint16_t USHORT;
typedef int16_t SHORT;
typedef unsigned long ULONG; /* 32 bits on Windows */
typedef long LONG;
typedef uintptr_t ULONG_PTR;
typedef size_t SIZE_T;
typedef wchar_t WCHAR;
typedef uint8_t BOOLEAN;
typedef LONG NTSTATUS;

#define FALSE 0
#define TRUE 1

/* Calls into the kernel use __stdcall on x86; on x64 and ARM64 there is one convention. */
#if defined(__i386__)
#define NTAPI __stdcall
#define FASTCALL __fastcall
#else
#define NTAPI
#define FASTCALL
#endif

#define NTKERNELAPI __declspec(dllimport)

/* Where a function lives: INIT is discarded after DriverEntry, PAGE may be paged out. */
#define INIT_CODE __attribute__((section("INIT"), noinline))
#define PAGED_CODE __attribute__((section("PAGE"), noinline))

#define STATUS_SUCCESS ((NTSTATUS)0x00000000)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define STATUS_PROCEDURE_NOT_FOUND ((NTSTATUS)0xC000007A)
#define STATUS_TOO_MANY_OPENED_FILES ((NTSTATUS)0xC000011F)
#define NT_SUCCESS(status) ((status) >= 0)

#define IRP_MJ_CREATE 0
#define IRP_MJ_CLOSE 2
#define IRP_MJ_DEVICE_CONTROL 14
#define IRP_MJ_MAXIMUM_FUNCTION 27
#define IO_NO_INCREMENT 0

#define FILE_DEVICE_UNKNOWN 0x22
#define FILE_DEVICE_SECURE_OPEN 0x100

typedef enum POOL_TYPE {
    NonPagedPool = 0, /* executable */
    PagedPool = 1,
    NonPagedPoolNx = 512,
} POOL_TYPE;

typedef uint64_t PHYSICAL_ADDRESS; /* a union of 8 bytes, which is passed like a number */

#define KernelMode 0

typedef enum MEMORY_CACHING_TYPE {
    MmNonCached = 0,
    MmCached = 1,
} MEMORY_CACHING_TYPE;

/* A page priority. Without MdlMappingNoExecute the mapping is executable. */
#define NormalPagePriority 16
#define MdlMappingNoExecute 0x40000000

#define PAGE_EXECUTE_READWRITE 0x40

typedef struct UNICODE_STRING {
    USHORT Length; /* in bytes, without a terminator */
    USHORT MaximumLength;
    WCHAR *Buffer;
} UNICODE_STRING;

#define CONSTANT_STRING(text) {sizeof(text) - sizeof(WCHAR), sizeof(text), (WCHAR *)(text)}

typedef struct DRIVER_OBJECT DRIVER_OBJECT;
typedef struct DEVICE_OBJECT DEVICE_OBJECT;
typedef struct IRP IRP;

typedef NTSTATUS(NTAPI DRIVER_INITIALIZE)(DRIVER_OBJECT *, UNICODE_STRING *);
typedef NTSTATUS(NTAPI DRIVER_DISPATCH)(DEVICE_OBJECT *, IRP *);
typedef void(NTAPI DRIVER_UNLOAD)(DRIVER_OBJECT *);

struct DRIVER_OBJECT {
    SHORT Type;
    SHORT Size;
    DEVICE_OBJECT *DeviceObject;
    ULONG Flags;
    void *DriverStart;
    ULONG DriverSize;
    void *DriverSection;
    void *DriverExtension;
    UNICODE_STRING DriverName;
    UNICODE_STRING *HardwareDatabase;
    void *FastIoDispatch;
    DRIVER_INITIALIZE *DriverInit;
    void *DriverStartIo;
    DRIVER_UNLOAD *DriverUnload;
    DRIVER_DISPATCH *MajorFunction[IRP_MJ_MAXIMUM_FUNCTION + 1];
};

struct DEVICE_OBJECT {
    SHORT Type;
    USHORT Size;
    LONG ReferenceCount;
    DRIVER_OBJECT *DriverObject;
    DEVICE_OBJECT *NextDevice;
    DEVICE_OBJECT *AttachedDevice;
    IRP *CurrentIrp;
    void *Timer;
    ULONG Flags;
    ULONG Characteristics;
    void *Vpb;
    void *DeviceExtension;
};

struct IRP {
    SHORT Type;
    USHORT Size;
    void *MdlAddress;
    ULONG Flags;
    void *SystemBuffer;
    void *ThreadListEntry[2];
    struct {
        union {
            NTSTATUS Status;
            void *Pointer;
        };
        ULONG_PTR Information;
    } IoStatus;
};

#if defined(__i386__)
_Static_assert(offsetof(DRIVER_OBJECT, MajorFunction) == 0x38, "DRIVER_OBJECT");
_Static_assert(offsetof(DEVICE_OBJECT, DeviceExtension) == 0x28, "DEVICE_OBJECT");
_Static_assert(offsetof(IRP, IoStatus) == 0x18, "IRP");
#else
_Static_assert(offsetof(DRIVER_OBJECT, MajorFunction) == 0x70, "DRIVER_OBJECT");
_Static_assert(offsetof(DEVICE_OBJECT, DeviceExtension) == 0x40, "DEVICE_OBJECT");
_Static_assert(offsetof(IRP, IoStatus) == 0x30, "IRP");
#endif

NTKERNELAPI void *NTAPI ExAllocatePoolWithTag(POOL_TYPE, SIZE_T, ULONG);
NTKERNELAPI void NTAPI ExFreePoolWithTag(void *, ULONG);
NTKERNELAPI void *NTAPI MmGetSystemRoutineAddress(const UNICODE_STRING *);
NTKERNELAPI void *NTAPI MmMapLockedPagesSpecifyCache(void *Mdl, signed char AccessMode,
                                                    MEMORY_CACHING_TYPE, void *RequestedAddress,
                                                    ULONG BugCheckOnFailure, ULONG Priority);
NTKERNELAPI void NTAPI MmUnmapLockedPages(void *Address, void *Mdl);
NTKERNELAPI void *NTAPI MmMapIoSpace(PHYSICAL_ADDRESS, SIZE_T, MEMORY_CACHING_TYPE);
NTKERNELAPI void *NTAPI MmMapIoSpaceEx(PHYSICAL_ADDRESS, SIZE_T, ULONG Protect);
NTKERNELAPI void NTAPI MmUnmapIoSpace(void *Address, SIZE_T);
NTKERNELAPI void NTAPI RtlCopyUnicodeString(UNICODE_STRING *, const UNICODE_STRING *);
NTKERNELAPI NTSTATUS NTAPI IoCreateDevice(DRIVER_OBJECT *, ULONG, const UNICODE_STRING *, ULONG,
                                          ULONG, BOOLEAN, DEVICE_OBJECT **);
NTKERNELAPI void NTAPI IoDeleteDevice(DEVICE_OBJECT *);
NTKERNELAPI NTSTATUS NTAPI IoCreateSymbolicLink(const UNICODE_STRING *, const UNICODE_STRING *);
NTKERNELAPI NTSTATUS NTAPI IoDeleteSymbolicLink(const UNICODE_STRING *);
NTKERNELAPI void FASTCALL IofCompleteRequest(IRP *, signed char);

/* Compiler intrinsics. */
LONG _InterlockedIncrement(LONG volatile *);
LONG _InterlockedDecrement(LONG volatile *);
