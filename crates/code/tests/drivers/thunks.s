# Jumps to imports, code that is none and code that is never reached: cases 33, 35, 36, 45, 46.
.include "macros.inc"

# A jump that two functions call.
FUNCTION allocate_thunk
    #= ExAllocatePool thunk
    jmp qword ptr [rip + __imp_ExAllocatePool]

# What incremental linking makes: a jump to the jump.
FUNCTION allocate_far_thunk
    #= ExAllocatePool thunk
    jmp allocate_thunk

# A jump that nothing calls.
FUNCTION dead_thunk
    #= MmMapIoSpace dead-thunk
    jmp qword ptr [rip + __imp_MmMapIoSpace]

# The same with a REX prefix, as old linkers write it.
FUNCTION prefixed_thunk
    #= MmMapIoSpaceEx thunk
    .byte 0x48
    jmp qword ptr [rip + __imp_MmMapIoSpaceEx]

FUNCTION case_33
    #= ExAllocatePool 0=0 via=thunk
    #= ExAllocatePool 0=1 via=thunk
    ENTER case_33
    xor ecx, ecx
    mov edx, 16
    call allocate_thunk
    mov edx, 32
    mov ecx, 1
    call allocate_thunk
    LEAVE

FUNCTION thunk_of_thunk
    #= ExAllocatePool 0=4 via=thunk
    ENTER thunk_of_thunk
    mov ecx, 4
    mov edx, 16
    call allocate_far_thunk
    LEAVE

FUNCTION calls_prefixed_thunk
    #= MmMapIoSpaceEx 2=0x40 via=thunk
    ENTER calls_prefixed_thunk
    mov r8d, 0x40
    call prefixed_thunk
    LEAVE

# A tail call of the jump.
FUNCTION tail_call_of_thunk
    #= ExAllocatePool 0=0x200
    mov ecx, 0x200
    mov edx, 16
    jmp allocate_thunk

# A tail call with a condition before it.
FUNCTION tail_call_or_not
    #= ExAllocatePoolWithTag 0=0x200 via=tail-call
    test ecx, ecx
    je 1f
    mov ecx, 0x200
    mov r8d, 0x6b736944
    rex64 jmp qword ptr [rip + __imp_ExAllocatePoolWithTag]
1:  xor eax, eax
    ret

# A jump to an import just behind a function that branches to it, which another function calls.
FUNCTION branches_to_next
    #= ExAllocatePoolWithTag 0=0x200
    mov ecx, 0x200
    mov r8d, 0x6b736944
    test edx, edx
    jne thunk_behind
    xor eax, eax
    ret

FUNCTION thunk_behind
    #= ExAllocatePoolWithTag thunk
    jmp qword ptr [rip + __imp_ExAllocatePoolWithTag]

FUNCTION calls_thunk_behind
    #= ExAllocatePoolWithTag 0=4 via=thunk
    ENTER calls_thunk_behind
    mov ecx, 4
    mov edx, 16
    mov r8d, 0x6b736944
    call thunk_behind
    LEAVE

# The same where nothing else goes there: a tail call of what the function is given.
FUNCTION branches_to_own
    #= ExAllocatePoolWithTag 0=parameter0
    test edx, edx
    jne 1f
    xor eax, eax
    ret
1:  jmp qword ptr [rip + __imp_ExAllocatePoolWithTag]

FUNCTION case_36
    #= ndis.sys#5 0=0x40 via=slot
    #= ndis.sys#77 0=0x80 via=slot
    ENTER case_36
    mov ecx, 0x40
    call qword ptr [rip + __imp_NumberedFirst]
    mov ecx, 0x80
    call qword ptr [rip + __imp_NumberedSecond]
    LEAVE

# Nothing behind a call that never returns is reached, nor what only jumps there.
FUNCTION case_45
    #= ExAllocatePoolWithTag unreached
    ENTER case_45, 0x38
    mov ecx, 0xe2
    call qword ptr [rip + __imp_KeBugCheckEx]
    xor ecx, ecx
    ALLOCATE
    int 3
    .seh_endproc

FUNCTION returns_before
    #= ExAllocatePoolWithTag unreached
    ENTER returns_before
    add rsp, 0x28
    ret
    xor ecx, ecx
    ALLOCATE
    int 3
    .seh_endproc

# Bytes between two functions that read as a call of an import, in the middle of a table.
FUNCTION case_46
    #= ExAllocatePoolWithTag unreached
    xor eax, eax
    ret
    .p2align 3, 0xcc
    .quad 0x0102030405060708
    .byte 0x33, 0xc9, 0xff, 0x15
    .long __imp_ExAllocatePoolWithTag - . - 4
    .quad 0x1112131415161718

# Bytes that read as a call, as the operand of a movabs that is run.
FUNCTION hidden_in_operand
    #= ExAllocatePoolWithTag unreached
    .byte 0x48, 0xb8, 0x33, 0xc9, 0xff, 0x15
    .long __imp_ExAllocatePoolWithTag - . - 4
    ret

FUNCTION register_twice
    #= ExAllocatePoolWithTag 0=0 via=register
    #= ExAllocatePoolWithTag 0=0x200 via=register
    .seh_proc register_twice
    push rsi
    .seh_pushreg rsi
    sub rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov rsi, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    xor ecx, ecx
    call rsi
    mov ecx, 0x200
    call rsi
    add rsp, 0x20
    pop rsi
    ret
    .seh_endproc

# The address goes over the frame.
FUNCTION spilled_address
    #= ExAllocatePoolWithTag 0=4
    ENTER spilled_address, 0x38
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    mov qword ptr [rsp + 0x28], rax
    mov ecx, 4
    call qword ptr [rsp + 0x28]
    LEAVE 0x38

# An import's code is read as data, which is no call.
FUNCTION reads_import_code
    #= ExAllocatePoolWithTag data
    #= sighted import-read
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    mov eax, dword ptr [rax + 1]
    ret

# The slot's own address is taken.
FUNCTION takes_slot_address
    #= ExAllocatePool data
    lea rax, [rip + __imp_ExAllocatePool]
    ret

# One of two functions is called: a call of either.
FUNCTION one_of_two
    #= ExAllocatePoolWithTag 0=0
    #= ExAllocatePool 0=0
    ENTER one_of_two
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    test ecx, ecx
    cmove rax, qword ptr [rip + __imp_ExAllocatePool]
    xor ecx, ecx
    call rax
    LEAVE

# Functions without a frame have no unwind data; these are known by their addresses.
.section .rdata, "dr"
.p2align 3
    .quad tail_call_of_thunk, tail_call_or_not, case_46, hidden_in_operand
    .quad reads_import_code, takes_slot_address, branches_to_next, branches_to_own
