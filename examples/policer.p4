// A policer at the edge. Subscribers are told by address and port; each has a meter. What is above its rate is dropped,
// what is in between loses its class (DSCP 0). What no subscriber sends is let through with the class of best effort.
#include <core.p4>
#include <v1model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<8>  dscp_ecn;
    bit<16> total_length;
    bit<16> identification;
    bit<3>  flags;
    bit<13> fragment_offset;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t     ipv4;
}

struct metadata_t {
    bit<8> colour;
}

parser PolicerParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
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

control VerifyNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control PolicerIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    meter(256, MeterType.bytes) rates;

    action drop() {
        mark_to_drop(standard);
    }

    action best_effort() {
        meta.colour = 1;
    }

    action police(bit<8> subscriber) {
        rates.execute_meter((bit<32>)subscriber, meta.colour);
    }

    table subscribers {
        key = {
            standard.ingress_port: exact @name("port");
            hdr.ipv4.src: exact @name("src");
        }
        actions = {
            police;
            best_effort;
            drop;
        }
        default_action = best_effort();
        size = 1024;
    }

    action forward(bit<9> port) {
        standard.egress_spec = port;
    }

    table wires {
        key = {
            standard.ingress_port: exact @name("port");
        }
        actions = {
            forward;
            drop;
        }
        default_action = drop();
        size = 512;
    }

    apply {
        meta.colour = 0;
        wires.apply();
        if (hdr.ipv4.isValid() && hdr.ipv4.version == 4 && hdr.ipv4.ihl == 5) {
            subscribers.apply();
            if (meta.colour == 2) {
                drop();
            } else if (meta.colour == 1) {
                hdr.ipv4.dscp_ecn = hdr.ipv4.dscp_ecn & 3;
            }
        }
    }
}

control PolicerEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateIPv4(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid() && hdr.ipv4.version == 4 && hdr.ipv4.ihl == 5,
            { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp_ecn, hdr.ipv4.total_length, hdr.ipv4.identification,
              hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control PolicerDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(PolicerParser(), VerifyNothing(), PolicerIngress(), PolicerEgress(), UpdateIPv4(), PolicerDeparser()) main;
