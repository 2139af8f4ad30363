/*
 * A driver of the Kernel-Mode Driver Framework, bound to version 1.15 without the framework's own
 * stub library: WdfVersionBind fills in a table, and every framework function is called through it.
 *
 * Memory comes from WdfMemoryCreate, non-executable unless FX_EXECUTABLE_POOL or FX_OLD_KIT is defined.
 * FX_OLD_KIT makes it what the kit of Windows 7 made: bound to version 1.9, with the table in the driver
 * itself, and no memory but executable one.
 */
#include "kernel.h"

#define KMDF_TAG 'fdmK' /* shows as "Kmdf" in pool listings */

#if defined(FX_EXECUTABLE_POOL) || defined(FX_OLD_KIT)
#define KMDF_POOL NonPagedPool
#else
#define KMDF_POOL NonPagedPoolNx
#endif

/* What the framework's table holds, and where. */
#if defined(FX_OLD_KIT)
#define WDF_MINOR 9
#define WDF_FUNCTION_COUNT 396
#else
#define WDF_MINOR 15
#define WDF_FUNCTION_COUNT 444
#endif
#define WDF_DRIVER_CREATE 116
#define WDF_MEMORY_CREATE 192

#define WDF_DRIVER_INIT_NON_PNP 1

typedef void (*WDF_FUNCTION)(void);

typedef struct WDF_BIND_INFO {
    ULONG Size;
    const WCHAR *Component;
    ULONG Major;
    ULONG Minor;
    ULONG Build;
    ULONG FunctionCount;
    void *FunctionTable; /* the table, or since version 1.11 a pointer to it */
    void *Module;
} WDF_BIND_INFO;

_Static_assert(sizeof(WDF_BIND_INFO) == 0x30, "WDF_BIND_INFO");

typedef struct WDF_DRIVER_CONFIG {
    ULONG Size;
    void *EvtDriverDeviceAdd;
    void (*EvtDriverUnload)(void *Driver);
    ULONG DriverInitFlags;
    ULONG DriverPoolTag;
} WDF_DRIVER_CONFIG;

typedef NTSTATUS (*WDF_DRIVER_CREATE_FUNCTION)(void *Globals, DRIVER_OBJECT *, UNICODE_STRING *,
                                               void *Attributes, WDF_DRIVER_CONFIG *,
                                               void **Driver);
typedef NTSTATUS (*WDF_MEMORY_CREATE_FUNCTION)(void *Globals, void *Attributes, POOL_TYPE,
                                               ULONG Tag, SIZE_T, void **Memory, void **Buffer);

NTKERNELAPI NTSTATUS WdfVersionBind(DRIVER_OBJECT *, UNICODE_STRING *, WDF_BIND_INFO *, void **);
NTKERNELAPI void WdfVersionUnbind(UNICODE_STRING *, WDF_BIND_INFO *, void *);

DRIVER_INITIALIZE DriverEntry;

#if defined(FX_OLD_KIT)
static WDF_FUNCTION WdfFunctions[WDF_FUNCTION_COUNT];
#else
static const WDF_FUNCTION *WdfFunctions;
#endif
static void *WdfDriverGlobals;
static WDF_BIND_INFO BindInfo = {
    .Size = sizeof(WDF_BIND_INFO),
    .Component = L"KmdfLibrary",
    .Major = 1,
    .Minor = WDF_MINOR,
    .FunctionCount = WDF_FUNCTION_COUNT,
    .FunctionTable = &WdfFunctions,
};

static DRIVER_UNLOAD *FrameworkUnload;
static UCHAR *History;

static NTSTATUS KmdfCreateDriver(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath,
                                 WDF_DRIVER_CONFIG *Config)
{
    WDF_DRIVER_CREATE_FUNCTION Create = (WDF_DRIVER_CREATE_FUNCTION)WdfFunctions[WDF_DRIVER_CREATE];
    return Create(WdfDriverGlobals, Driver, RegistryPath, NULL, Config, NULL);
}

/* The memory's parent is the driver object, so the framework frees it. */
PAGED_CODE static NTSTATUS KmdfCreateMemory(void)
{
    WDF_MEMORY_CREATE_FUNCTION Create = (WDF_MEMORY_CREATE_FUNCTION)WdfFunctions[WDF_MEMORY_CREATE];
    void *Memory;
    return Create(WdfDriverGlobals, NULL, KMDF_POOL, KMDF_TAG, 512, &Memory, (void **)&History);
}

static void KmdfEvtUnload(void *Driver)
{
    (void)Driver;
    History = NULL;
}

/* The framework's own unload routine runs first; only then may the binding go. */
static void KmdfUnload(DRIVER_OBJECT *Driver)
{
    if (FrameworkUnload != NULL) {
        FrameworkUnload(Driver);
    }
    WdfVersionUnbind(NULL, &BindInfo, WdfDriverGlobals);
}

INIT_CODE NTSTATUS DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    WDF_DRIVER_CONFIG Config = {
        .Size = sizeof(Config),
        .EvtDriverUnload = KmdfEvtUnload,
        .DriverInitFlags = WDF_DRIVER_INIT_NON_PNP,
        .DriverPoolTag = KMDF_TAG,
    };
    NTSTATUS Status = WdfVersionBind(Driver, RegistryPath, &BindInfo, &WdfDriverGlobals);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Status = KmdfCreateDriver(Driver, RegistryPath, &Config);
    if (NT_SUCCESS(Status)) {
        Status = KmdfCreateMemory();
    }
    if (!NT_SUCCESS(Status)) {
        WdfVersionUnbind(RegistryPath, &BindInfo, WdfDriverGlobals);
        return Status;
    }
    FrameworkUnload = Driver->DriverUnload;
    Driver->DriverUnload = KmdfUnload;
    return STATUS_SUCCESS;
}
