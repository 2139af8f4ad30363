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

/* Read again, it is still what it was compared with, as nobody else writes to the system's buffer. */
SITE(compared_in_place)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    if (buffer->type != 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200
}

SITE(compared_with_two)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    if (buffer->type != 0x200 && buffer->type != 1)
        return;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=1|0x200
}

SITE(compared_as_cases)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    switch (buffer->type) {
    case 1:
    case 0x200:
    case 0x404:
        KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG));
        //= ExAllocatePoolWithTag 0=1|0x200|0x404
    }
}

/* The copy is what was compared. */
SITE(compared_by_a_copy)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    ULONG type = buffer->type;
    if (buffer->type == 1)
        KEEP(ExAllocatePoolWithTag(type, 16, TAG)); //= ExAllocatePoolWithTag 0=1
}

/* On one path only. */
SITE(compared_or_not)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    if (buffer->size && buffer->type != 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=0x200|field1
}

/* The process may write there in between. */
SITE(compared_in_the_process)(REQUEST) {
    volatile Buffer *buffer = irp->user_buffer;
    if (buffer->type != 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

SITE(compared_by_stack)(REQUEST) {
    volatile Buffer *buffer = irp->stack->buffer;
    if (buffer->type != 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

/* Who is called may write there, and so may a store of which nobody knows where it goes. */
SITE(compared_before_a_call)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    ULONG type = buffer->type;
    if (buffer->type != 0x200)
        return;
    KEEP(RtlRandomEx(0));
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
    KEEP(ExAllocatePoolWithTag(type, 16, TAG));         //= ExAllocatePoolWithTag 0=0x200
}

SITE(compared_before_a_store)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    if (buffer->type != 0x200)
        return;
    ((volatile Device *)device)->extension->size = 1;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

/* What was read before somebody else may have written says nothing of what stands there since. */
SITE(compared_too_late)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    ULONG type = buffer->type;
    KEEP(RtlRandomEx(0));
    KEEP(buffer->type);
    if (type != 0x200)
        return;
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG)); //= ExAllocatePoolWithTag 0=field1
}

/* Only a part of it was. */
SITE(compared_in_part)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    if (*(volatile USHORT *)&buffer->type != 0x200)
        return;
    //= ExAllocatePoolWithTag 0=field1||0x200+field1&0xffff0000
    KEEP(ExAllocatePoolWithTag(buffer->type, 16, TAG));
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

/* Handlers are given the buffer, the stack location or the request itself. */
WRAPPER(takes_buffer)(Buffer *buffer) {
    //= ExAllocatePoolWithTag 0=field1
    //= ExAllocatePoolWithTag 0=field1 from=gives_buffer
    return ExAllocatePoolWithTag(buffer->type, 16, TAG);
}

SITE(gives_buffer)(REQUEST) { KEEP(takes_buffer(irp->system_buffer)); }

WRAPPER(takes_stack)(ULONG64 more, Stack *stack) {
    //= ExAllocatePoolWithTag 0=field1
    //= ExAllocatePoolWithTag 0=field1 from=gives_stack
    return ExAllocatePoolWithTag(stack->buffer->type, more, TAG);
}

SITE(gives_stack)(REQUEST) { KEEP(takes_stack(16, irp->stack)); }

/* Over two functions, of which one hands on what it finds there. */
WRAPPER(takes_type)(ULONG type) {
    //= ExAllocatePoolWithTag 0=field1
    //= ExAllocatePoolWithTag 0=field1 from=gives_request>takes_request
    return ExAllocatePoolWithTag(type, 16, TAG);
}

WRAPPER(takes_request)(Irp *irp) { return takes_type(irp->user_buffer->type); }

SITE(gives_request)(REQUEST) { KEEP(takes_request(irp)); }

/* What a handler compares itself is what it was compared with, unless the process may write there. */
WRAPPER(compares)(volatile Buffer *buffer) {
    if (buffer->type != 0x200)
        return 0;
    //= ExAllocatePoolWithTag 0=0x200
    //= ExAllocatePoolWithTag 0=0x200 from=gives_to_compare
    return ExAllocatePoolWithTag(buffer->type, 16, TAG);
}

SITE(gives_to_compare)(REQUEST) { KEEP(compares(irp->system_buffer)); }

WRAPPER(compares_in_the_process)(volatile Buffer *buffer) {
    if (buffer->type != 0x200)
        return 0;
    //= ExAllocatePoolWithTag 0=field1
    //= ExAllocatePoolWithTag 0=field1 from=gives_of_the_process
    return ExAllocatePoolWithTag(buffer->type, 16, TAG);
}

SITE(gives_of_the_process)(REQUEST) { KEEP(compares_in_the_process(irp->user_buffer)); }

/* A caller that looks at it, or writes there, may have seen to what it is. */
WRAPPER(takes_compared)(Buffer *buffer) {
    return ExAllocatePoolWithTag(buffer->type, 16, TAG); //= ExAllocatePoolWithTag 0=memory
}

SITE(compares_and_gives)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
    if (buffer->type == 0x200)
        KEEP(takes_compared((Buffer *)buffer));
}

WRAPPER(takes_written)(Buffer *buffer) {
    return ExAllocatePoolWithTag(buffer->type, 16, TAG); //= ExAllocatePoolWithTag 0=memory
}

SITE(writes_and_gives)(REQUEST) {
    irp->system_buffer->type = 0x200;
    KEEP(takes_written(irp->system_buffer));
}

/* Nobody's request. */
WRAPPER(takes_own)(Buffer *buffer) {
    //= ExAllocatePoolWithTag 0=0|global
    //= ExAllocatePoolWithTag 0=0|global from=gives_own
    return ExAllocatePoolWithTag(buffer->type, 16, TAG);
}

SITE(gives_own)(void) { KEEP(takes_own(&shared)); }

/* A driver object has what is given requests; of what others hand on nobody asks. */
SITE(puts_entries)(void *volatile *object) {
    object[0x70 / 8] = (void *)gives_buffer;
    object[0x78 / 8] = (void *)gives_stack;
    object[0x80 / 8] = (void *)gives_request;
    object[0x88 / 8] = (void *)gives_to_compare;
    object[0x90 / 8] = (void *)gives_of_the_process;
    object[0x98 / 8] = (void *)compares_and_gives;
    object[0xA0 / 8] = (void *)writes_and_gives;
    object[0xA8 / 8] = (void *)gives_own;
}

WRAPPER(takes_what_is_no_request)(Buffer *buffer) {
    return ExAllocatePoolWithTag(buffer->type, 16, TAG); //= ExAllocatePoolWithTag 0=memory
}

SITE(gives_what_is_no_request)(REQUEST) { KEEP(takes_what_is_no_request(irp->system_buffer)); }

/* One routine for all of them, put there in a loop. */
WRAPPER(takes_from_a_loop)(Buffer *buffer) {
    //= ExAllocatePoolWithTag 0=field1
    //= ExAllocatePoolWithTag 0=field1 from=put_by_a_loop
    return ExAllocatePoolWithTag(buffer->type, 16, TAG);
}

SITE(put_by_a_loop)(REQUEST) { KEEP(takes_from_a_loop(irp->system_buffer)); }

typedef struct {
    UCHAR before[0x70];
    void *volatile entries[28];
} DriverObject;

SITE(puts_entries_in_a_loop)(DriverObject *object) {
    for (ULONG i = 0; i < 28; i++)
        object->entries[i] = (void *)put_by_a_loop;
}

/* The same as Microsoft's compiler makes it. */
WRAPPER(takes_from_a_fill)(Buffer *buffer) {
    //= -O2 ExAllocatePoolWithTag 0=field1
    //= -O2 ExAllocatePoolWithTag 0=field1 from=put_by_a_fill
    //= -O0 ExAllocatePoolWithTag 0=memory
    return ExAllocatePoolWithTag(buffer->type, 16, TAG);
}

SITE(put_by_a_fill)(REQUEST) { KEEP(takes_from_a_fill(irp->system_buffer)); }

SITE(fills_entries)(void **object) {
    void **entries = object + 0x70 / 8;
    SIZE_T count = 28;
    __asm__ volatile("rep stosq" : "+D"(entries), "+c"(count) : "a"(put_by_a_fill) : "memory");
}

/* What is written there afterwards was not there before; in a loop it was. */
SITE(answers_in_the_buffer)(REQUEST) {
    Buffer *buffer = irp->system_buffer;
    void *memory = ExAllocatePoolWithTag(buffer->type, 16, TAG); //= ExAllocatePoolWithTag 0=field1
    buffer->type = memory != 0;
}

SITE(answers_over_and_over)(REQUEST) {
    volatile Buffer *buffer = irp->system_buffer;
#pragma clang loop unroll(disable)
    for (ULONG i = 0; i < 4; i++) {
        void *memory = ExAllocatePoolWithTag(buffer->type, 16, TAG); //= ExAllocatePoolWithTag 0=memory
        buffer->type = memory ? 512 : 0;
    }
}
