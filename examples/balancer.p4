// A balancer without address translation: frames for a service's address go to one of the servers that all have it
// (direct server return), which is chosen by bits of the client's address, so that a client stays with its server. What
// clients are to be moved, or are many, has rules of its own. Everything else is dropped.
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
    bit<16> service;
    bit<16> server;
}

parser BalancerParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
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

control BalancerIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action serve(bit<16> service) {
        meta.service = service;
    }

    table services {
        key = {
            hdr.ipv4.dst: exact @name("dst");
        }
        actions = {
            serve;
            drop;
        }
        default_action = drop();
        size = 1024;
    }

    action choose(bit<16> server) {
        meta.server = server;
    }

    table shares {
        key = {
            meta.service: exact @name("service");
            hdr.ipv4.src: ternary @name("src");
        }
        actions = {
            choose;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    action deliver(bit<9> port, bit<48> src, bit<48> dst) {
        standard.egress_spec = port;
        hdr.ethernet.src = src;
        hdr.ethernet.dst = dst;
    }

    table servers {
        key = {
            meta.server: exact @name("server");
        }
        actions = {
            deliver;
            drop;
        }
        default_action = drop();
        size = 256;
    }

    apply {
        if (!hdr.ipv4.isValid()) {
            drop();
        } else {
            switch (services.apply().action_run) {
                serve: {
                    switch (shares.apply().action_run) {
                        choose: { servers.apply(); }
                    }
                }
            }
        }
    }
}

control BalancerEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control BalancerDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(BalancerParser(), VerifyNothing(), BalancerIngress(), BalancerEgress(), UpdateNothing(), BalancerDeparser()) main;
