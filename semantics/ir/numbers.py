"""The numbers of node kinds and of their fields on the wire, and nothing else: data.

A row is ``kind's number: "Kind: field field ..."``; a field's number is its place in the row, the first one 1. Numbers
are for ever: a new kind takes a free number, a new field goes to the end of its row, nothing is reused.
"""

from __future__ import annotations

from typing import Final

KINDS: Final = {
    # types
    1: "Annotation: name body values pairs",
    2: "BitsType: width signed",
    3: "BoolType",
    4: "VarbitType: max_width",
    5: "IntType",
    6: "StringType",
    7: "VoidType",
    8: "ErrorType",
    9: "MatchKindType",
    10: "EnumType: name members underlying values annotations",
    11: "Field: name type annotations span",
    12: "HeaderType: name fields annotations",
    13: "UnionType: name fields annotations",
    14: "StructType: name fields annotations",
    15: "StackType: element size",
    16: "TupleType: elements",
    17: "ListType: element",
    18: "NewType: name base annotations",
    19: "ExternType: name arguments",
    20: "TypeVariable: name",
    21: "DeclaredType: name arguments",
    # expressions
    32: "Const: value type span",
    33: "Var: name type span",
    34: "Member: base name type span",
    35: "Index: base index type span",
    36: "Slice: base high low type span",
    37: "Unary: op operand type span",
    38: "Binary: op left right type span",
    39: "Cast: operand type span",
    40: "Mux: condition then otherwise type span",
    41: "Aggregate: values type span",
    42: "InvalidHeader: type span",
    43: "DefaultValue: type span",
    44: "HeaderOp: op base count type span",
    45: "ExternCall: object extern method type_args args params type is_param span index",
    46: "FunctionCall: name args type span",
    47: "TableApply: table result type span",
    48: "BlockApply: block args type span",
    # key sets
    64: "AnySet: span",
    65: "ValueSet: value span",
    66: "MaskSet: value mask span",
    67: "RangeSet: low high span",
    68: "ParserValueSet: name span",
    # statements
    80: "Declare: name type init span",
    81: "Assign: target value span",
    82: "Do: call span",
    83: "If: condition then otherwise span",
    84: "Block: body annotations span",
    85: "SwitchCase: labels body span",
    86: "Switch: subject cases span",
    87: "For: init condition update body span",
    88: "ForIn: name type over body declares span",
    89: "Leave: kind value span",
    # blocks and what they hold
    96: "Param: name type direction optional annotations span default",
    97: "SelectCase: sets state span",
    98: "Transition: keys cases span",
    99: "State: name body transition annotations span",
    100: "ValueSetDecl: name control_name type size annotations span",
    101: "Parser: name type_name params locals states value_sets actions annotations span",
    102: "Action: name control_name params body annotations span",
    103: "ActionRef: action args table_only default_only annotations span",
    104: "BoundAction: action args span",
    105: "Key: expr match_kind name annotations span",
    106: "Entry: sets action priority const annotations span",
    107: "Property: name value const span",
    108: "Table: name control_name keys actions default const_default entries const_entries size "
    "largest_priority_wins properties annotations span",
    109: "Control: name type_name params locals actions tables body annotations span",
    110: "Function: name params result body span",
    111: "Instance: name extern type_args args methods annotations span size made_by made_types",
    112: "Package: name type_name type_args args span",
    113: "Program: file arch errors match_kinds types functions actions instances parsers controls packages main "
    "annotations declarations",
    114: "Prototype: name type_params params result abstract annotations span",
    115: "ExternDecl: name type_params methods annotations span",
    116: "BlockDecl: kind name type_params params annotations span",
    117: "PackageDecl: name type_params params annotations span",
}
"""Kind's number → its name and its fields in the order of their numbers."""
