# Functions that hand on parameters, in ways that compilers and linkers make and C does not say.
.include "macros.inc"

# The linker's incremental mode calls every function by way of a jump.
FUNCTION behind_a_jump
    #= ExAllocatePoolWithTag 0=4
    #= ExAllocatePoolWithTag 0=4 from=calls_the_jump>jump_to_wrapper
    ENTER behind_a_jump
    ALLOCATE
    LEAVE
FUNCTION jump_to_wrapper
    jmp behind_a_jump
FUNCTION calls_the_jump
    ENTER calls_the_jump
    mov ecx, 4
    call jump_to_wrapper
    LEAVE

# Another function jumps behind its beginning, where other registers count.
FUNCTION entered_in_the_middle
    #= ExAllocatePoolWithTag 0=*? from=*
    mov eax, ecx
entered_in_the_middle_here:
    mov ecx, eax
    mov edx, 16
    mov r8d, 0x6b736944
    jmp qword ptr [rip + __imp_ExAllocatePoolWithTag]
FUNCTION calls_the_beginning
    ENTER calls_the_beginning
    mov ecx, 0x200
    call entered_in_the_middle
    LEAVE
FUNCTION jumps_to_the_middle
    mov eax, dword ptr [rcx]
    jmp entered_in_the_middle_here

# The place of the parameter is lent to another function before it is read.
FUNCTION parameter_lent
    #= ExAllocatePoolWithTag 0=clobbered/memory
    ENTER parameter_lent
    mov dword ptr [rsp + 0x30], ecx
    lea rcx, [rsp + 0x30]
    call qword ptr [rip + __imp_RtlRandomEx]
    mov ecx, dword ptr [rsp + 0x30]
    ALLOCATE
    LEAVE
FUNCTION lends_parameter
    ENTER lends_parameter
    xor ecx, ecx
    call parameter_lent
    LEAVE

# What is on the caller's stack is its own again after the call, and here it is read late.
FUNCTION fifth_read_late
    #= ExAllocatePoolWithTag 0=4
    #= ExAllocatePoolWithTag 0=4 from=gives_the_fifth_early
    ENTER fifth_read_late
    xor ecx, ecx
    call qword ptr [rip + __imp_RtlRandomEx]
    mov ecx, dword ptr [rsp + 0x50]
    ALLOCATE
    LEAVE
# Stored before another call, which has only one parameter.
FUNCTION gives_the_fifth_early
    ENTER gives_the_fifth_early, 0x38
    mov dword ptr [rsp + 0x20], 4
    xor ecx, ecx
    call qword ptr [rip + __imp_RtlRandomEx]
    call fifth_read_late
    LEAVE 0x38

# The first time round it is the caller's, then another.
FUNCTION parameter_then_number
    #= ExAllocatePoolWithTag 0=4|0x200
    #= ExAllocatePoolWithTag 0=4|0x200 from=gives_the_first
    .seh_proc parameter_then_number
    push rbx
    .seh_pushreg rbx
    push rsi
    .seh_pushreg rsi
    sub rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov ebx, ecx
    mov esi, edx
1:  mov ecx, ebx
    ALLOCATE
    mov ebx, 0x200
    dec esi
    jnz 1b
    add rsp, 0x28
    pop rsi
    pop rbx
    ret
    .seh_endproc
FUNCTION gives_the_first
    ENTER gives_the_first
    mov edx, ecx
    mov ecx, 4
    call parameter_then_number
    LEAVE

# A jump to a function is a call of it only if the stack is as it was.
FUNCTION jumped_to_from_a_branch
    #= ExAllocatePoolWithTag 0=parameter0
    ENTER jumped_to_from_a_branch
    ALLOCATE
    LEAVE
FUNCTION jumps_from_a_branch
    test ecx, ecx
    mov ecx, 0
    jz jumped_to_from_a_branch
    mov ecx, 0x200
    jmp jumped_to_from_a_branch

# Only the low byte of the parameter was set by the caller, and only that is read.
FUNCTION reads_a_byte
    #= ExAllocatePoolWithTag 0=4
    #= ExAllocatePoolWithTag 0=4 from=sets_a_byte
    ENTER reads_a_byte
    movzx ecx, cl
    ALLOCATE
    LEAVE
FUNCTION sets_a_byte
    ENTER sets_a_byte
    mov cl, 4
    call reads_a_byte
    LEAVE

# The caller set the low byte, and all of it is read.
FUNCTION reads_more_than_a_byte
    #= ExAllocatePoolWithTag 0=4+parameter0&0xffffff00
    #= ExAllocatePoolWithTag 0=4+parameter0&0xffffff00 from=sets_no_more_than_a_byte
    ENTER reads_more_than_a_byte
    ALLOCATE
    LEAVE
FUNCTION sets_no_more_than_a_byte
    ENTER sets_no_more_than_a_byte
    mov cl, 4
    call reads_more_than_a_byte
    LEAVE

# Nothing is set between the two calls: what the first leaves in the register is not known.
FUNCTION handed_leftovers
    #= ExAllocatePoolWithTag 0=clobbered
    #= ExAllocatePoolWithTag 0=clobbered from=hands_leftovers
    ENTER handed_leftovers
    ALLOCATE
    LEAVE
FUNCTION hands_leftovers
    ENTER hands_leftovers
    mov ecx, 0x200
    call qword ptr [rip + __imp_RtlRandomEx]
    call handed_leftovers
    LEAVE

# Its address is in an instruction, as a number that the loader moves.
FUNCTION taken_as_a_number
    #= ExAllocatePoolWithTag 0=0x200|parameter0
    #= ExAllocatePoolWithTag 0=0x200 from=takes_as_a_number
    #= ExAllocatePoolWithTag 0=parameter0 from=?
    ENTER taken_as_a_number
    ALLOCATE
    LEAVE
FUNCTION takes_as_a_number
    ENTER takes_as_a_number
    movabs rax, offset taken_as_a_number
    mov qword ptr [rdx], rax
    mov ecx, 0x200
    call taken_as_a_number
    LEAVE

# Its address is worked out from that of the image.
FUNCTION taken_by_image_base
    #= ExAllocatePoolWithTag 0=0|0x200
    #= ExAllocatePoolWithTag 0=0 from=takes_by_image_base
    #= ExAllocatePoolWithTag 0=0x200 from=takes_by_image_base
    ENTER taken_by_image_base
    ALLOCATE
    LEAVE
FUNCTION takes_by_image_base
    ENTER takes_by_image_base
    mov ecx, 0x200
    call taken_by_image_base
    lea rax, [rip + __ImageBase]
    mov ecx, dword ptr [rip + offset_of_taken]
    add rax, rcx
    mov ecx, 0
    call rax
    LEAVE
.section .rdata, "dr"
.p2align 2
offset_of_taken:
    .long taken_by_image_base@IMGREL
