"""The packet at tc ingress and what actions do to it, as terms; written from the kernel's source (6.1)."""
