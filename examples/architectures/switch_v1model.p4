// A learning switch: frames go to the port behind which their destination is, or to all members of group 1. Senders that
// are not known are told to the control plane, frames to its own address are copied to session 7, nothing goes back to
// where it came from, and what leaves is counted by port.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"

struct learn_t {
    bit<48> address;
    bit<32> port;
}

struct bridged_t {
    @field_list(1)
    bit<32> came_from;
}

parser Parse(packet_in packet, out headers_t hdr, inout bridged_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout bridged_t meta) {
    apply { }
}

control Switch(inout headers_t hdr, inout bridged_t meta, inout standard_metadata_t standard) {
    action known() { }

    action learn() {
        digest<learn_t>(1, { hdr.ethernet.src, (bit<32>)standard.ingress_port });
    }

    table senders {
        key = { hdr.ethernet.src: exact @name("src"); }
        actions = { known; learn; }
        const default_action = learn();
    }

    action forward(bit<9> port) {
        standard.egress_spec = port;
    }

    action flood() {
        standard.mcast_grp = 1;
    }

    table receivers {
        key = { hdr.ethernet.dst: exact @name("dst"); }
        actions = { forward; flood; }
        const default_action = flood();
    }

    apply {
        meta.came_from = (bit<32>)standard.ingress_port;
        if (standard.parser_error != error.NoError) {
            mark_to_drop(standard);
        } else {
            senders.apply();
            receivers.apply();
            if (hdr.ethernet.dst == 0x020000000001) {
                clone_preserving_field_list(CloneType.I2E, 7, 1);
            }
        }
    }
}

control Out(inout headers_t hdr, inout bridged_t meta, inout standard_metadata_t standard) {
    counter(512, CounterType.packets) sent;

    apply {
        if (standard.instance_type == 1) {
            hdr.ethernet.type = 0x88B5;
        } else if ((bit<32>)standard.egress_port == meta.came_from) {
            mark_to_drop(standard);
        }
        sent.count((bit<32>)standard.egress_port);
    }
}

control Compute(inout headers_t hdr, inout bridged_t meta) {
    apply { }
}

control Deparse(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
    }
}

V1Switch(Parse(), Verify(), Switch(), Out(), Compute(), Deparse()) main;
