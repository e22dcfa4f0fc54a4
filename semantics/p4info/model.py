"""P4Info's messages: names and order of fields are those of ``p4/config/v1/p4info.proto`` and ``p4types.proto``.

A field at its default is absent, as in proto3: 0, "", False, (), {} and None. A message without fields of its own
(``P4BoolType``) is present as an empty one. An enum's value is a :class:`Word`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class Word(str):
    """The name of an enum's value (``EXACT``), which stands in the text without quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """A message without fields: ``P4BoolType``, ``P4ErrorType``, ``SdnString``, ``SumOfWeights``."""


@dataclass(frozen=True, slots=True)
class NamedType:
    """``P4NamedType``: a reference into :class:`TypeInfo`."""

    name: str


@dataclass(frozen=True, slots=True)
class Expression:
    """One value of a structured annotation."""

    string_value: str | None = None
    int64_value: int | None = None
    bool_value: bool | None = None


@dataclass(frozen=True, slots=True)
class KeyValuePair:
    """One ``key = value``."""

    key: str
    value: Expression


@dataclass(frozen=True, slots=True)
class ExpressionList:
    """The body of ``@a[1, "b"]``."""

    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class KeyValuePairList:
    """The body of ``@a[k = 1]``."""

    kv_pairs: tuple[KeyValuePair, ...]


@dataclass(frozen=True, slots=True)
class StructuredAnnotation:
    """``@name[...]``."""

    name: str
    expression_list: ExpressionList | None = None
    kv_pair_list: KeyValuePairList | None = None


@dataclass(frozen=True, slots=True)
class Documentation:
    """``@brief`` and ``@description``."""

    brief: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Preamble:
    """What all objects have."""

    id: int
    name: str
    alias: str
    annotations: tuple[str, ...] = ()
    doc: Documentation | None = None
    structured_annotations: tuple[StructuredAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformProperties:
    """``@platform_property``: what the target must offer."""

    multicast_group_table_size: int = 0
    multicast_group_table_total_replicas: int = 0
    multicast_group_table_max_replicas_per_entry: int = 0


@dataclass(frozen=True, slots=True)
class PkgInfo:
    """The program as a whole."""

    name: str = ""
    version: str = ""
    doc: Documentation | None = None
    annotations: tuple[str, ...] = ()
    arch: str = ""
    organization: str = ""
    contact: str = ""
    url: str = ""
    structured_annotations: tuple[StructuredAnnotation, ...] = ()
    platform_properties: PlatformProperties | None = None


@dataclass(frozen=True, slots=True)
class MatchField:
    """A key of a table or value set; ``bitwidth`` is 0 for what the controller sees as a string."""

    id: int
    name: str = ""
    annotations: tuple[str, ...] = ()
    bitwidth: int = 0
    match_type: Word | None = None
    doc: Documentation | None = None
    other_match_type: str | None = None
    type_name: NamedType | None = None
    structured_annotations: tuple[StructuredAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionRef:
    """An action of a table; ``scope`` None is TABLE_AND_DEFAULT."""

    id: int
    annotations: tuple[str, ...] = ()
    scope: Word | None = None
    structured_annotations: tuple[StructuredAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of the initial default action; ``value`` is big-endian, as wide as the parameter."""

    param_id: int
    value: bytes


@dataclass(frozen=True, slots=True)
class TableActionCall:
    """The initial default action."""

    action_id: int
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    preamble: Preamble
    match_fields: tuple[MatchField, ...] = ()
    action_refs: tuple[ActionRef, ...] = ()
    const_default_action_id: int = 0
    initial_default_action: TableActionCall | None = None
    implementation_id: int = 0
    direct_resource_ids: tuple[int, ...] = ()
    size: int = 0
    idle_timeout_behavior: Word | None = None
    is_const_table: bool = False
    has_initial_entries: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """``Action.Param`` or ``ControllerPacketMetadata.Metadata``."""

    id: int
    name: str
    annotations: tuple[str, ...] = ()
    bitwidth: int = 0
    doc: Documentation | None = None
    type_name: NamedType | None = None
    structured_annotations: tuple[StructuredAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """An action."""

    preamble: Preamble
    params: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class SumOfMembers:
    """``size`` and ``max_group_size`` count members."""

    max_member_weight: int | None = None


@dataclass(frozen=True, slots=True)
class ActionProfile:
    """An action profile or selector."""

    preamble: Preamble
    table_ids: tuple[int, ...] = ()
    with_selector: bool = False
    size: int = 0
    max_group_size: int = 0
    sum_of_weights: Empty | None = None
    sum_of_members: SumOfMembers | None = None


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """``CounterSpec`` or ``MeterSpec``."""

    unit: Word | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """A ``Counter`` or ``Meter``: ``size`` cells."""

    preamble: Preamble
    spec: UnitSpec
    size: int = 0
    index_type_name: NamedType | None = None


@dataclass(frozen=True, slots=True)
class DirectCells:
    """A ``DirectCounter`` or ``DirectMeter``: one cell for each entry of the table."""

    preamble: Preamble
    spec: UnitSpec
    direct_table_id: int = 0


@dataclass(frozen=True, slots=True)
class ControllerPacketMetadata:
    """The header of packets to or from the controller."""

    preamble: Preamble
    metadata: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A parser's value set."""

    preamble: Preamble
    match: tuple[MatchField, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class BitWidth:
    """``P4BitTypeSpec`` or ``P4IntTypeSpec``."""

    bitwidth: int = 0


@dataclass(frozen=True, slots=True)
class MaxBitWidth:
    """``P4VarbitTypeSpec``."""

    max_bitwidth: int = 0


@dataclass(frozen=True, slots=True)
class BitstringLike:
    """One of bit, int and varbit."""

    bit: BitWidth | None = None
    int: BitWidth | None = None
    varbit: MaxBitWidth | None = None


@dataclass(frozen=True, slots=True)
class HeaderStack:
    """A stack of headers."""

    header: NamedType
    size: int


@dataclass(frozen=True, slots=True)
class HeaderUnionStack:
    """A stack of header unions."""

    header_union: NamedType
    size: int


@dataclass(frozen=True, slots=True)
class TupleSpec:
    """A tuple."""

    members: tuple[TypeSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """``P4DataTypeSpec``: one of these."""

    bitstring: BitstringLike | None = None
    bool: Empty | None = None
    tuple: TupleSpec | None = None
    struct: NamedType | None = None
    header: NamedType | None = None
    header_union: NamedType | None = None
    header_stack: HeaderStack | None = None
    header_union_stack: HeaderUnionStack | None = None
    enum: NamedType | None = None
    error: Empty | None = None
    serializable_enum: NamedType | None = None
    new_type: NamedType | None = None


@dataclass(frozen=True, slots=True)
class StructMember:
    """A field of a struct."""

    name: str
    type_spec: TypeSpec


@dataclass(frozen=True, slots=True)
class HeaderMember:
    """A field of a header."""

    name: str
    type_spec: BitstringLike


@dataclass(frozen=True, slots=True)
class UnionMember:
    """A header of a header union."""

    name: str
    header: NamedType


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an enum; ``value`` None without a representation."""

    name: str
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class StructSpec:
    """``P4StructTypeSpec``."""

    members: tuple[StructMember, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderSpec:
    """``P4HeaderTypeSpec``."""

    members: tuple[HeaderMember, ...] = ()


@dataclass(frozen=True, slots=True)
class UnionSpec:
    """``P4HeaderUnionTypeSpec``."""

    members: tuple[UnionMember, ...] = ()


@dataclass(frozen=True, slots=True)
class EnumSpec:
    """``P4EnumTypeSpec``."""

    members: tuple[EnumMember, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """``P4ErrorTypeSpec``."""

    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SerializableEnumSpec:
    """``P4SerializableEnumTypeSpec``."""

    underlying_type: BitWidth
    members: tuple[EnumMember, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """``P4NewTypeTranslation``: what the controller sees instead of the type."""

    uri: str
    sdn_bitwidth: int | None = None
    sdn_string: Empty | None = None


@dataclass(frozen=True, slots=True)
class NewTypeSpec:
    """``P4NewTypeSpec``."""

    original_type: TypeSpec | None = None
    translated_type: Translation | None = None
    annotations: tuple[str, ...] = ()
    structured_annotations: tuple[StructuredAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """The named types that other messages mention, by name."""

    structs: Mapping[str, StructSpec] = field(default_factory=dict)
    headers: Mapping[str, HeaderSpec] = field(default_factory=dict)
    header_unions: Mapping[str, UnionSpec] = field(default_factory=dict)
    enums: Mapping[str, EnumSpec] = field(default_factory=dict)
    error: ErrorSpec | None = None
    serializable_enums: Mapping[str, SerializableEnumSpec] = field(default_factory=dict)
    new_types: Mapping[str, NewTypeSpec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Register:
    """A register array."""

    preamble: Preamble
    type_spec: TypeSpec
    size: int = 0
    index_type_name: NamedType | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest."""

    preamble: Preamble
    type_spec: TypeSpec


@dataclass(frozen=True, slots=True)
class P4Info:
    """Everything that the control plane sees of a program."""

    pkg_info: PkgInfo | None = None
    tables: tuple[Table, ...] = ()
    actions: tuple[Action, ...] = ()
    action_profiles: tuple[ActionProfile, ...] = ()
    counters: tuple[Cells, ...] = ()
    direct_counters: tuple[DirectCells, ...] = ()
    meters: tuple[Cells, ...] = ()
    direct_meters: tuple[DirectCells, ...] = ()
    controller_packet_metadata: tuple[ControllerPacketMetadata, ...] = ()
    value_sets: tuple[ValueSet, ...] = ()
    registers: tuple[Register, ...] = ()
    digests: tuple[Digest, ...] = ()
    type_info: TypeInfo | None = None
