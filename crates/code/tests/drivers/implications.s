# What a branch says of a register, in ways that compilers write it. The value stays in the register.
.include "macros.inc"

FUNCTION equal_to_a_number
    #= ExAllocatePoolWithTag 0=0x200
    ENTER equal_to_a_number
    cmp ecx, 0x200
    jne 9f
    ALLOCATE
9:  LEAVE

FUNCTION equal_and_jumped_to
    #= ExAllocatePoolWithTag 0=0x200
    ENTER equal_and_jumped_to
    cmp ecx, 0x200
    je 1f
    xor eax, eax
    jmp 9f
1:  ALLOCATE
9:  LEAVE

FUNCTION zero_by_test
    #= ExAllocatePoolWithTag 0=0
    ENTER zero_by_test
    test ecx, ecx
    jnz 9f
    ALLOCATE
9:  LEAVE

FUNCTION a_bit_by_test
    #= ExAllocatePoolWithTag 0=0x200+parameter0
    ENTER a_bit_by_test
    test ecx, 0x200
    jz 9f
    ALLOCATE
9:  LEAVE

FUNCTION a_bit_by_bt
    #= ExAllocatePoolWithTag 0=0x200+parameter0||parameter0
    ENTER a_bit_by_bt
    bt ecx, 9
    jae 9f
    ALLOCATE
9:  LEAVE

# The copy is what is looked at.
FUNCTION equal_as_the_difference_is_zero
    #= ExAllocatePoolWithTag 0=0x200||parameter0
    ENTER equal_as_the_difference_is_zero
    mov eax, ecx
    sub eax, 0x200
    jnz 9f
    ALLOCATE
9:  LEAVE

FUNCTION equal_in_another_register
    #= ExAllocatePoolWithTag 0=0x200||parameter0
    ENTER equal_in_another_register
    mov eax, ecx
    cmp eax, 0x200
    jne 9f
    ALLOCATE
9:  LEAVE

# In a slot of the frame, as without optimisation.
FUNCTION equal_on_the_stack
    #= ExAllocatePoolWithTag 0=0x200
    ENTER equal_on_the_stack
    mov dword ptr [rsp + 0x20], ecx
    cmp dword ptr [rsp + 0x20], 0x200
    jne 9f
    mov ecx, dword ptr [rsp + 0x20]
    ALLOCATE
9:  LEAVE

FUNCTION below_two
    #= ExAllocatePoolWithTag 0=0|1||parameter0
    ENTER below_two
    cmp ecx, 1
    ja 9f
    ALLOCATE
9:  LEAVE

# The flags outlive instructions that do not set them.
FUNCTION flags_that_are_kept
    #= ExAllocatePoolWithTag 0=0x200||parameter0
    ENTER flags_that_are_kept
    cmp ecx, 0x200
    mov eax, edx
    lea r9, [rdx + 8]
    jne 9f
    ALLOCATE
9:  LEAVE

# One that is looked at and then written over says nothing.
FUNCTION written_after_the_comparison
    #= ExAllocatePoolWithTag 0=parameter1
    ENTER written_after_the_comparison
    cmp ecx, 0x200
    mov ecx, edx
    jne 9f
    ALLOCATE
9:  LEAVE

# Others set the flags in between.
FUNCTION flags_of_another
    #= ExAllocatePoolWithTag 0=parameter0
    ENTER flags_of_another
    cmp ecx, 0x200
    cmp edx, 0
    jne 9f
    ALLOCATE
9:  LEAVE

FUNCTION flags_of_arithmetic
    #= ExAllocatePoolWithTag 0=parameter0
    ENTER flags_of_arithmetic
    cmp ecx, 0x200
    add edx, 1
    jne 9f
    ALLOCATE
9:  LEAVE

# The arm where it is something else.
FUNCTION the_other_arm
    #= ExAllocatePoolWithTag 0=parameter0
    ENTER the_other_arm
    cmp ecx, 0x200
    je 9f
    ALLOCATE
9:  LEAVE

# Only the low byte is zero.
FUNCTION a_byte_of_it
    #= ExAllocatePoolWithTag 0=parameter0&0xffffff00
    ENTER a_byte_of_it
    test cl, cl
    jnz 9f
    ALLOCATE
9:  LEAVE

# The block is reached by another way too.
FUNCTION equal_or_not
    #= ExAllocatePoolWithTag 0=parameter0||0x200|parameter0
    ENTER equal_or_not
    test edx, edx
    jz 1f
    cmp ecx, 0x200
    jne 9f
1:  ALLOCATE
9:  LEAVE

# Both arms lead to the same place.
FUNCTION equal_either_way
    #= ExAllocatePoolWithTag 0=parameter0||0x200|parameter0
    ENTER equal_either_way
    cmp ecx, 0x200
    je 1f
1:  ALLOCATE
    LEAVE

# A loop comes back with another value.
FUNCTION changed_in_a_loop
    #= ExAllocatePoolWithTag 0=0x200||*?
    ENTER changed_in_a_loop, 0x38
    mov ebx, ecx
1:  cmp ebx, 0x200
    jne 2f
    mov ecx, ebx
    ALLOCATE
    jmp 9f
2:  inc ebx
    cmp ebx, 0x400
    jne 1b
9:  LEAVE 0x38
