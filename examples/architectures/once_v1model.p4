// A bridge whose frames of one type go round once, with another source address, before they are sent.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"

struct round_t {
    bit<1> again;
}

parser Parse(packet_in packet, out headers_t hdr, inout round_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout round_t meta) {
    apply { }
}

control Bridge(inout headers_t hdr, inout round_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action forward(bit<9> port) {
        standard.egress_spec = port;
    }

    table stations {
        key = {
            hdr.ethernet.dst: exact @name("dst");
            hdr.ethernet.src: ternary @name("src");
        }
        actions = { forward; drop; }
        default_action = drop();
    }

    apply {
        meta.again = 0;
        if (standard.parser_error != error.NoError) {
            drop();
        } else if (hdr.ethernet.type == 0x88B6 && standard.instance_type == 0) {
            hdr.ethernet.src = hdr.ethernet.src + 1;
            standard.egress_spec = 0;
            meta.again = 1;
        } else {
            stations.apply();
        }
    }
}

control Out(inout headers_t hdr, inout round_t meta, inout standard_metadata_t standard) {
    apply {
        if (meta.again == 1) {
            recirculate_preserving_field_list(1);
        }
    }
}

control Compute(inout headers_t hdr, inout round_t meta) {
    apply { }
}

control Deparse(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
    }
}

V1Switch(Parse(), Verify(), Bridge(), Out(), Compute(), Deparse()) main;
