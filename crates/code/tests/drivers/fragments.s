# Functions in several ranges that only a jump table or an exception leads between. The unwind data is
# by hand, as the assembler's own lets the first range go on over the others.
.include "macros.inc"

# A case lies in a fragment, and only the table names it.
FUNCTION case_in_fragment
    #= ExAllocatePoolWithTag 0=0|0x200||*?
    sub rsp, 0x28
    mov eax, ecx
    mov ecx, 0x200
    cmp eax, 2
    ja case_in_fragment_call
    lea r9, [rip + case_in_fragment_table]
    movsxd rax, dword ptr [r9 + rax*4]
    add rax, r9
    jmp rax
1:  inc dword ptr [r8]
    jmp case_in_fragment_call
2:  inc dword ptr [r8 + 4]
case_in_fragment_call:
    ALLOCATE
    add rsp, 0x28
    ret
case_in_fragment_more:
    xor ecx, ecx
    jmp case_in_fragment_call
case_in_fragment_end:
.section .rdata, "dr"
.p2align 2
case_in_fragment_table:
    .long 1b - case_in_fragment_table
    .long case_in_fragment_more - case_in_fragment_table
    .long 2b - case_in_fragment_table

# What the functions with handlers share: rbx is 0x200 but where a handler changed it.
.macro GUARDED name
FUNCTION \name
    push rbx
    sub rsp, 0x20
    mov ebx, 0x200
.endm

.macro ALLOCATE_AS_GUARDED
    mov ecx, ebx
    ALLOCATE
    add rsp, 0x20
    pop rbx
    ret
.endm

# One scope begins in the function's first range and ends in the second, where its handler is too.
GUARDED over_both
    #= over_both: ExAllocatePoolWithTag 0=0|0x200||*?
over_both_try:
    mov rax, qword ptr [rcx]
    test eax, eax
    je over_both_more
1:  ALLOCATE_AS_GUARDED
over_both_more:
    mov rax, qword ptr [rdx]
    nop
over_both_try_end:
    jmp 1b
over_both_except:
    xor ebx, ebx
    jmp 1b
over_both_end:

# Two scopes, one in each range, with a handler each.
GUARDED in_each
    #= in_each: ExAllocatePoolWithTag 0=0|4|0x200||*?
in_each_try:
    mov rax, qword ptr [rcx]
    nop
in_each_try_end:
    test eax, eax
    je in_each_more
1:  ALLOCATE_AS_GUARDED
in_each_except:
    mov ebx, 4
    jmp 1b
in_each_more:
    mov rax, qword ptr [rdx]
    nop
in_each_more_try_end:
    jmp 1b
in_each_more_except:
    xor ebx, ebx
    jmp 1b
in_each_end:

# When a handler is entered, the function runs already: its parameters are gone from their registers,
# and the stack pointer is where the prolog left it.
FUNCTION frame_in_handler
    #= ExAllocatePoolWithTag 0=entry/clobbered/memory/stack
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x10||entry/clobbered/memory/stack
    .seh_proc frame_in_handler
    .seh_handler __C_specific_handler, @except
    sub rsp, 0x48
    .seh_stackalloc 0x48
    .seh_endprologue
    mov dword ptr [rsp + 0x28], 0x10
frame_in_handler_try:
    mov rax, qword ptr [rdx]
    nop
frame_in_handler_try_end:
    add rsp, 0x48
    ret
frame_in_handler_except:
    ALLOCATE
    MAP
    add rsp, 0x48
    ret
    .seh_handlerdata
    .long 1
    .long frame_in_handler_try@IMGREL, frame_in_handler_try_end@IMGREL, 1
    .long frame_in_handler_except@IMGREL
    .text
    .seh_endproc

# One range of a function in the exception directory.
.macro RANGE begin, end, unwind
    .section .pdata, "dr"
    .p2align 2
    .long \begin@IMGREL, \end@IMGREL, \unwind@IMGREL
    .section .xdata, "dr"
    .p2align 2
\unwind:
.endm

# It chains to the range that begins the function.
.macro CHAINED begin, end, unwind
    .byte 0x21, 0, 0, 0
    .long \begin@IMGREL, \end@IMGREL, \unwind@IMGREL
.endm

# Its frame is that of GUARDED: 0x20 bytes by the first five, rbx by the first. Flag 1 is a handler.
.macro HANDLED scopes
    .byte 0x09, 5, 2, 0, 5, 0x32, 1, 0x30
    .long __C_specific_handler@IMGREL, \scopes
.endm

.macro SCOPE begin, end, except
    .long \begin@IMGREL, \end@IMGREL, 1, \except@IMGREL
.endm

RANGE case_in_fragment, case_in_fragment_more, case_in_fragment_unwind
    .byte 0x01, 4, 1, 0, 4, 0x42, 0, 0
RANGE case_in_fragment_more, case_in_fragment_end, case_in_fragment_more_unwind
    CHAINED case_in_fragment, case_in_fragment_more, case_in_fragment_unwind
RANGE over_both, over_both_more, over_both_unwind
    HANDLED 1
    SCOPE over_both_try, over_both_try_end, over_both_except
RANGE over_both_more, over_both_end, over_both_more_unwind
    CHAINED over_both, over_both_more, over_both_unwind
RANGE in_each, in_each_more, in_each_unwind
    HANDLED 2
    SCOPE in_each_try, in_each_try_end, in_each_except
    SCOPE in_each_more, in_each_more_try_end, in_each_more_except
RANGE in_each_more, in_each_end, in_each_more_unwind
    CHAINED in_each, in_each_more, in_each_unwind
