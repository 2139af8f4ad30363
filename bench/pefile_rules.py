"""ringfence's image rules and digests, written over pefile: the peer of `cargo xtask bench`.

pefile_rules.py FOLDER [--struct]

Prints one JSON line a driver: the answer to "does it load with memory integrity?" (Windows 10 1703
and later), the rules that have something to say, and the digests. It follows the rules' own pages
(`ringfence explain`). It is a separate implementation, though its author had seen the other one.

It uses pefile's own parsers where they read what is needed; the function table is read with `struct`,
because pefile knows none for ARM64. With `--struct` the relocations are as well: pefile makes an object
of each, which takes half of the time.
"""

import hashlib
import json
import os
import struct
import sys

import pefile

PAGE, SECTOR = 0x1000, 0x200
CODE, EXECUTE, WRITE = 0x20, 0x20000000, 0x80000000
X64, ARM64, IA64 = 0x8664, 0xAA64, 0x200
IMPORT, EXCEPTION, CERTIFICATE, RELOCATION, IAT, DELAY_IMPORT = 1, 3, 4, 5, 12, 13
NO, YES = "no", "yes"


def round_up(value, unit):
    return -(-value // unit) * unit


class Driver:
    """A driver, what its rules found and whether one of them keeps it from loading."""

    def __init__(self, data, by_struct):
        self.data = data
        self.by_struct = by_struct
        self.pe = pefile.PE(data=data, fast_load=True)
        directories = [IMPORT, DELAY_IMPORT] if by_struct else [IMPORT, DELAY_IMPORT, RELOCATION]
        self.pe.parse_data_directories(directories)
        self.optional = self.pe.OPTIONAL_HEADER
        self.machine = self.pe.FILE_HEADER.Machine
        self.plus = self.optional.Magic == 0x20B
        self.sections = self.pe.sections
        self.spans = [
            (s.VirtualAddress, s.VirtualAddress + (s.Misc_VirtualSize or s.SizeOfRawData))
            for s in self.sections
        ]
        self.rules = set()
        self.load = YES

    def found(self, rule, loads=True):
        self.rules.add(rule)
        if not loads:
            self.load = NO

    def directory(self, index):
        """Address and size; `None` where either is 0."""
        directories = self.optional.DATA_DIRECTORY
        if index >= len(directories):
            return None
        entry = directories[index]
        there = entry.VirtualAddress and entry.Size
        return (entry.VirtualAddress, entry.Size) if there else None

    def section_at(self, rva):
        """The section with the highest start whose bytes contain `rva`."""
        holding = [
            (span[0], section)
            for section, span in zip(self.sections, self.spans)
            if span[0] <= rva < span[1]
        ]
        return max(holding, key=lambda pair: pair[0])[1] if holding else None

    def executable_spans(self):
        for section, (start, end) in zip(self.sections, self.spans):
            if section.Characteristics & EXECUTE:
                yield start, end


def wrong_machine(driver):
    if driver.machine not in (X64, ARM64) or not driver.plus:
        driver.found("wrong-machine", loads=False)


def writable_executable_section(driver):
    for section in driver.sections:
        both = WRITE | EXECUTE
        if section.Characteristics & both == both:
            init = section.Name.upper() == b"INIT\0\0\0\0"
            driver.found("writable-executable-section", loads=init)


def unaligned_section(driver):
    alignment = driver.optional.SectionAlignment
    if alignment == 0 or alignment % PAGE:
        driver.found("unaligned-section", loads=False)
    elif any(section.VirtualAddress % PAGE for section in driver.sections):
        driver.found("unaligned-section", loads=False)


def import_tables(driver):
    """Where the loader writes, each table with its closing null entry."""
    size = 8 if driver.plus else 4
    for entry in getattr(driver.pe, "DIRECTORY_ENTRY_IMPORT", []):
        start = entry.struct.FirstThunk
        yield start, start + (len(entry.imports) + 1) * size
    for entry in getattr(driver.pe, "DIRECTORY_ENTRY_DELAY_IMPORT", []):
        start = entry.struct.pIAT
        yield start, start + (len(entry.imports) + 1) * size


def executable_import_table(driver):
    table = driver.directory(IAT)
    for section in driver.sections if table else []:
        end = section.VirtualAddress + section.Misc_VirtualSize
        if section.Characteristics & EXECUTE and section.VirtualAddress <= table[0] < end:
            driver.found("executable-import-table", loads=False)
    spans = list(driver.executable_spans())
    if driver.optional.SectionAlignment % PAGE == 0:
        spans = [(start // PAGE * PAGE, round_up(end, PAGE)) for start, end in spans]
    for start, end in import_tables(driver):
        if any(first < end and start < last for first, last in spans):
            driver.found("executable-import-table", loads=False)


def unloadable_raw_layout(driver):
    name, optional = "unloadable-raw-layout", driver.optional
    file, memory = optional.FileAlignment, optional.SectionAlignment
    power = file != 0 and file & (file - 1) == 0
    if memory and (not power or file > memory or (file % SECTOR and file != memory)):
        driver.found(name, loads=False)
    if not driver.sections or len(driver.sections) < driver.pe.FILE_HEADER.NumberOfSections:
        driver.found(name, loads=False)
    stored = sorted(
        (s.PointerToRawData, s.PointerToRawData + s.SizeOfRawData)
        for s in driver.sections
        if s.SizeOfRawData
    )
    for start, end in stored:
        if end > len(driver.data):
            driver.found(name, loads=False)
        if start % SECTOR and memory >= SECTOR:
            driver.found(name)
    if any(second[0] < first[1] for first, second in zip(stored, stored[1:])):
        driver.found(name)
    by_section = memory != 0 and memory % PAGE == 0
    for (start, end), (following, _) in zip(driver.spans, driver.spans[1:]):
        expected = round_up(end, memory) if by_section else end
        gap = following > expected and by_section and end > start
        if following < expected or gap:
            driver.found(name, loads=False)
    if max((end for _, end in driver.spans), default=0) > optional.SizeOfImage:
        driver.found(name, loads=False)


def relocations(driver):
    """Types and offsets within the page."""
    if not driver.by_struct:
        for block in getattr(driver.pe, "DIRECTORY_ENTRY_BASERELOC", []):
            yield from ((entry.type, entry.rva - entry.base_rva) for entry in block.entries)
        return
    table = driver.directory(RELOCATION)
    data = driver.pe.get_data(*table) if table else b""
    at = 0
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        if size < 8 or size % 2 or at + size > len(data):
            return
        for entry in struct.unpack_from(f"<{(size - 8) // 2}H", data, at + 8):
            yield entry >> 12, entry & 0xFFF
        at += size


def relocation_rules(driver):
    stripped = driver.pe.FILE_HEADER.Characteristics & 1
    if stripped and not driver.directory(RELOCATION):
        driver.found("stripped-relocations", loads=False)
    if not driver.plus:
        return
    # Both matter to versions before 1703 alone, so neither turns the answer.
    types = driver.machine in (X64, ARM64)
    for kind, offset in relocations(driver):
        if kind == 10 and offset > 0xFF8:
            driver.found("straddling-relocation")
        if kind not in (0, 10) and types:
            driver.found("unsupported-relocation-type")


def entry_point(driver):
    entry = driver.optional.AddressOfEntryPoint
    if entry == 0 or driver.machine == IA64:
        return
    pages = [(start // PAGE * PAGE, round_up(end, PAGE)) for start, end in driver.executable_spans()]
    if not any(start <= entry < end for start, end in pages):
        driver.found("non-executable-entry-point")


def functions(driver):
    """Where the functions of the exception directory begin."""
    table = driver.directory(EXCEPTION)
    row = {X64: "<I8x", IA64: "<I8x", ARM64: "<I4x"}.get(driver.machine)
    if not table or not row:
        return
    data = driver.pe.get_data(*table)
    size = struct.calcsize(row)
    for (begin,) in struct.iter_unpack(row, data[: len(data) // size * size]):
        yield begin


def non_executable_code(driver):
    section = None
    for begin in functions(driver):
        # Functions come in order, so most lie in the section of the one before.
        if section is None or not section.contains_rva(begin):
            section = driver.section_at(begin)
        if begin and section and not section.Characteristics & EXECUTE:
            driver.found("non-executable-code")


def non_native_image(driver):
    if driver.optional.Subsystem != 1:
        driver.found("non-native-image")


RULES = (
    wrong_machine,
    writable_executable_section,
    unaligned_section,
    executable_import_table,
    unloadable_raw_layout,
    relocation_rules,
    entry_point,
    non_executable_code,
    non_native_image,
)


def digests(driver):
    """SHA-256 of the file, SHA-1 and SHA-256 of what a signature covers."""
    data = memoryview(driver.data)
    checksum = driver.optional.get_file_offset() + 64
    entry = driver.optional.DATA_DIRECTORY[CERTIFICATE].get_file_offset()
    table = driver.directory(CERTIFICATE)
    start, end = (table[0], sum(table)) if table else (len(data), len(data))
    parts = [data[:checksum], data[checksum + 4 : entry], data[entry + 8 : start], data[end:]]
    parts.append(bytes(0 if table else -len(data) % 8))
    sha1, sha256 = hashlib.sha1(), hashlib.sha256()
    for part in parts:
        sha1.update(part)
        sha256.update(part)
    return [hashlib.sha256(data).hexdigest(), sha1.hexdigest(), sha256.hexdigest()]


def main(folder, by_struct):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            driver = Driver(file.read(), by_struct)
        for rule in RULES:
            rule(driver)
        told = {"name": name, "load": driver.load, "rules": sorted(driver.rules)}
        told["digests"] = digests(driver)
        print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], "--struct" in sys.argv[2:])
