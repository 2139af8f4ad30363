# Ways to put a number into a register.
.include "macros.inc"

.macro POOL name
FUNCTION \name
    ENTER \name
.endm

.macro POOL_END
    ALLOCATE
    LEAVE
.endm

POOL zero_xor
    #= ExAllocatePoolWithTag 0=0
    xor ecx, ecx
    POOL_END

POOL zero_xor_64
    #= ExAllocatePoolWithTag 0=0
    xor rcx, rcx
    POOL_END

POOL zero_sub
    #= ExAllocatePoolWithTag 0=0
    sub ecx, ecx
    POOL_END

POOL zero_and
    #= ExAllocatePoolWithTag 0=0
    and ecx, 0
    POOL_END

POOL sign_extended
    #= ExAllocatePoolWithTag 0=0x200
    mov rcx, 0x200
    POOL_END

POOL ten_bytes
    #= ExAllocatePoolWithTag 0=0x200
    movabs rcx, 0x100000200
    POOL_END

POOL bit_set
    #= ExAllocatePoolWithTag 0=0x200+parameter0/arithmetic
    bts ecx, 9
    POOL_END

POOL parameter_or
    #= ExAllocatePoolWithTag 0=0x200+parameter0
    or ecx, 0x200
    POOL_END

POOL parameter_high_byte
    #= ExAllocatePoolWithTag 0=0x200+parameter0
    or ch, 2
    POOL_END

POOL parameter_masked
    #= ExAllocatePoolWithTag 0=0|1
    and ecx, 1
    POOL_END

POOL popped
    #= ExAllocatePoolWithTag 0=4
    push 4
    pop rcx
    POOL_END

POOL merged_low_byte
    #= ExAllocatePoolWithTag 0=0x304
    mov ecx, 0x300
    mov cl, 4
    POOL_END

POOL merged_high_byte
    #= ExAllocatePoolWithTag 0=0x201
    mov ecx, 1
    mov ch, 2
    POOL_END

POOL merged_word
    #= ExAllocatePoolWithTag 0=0x10200
    mov ecx, 0x10000
    mov cx, 0x200
    POOL_END

POOL complement
    #= ExAllocatePoolWithTag 0=0x200
    mov ecx, 0xfffffdff
    not ecx
    POOL_END

POOL negated
    #= ExAllocatePoolWithTag 0=0x200
    mov ecx, -0x200
    neg ecx
    POOL_END

POOL exchanged
    #= ExAllocatePoolWithTag 0=0x200
    mov eax, 0x200
    xchg ecx, eax
    POOL_END

POOL shifted
    #= ExAllocatePoolWithTag 0=0x200
    mov ecx, 1
    shl ecx, 9
    POOL_END

POOL multiplied
    #= ExAllocatePoolWithTag 0=0x200
    mov eax, 0x40
    imul ecx, eax, 8
    POOL_END

POOL lea_of_zero
    #= ExAllocatePoolWithTag 0=2
    xor r11d, r11d
    lea ecx, [r11 + 2]
    POOL_END

POOL lea_scaled
    #= ExAllocatePoolWithTag 0=0x204
    mov eax, 0x40
    mov edx, 4
    lea ecx, [rdx + rax*8]
    POOL_END

POOL incremented
    #= ExAllocatePoolWithTag 0=1
    xor ecx, ecx
    inc ecx
    POOL_END

POOL zero_extended
    #= ExAllocatePoolWithTag 0=0x80
    mov eax, 0xffffff80
    movzx ecx, al
    POOL_END

POOL xor_swap
    #= ExAllocatePoolWithTag 0=0x201
    mov ecx, 0x200
    xor ecx, 1
    POOL_END

POOL address_as_type
    #= ExAllocatePoolWithTag 0=address
    lea rcx, [rip + zero_xor]
    POOL_END

POOL chosen_by_cmov
    #= ExAllocatePoolWithTag 0=0|0x200
    xor ecx, ecx
    mov eax, 0x200
    test edx, edx
    cmovne ecx, eax
    POOL_END

POOL cmov_chain
    #= ExAllocatePoolWithTag 0=0|1|0x200
    xor ecx, ecx
    mov eax, 0x200
    mov r8d, 1
    test edx, edx
    cmovs ecx, eax
    cmove ecx, r8d
    POOL_END

POOL set_if
    #= ExAllocatePoolWithTag 0=0|1
    xor ecx, ecx
    test edx, edx
    sete cl
    POOL_END

POOL set_if_shifted
    #= ExAllocatePoolWithTag 0=0|0x200
    xor eax, eax
    test edx, edx
    setne al
    shl eax, 9
    mov ecx, eax
    POOL_END

POOL borrow_mask
    #= ExAllocatePoolWithTag 0=0|0x200
    neg ecx
    sbb ecx, ecx
    and ecx, 0x200
    POOL_END

POOL borrow_mask_and_add
    #= ExAllocatePoolWithTag 0=1|0x200
    cmp edx, 5
    sbb ecx, ecx
    and ecx, 0x1ff
    inc ecx
    POOL_END

# One more, or less, by the carry.
POOL carry_added
    #= ExAllocatePoolWithTag 0=0x1ff|0x200
    cmp edx, 1
    mov ecx, 0x1ff
    adc ecx, 0
    POOL_END

POOL carry_taken
    #= ExAllocatePoolWithTag 0=0x200|0x201
    cmp edx, r8d
    mov ecx, 0x200
    sbb ecx, -1
    POOL_END

POOL carry_that_is_known
    #= ExAllocatePoolWithTag 0=0x200
    xor edx, edx
    cmp edx, 1
    mov ecx, 0x1ff
    adc ecx, 0
    POOL_END

POOL carry_and_the_unknown
    #= ExAllocatePoolWithTag 0=?
    cmp edx, 1
    adc ecx, r8d
    POOL_END

# What is left by a division.
POOL remainder
    #= ExAllocatePoolWithTag 0=?&0x1f
    mov eax, ecx
    xor edx, edx
    mov ecx, 20
    div ecx
    mov ecx, edx
    POOL_END

# What these leave in ecx cannot be told; that something else stood there before must not count.
POOL overwritten_by_cpuid
    #= ExAllocatePoolWithTag 0=?
    mov ecx, 0x200
    xor eax, eax
    cpuid
    POOL_END

POOL overwritten_by_xadd
    #= ExAllocatePoolWithTag 0=?
    mov ecx, 0x200
    xadd dword ptr [rdx], ecx
    POOL_END

POOL overwritten_by_load
    #= ExAllocatePoolWithTag 0=memory
    mov ecx, 0x200
    mov ecx, dword ptr [rdx]
    POOL_END

POOL low_byte_loaded
    #= ExAllocatePoolWithTag 0=0x200+memory/arithmetic&0xff
    mov ecx, 0x200
    mov cl, byte ptr [rdx]
    POOL_END

POOL overwritten_by_call
    #= ExAllocatePoolWithTag 0=clobbered
    mov ecx, 0x200
    call zero_xor
    POOL_END

POOL result_of_call
    #= ExAllocatePoolWithTag 0=returned
    call zero_xor
    mov ecx, eax
    POOL_END

POOL read_time
    #= ExAllocatePoolWithTag 0=?
    rdtsc
    mov ecx, eax
    POOL_END

# Four jumps into one block, each with its own number.
FUNCTION four_ways
    #= ExAllocatePoolWithTag 0=0|1|4|0x200
    ENTER four_ways
    mov eax, ecx
    xor ecx, ecx
    cmp eax, 10
    je 1f
    mov ecx, 1
    cmp eax, 20
    ja 1f
    mov ecx, 4
    cmp eax, 15
    jl 1f
    mov ecx, 0x200
1:  ALLOCATE
    LEAVE
