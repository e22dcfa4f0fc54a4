// The router of router_v1model.p4 for the Portable NIC Architecture.
#include <core.p4>
#include <pna.p4>
#include "headers.p4"

control Pre(
        in headers_t hdr, inout meta_t meta, in pna_pre_input_metadata_t istd,
        inout pna_pre_output_metadata_t ostd) {
    apply { }
}

parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta, in pna_main_parser_input_metadata_t istd) {
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

control Main(
        inout headers_t hdr, inout meta_t meta, in pna_main_input_metadata_t istd,
        inout pna_main_output_metadata_t ostd) {
    Counter<bit<32>, bit<10>>(1024, PNA_CounterType_t.PACKETS) routed;

    action drop() {
        drop_packet();
    }

    action route(PortId_t port, bit<48> next_hop, bit<10> number) {
        send_to_port(port);
        hdr.ethernet.src = hdr.ethernet.dst;
        hdr.ethernet.dst = next_hop;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        routed.count(number);
    }

    action permit() { }

    table routes {
        key = { hdr.ipv4.dst: lpm @name("dst"); }
        actions = { route; drop; }
        default_action = drop();
    }

    table acl {
        key = {
            istd.input_port: exact @name("in_port");
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
        }
    }
}

control Deparse(packet_out packet, in headers_t hdr, in meta_t meta, in pna_main_output_metadata_t ostd) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

PNA_NIC(Parse(), Pre(), Main(), Deparse()) main;
