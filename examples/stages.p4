// Several tables one after the other: which stations a port may have, which class traffic belongs to, where it goes, and
// what each port lets out. The class is written to IPv4's DSCP, with the checksum kept right.
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
    bit<6>  dscp;
    bit<2>  ecn;
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
            if (destinations.apply().hit) {
                hdr.ipv4.dscp = meta.class;
            }
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

control UpdateIPv4(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid(),
            { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp, hdr.ipv4.ecn, hdr.ipv4.total_length, hdr.ipv4.identification,
              hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control StagesDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(StagesParser(), VerifyNothing(), StagesIngress(), StagesEgress(), UpdateIPv4(), StagesDeparser()) main;
