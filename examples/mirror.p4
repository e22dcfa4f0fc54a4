// A monitor between pairs of ports: every frame goes on to the other port, and IPv4 that the rules watch is copied to where
// a session of the switch says (a port with an analyser). Copies are as the frame came.
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
}

parser MirrorParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
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

control MirrorIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
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

    action copy(bit<32> session) {
        clone(CloneType.I2E, session);
    }

    table watched {
        key = {
            hdr.ipv4.src: ternary @name("src");
            hdr.ipv4.dst: ternary @name("dst");
            hdr.ipv4.protocol: ternary @name("protocol");
        }
        actions = {
            copy;
            NoAction;
        }
        const default_action = NoAction();
        size = 1024;
    }

    apply {
        wires.apply();
        if (hdr.ipv4.isValid()) {
            watched.apply();
        }
    }
}

control MirrorEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control MirrorDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(MirrorParser(), VerifyNothing(), MirrorIngress(), MirrorEgress(), UpdateNothing(), MirrorDeparser()) main;
