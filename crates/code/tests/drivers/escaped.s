# Registers and stack objects that a call may change, or that were given away long before.
.include "macros.inc"

.macro ASK_FOR_NUMBER
    xor ecx, ecx
    call qword ptr [rip + __imp_RtlRandomEx]
.endm

# A call may change r11.
FUNCTION kept_in_r11
    #= ExAllocatePoolWithTag 0=clobbered
    ENTER kept_in_r11
    mov r11d, 0x200
    ASK_FOR_NUMBER
    mov ecx, r11d
    ALLOCATE
    LEAVE

# It may change xmm0 to xmm5.
.macro KEPT_IN_VECTOR number
FUNCTION kept_in_xmm\number
    ENTER kept_in_xmm\number
    mov eax, 0x200
    movd xmm\number, eax
    ASK_FOR_NUMBER
    movd ecx, xmm\number
    ALLOCATE
    LEAVE
.endm
#= kept_in_xmm0: ExAllocatePoolWithTag 0=clobbered
KEPT_IN_VECTOR 0
#= kept_in_xmm5: ExAllocatePoolWithTag 0=clobbered
KEPT_IN_VECTOR 5

# It leaves the low half of xmm6 alone, which this function saves for its caller.
FUNCTION kept_in_xmm6
    #= ExAllocatePoolWithTag 0=0x200||?
    .seh_proc kept_in_xmm6
    sub rsp, 0x38
    .seh_stackalloc 0x38
    movaps xmmword ptr [rsp + 0x20], xmm6
    .seh_savexmm xmm6, 0x20
    .seh_endprologue
    mov eax, 0x200
    movd xmm6, eax
    ASK_FOR_NUMBER
    movd ecx, xmm6
    ALLOCATE
    movaps xmm6, xmmword ptr [rsp + 0x20]
    add rsp, 0x38
    ret
    .seh_endproc

.macro SLOT name, instruction:vararg
FUNCTION \name
    ENTER \name, 0x48
    mov dword ptr [rsp + 0x28], 0x10
    \instruction
    MAP
    LEAVE 0x48
.endm

# The value lies in the second eight bytes of what is stored, and in the last.
#= slot_by_16_bytes: MmMapLockedPagesSpecifyCache 1=0 5=?
SLOT slot_by_16_bytes, movntdq xmmword ptr [rsp + 0x20], xmm0
#= slot_by_32_bytes: MmMapLockedPagesSpecifyCache 1=0 5=?
SLOT slot_by_32_bytes, vmovups ymmword ptr [rsp + 0x10], ymm0

# The sixth parameter is overwritten, and then more is stored than is kept.
FUNCTION behind_many_stores
    #= ExAllocatePoolWithTag 0=0x200||memory/stack/clobbered/budget
    ENTER behind_many_stores, 0x528
    mov dword ptr [rsp + 0x528 + 0x30], 0x200
    .set place, 0x20
    .rept 320
    mov dword ptr [rsp + place], 4
    .set place, place + 4
    .endr
    mov ecx, dword ptr [rsp + 0x528 + 0x30]
    ALLOCATE
    LEAVE 0x528

# On one of two paths, the shorter, a parameter's place is given away.
FUNCTION changed_on_one_path
    #= ExAllocatePoolWithTag 0=*memory/clobbered/stack
    ENTER changed_on_one_path
    test edx, edx
    je 1f
    lea rcx, [rsp + 0x28 + 0x30]
    call qword ptr [rip + __imp_RtlRandomEx]
1:  mov ecx, dword ptr [rsp + 0x28 + 0x30]
    ALLOCATE
    LEAVE

# The same with a number that both paths knew.
FUNCTION known_on_one_path
    #= ExAllocatePoolWithTag 0=*?
    ENTER known_on_one_path, 0x38
    mov dword ptr [rsp + 0x28], 0x200
    test edx, edx
    je 1f
    lea rcx, [rsp + 0x28]
    call qword ptr [rip + __imp_RtlRandomEx]
1:  mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    LEAVE 0x38

# A place that was given away before the last block; that block alone sets it, calls, and reads it.
.macro GIVEN_BEFORE name, first, second
FUNCTION \name
    ENTER \name, 0x48
    \first
    \second
    mov qword ptr [rip + kept], rbx
    test edx, edx
    je 1f
    inc dword ptr [r8]
1:  test r9d, r9d
    je 2f
    inc dword ptr [r8 + 4]
2:  mov dword ptr [rsp + 0x28], 0x200
    ASK_FOR_NUMBER
    mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    LEAVE 0x48
.endm
#= given_by_lea: ExAllocatePoolWithTag 0=?
GIVEN_BEFORE given_by_lea, "lea rbx, [rsp + 0x28]"
#= given_by_copy: ExAllocatePoolWithTag 0=?
GIVEN_BEFORE given_by_copy, "mov rbx, rsp"
#= given_by_sum: ExAllocatePoolWithTag 0=?
GIVEN_BEFORE given_by_sum, "mov ebx, 0x28", "add rbx, rsp"
#= given_by_push: ExAllocatePoolWithTag 0=?
GIVEN_BEFORE given_by_push, "push rsp", "pop rbx"
#= given_by_index: ExAllocatePoolWithTag 0=?
GIVEN_BEFORE given_by_index, "lea rbx, [rsp + rcx*8]"

# What was not given away keeps its number.
FUNCTION other_given_before
    #= ExAllocatePoolWithTag 0=0x200||*?
    ENTER other_given_before, 0x48
    lea rbx, [rsp + 0x38]
    mov qword ptr [rip + kept], rbx
    test edx, edx
    je 1f
    inc dword ptr [r8]
1:  mov dword ptr [rsp + 0x28], 0x200
    ASK_FOR_NUMBER
    mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    LEAVE 0x48
