"""Lists of filters of which a device holds a part, whatever their classifier is."""

from .divide import MOST_CHAINS, Shape, alone, divided, order, ports, telling, traced
from .refusals import refusal, words_of

__all__ = ["MOST_CHAINS", "Shape", "alone", "divided", "order", "ports", "refusal", "telling", "traced", "words_of"]
