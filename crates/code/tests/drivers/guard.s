# Control Flow Guard's dispatch and check, and retpolines: cases 34 and 35 of the specification.
.include "macros.inc"

FUNCTION retpoline_rax
    call 1f
2:  pause
    lfence
    jmp 2b
1:  mov qword ptr [rsp], rax
    ret

FUNCTION retpoline_r11
    call 1f
2:  pause
    lfence
    jmp 2b
1:  mov qword ptr [rsp], r11
    ret

FUNCTION case_34
    #= ExAllocatePoolWithTag 0=0 via=guard-dispatch
    ENTER case_34
    xor ecx, ecx
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    call dispatch_stub
    LEAVE

FUNCTION dispatch_by_jump
    #= ExAllocatePoolWithTag 0=1 via=guard-dispatch
    ENTER dispatch_by_jump
    mov ecx, 1
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    call dispatch_through_pointer
    LEAVE

FUNCTION dispatch_by_pointer
    #= ExAllocatePoolWithTag 0=4 via=guard-dispatch
    ENTER dispatch_by_pointer
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    mov ecx, 4
    call qword ptr [rip + __guard_dispatch_icall_fptr]
    LEAVE

# A dispatch that is a tail call.
FUNCTION dispatch_at_the_end
    #= ExAllocatePoolWithTag 0=0x200
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    mov ecx, 0x200
    rex64 jmp qword ptr [rip + __guard_dispatch_icall_fptr]

# A dispatch of something else.
FUNCTION dispatch_of_parameter
    ENTER dispatch_of_parameter
    mov rax, rcx
    xor ecx, ecx
    call qword ptr [rip + __guard_dispatch_icall_fptr]
    LEAVE

FUNCTION checked_then_called
    #= ExAllocatePoolWithTag 0=0x10 via=register
    .seh_proc checked_then_called
    push rsi
    .seh_pushreg rsi
    sub rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    mov rsi, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    mov rcx, rsi
    call qword ptr [rip + __guard_check_icall_fptr]
    mov ecx, 0x10
    call rsi
    add rsp, 0x20
    pop rsi
    ret
    .seh_endproc

FUNCTION case_35
    #= ExAllocatePoolWithTag 0=0 via=retpoline
    ENTER case_35
    xor ecx, ecx
    mov rax, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    call retpoline_rax
    LEAVE

FUNCTION retpoline_by_r11
    #= ExAllocatePoolWithTag 0=0x200 via=retpoline
    ENTER retpoline_by_r11
    mov ecx, 0x200
    mov r11, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    call retpoline_r11
    LEAVE

FUNCTION retpoline_at_the_end
    #= ExAllocatePoolWithTag 0=1
    mov ecx, 1
    mov r11, qword ptr [rip + __imp_ExAllocatePoolWithTag]
    jmp retpoline_r11

# Functions without a frame have no unwind data; these are known by their addresses.
.section .rdata, "dr"
.p2align 3
    .quad dispatch_at_the_end, retpoline_at_the_end
