/* What the sender of a request chooses, as a dispatch routine gets at it: by way of its IRP. */
#include "ddi.h"

typedef struct {
    ULONG64 size;
    ULONG type, more;
} Buffer;

typedef struct {
    UCHAR major, minor, flags, control;
    ULONG pad;
    ULONG64 output_length, input_length;
    ULONG code, pad2;
    Buffer *buffer;
} Stack;

typedef struct {
    UCHAR before[0x18];
    Buffer *system_buffer; /* 0x18 */
    UCHAR between[0x50];
    Buffer *user_buffer; /* 0x70 */
    UCHAR between2[0x40];
    Stack *stack; /* 0xb8 */
} Irp;

typedef struct {
    UCHAR before[0x40];
    Buffer *extension;
} Device;

_Static_assert(offsetof(Irp, user_buffer) == 0x70 && offsetof(Irp, stack) == 0xB8, "an IRP");
_Static_assert(offsetof(Stack, code) == 0x18 && offsetof(Stack, buffer) == 0x20, "its stack");

#define REQUEST                                                                                    \
    __attribute__((unused)) Device *device, __attribute__((unused)) Irp *irp

Buffer shared;

SITE(by_system_buffer)(REQUEST) {
    Buffer *buffer = irp->system_buffer;
    if (buffer)
        KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

SITE(by_user_buffer)(REQUEST) {
    KEEP(ExAllocatePoolWithTag(irp->user_buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

SITE(by_stack)(REQUEST) {
    Stack *stack = irp->stack;
    if (stack->code == 0x222003 && stack->input_length >= sizeof(Buffer))
        KEEP(ExAllocatePoolWithTag(stack->buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

/* What is worked out from it is still chosen. */
SITE(with_bit)(REQUEST) {
    //= ExAllocatePoolWithTag 0=0x200+field1
    KEEP(ExAllocatePoolWithTag(irp->system_buffer->type | 0x200, 16, TAG));
}

/* What it is compared with it is. */
SITE(compared)(REQUEST) {
    ULONG type = irp->system_buffer->type;
    if (type == 0x200)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

SITE(overwritten)(REQUEST) {
    Buffer *buffer = irp->system_buffer;
    buffer->type = 0x200;
    KEEP(RtlRandomEx(&buffer->more));
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=memory
}

/* The driver's own. */
SITE(by_extension)(REQUEST) {
    //= ExAllocatePoolWithTag 0=memory
    KEEP(ExAllocatePoolWithTag(device->extension->type, 16, TAG));
}

SITE(by_global)(REQUEST) {
    KEEP(RtlRandomEx(&shared.type));
    KEEP(ExAllocatePoolWithTag(shared.type, 16, TAG)); //= ExAllocatePoolWithTag 0=0|global
}

/* Another field of the IRP, and a buffer too far away. */
SITE(by_others)(REQUEST) {
    ULONG type = **(ULONG **)((UCHAR *)irp + 0x40);
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=memory
    type = ***(ULONG ***)irp->stack->buffer;
    KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=memory
}

WRAPPER(allocate)(ULONG type) {
    //= ExAllocatePoolWithTag 0=field1|1
    //= ExAllocatePoolWithTag 0=field1 from=hands_on
    //= ExAllocatePoolWithTag 0=1 from=hands_on_one
    return ExAllocatePoolWithTag(type, 16, TAG);
}

SITE(hands_on)(REQUEST) {
    KEEP(allocate(irp->system_buffer->type));
}

SITE(hands_on_one)(REQUEST) {
    KEEP(allocate(1));
}
