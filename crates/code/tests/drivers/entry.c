/* What every driver here needs beside its sites. */
#include "ddi.h"

void *volatile kept;

NTSTATUS DriverEntry(void *driver, void *path) {
    (void)driver;
    (void)path;
    return 0;
}
