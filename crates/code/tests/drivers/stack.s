# Arguments and values on the stack: case 97 of the specification and more.
.include "macros.inc"

.macro PRIORITY name
FUNCTION \name
    ENTER \name, 0x48
.endm

.macro PRIORITY_END
    MAP
    LEAVE 0x48
.endm

PRIORITY priority
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
    mov dword ptr [rsp + 0x28], 0x40000010
    PRIORITY_END

PRIORITY case_97
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x10
    mov qword ptr [rsp + 0x28], rax
    mov dword ptr [rsp + 0x28], 0x10
    PRIORITY_END

PRIORITY case_97_whole
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
    movabs rax, 0xdeadbeef40000010
    mov qword ptr [rsp + 0x28], rax
    PRIORITY_END

PRIORITY and_zero
    #= MmMapLockedPagesSpecifyCache 1=0 5=0
    and dword ptr [rsp + 0x28], 0
    PRIORITY_END

PRIORITY or_ones
    #= MmMapLockedPagesSpecifyCache 1=0 5=0xffffffff
    or dword ptr [rsp + 0x28], -1
    PRIORITY_END

PRIORITY or_in_place
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
    mov dword ptr [rsp + 0x28], 0x10
    or dword ptr [rsp + 0x28], 0x40000000
    PRIORITY_END

PRIORITY bits_set_only
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000000+parameter0
    or ecx, 0x40000000
    mov dword ptr [rsp + 0x28], ecx
    PRIORITY_END

# No compiler builds an argument from pieces, so that it cannot be told is no mistake.
PRIORITY by_bytes
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010||?
    mov dword ptr [rsp + 0x28], 0x10
    mov byte ptr [rsp + 0x2b], 0x40
    PRIORITY_END

PRIORITY through_frame_copy
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x20
    mov dword ptr [rsp + 0x38], 0x20
    mov eax, dword ptr [rsp + 0x38]
    mov dword ptr [rsp + 0x28], eax
    PRIORITY_END

PRIORITY zero_by_vector
    #= MmMapLockedPagesSpecifyCache 1=0 5=0||?
    xorps xmm0, xmm0
    movups xmmword ptr [rsp + 0x20], xmm0
    PRIORITY_END

PRIORITY overwritten_by_vector
    #= MmMapLockedPagesSpecifyCache 1=0 5=?
    mov dword ptr [rsp + 0x28], 0x10
    movups xmmword ptr [rsp + 0x20], xmm1
    PRIORITY_END

PRIORITY never_written
    #= MmMapLockedPagesSpecifyCache 1=0 5=?
    nop
    PRIORITY_END

# The handle has 64 bits, all of them ones.
FUNCTION own_process
    #= ZwProtectVirtualMemory 0=0xffffffffffffffff 3=0x40
    ENTER own_process, 0x48
    mov rcx, -1
    mov r9d, 0x40
    PROTECT
    LEAVE 0x48

FUNCTION own_process_by_or
    #= ZwProtectVirtualMemory 0=0xffffffffffffffff 3=0x20
    ENTER own_process_by_or, 0x48
    or rcx, -1
    mov r9d, 0x20
    PROTECT
    LEAVE 0x48

# 32 bits of ones are another handle.
FUNCTION half_of_the_ones
    #= ZwProtectVirtualMemory 0=0xffffffff 3=0x40
    ENTER half_of_the_ones, 0x48
    mov ecx, -1
    mov r9d, 0x40
    PROTECT
    LEAVE 0x48

# Kept in the frame and in a saved register over a call.
FUNCTION kept_over_call
    #= ExAllocatePoolWithTag 0=0x200
    #= ExAllocatePoolWithTag 0=0
    .seh_proc kept_over_call
    push rbx
    .seh_pushreg rbx
    sub rsp, 0x30
    .seh_stackalloc 0x30
    .seh_endprologue
    mov dword ptr [rsp + 0x28], 0x200
    xor ebx, ebx
    lea rcx, [rsp + 0x40]
    call qword ptr [rip + __imp_RtlRandomEx]
    mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    mov ecx, ebx
    ALLOCATE
    add rsp, 0x30
    pop rbx
    ret
    .seh_endproc

# The slot's address was given away before: a call may write it.
FUNCTION given_away
    #= ExAllocatePoolWithTag 0=clobbered/memory
    ENTER given_away, 0x38
    mov dword ptr [rsp + 0x28], 0x200
    lea rcx, [rsp + 0x28]
    call qword ptr [rip + __imp_RtlRandomEx]
    mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    LEAVE 0x38

# A parameter that the caller passed on the stack: the sixth.
FUNCTION sixth_parameter
    #= ExAllocatePoolWithTag 0=parameter5
    ENTER sixth_parameter, 0x28
    mov ecx, dword ptr [rsp + 0x28 + 0x30]
    ALLOCATE
    LEAVE 0x28

# A parameter kept in the room that its caller left for it.
FUNCTION home_of_parameter
    #= ExAllocatePoolWithTag 0=parameter1
    .seh_proc home_of_parameter
    mov dword ptr [rsp + 0x10], edx
    sub rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    lea rcx, [rip + sixth_parameter]
    mov ecx, dword ptr [rsp + 0x38]
    ALLOCATE
    LEAVE 0x28

# The function's address waits on the stack, and so does the stack pointer's value in a register.
FUNCTION address_in_frame
    #= ExAllocatePoolWithTag 0=4 via=table
    ENTER address_in_frame, 0x48
    mov r11, rsp
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    mov qword ptr [rsp + 0x30], rax
    test ecx, ecx
    je 1f
    mov ecx, 7
    call qword ptr [rip + __imp_RtlRandomEx]
1:  mov ecx, 4
    mov edx, 16
    mov r8d, 0x6b736944
    call qword ptr [rsp + 0x30]
    LEAVE 0x48

# The flags go over the stack, as they do where interrupts are switched off for a while.
FUNCTION flags_kept
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
    ENTER flags_kept, 0x48
    pushfq
    pop rbx
    push rbx
    popfq
    mov dword ptr [rsp + 0x28], 0x40000010
    MAP
    LEAVE 0x48

# rbp stands in the middle of the frame.
FUNCTION by_frame_pointer
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000020
    .seh_proc by_frame_pointer
    push rbp
    .seh_pushreg rbp
    sub rsp, 0x60
    .seh_stackalloc 0x60
    lea rbp, [rsp + 0x40]
    .seh_setframe rbp, 0x40
    .seh_endprologue
    mov dword ptr [rbp - 0x18], 0x40000020
    MAP
    lea rsp, [rbp + 0x20]
    pop rbp
    ret
    .seh_endproc
