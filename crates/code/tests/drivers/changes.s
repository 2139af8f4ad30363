# What compilers seldom make of a store into code, of a write of control register 0, and of a call of memory.
.include "macros.inc"

# A function without unwind data, which counts as code only if something names it.
.macro LEAF name
    .section .rdata, "dr"
    .p2align 3
    .quad \name
    FUNCTION \name
.endm

LEAF victim
    mov eax, 1
    ret

LEAF locked_add
    #= sighted code-written
    lock add dword ptr [rip + victim], 1
    ret

LEAF exchange
    #= sighted code-written
    lea rdx, [rip + victim]
    xchg qword ptr [rdx], rax
    ret

LEAF compare_exchange
    #= sighted code-written
    lock cmpxchg qword ptr [rip + victim], rcx
    ret

LEAF sixteen_bytes
    #= sighted code-written
    lock cmpxchg16b xmmword ptr [rip + victim]
    ret

LEAF vector
    #= sighted code-written
    movups xmmword ptr [rip + victim], xmm0
    ret

LEAF with_immediate
    #= sighted code-written
    mov dword ptr [rip + victim + 1], 2
    ret

LEAF copied
    #= sighted code-written
    lea rdi, [rip + victim]
    mov ecx, 5
    rep movsb
    ret

LEAF filled
    #= sighted code-written
    lea rax, [rip + victim]
    mov rdi, rax
    mov ecx, 5
    rep stosb
    ret

LEAF copied_from
    lea rsi, [rip + victim]
    mov ecx, 5
    rep movsb
    ret

LEAF whole_address
    #= sighted code-written
    movabs rax, offset victim
    mov byte ptr [rax], 0x90
    ret

LEAF by_the_stack
    #= sighted code-written
    lea rax, [rip + victim]
    mov qword ptr [rsp + 8], rax
    xor eax, eax
    mov rcx, qword ptr [rsp + 8]
    mov byte ptr [rcx], al
    ret

LEAF moved_on
    #= sighted code-written
    lea rcx, [rip + victim]
    add rcx, 4
    inc rcx
    mov byte ptr [rcx - 2], al
    ret

# The field of the comparison, read as an instruction, would be a store into code.
LEAF looks_like_a_store
    mov eax, 0x89
    cmp eax, 0x100
    ret

LEAF bit_reset
    #= sighted cr0-cleared
    mov rax, cr0
    btr rax, 16
    mov cr0, rax
    ret

LEAF half_and
    #= sighted cr0-cleared
    mov rax, cr0
    and eax, 0xfffeffff
    mov cr0, rax
    ret

LEAF whole_and
    #= sighted cr0-cleared
    mov r9, cr0
    movabs rax, 0xfffffffffffeffff
    and r9, rax
    mov cr0, r9
    ret

LEAF flipped
    #= sighted cr0-cleared
    mov rcx, cr0
    xor rcx, 0x10000
    mov cr0, rcx
    ret

LEAF constant
    #= sighted cr0-cleared
    mov eax, 0x80000011
    mov cr0, rax
    ret

LEAF bit_set
    #= sighted cr0-kept
    mov rax, cr0
    bts rax, 16
    mov cr0, rax
    ret

LEAF pushed_and_popped
    #= sighted cr0-cleared
    #= sighted cr0-kept
    mov rax, cr0
    push rax
    and rax, -0x10001
    mov cr0, rax
    pop rax
    mov cr0, rax
    ret

LEAF another_register
    mov cr3, rax
    mov cr4, rax
    ret

# Its address is taken: others may call it with any value.
LEAF by_parameter
    #= sighted cr0-unknown
    mov cr0, rcx
    ret

# Who calls these says what is set, at the call.
FUNCTION read_control
    mov rax, cr0
    ret

FUNCTION write_control
    mov cr0, rcx
    ret

FUNCTION write_control_by_jump
    mov rcx, rdx
    jmp write_control

FUNCTION clears_by_call
    #= sighted cr0-cleared
    #= sighted cr0-kept
    ENTER clears_by_call
    call read_control
    mov rcx, rax
    and rcx, -0x10001
    call write_control
    call read_control
    mov rcx, rax
    call write_control
    LEAVE

FUNCTION clears_by_a_call_of_a_jump
    #= sighted cr0-cleared
    ENTER clears_by_a_call_of_a_jump
    mov edx, 0x80000011
    call write_control_by_jump
    LEAVE

FUNCTION sets_what_it_is_sent_by_call
    #= sighted cr0-unknown
    ENTER sets_what_it_is_sent_by_call
    mov rcx, qword ptr [rcx]
    call write_control
    LEAVE

FUNCTION jumps_to_pool
    #= ExAllocatePoolWithTag 0=0
    #= sighted memory-run
    ENTER jumps_to_pool
    xor ecx, ecx
    ALLOCATE
    add rsp, 0x28
    jmp rax
    .seh_endproc

FUNCTION calls_by_the_stack
    #= ExAllocatePoolWithTag 0=0
    #= sighted memory-run
    ENTER calls_by_the_stack
    xor ecx, ecx
    ALLOCATE
    mov qword ptr [rsp + 0x20], rax
    call qword ptr [rsp + 0x20]
    LEAVE
