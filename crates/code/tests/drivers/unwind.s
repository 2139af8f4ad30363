# Frames as unwind data describes them: chained, split, without any, and with an exception handler.
.include "macros.inc"

# One function in three ranges: the second saves a register late, and the data of the second and
# the third chain to the first's.
FUNCTION chained
    #= ExAllocatePoolWithTag 0=0x200
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x10
    sub rsp, 0x48
    mov dword ptr [rsp + 0x28], 0x10
    test ecx, ecx
    je chained_last
chained_middle:
    mov qword ptr [rsp + 0x40], rbx
    mov ebx, 0x200
    lea rcx, [rsp + 0x38]
    call qword ptr [rip + __imp_RtlRandomEx]
    mov ecx, ebx
    ALLOCATE
    mov dword ptr [rsp + 0x28], 0x10
    mov rbx, qword ptr [rsp + 0x40]
chained_last:
    MAP
    add rsp, 0x48
    ret
chained_end:

# The cold part lies elsewhere, with unwind data of its own that chains to the hot part's.
FUNCTION hot_part
    #= ExAllocatePoolWithTag 0=1
    sub rsp, 0x48
    mov dword ptr [rsp + 0x28], 0x20
    test ecx, ecx
    js cold_part
    mov ecx, 1
    ALLOCATE
behind_cold_part:
    add rsp, 0x48
    ret
hot_part_end:

# Without unwind data, which only a function that calls nothing may be; a jump away is no call.
FUNCTION no_unwind_data
    #= ExAllocatePoolWithTag 0=0 via=tail-call
    xor ecx, ecx
    mov edx, 16
    mov r8d, 0x6b736944
    jmp qword ptr [rip + __imp_ExAllocatePoolWithTag]

FUNCTION cold_part
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000020
    or dword ptr [rsp + 0x28], 0x40000000
    MAP
    jmp behind_cold_part
cold_part_end:

# The frame is larger than a page. What __chkstk does is not looked at; unwind data says the size.
FUNCTION large_frame
    #= MmMapLockedPagesSpecifyCache 1=0 5=0x40000010
    #= ZwMapViewOfSection 1=0xffffffffffffffff 9=0x40
    .seh_proc large_frame
    mov eax, 0x3008
    call probe_stack
    sub rsp, rax
    .seh_stackalloc 0x3008
    .seh_endprologue
    mov dword ptr [rsp + 0x28], 0x40000010
    MAP
    mov qword ptr [rsp + 0x40], 0
    mov dword ptr [rsp + 0x48], 0x40
    mov dword ptr [rsp + 0x38], 2
    or rdx, -1
    call qword ptr [rip + __imp_ZwMapViewOfSection]
    add rsp, 0x3008
    ret
    .seh_endproc

FUNCTION probe_stack
    push rcx
    push rax
    cmp rax, 0x1000
    lea rcx, [rsp + 0x18]
    jb 2f
1:  sub rcx, 0x1000
    test qword ptr [rcx], rcx
    sub rax, 0x1000
    cmp rax, 0x1000
    ja 1b
2:  sub rcx, rax
    test qword ptr [rcx], rcx
    pop rax
    pop rcx
    ret

# The block that the scope table names is entered by an exception only: what stands in registers
# there cannot be told, what it sets itself can.
FUNCTION with_handler
    #= ExAllocatePoolWithTag 0=1
    #= ExAllocatePool 0=0
    #= MmMapIoSpaceEx 2=entry/clobbered
    .seh_proc with_handler
    push rbx
    .seh_pushreg rbx
    sub rsp, 0x20
    .seh_stackalloc 0x20
    .seh_handler __C_specific_handler, @except
    .seh_endprologue
    mov ebx, 4
try_begin:
    mov ecx, 1
    ALLOCATE
    nop
try_end:
    jmp 9f
except_block:
    xor ecx, ecx
    mov edx, 16
    call qword ptr [rip + __imp_ExAllocatePool]
    mov r8d, esi
    call qword ptr [rip + __imp_MmMapIoSpaceEx]
9:  add rsp, 0x20
    pop rbx
    ret
    .seh_handlerdata
    .long 1
    .long try_begin@IMGREL, try_end@IMGREL, 1, except_block@IMGREL
    .text
    .seh_endproc

# Unwind data by hand. One code says that 0x48 bytes are allocated by the first four; one that rbx is
# saved at 0x40 by the first five. Flag 4 chains to the entry behind the codes.
.section .xdata, "dr"
.p2align 2
frame_unwind:
    .byte 0x01, 4, 1, 0, 4, 0x82, 0, 0
middle_unwind:
    .byte 0x21, 5, 2, 0, 5, 0x34, 8, 0
    .long chained@IMGREL, chained_middle@IMGREL, frame_unwind@IMGREL
last_unwind:
    .byte 0x21, 0, 0, 0
    .long chained@IMGREL, chained_middle@IMGREL, frame_unwind@IMGREL
cold_part_unwind:
    .byte 0x21, 0, 0, 0
    .long hot_part@IMGREL, hot_part_end@IMGREL, frame_unwind@IMGREL
    .p2align 3
    .quad no_unwind_data
.section .pdata, "dr"
.p2align 2
    .long chained@IMGREL, chained_middle@IMGREL, frame_unwind@IMGREL
    .long chained_middle@IMGREL, chained_last@IMGREL, middle_unwind@IMGREL
    .long chained_last@IMGREL, chained_end@IMGREL, last_unwind@IMGREL
    .long hot_part@IMGREL, hot_part_end@IMGREL, frame_unwind@IMGREL
    .long cold_part@IMGREL, cold_part_end@IMGREL, cold_part_unwind@IMGREL
