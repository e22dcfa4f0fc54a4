"""The target ``flower``: tc cls_flower at a device's ingress."""
