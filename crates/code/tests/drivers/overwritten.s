# What was known is overwritten, in ways that are easy to overlook: nothing here may be told as the
# number that stood there first.
.include "macros.inc"

.macro AFTER name, instruction:vararg
FUNCTION \name
    ENTER \name
    mov ecx, 0x200
    \instruction
    ALLOCATE
    LEAVE
.endm

.macro SLOT name, instruction:vararg
FUNCTION \name
    ENTER \name, 0x48
    mov dword ptr [rsp + 0x28], 0x10
    \instruction
    MAP
    LEAVE 0x48
.endm

#= by_vector_move: ExAllocatePoolWithTag 0=?
AFTER by_vector_move, movd ecx, xmm0
#= by_bit_scan: ExAllocatePoolWithTag 0=*?
AFTER by_bit_scan, bsf ecx, edx
#= by_control_register: ExAllocatePoolWithTag 0=?
AFTER by_control_register, mov rcx, cr8
#= by_segment: ExAllocatePoolWithTag 0=?
AFTER by_segment, mov ecx, dword ptr gs:[0x188]
#= by_exchange: ExAllocatePoolWithTag 0=?
AFTER by_exchange, xchg ecx, dword ptr [rdx]
#= by_rotation: ExAllocatePoolWithTag 0=?||0x400
AFTER by_rotation, rol ecx, 1
#= by_double_shift: ExAllocatePoolWithTag 0=*?
AFTER by_double_shift, shld ecx, edx, 3
#= by_carry: ExAllocatePoolWithTag 0=*?||0x200|0x201
AFTER by_carry, adc ecx, 0
#= by_string_compare: ExAllocatePoolWithTag 0=?
AFTER by_string_compare, repne scasb
#= by_string_move: ExAllocatePoolWithTag 0=0||?
AFTER by_string_move, rep movsb
#= by_unsigned_half: ExAllocatePoolWithTag 0=?&0xffff
AFTER by_unsigned_half, movzx ecx, word ptr [rdx]
#= by_sign: ExAllocatePoolWithTag 0=0
AFTER by_sign, movsx ecx, cl

#= slot_by_wider: MmMapLockedPagesSpecifyCache 5=?
SLOT slot_by_wider, mov qword ptr [rsp + 0x24], rax
#= slot_by_exchange: MmMapLockedPagesSpecifyCache 5=*?
SLOT slot_by_exchange, xchg dword ptr [rsp + 0x28], eax
#= slot_by_add: MmMapLockedPagesSpecifyCache 5=0x20||?
SLOT slot_by_add, add dword ptr [rsp + 0x28], 0x10
#= slot_by_bit: MmMapLockedPagesSpecifyCache 5=0x40000010||?
SLOT slot_by_bit, bts dword ptr [rsp + 0x28], 30
#= slot_by_condition: MmMapLockedPagesSpecifyCache 5=0|1||*?
SLOT slot_by_condition, setne byte ptr [rsp + 0x28]
#= slot_by_word: MmMapLockedPagesSpecifyCache 5=0x40000010||?
SLOT slot_by_word, mov word ptr [rsp + 0x2a], 0x4000
#= slot_by_index: MmMapLockedPagesSpecifyCache 5=*?
SLOT slot_by_index, mov dword ptr [rsp + rax*4 + 0x20], edx

# The slots of a call's arguments are the called function's own to change.
FUNCTION argument_of_the_call_before
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x10
    #= MmMapLockedPagesSpecifyCache 1=0 5=?
    ENTER argument_of_the_call_before, 0x48
    mov dword ptr [rsp + 0x28], 0x10
    MAP
    MAP
    LEAVE 0x48

# A copy of zeros over the frame.
FUNCTION slot_by_string_store
    #= MmMapLockedPagesSpecifyCache 1=0 5=0||?
    ENTER slot_by_string_store, 0x48
    mov dword ptr [rsp + 0x28], 0x10
    lea rdi, [rsp + 0x20]
    xor eax, eax
    mov ecx, 8
    rep stosd
    MAP
    LEAVE 0x48

# A division leaves the rest in edx, the access mode.
FUNCTION mode_by_division
    #= MmMapLockedPages 1=?
    ENTER mode_by_division
    mov eax, 7
    xor edx, edx
    div r8d
    call qword ptr [rip + __imp_MmMapLockedPages]
    LEAVE

FUNCTION mode_by_sign
    #= MmMapLockedPages 1=0||?
    ENTER mode_by_sign
    mov eax, 7
    mov edx, 1
    cdq
    call qword ptr [rip + __imp_MmMapLockedPages]
    LEAVE

# The room for a parameter is written in a block before.
FUNCTION home_written_before
    #= ExAllocatePoolWithTag 0=0|parameter1
    .seh_proc home_written_before
    mov dword ptr [rsp + 0x10], edx
    sub rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    test ecx, ecx
    je 1f
    mov dword ptr [rsp + 0x38], 0
1:  mov ecx, dword ptr [rsp + 0x38]
    ALLOCATE
    LEAVE 0x28

# The address is given away in a block before, so that the call may change what is set here.
FUNCTION given_away_before
    #= ExAllocatePoolWithTag 0=clobbered/memory
    ENTER given_away_before, 0x38
    lea rax, [rsp + 0x28]
    mov qword ptr [rip + kept], rax
    test ecx, ecx
    je 1f
    nop
1:  mov dword ptr [rsp + 0x28], 0x200
    xor ecx, ecx
    call qword ptr [rip + __imp_RtlRandomEx]
    mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    LEAVE 0x38

# A store through a pointer that is given away reaches the slot.
FUNCTION stored_through_pointer
    #= ExAllocatePoolWithTag 0=0||?
    ENTER stored_through_pointer, 0x38
    mov dword ptr [rsp + 0x28], 0x200
    lea rax, [rsp + 0x28]
    mov dword ptr [rax], 0
    mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    LEAVE 0x38

# A constant of the image that is writable is none.
FUNCTION from_initialised_variable
    #= ExAllocatePoolWithTag 0=0x200
    ENTER from_initialised_variable
    mov ecx, dword ptr [rip + initialised_variable]
    ALLOCATE
    LEAVE

.data
.p2align 2
initialised_variable: .long 0x200
