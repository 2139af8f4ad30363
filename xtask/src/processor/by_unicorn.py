"""Carries out cases on unicorn: one instruction each, with registers and memory as the case says."""

import struct
import sys

from unicorn import UC_ARCH_X86, UC_MODE_64, UC_PROT_ALL, UC_PROT_READ, Uc, UcError
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86

CODE, DATA, AT, READ_ONLY, WINDOW = 0x10000800, 0x20000000, 0x20000F80, 0x20004000, 256
GENERAL = [getattr(x86, f"UC_X86_REG_{name}") for name in (
    "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split())]
VECTORS = [getattr(x86, f"UC_X86_REG_XMM{number}") for number in range(16)]
TASK = struct.Struct("<16s Q Q 16Q Q 512s 256s")
OUTCOME = struct.Struct("<Q Q Q Q Q 16Q Q 512s 256s")
# movs, cmps, stos, lods, scas.
STRINGS = {0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF}

READS = {uc.UC_ERR_READ_UNMAPPED, uc.UC_ERR_READ_PROT}
WRITES = {uc.UC_ERR_WRITE_UNMAPPED, uc.UC_ERR_WRITE_PROT}


def machine():
    emulator = Uc(UC_ARCH_X86, UC_MODE_64)
    emulator.mem_map(CODE & ~0xFFF, 0x1000, UC_PROT_ALL)
    emulator.mem_map(DATA, 0x2000, UC_PROT_ALL)
    emulator.mem_map(READ_ONLY, 0x1000, UC_PROT_READ)
    return emulator


def carry_out(emulator, task):
    code, length, mxcsr, *rest = TASK.unpack(task)
    general, rflags, vectors, window = rest[:16], rest[16], rest[17], rest[18]
    emulator.mem_write(CODE & ~0xFFF, b"\xCC" * 0x1000)
    emulator.mem_write(CODE, code[:length])
    emulator.mem_write(DATA, bytes(0x2000))
    emulator.mem_write(AT, window)
    emulator.ctl_remove_cache(CODE & ~0xFFF, (CODE & ~0xFFF) + 0x1000)
    for register, value in zip(GENERAL, general):
        emulator.reg_write(register, value)
    emulator.reg_write(x86.UC_X86_REG_EFLAGS, rflags | 2)
    for number, register in enumerate(VECTORS):
        emulator.reg_write(register, int.from_bytes(vectors[32 * number:32 * number + 16], "little"))
    emulator.reg_write(x86.UC_X86_REG_MXCSR, mxcsr)
    status, access = 0, 0
    try:
        # Counted, it would stop after one step of a repeated operation.
        repeated = code[length - 1] in STRINGS
        emulator.emu_start(CODE, CODE + length if repeated else 0, count=0 if repeated else 1)
    except UcError as error:
        access = int(error.errno in WRITES)
        if error.errno in READS | WRITES:
            status = 1
        elif error.errno == uc.UC_ERR_EXCEPTION:
            status = 2
        elif error.errno == uc.UC_ERR_INSN_INVALID:
            status = 3
        elif emulator.reg_read(x86.UC_X86_REG_RIP) == CODE:
            status = 5
    registers = [emulator.reg_read(register) for register in GENERAL]
    lanes = b"".join(
        emulator.reg_read(register).to_bytes(16, "little") + bytes(16) for register in VECTORS)
    return OUTCOME.pack(
        status, emulator.reg_read(x86.UC_X86_REG_RIP), 0, access,
        emulator.reg_read(x86.UC_X86_REG_MXCSR), *registers,
        emulator.reg_read(x86.UC_X86_REG_EFLAGS), lanes, bytes(emulator.mem_read(AT, WINDOW)))


def main():
    emulator = machine()
    with open(sys.argv[1], "rb") as tasks, open(sys.argv[2], "wb") as outcomes:
        while task := tasks.read(TASK.size):
            outcomes.write(carry_out(emulator, task))


main()
