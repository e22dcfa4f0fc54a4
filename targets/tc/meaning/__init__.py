"""The packet at a hook of tc, what is beside it and what actions do to it, as terms; from the kernel's source (6.1)."""
