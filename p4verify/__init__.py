"""p4verify proves that a P4 program, its software (eBPF) and what was put into hardware do the same."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("p4verify")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"
