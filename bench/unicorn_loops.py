"""Runs the loops of a file on unicorn and prints how many instructions a second each made: FILE [SECONDS]."""

import struct
import sys
import time

from unicorn import UC_ARCH_X86, UC_HOOK_CODE, UC_MODE_64, Uc
from unicorn import x86_const as x86

# Unicorn wants work-arounds for addresses of the upper half, so these are of the lower.
CODE, DATA, STACK, GATE = 0x1000, 0x100000, 0x200000, 0x300000


def answer(emulator, address, size, _):
    top = emulator.reg_read(x86.UC_X86_REG_RSP)
    back, = struct.unpack("<Q", emulator.mem_read(top, 8))
    emulator.reg_write(x86.UC_X86_REG_RSP, top + 8)
    emulator.reg_write(x86.UC_X86_REG_RIP, back)


def measure(code, turns):
    emulator = Uc(UC_ARCH_X86, UC_MODE_64)
    for at, pages in (CODE, 1), (DATA, 8), (STACK, 1), (GATE, 1):
        emulator.mem_map(at, pages * 0x1000)
    emulator.mem_write(CODE, code)
    emulator.mem_write(GATE, b"\xC3")
    emulator.hook_add(UC_HOOK_CODE, answer, begin=GATE, end=GATE + 0xFFF)
    for register, value in ("RAX", GATE), ("RCX", turns), ("RSP", STACK + 0x800), ("RSI", DATA), ("RDI", DATA + 0x4000):
        emulator.reg_write(getattr(x86, f"UC_X86_REG_{register}"), value)
    start = time.perf_counter()
    emulator.emu_start(CODE, CODE + len(code) - 1)
    return time.perf_counter() - start


def main():
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    for line in open(sys.argv[1]):
        if line.startswith("#"):
            continue
        name, instructions, code = line.split()[:3]
        code = bytes.fromhex(code)
        few = 20_000
        turns = max(1, int(seconds / measure(code, few) * few))
        elapsed = measure(code, turns)
        print(name, f"{turns * float(instructions) / elapsed:.0f}")


main()
