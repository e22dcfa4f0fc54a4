// The core library of P4-16: what every program may use (specification, appendix "P4 core library").

#ifndef _CORE_P4_
#define _CORE_P4_

error {
    NoError,
    PacketTooShort,         // extract or advance beyond the end
    NoMatch,                // no case of a select applies
    StackOutOfBounds,       // an element that a header stack does not have
    HeaderTooShort,         // more bits than a varbit field holds
    ParserTimeout,
    ParserInvalidArgument   // an argument that the target cannot handle
}

match_kind { exact, ternary, lpm }

extern packet_in {
    void extract<T>(out T hdr);
    void extract<T>(out T variableSizeHeader, in bit<32> variableFieldSizeInBits);
    T lookahead<T>();
    void advance(in bit<32> sizeInBits);
    bit<32> length();
}

extern packet_out {
    void emit<T>(in T hdr);
}

extern void verify(in bool check, in error toSignal);

@noWarn("unused")
action NoAction() {}

extern bool static_assert(bool check, string message);
extern bool static_assert(bool check);

#endif
