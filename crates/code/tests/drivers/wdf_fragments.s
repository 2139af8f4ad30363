# The framework's table is read in one range of a function and its entry is called in another. The unwind
# data is by hand, as in fragments.s.
.include "macros.inc"

.section .drectve, "yn"
    .ascii " -export:WdfFunctions_01015,DATA"
.data
.p2align 3
.globl WdfFunctions_01015
WdfFunctions_01015:
    .quad 0

# Reads the table too, and calls nothing of it that matters.
FUNCTION calls_another
    ENTER calls_another
    mov rax, qword ptr [rip + WdfFunctions_01015]
    call qword ptr [rax + 0x648]
    LEAVE

FUNCTION calls_in_fragment
    #= WdfMemoryCreate 2=0
    #= WdfMemoryCreate 2=0x200
    push rbx
    sub rsp, 0x20
    mov rbx, qword ptr [rip + WdfFunctions_01015]
    test ecx, ecx
    jnz calls_in_fragment_more
calls_in_fragment_back:
    add rsp, 0x20
    pop rbx
    ret
calls_in_fragment_end:
calls_in_fragment_more:
    xor r8d, r8d
    call qword ptr [rbx + 0x600]
    mov r8d, 0x200
    call qword ptr [rbx + 0x600]
    jmp calls_in_fragment_back
calls_in_fragment_more_end:

.section .pdata, "dr"
    .p2align 2
    .long calls_in_fragment@IMGREL, calls_in_fragment_end@IMGREL, calls_in_fragment_unwind@IMGREL
    .long calls_in_fragment_more@IMGREL, calls_in_fragment_more_end@IMGREL
    .long calls_in_fragment_more_unwind@IMGREL
.section .xdata, "dr"
    .p2align 2
# 0x20 bytes by the first five bytes, rbx by the first.
calls_in_fragment_unwind:
    .byte 0x01, 5, 2, 0, 5, 0x32, 1, 0x30
calls_in_fragment_more_unwind:
    .byte 0x21, 0, 0, 0
    .long calls_in_fragment@IMGREL, calls_in_fragment_end@IMGREL, calls_in_fragment_unwind@IMGREL
