# A load configuration that names the pointers of Control Flow Guard, and what they point to until
# Windows sets them.
.include "macros.inc"

# Both routines that stand in for a dispatch until Windows sets the pointers.
FUNCTION dispatch_stub
    jmp rax

FUNCTION dispatch_through_pointer
    jmp qword ptr [rip + __guard_dispatch_icall_fptr]

FUNCTION check_stub
    ret

.section .rdata, "dr"
.p2align 3
.globl __guard_dispatch_icall_fptr
__guard_dispatch_icall_fptr: .quad dispatch_stub
.globl __guard_check_icall_fptr
__guard_check_icall_fptr: .quad check_stub

# A load configuration up to GuardFlags, which says that calls are guarded.
.p2align 3
.globl _load_config_used
_load_config_used:
    .long 0x94
    .zero 0x6c
    .quad __guard_check_icall_fptr
    .quad __guard_dispatch_icall_fptr
    .quad 0, 0
    .long 0x100
