# Jump tables in the forms of Microsoft's compiler; clang's is in flow.c.
.include "macros.inc"

# Offsets from the image's first byte, in a table behind the function's code.
FUNCTION image_relative
    #= ExAllocatePoolWithTag 0=0
    #= ExAllocatePoolWithTag 0=1
    #= ExAllocatePoolWithTag 0=0x200
    ENTER image_relative
    movsxd rax, ecx
    cmp ecx, 2
    ja 9f
    lea rdx, [rip + __ImageBase]
    mov ecx, dword ptr [rdx + rax*4 + image_relative_table@IMGREL]
    add rcx, rdx
    jmp rcx
1:  xor ecx, ecx
    ALLOCATE
    jmp 9f
2:  mov ecx, 1
    ALLOCATE
    jmp 9f
3:  mov ecx, 0x200
    ALLOCATE
9:  add rsp, 0x28
    ret
    .p2align 2, 0x90
image_relative_table:
    .long 1b@IMGREL, 2b@IMGREL, 3b@IMGREL
    .seh_endproc

# A table of bytes says which of few targets it is.
FUNCTION image_relative_by_bytes
    #= ExAllocatePoolWithTag 0=4
    #= ExAllocatePoolWithTag 0=0x204
    ENTER image_relative_by_bytes
    add ecx, -3
    cmp ecx, 5
    ja 9f
    movsxd rax, ecx
    lea rdx, [rip + __ImageBase]
    movzx eax, byte ptr [rdx + rax + byte_table@IMGREL]
    mov ecx, dword ptr [rdx + rax*4 + byte_targets@IMGREL]
    add rcx, rdx
    jmp rcx
1:  mov ecx, 4
    ALLOCATE
    jmp 9f
2:  mov ecx, 0x204
    ALLOCATE
9:  add rsp, 0x28
    ret
    .p2align 2, 0x90
byte_targets:
    .long 1b@IMGREL, 2b@IMGREL, 9b@IMGREL
byte_table:
    .byte 0, 2, 1, 2, 2, 0
    .seh_endproc

# The older form: offsets from a base that is not the table.
FUNCTION table_and_base
    #= ExAllocatePoolWithTag 0=0x10
    #= ExAllocatePoolWithTag 0=0x400
    ENTER table_and_base
    mov eax, ecx
    cmp rax, 1
    ja 9f
    lea r8, [rip + table_and_base_table]
    movsxd rax, dword ptr [r8 + rax*4]
    lea r9, [rip + table_and_base_origin]
    add rax, r9
    jmp rax
table_and_base_origin:
    int 3
1:  mov ecx, 0x10
    ALLOCATE
    jmp 9f
2:  mov ecx, 0x400
    ALLOCATE
9:  LEAVE
.section .rdata, "dr"
.p2align 2
table_and_base_table:
    .long 1b - table_and_base_origin, 2b - table_and_base_origin

# Whole addresses, which the loader relocates.
FUNCTION whole_addresses
    #= ExAllocatePoolWithTag 0=0x20
    #= ExAllocatePoolWithTag 0=0x220
    ENTER whole_addresses
    mov eax, ecx
    cmp eax, 1
    ja 9f
    lea rdx, [rip + whole_addresses_table]
    jmp qword ptr [rdx + rax*8]
1:  mov ecx, 0x20
    ALLOCATE
    jmp 9f
2:  mov ecx, 0x220
    ALLOCATE
9:  LEAVE
.section .rdata, "dr"
.p2align 3
whole_addresses_table:
    .quad 1b, 2b

# The values come together behind the table.
FUNCTION value_behind_table
    #= ExAllocatePoolWithTag 0=0|1|0x200
    ENTER value_behind_table
    movsxd rax, ecx
    cmp ecx, 2
    ja 3f
    lea rdx, [rip + __ImageBase]
    mov ecx, dword ptr [rdx + rax*4 + value_behind_targets@IMGREL]
    add rcx, rdx
    jmp rcx
1:  xor ecx, ecx
    jmp 9f
2:  mov ecx, 1
    jmp 9f
3:  mov ecx, 0x200
9:  ALLOCATE
    add rsp, 0x28
    ret
    .p2align 2, 0x90
value_behind_targets:
    .long 1b@IMGREL, 2b@IMGREL, 3b@IMGREL
    .seh_endproc

# A comparison before the table that has nothing to do with it: the mask says how many entries there are.
FUNCTION masked_behind_comparison
    #= ExAllocatePoolWithTag 0=0|1|0x200
    ENTER masked_behind_comparison
    mov eax, 0x200
    cmp dl, 0
    jne 1f
    mov eax, 1
1:  and ecx, 3
    cmp r8d, 0
    jne 2f
    xor eax, eax
2:  lea rdx, [rip + masked_table]
    movsxd rcx, dword ptr [rdx + rcx*4]
    add rcx, rdx
    cmp r9d, 0
    je 9f
    jmp rcx
3:  mov eax, 0x200
    jmp 9f
4:  mov eax, 1
    jmp 9f
5:  xor eax, eax
9:  mov ecx, eax
    ALLOCATE
    LEAVE
.section .rdata, "dr"
.p2align 2
masked_table:
    .long 9b - masked_table, 3b - masked_table, 4b - masked_table, 5b - masked_table

# The same with the values in the cases alone, only the first of which the comparison would leave.
FUNCTION masked_cases
    #= ExAllocatePoolWithTag 0=1|2|0x200
    ENTER masked_cases
    cmp dl, 0
    jne 1f
    mov r8d, 4
1:  and ecx, 3
    lea rdx, [rip + masked_cases_table]
    movsxd rcx, dword ptr [rdx + rcx*4]
    add rcx, rdx
    jmp rcx
2:  mov ecx, 1
    jmp 9f
3:  mov ecx, 2
    jmp 9f
4:  mov ecx, 0x200
9:  ALLOCATE
    LEAVE
.section .rdata, "dr"
.p2align 2
masked_cases_table:
    .long 2b - masked_cases_table, 3b - masked_cases_table, 4b - masked_cases_table, 2b - masked_cases_table

# Two switches share the jump at their ends, as compilers merge equal code: which table it is shows before.
FUNCTION shared_jump
    #= ExAllocatePoolWithTag 0=0x10
    #= ExAllocatePoolWithTag 0=0x11
    #= ExAllocatePoolWithTag 0=0x12
    #= ExAllocatePoolWithTag 0=0x13
    ENTER shared_jump
    mov eax, ecx
    test edx, edx
    je 5f
    and eax, 1
    lea r8, [rip + shared_first]
4:  movsxd rax, dword ptr [r8 + rax*4]
    add rax, r8
    jmp rax
1:  mov ecx, 0x10
    ALLOCATE
    jmp 9f
2:  mov ecx, 0x11
    ALLOCATE
    jmp 9f
5:  and eax, 1
    lea r8, [rip + shared_second]
    jmp 4b
6:  mov ecx, 0x12
    ALLOCATE
    jmp 9f
7:  mov ecx, 0x13
    ALLOCATE
9:  add rsp, 0x28
    ret
    .p2align 2, 0x90
shared_first:
    .long 1b - shared_first, 2b - shared_first
shared_second:
    .long 6b - shared_second, 7b - shared_second
    .seh_endproc

# Something looks like a name of an entry: the comparison says how many there are.
FUNCTION named_within
    #= ExAllocatePoolWithTag 0=0
    #= ExAllocatePoolWithTag 0=1
    #= ExAllocatePoolWithTag 0=0x200
    ENTER named_within
    mov eax, ecx
    cmp ecx, 2
    ja 9f
    lea rdx, [rip + named_within_table]
    movsxd rax, dword ptr [rdx + rax*4]
    add rax, rdx
    jmp rax
1:  xor ecx, ecx
    ALLOCATE
    jmp 9f
2:  mov ecx, 1
    ALLOCATE
    jmp 9f
3:  mov ecx, 0x200
    ALLOCATE
9:  mov eax, dword ptr [rip + named_within_table + 4]
    LEAVE
.section .rdata, "dr"
.p2align 2
named_within_table:
    .long 1b - named_within_table, 2b - named_within_table, 3b - named_within_table
