// A firewall between two ports, 1 and 2: what is let through is said by addresses, protocol and ranges of ports, the first
// rule that fits counts. ARP passes; everything else is dropped. Frames are not changed.
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

header ports_t {
    bit<16> src;
    bit<16> dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t ipv4;
    ports_t ports;
}

struct metadata_t {
    bit<16> dst_port;
}

parser WallParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.protocol) {
            6: ports;
            17: ports;
            default: accept;
        }
    }

    state ports {
        packet.extract(hdr.ports);
        meta.dst_port = hdr.ports.dst;
        transition accept;
    }
}

control VerifyNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control WallIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action permit() {
    }

    table rules {
        key = {
            standard.ingress_port: exact @name("port");
            hdr.ipv4.src: ternary @name("src");
            hdr.ipv4.dst: ternary @name("dst");
            hdr.ipv4.protocol: ternary @name("protocol");
            meta.dst_port: range @name("dst_port");
        }
        actions = {
            permit;
            drop;
        }
        default_action = drop();
        size = 1024;
    }

    apply {
        if (standard.ingress_port == 1) {
            standard.egress_spec = 2;
        } else if (standard.ingress_port == 2) {
            standard.egress_spec = 1;
        } else {
            drop();
        }
        if (hdr.ipv4.isValid()) {
            if (!hdr.ports.isValid()) {
                meta.dst_port = 0;
            }
            rules.apply();
        } else if (hdr.ethernet.type != 0x0806) {
            drop();
        }
    }
}

control WallEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control WallDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ports);
    }
}

V1Switch(WallParser(), VerifyNothing(), WallIngress(), WallEgress(), UpdateNothing(), WallDeparser()) main;
