"""Programs unfolded into conditions on the packet, for machines that are programmed by rules.

The program is walked along every path of its parser and every outcome of conditions and tables, with the rules put in
(:mod:`.machine`, :mod:`.parsing`, :mod:`.lookups`). A number is known bit by bit (:mod:`.values`): a constant, a bit
that the machine can look at, or unknown. What those bits are, how ways are brought together and what becomes of one is
each lowering's business (:class:`.state.Context`, :meth:`.machine.Machine.before`). No meaning is used here.
"""
