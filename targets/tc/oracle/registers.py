"""User-mode Linux on processors whose registers take more room than it has for them.

User-mode Linux sets the registers of a process with ``ptrace(PTRACE_SETREGSET, .., NT_X86_XSTATE, ..)`` from memory
of a fixed size. The host takes exactly the size that its processor needs (``xstateregs_set`` of
``arch/x86/kernel/fpu/regset.c``), which with AMX is 11 KiB: it answers EFAULT, and user-mode Linux ends. What is loaded
in front of its C library here gives the rest as it is.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

_LARGE: Final = "amx_tile"
"""The flag of processors with such registers."""
_COMPILERS: Final = ("cc", "gcc", "clang")
_SOURCE: Final = r"""
struct iovec { void *base; unsigned long length; };
extern void *dlsym(void *, const char *);
extern int *__errno_location(void);
enum { GETREGSET = 0x4204, SETREGSET = 0x4205, X86_XSTATE = 0x202, FAULT = 14 };

static long (*next)(int, int, long, struct iovec *);
static unsigned char whole[1 << 16];

__attribute__((constructor)) static void find(void) { next = dlsym((void *)-1L, "ptrace"); }

long ptrace(int request, int process, long address, struct iovec *data)
{
	struct iovec all = { whole, sizeof whole };
	long result = next(request, process, address, data);

	if (result != -1 || request != SETREGSET || address != X86_XSTATE || *__errno_location() != FAULT)
		return result;
	if (next(GETREGSET, process, address, &all) == -1 || all.length <= data->length)
		return -1;
	for (unsigned long i = 0; i < data->length; i++)
		whole[i] = ((unsigned char *)data->base)[i];
	return next(SETREGSET, process, address, &all);
}
"""


def needed(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor has such registers."""
    try:
        return _LARGE in cpuinfo.read_text().split()
    except OSError:
        return False


def compiler() -> str | None:
    """The C compiler to be used, if there is one."""
    return next((found for name in _COMPILERS if (found := shutil.which(name))), None)


def build(folder: Path) -> Path:
    """The library that is to be loaded first (``LD_PRELOAD``), in ``folder``. Raises OSError if it cannot be built."""
    library, used = folder / "registers.so", compiler()
    if used is None:
        raise OSError("there is no C compiler")
    command = [used, "-x", "c", "-O2", "-shared", "-fPIC", "-nostdlib", "-o", str(library), "-"]
    done = subprocess.run(command, input=_SOURCE, text=True, capture_output=True, check=False, timeout=60)
    if done.returncode:
        raise OSError(f"{used} does not build {library.name}: {done.stderr.strip()}")
    return library
