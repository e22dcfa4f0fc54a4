// A switch that looks at packets several times. What is known of a sender decides, in another pass, what becomes of its
// frame (resubmit); frames of type 0x88B6 go round twice, with another source address each time (recirculate).
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"

struct carried_t {
    @field_list(1)
    bit<8> class;
    @field_list(2)
    bit<8> rounds;
    bit<1> again;
}

parser Parse(packet_in packet, out headers_t hdr, inout carried_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout carried_t meta) {
    apply { }
}

control Switch(inout headers_t hdr, inout carried_t meta, inout standard_metadata_t standard) {
    register<bit<32>>(16) seen;

    action drop() {
        mark_to_drop(standard);
    }

    action classify(bit<8> class) {
        meta.class = class;
        resubmit_preserving_field_list(1);
    }

    table senders {
        key = { hdr.ethernet.src: exact @name("src"); }
        actions = { classify; drop; }
        const default_action = drop();
    }

    action forward(bit<9> port) {
        standard.egress_spec = port;
    }

    table receivers {
        key = {
            meta.class: exact @name("class");
            hdr.ethernet.dst: exact @name("dst");
        }
        actions = { forward; drop; }
        const default_action = drop();
    }

    apply {
        meta.again = 0;
        if (standard.parser_error != error.NoError) {
            drop();
        } else if (standard.instance_type == 6) {
            receivers.apply();
            bit<32> count;
            seen.read(count, (bit<32>)meta.class[3:0]);
            seen.write((bit<32>)meta.class[3:0], count + 1);
        } else {
            if (standard.instance_type == 4) {
                meta.rounds = meta.rounds + 1;
            } else {
                meta.rounds = 0;
            }
            if (hdr.ethernet.type == 0x88B6 && meta.rounds < 2) {
                hdr.ethernet.src = hdr.ethernet.src + 1;
                meta.again = 1;
                standard.egress_spec = 0;
            } else {
                senders.apply();
            }
        }
    }
}

control Out(inout headers_t hdr, inout carried_t meta, inout standard_metadata_t standard) {
    apply {
        if (meta.again == 1) {
            recirculate_preserving_field_list(2);
        }
    }
}

control Compute(inout headers_t hdr, inout carried_t meta) {
    apply { }
}

control Deparse(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
    }
}

V1Switch(Parse(), Verify(), Switch(), Out(), Compute(), Deparse()) main;
