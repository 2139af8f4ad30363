"""Runs drivers up to the end of DriverEntry in speakeasy.

`speakeasy_enter.py DRIVER...` prints for each driver a line: its path, the seconds, and what DriverEntry returned, or a dash
where it did not come to its end. What Python takes to start is not counted.
"""

import sys
import time

from speakeasy import Speakeasy


def enter(path):
    start = time.perf_counter()
    try:
        emulator = Speakeasy()
        module = emulator.load_module(path)
        emulator.run_module(module, all_entrypoints=False)
        entry = emulator.get_report()["entry_points"][0]
        told = "-" if entry.get("error") else str(entry.get("ret_val"))
    except Exception:  # What it cannot run is no result.
        told = "-"
    return time.perf_counter() - start, told


for path in sys.argv[1:]:
    seconds, told = enter(path)
    print(f"{path} {seconds:.9f} {told}", flush=True)
