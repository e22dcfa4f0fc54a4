// A router: IPv4 goes where the longest prefix says, unless the ACL denies it; other frames are dropped. Packets are
// counted by the route that they take.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"

parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }
}

control Verify(inout headers_t hdr, inout meta_t meta) {
    apply { }
}

control Route(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    counter(1024, CounterType.packets) routed;

    action drop() {
        mark_to_drop(standard);
    }

    action route(bit<9> port, bit<48> next_hop, bit<10> number) {
        standard.egress_spec = port;
        hdr.ethernet.src = hdr.ethernet.dst;
        hdr.ethernet.dst = next_hop;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        routed.count((bit<32>)number);
    }

    action permit() { }

    table routes {
        key = { hdr.ipv4.dst: lpm @name("dst"); }
        actions = { route; drop; }
        default_action = drop();
    }

    table acl {
        key = {
            standard.ingress_port: exact @name("in_port");
            hdr.ipv4.src: ternary @name("src");
            hdr.ipv4.protocol: ternary @name("protocol");
        }
        actions = { permit; drop; }
        default_action = permit();
    }

    apply {
        if (hdr.ipv4.isValid() && hdr.ipv4.ttl > 1) {
            routes.apply();
            acl.apply();
        } else {
            drop();
        }
    }
}

control Out(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    apply { }
}

control Compute(inout headers_t hdr, inout meta_t meta) {
    apply { }
}

control Deparse(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(Parse(), Verify(), Route(), Out(), Compute(), Deparse()) main;
