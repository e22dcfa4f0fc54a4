"""Flows as OpenFlow messages, of versions 1.3 to 1.5 as Open vSwitch speaks them."""

from .decode import VERSIONS, decode, recognises
from .encode import encode

__all__ = ["VERSIONS", "decode", "encode", "recognises"]
