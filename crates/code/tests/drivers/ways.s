# Ways to and past a call that are easy to overlook: jumps through tables, interrupts, loops, pointers.
.include "macros.inc"

# The index is masked; what was compared before is another register.
FUNCTION masked_index
    #= ExAllocatePoolWithTag 0=0|0x200||*?
    ENTER masked_index
    cmp edx, 1
    ja 1f
    inc dword ptr [r8]
1:  and ecx, 7
    lea r9, [rip + masked_index_table]
    movsxd rax, dword ptr [r9 + rcx*4]
    add rax, r9
    mov ecx, 0x200
    jmp rax
    .irp case, 0, 1, 2, 3, 4, 5, 6
masked_index_\case:
    inc dword ptr [r8 + 4*\case]
    jmp 9f
    .endr
masked_index_7:
    xor ecx, ecx
9:  ALLOCATE
    LEAVE
.section .rdata, "dr"
.p2align 2
masked_index_table:
    .irp case, 0, 1, 2, 3, 4, 5, 6, 7
    .long masked_index_\case - masked_index_table
    .endr

# What C calls a computed goto: addresses of labels in data that may be written to.
FUNCTION computed_goto
    #= ExAllocatePoolWithTag 0=0|0x200||*?
    ENTER computed_goto
    mov eax, ecx
    mov ecx, 0x200
    cmp dword ptr [rdx], 0
    je 3f
    lea r8, [rip + computed_goto_labels]
    mov rax, qword ptr [r8 + rax*8]
    jmp rax
1:  xor ecx, ecx
2:  inc dword ptr [rdx]
3:  ALLOCATE
    LEAVE
.data
.p2align 3
computed_goto_labels:
    .quad 1b, 2b, 3b

# The same as compilers write it without optimising: the target goes over the frame to the only jump.
FUNCTION computed_goto_over_frame
    #= ExAllocatePoolWithTag 0=0|0x200||*?
    ENTER computed_goto_over_frame, 0x38
    mov dword ptr [rsp + 0x28], 0x200
    cmp dword ptr [rdx], 0
    je 3f
    mov eax, ecx
    lea r8, [rip + computed_goto_over_frame_labels]
    mov rax, qword ptr [r8 + rax*8]
    mov qword ptr [rsp + 0x30], rax
    jmp 4f
1:  mov dword ptr [rsp + 0x28], 0
2:  inc dword ptr [rdx]
3:  mov ecx, dword ptr [rsp + 0x28]
    ALLOCATE
    add rsp, 0x38
    ret
4:  mov rax, qword ptr [rsp + 0x30]
    jmp rax
    .seh_endproc
.data
.p2align 3
computed_goto_over_frame_labels:
    .quad 1b, 2b, 3b

# 1,500 cases, each 16 bytes of code; one sets another value.
FUNCTION many_cases
    #= ExAllocatePoolWithTag 0=0|0x200||*?
    ENTER many_cases
    mov eax, ecx
    mov ecx, 0x200
    cmp eax, 1499
    ja many_cases_end
    lea r9, [rip + many_cases_table]
    movsxd rax, dword ptr [r9 + rax*4]
    add rax, r9
    jmp rax
    .p2align 4, 0x90
many_cases_first:
    .rept 1400
    inc dword ptr [r8]
    jmp many_cases_end
    .p2align 4, 0x90
    .endr
    xor ecx, ecx
    jmp many_cases_end
    .p2align 4, 0x90
    .rept 99
    inc dword ptr [r8]
    jmp many_cases_end
    .p2align 4, 0x90
    .endr
many_cases_end:
    ALLOCATE
    LEAVE
.section .rdata, "dr"
.p2align 2
many_cases_table:
    .set number, 0
    .rept 1500
    .long many_cases_first - many_cases_table + 16*number
    .set number, number + 1
    .endr

# A debugger goes on behind a breakpoint.
FUNCTION behind_breakpoint
    #= ExAllocatePoolWithTag 0=0|0x200||*?
    ENTER behind_breakpoint
    mov ecx, 0x200
    test edx, edx
    je 1f
    int3
    xor ecx, ecx
1:  ALLOCATE
    LEAVE

# Compilers put one behind a call that never returns; nothing goes from there to the next block.
FUNCTION behind_call_without_return
    #= ExAllocatePoolWithTag 0=0x200
    .seh_proc behind_call_without_return
    push rdi
    .seh_pushreg rdi
    sub rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov edi, 0x200
    test edx, edx
    je 1f
    xor edi, edi
    call stops
    int3
1:  mov ecx, edi
    ALLOCATE
    add rsp, 0x20
    pop rdi
    ret
    .seh_endproc

FUNCTION stops
    ENTER stops, 0x38
    mov ecx, 0xe2
    call qword ptr [rip + __imp_KeBugCheckEx]
    int3
    .seh_endproc

# As an import that never returns is called where linking is incremental.
FUNCTION bug_check_thunk
    jmp qword ptr [rip + __imp_KeBugCheckEx]

FUNCTION behind_bug_check_by_thunk
    #= ExAllocatePoolWithTag unreached
    ENTER behind_bug_check_by_thunk, 0x38
    mov ecx, 0xe2
    call bug_check_thunk
    xor ecx, ecx
    ALLOCATE
    int3
    .seh_endproc

FUNCTION beside_bug_check_by_thunk
    #= ExAllocatePoolWithTag 0=0x200
    .seh_proc beside_bug_check_by_thunk
    push rdi
    .seh_pushreg rdi
    sub rsp, 0x30
    .seh_stackalloc 0x30
    .seh_endprologue
    mov edi, 0x200
    test edx, edx
    je 1f
    xor edi, edi
    mov ecx, 0xe2
    call bug_check_thunk
1:  mov ecx, edi
    ALLOCATE
    add rsp, 0x30
    pop rdi
    ret
    .seh_endproc

# `loop` counts rcx down to 0, whether it leads back or on.
FUNCTION counted_down
    #= ExAllocatePoolWithTag 0=0||*?
    ENTER counted_down
    mov ecx, 0x200
1:  loop 1b
    ALLOCATE
    LEAVE

FUNCTION counted_once
    #= ExAllocatePoolWithTag 0=0x200||*?
    ENTER counted_once
    mov ecx, 0x201
    loop 1f
1:  ALLOCATE
    LEAVE

# The driver allocates itself, or has it done.
FUNCTION own_or_import
    #= ExAllocatePoolWithTag 0=0 via=register
    ENTER own_or_import
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    test ecx, ecx
    je 1f
    lea rax, [rip + allocates_itself]
1:  xor ecx, ecx
    mov edx, 16
    mov r8d, 0x6b736944
    call rax
    LEAVE

# The choice is kept in a register for two calls.
FUNCTION own_or_import_twice
    #= ExAllocatePoolWithTag 0=0 via=register
    #= ExAllocatePoolWithTag 0=0x200 via=register
    .seh_proc own_or_import_twice
    push rsi
    .seh_pushreg rsi
    sub rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    test ecx, ecx
    lea rsi, [rip + allocates_itself]
    cmovne rsi, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    xor ecx, ecx
    mov edx, 16
    mov r8d, 0x6b736944
    call rsi
    mov ecx, 0x200
    mov edx, 16
    mov r8d, 0x6b736944
    call rsi
    add rsp, 0x20
    pop rsi
    ret
    .seh_endproc

FUNCTION allocates_itself
    xor eax, eax
    ret

# The slot's whole address, which the loader relocates.
FUNCTION slot_by_whole_address
    #= ExAllocatePool 0=0
    ENTER slot_by_whole_address
    movabs rax, offset __imp_ExAllocatePool
    xor ecx, ecx
    mov edx, 16
    call qword ptr [rax]
    LEAVE
