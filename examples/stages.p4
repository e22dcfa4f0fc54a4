// Several tables one after the other: which stations a port may have, which class traffic belongs to, where it goes, and
// which classes of which zone each port lets out. Frames are not changed; what is no IPv4 is dropped.
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
    bit<6> class;
    bit<8> zone;
}

parser StagesParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
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

control StagesIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action admit(bit<8> zone) {
        meta.zone = zone;
    }

    table stations {
        key = {
            standard.ingress_port: exact @name("port");
            hdr.ethernet.src: exact @name("station");
        }
        actions = {
            admit;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    action classify(bit<6> class) {
        meta.class = class;
    }

    table classes {
        key = {
            meta.zone: ternary @name("zone");
            hdr.ipv4.dst: ternary @name("dst");
            hdr.ipv4.protocol: ternary @name("protocol");
        }
        actions = {
            classify;
        }
        default_action = classify(0);
        size = 512;
    }

    action forward(bit<9> port) {
        standard.egress_spec = port;
    }

    table destinations {
        key = {
            hdr.ethernet.dst: exact @name("station");
        }
        actions = {
            forward;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    apply {
        if (stations.apply().hit && hdr.ipv4.isValid()) {
            classes.apply();
            destinations.apply();
        } else {
            drop();
        }
    }
}

control StagesEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    table let_out {
        key = {
            standard.egress_port: exact @name("port");
            meta.zone: exact @name("zone");
            meta.class: exact @name("class");
        }
        actions = {
            NoAction;
            drop;
        }
        default_action = drop();
        size = 512;
    }

    apply {
        let_out.apply();
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control StagesDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(StagesParser(), VerifyNothing(), StagesIngress(), StagesEgress(), UpdateNothing(), StagesDeparser()) main;
