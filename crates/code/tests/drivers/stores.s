# Ways to store to a variable. Each has one of its own that begins as 0x200 and is read by a function of its
# own: whoever takes such a store for none says that the pool type is never executable.
.include "macros.inc"

# A variable that begins as 0x200, and the function that asks for memory with it.
.macro VARIABLE name
.data
.p2align 4
variable_\name:
    .long 0x200, 0, 0, 0
FUNCTION reads_\name
    ENTER reads_\name
    mov ecx, dword ptr [rip + variable_\name]
    ALLOCATE
    LEAVE
.endm

VARIABLE nothing
    #= reads_nothing: ExAllocatePoolWithTag 0=0x200

VARIABLE number
    #= reads_number: ExAllocatePoolWithTag 0=0x200|4
FUNCTION stores_number
    mov dword ptr [rip + variable_number], 4
    ret

VARIABLE register
    #= reads_register: ExAllocatePoolWithTag 0=0x200|4
FUNCTION stores_register
    mov eax, 4
    mov dword ptr [rip + variable_register], eax
    ret

VARIABLE parameter
    #= reads_parameter: ExAllocatePoolWithTag 0=*?
FUNCTION stores_parameter
    mov dword ptr [rip + variable_parameter], ecx
    ret

# Clears it.
VARIABLE and
    #= reads_and: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_and
    and dword ptr [rip + variable_and], 0
    ret

VARIABLE xor
    #= reads_xor: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_xor
    xor dword ptr [rip + variable_xor], 0x200
    ret

# The byte that holds the bit.
VARIABLE byte
    #= reads_byte: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_byte
    mov byte ptr [rip + variable_byte + 1], 0
    ret

VARIABLE condition
    #= reads_condition: ExAllocatePoolWithTag 0=*?||0x200|0x100|0
FUNCTION stores_condition
    test ecx, ecx
    sete byte ptr [rip + variable_condition + 1]
    ret

VARIABLE word
    #= reads_word: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_word
    mov word ptr [rip + variable_word], 0
    ret

# From before it, and so wide that it reaches it.
VARIABLE quad
    #= reads_quad: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_quad
    xor eax, eax
    mov qword ptr [rip + variable_quad - 4], rax
    ret

VARIABLE vector
    #= reads_vector: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_vector
    xorps xmm0, xmm0
    movups xmmword ptr [rip + variable_vector - 12], xmm0
    ret

VARIABLE low_half
    #= reads_low_half: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_low_half
    xorps xmm0, xmm0
    movlps qword ptr [rip + variable_low_half - 4], xmm0
    ret

VARIABLE exchange
    #= reads_exchange: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_exchange
    xor eax, eax
    xchg dword ptr [rip + variable_exchange], eax
    ret

VARIABLE compared_exchange
    #= reads_compared_exchange: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_compared_exchange
    xor edx, edx
    mov eax, 0x200
    lock cmpxchg dword ptr [rip + variable_compared_exchange], edx
    ret

VARIABLE exchanged_sum
    #= reads_exchanged_sum: ExAllocatePoolWithTag 0=*?
FUNCTION stores_exchanged_sum
    mov eax, -4
    lock xadd dword ptr [rip + variable_exchanged_sum], eax
    ret

VARIABLE increment
    #= reads_increment: ExAllocatePoolWithTag 0=*?
FUNCTION stores_increment
    lock inc dword ptr [rip + variable_increment]
    ret

VARIABLE bit
    #= reads_bit: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_bit
    lock btr dword ptr [rip + variable_bit], 9
    ret

VARIABLE shift
    #= reads_shift: ExAllocatePoolWithTag 0=*?
FUNCTION stores_shift
    shr dword ptr [rip + variable_shift], 1
    ret

VARIABLE not
    #= reads_not: ExAllocatePoolWithTag 0=*?||0x200|0xfffffdff
FUNCTION stores_not
    not dword ptr [rip + variable_not]
    ret

VARIABLE pop
    #= reads_pop: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_pop
    push 0
    pop qword ptr [rip + variable_pop]
    ret

VARIABLE around_the_cache
    #= reads_around_the_cache: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_around_the_cache
    xor eax, eax
    movnti dword ptr [rip + variable_around_the_cache], eax
    ret

VARIABLE descriptor_table
    #= reads_descriptor_table: ExAllocatePoolWithTag 0=*?
FUNCTION stores_descriptor_table
    sidt [rip + variable_descriptor_table - 2]
    ret

VARIABLE string
    #= reads_string: ExAllocatePoolWithTag 0=*?||0|0x200
FUNCTION stores_string
    ENTER stores_string
    mov r9, rdi
    lea rdi, [rip + variable_string]
    xor eax, eax
    mov ecx, 1
    rep stosd
    mov rdi, r9
    LEAVE

# By its address in a register.
VARIABLE address
    #= reads_address: ExAllocatePoolWithTag 0=*?||0|0x200
FUNCTION stores_address
    lea rax, [rip + variable_address]
    mov dword ptr [rax], 0
    ret

# The address of what stands before it, and a distance: compilers that know how variables lie do this.
VARIABLE before
VARIABLE neighbour
    #= reads_before: ExAllocatePoolWithTag 0=0x200||*?
    #= reads_neighbour: ExAllocatePoolWithTag 0=*?||0|0x200
FUNCTION stores_neighbour
    lea rax, [rip + variable_before]
    mov dword ptr [rax + 0x10], 0
    ret

# The address of the image, and a distance: for arrays.
VARIABLE by_image_base
    #= reads_by_image_base: ExAllocatePoolWithTag 0=*?||0|0x200
FUNCTION stores_by_image_base
    lea rdx, [rip + __ImageBase]
    mov eax, ecx
    mov dword ptr [rdx + rax*4 + variable_by_image_base@IMGREL], 0
    ret

# A whole address in the instruction.
VARIABLE whole_address
    #= reads_whole_address: ExAllocatePoolWithTag 0=*?||0|0x200
FUNCTION stores_whole_address
    movabs rax, offset variable_whole_address
    mov dword ptr [rax], 0
    ret

# In the arm of a branch that the compiler put into a part of the section where no function is listed.
VARIABLE unlisted
    #= reads_unlisted: ExAllocatePoolWithTag 0=0|0x200||*?
FUNCTION stores_unlisted
    ENTER stores_unlisted
    test ecx, ecx
    jz 1f
    jmp stores_unlisted_cold
1:  LEAVE
FUNCTION stores_unlisted_cold
    mov dword ptr [rip + variable_unlisted], 0
    add rsp, 0x28
    ret
