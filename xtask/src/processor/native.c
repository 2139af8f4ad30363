// Carries out cases on the processor this runs on: one instruction each, with registers and memory as the
// case says. A signal handler puts the registers in place, and another takes them out behind the instruction,
// so that no code around it disturbs them.
#define _GNU_SOURCE
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { WINDOW = 256 };

struct state {
    uint64_t general[16];
    uint64_t rflags;
    uint8_t vectors[16][32];
    uint8_t window[WINDOW];
};

struct task {
    uint8_t code[16];
    uint64_t length, mxcsr;
    struct state state;
};

struct outcome {
    uint64_t status, rip, address, access, mxcsr;
    struct state state;
};

static const uintptr_t CODE = 0x10000800, DATA = 0x20000000, AT = 0x20000F80, READ_ONLY = 0x20004000;
static const uint64_t STATUS_FLAGS = 0xCD5;

static struct task task;
static struct outcome outcome;
static jmp_buf back;
static int has_avx;

// In the order in which instructions encode them.
static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

// The upper halves of the vector registers in a saved state, as CPUID places them.
static uint8_t *upper(ucontext_t *context) {
    unsigned a, b, c, d;
    __cpuid_count(13, 2, a, b, c, d);
    return (uint8_t *)context->uc_mcontext.fpregs + b;
}

static void enter(int signal, siginfo_t *info, void *opaque) {
    (void)signal, (void)info;
    ucontext_t *context = opaque;
    for (int n = 0; n < 16; n++) {
        context->uc_mcontext.gregs[order[n]] = task.state.general[n];
        memcpy(&context->uc_mcontext.fpregs->_xmm[n], task.state.vectors[n], 16);
        if (has_avx) memcpy(upper(context) + 16 * n, task.state.vectors[n] + 16, 16);
    }
    if (has_avx) *(uint64_t *)((uint8_t *)context->uc_mcontext.fpregs + 512) |= 6;
    context->uc_mcontext.fpregs->mxcsr = task.mxcsr;
    context->uc_mcontext.gregs[REG_EFL] = (task.state.rflags & (STATUS_FLAGS | 0x400)) | 0x202;
    context->uc_mcontext.gregs[REG_RIP] = CODE;
}

static void leave(int signal, siginfo_t *info, void *opaque) {
    ucontext_t *context = opaque;
    const greg_t *registers = context->uc_mcontext.gregs;
    uint64_t rip = registers[REG_RIP];
    outcome.rip = rip;
    outcome.address = (uint64_t)info->si_addr;
    outcome.access = registers[REG_ERR] >> 1 & 1;
    if (signal == SIGTRAP) {
        outcome.status = 0;
        outcome.rip = rip - 1;
    } else if (signal == SIGVTALRM) {
        // A branch to itself.
        outcome.status = 5;
    } else if (signal == SIGSEGV || signal == SIGBUS) {
        outcome.status = registers[REG_TRAPNO] == 14 ? 1 : 4;
        // A branch to nowhere: the instruction did complete.
        if (rip != CODE) outcome.status = 0;
    } else {
        outcome.status = signal == SIGFPE ? 2 : 3;
    }
    for (int n = 0; n < 16; n++) {
        outcome.state.general[n] = registers[order[n]];
        memcpy(outcome.state.vectors[n], &context->uc_mcontext.fpregs->_xmm[n], 16);
        memset(outcome.state.vectors[n] + 16, 0, 16);
        // A component that is not saved is zero.
        uint64_t saved = *(uint64_t *)((uint8_t *)context->uc_mcontext.fpregs + 512);
        if (has_avx && saved & 4) memcpy(outcome.state.vectors[n] + 16, upper(context) + 16 * n, 16);
        if (has_avx && !(saved & 2)) memset(outcome.state.vectors[n], 0, 16);
    }
    outcome.state.rflags = registers[REG_EFL];
    outcome.mxcsr = context->uc_mcontext.fpregs->mxcsr;
    siglongjmp(back, 1);
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaction(signal, &action, NULL);
}

static void *map(uintptr_t at, size_t length, int protection) {
    void *there = mmap((void *)at, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (there != (void *)at) exit(3);
    return there;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    has_avx = __builtin_cpu_supports("avx");
    FILE *tasks = fopen(arguments[1], "rb"), *outcomes = fopen(arguments[2], "wb");
    if (!tasks || !outcomes) return 2;
    stack_t stack = {.ss_sp = malloc(1 << 17), .ss_size = 1 << 17};
    sigaltstack(&stack, NULL);
    on(SIGUSR1, enter);
    int ends[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};
    for (int n = 0; n < 6; n++) on(ends[n], leave);
    uint8_t *code = map(CODE & ~4095ull, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(DATA, 8192, PROT_READ | PROT_WRITE);
    map(READ_ONLY, 4096, PROT_READ);
    while (fread(&task, sizeof task, 1, tasks) == 1) {
        memset(code, 0xCC, 4096);
        memcpy((void *)CODE, task.code, task.length);
        memset((void *)DATA, 0, 8192);
        memcpy((void *)AT, task.state.window, WINDOW);
        memset(&outcome, 0, sizeof outcome);
        struct itimerval limit = {.it_value = {.tv_usec = 50000}}, none = {0};
        if (!sigsetjmp(back, 1)) {
            setitimer(ITIMER_VIRTUAL, &limit, NULL);
            raise(SIGUSR1);
        }
        setitimer(ITIMER_VIRTUAL, &none, NULL);
        memcpy(outcome.state.window, (void *)AT, WINDOW);
        fwrite(&outcome, sizeof outcome, 1, outcomes);
    }
    return fclose(outcomes) != 0;
}
