// The router of router_v1model.p4 for the Portable Switch Architecture.
#include <core.p4>
#include <bmv2/psa.p4>
#include "headers.p4"

struct nothing_t {
}

parser IngressParse(
        packet_in packet, out headers_t hdr, inout meta_t meta, in psa_ingress_parser_input_metadata_t istd,
        in nothing_t resubmitted, in nothing_t recirculated) {
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

control Route(
        inout headers_t hdr, inout meta_t meta, in psa_ingress_input_metadata_t istd,
        inout psa_ingress_output_metadata_t ostd) {
    Counter<bit<32>, bit<10>>(1024, PSA_CounterType_t.PACKETS) routed;

    action drop() {
        ingress_drop(ostd);
    }

    action route(PortId_t port, bit<48> next_hop, bit<10> number) {
        send_to_port(ostd, port);
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
            istd.ingress_port: exact @name("in_port");
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

control IngressDeparse(
        packet_out packet, out nothing_t clone_i2e, out nothing_t resubmit, out nothing_t normal,
        inout headers_t hdr, in meta_t meta, in psa_ingress_output_metadata_t istd) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

parser EgressParse(
        packet_in packet, out headers_t hdr, inout meta_t meta, in psa_egress_parser_input_metadata_t istd,
        in nothing_t normal, in nothing_t clone_i2e, in nothing_t clone_e2e) {
    state start {
        transition accept;
    }
}

control Out(
        inout headers_t hdr, inout meta_t meta, in psa_egress_input_metadata_t istd,
        inout psa_egress_output_metadata_t ostd) {
    apply { }
}

control EgressDeparse(
        packet_out packet, out nothing_t clone_e2e, out nothing_t recirculate, inout headers_t hdr, in meta_t meta,
        in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {
    apply { }
}

IngressPipeline(IngressParse(), Route(), IngressDeparse()) ip;
EgressPipeline(EgressParse(), Out(), EgressDeparse()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
