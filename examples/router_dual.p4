// A router for IPv4 and IPv6: longest prefix match to a next hop, which several prefixes share; new MAC addresses, one less
// to live, IPv4's checksum kept right. What is neither, or dies, is dropped.
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

header ipv6_t {
    bit<4>   version;
    bit<8>   traffic_class;
    bit<20>  flow_label;
    bit<16>  payload_length;
    bit<8>   next_header;
    bit<8>   hop_limit;
    bit<128> src;
    bit<128> dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t ipv4;
    ipv6_t ipv6;
}

struct metadata_t {
    bit<16> next_hop;
}

parser DualParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            0x86dd: ipv6;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }

    state ipv6 {
        packet.extract(hdr.ipv6);
        transition accept;
    }
}

control VerifyNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control DualIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action route(bit<16> next_hop) {
        meta.next_hop = next_hop;
    }

    table routes4 {
        key = {
            hdr.ipv4.dst: lpm @name("dst");
        }
        actions = {
            route;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    table routes6 {
        key = {
            hdr.ipv6.dst: lpm @name("dst6");
        }
        actions = {
            route;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    action send(bit<9> port, bit<48> src, bit<48> dst) {
        standard.egress_spec = port;
        hdr.ethernet.src = src;
        hdr.ethernet.dst = dst;
    }

    table next_hops {
        key = {
            meta.next_hop: exact @name("hop");
        }
        actions = {
            send;
            drop;
        }
        default_action = drop();
        size = 256;
    }

    apply {
        bool found = false;
        if (hdr.ipv4.isValid()) {
            if (hdr.ipv4.ttl > 1) {
                hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
                switch (routes4.apply().action_run) {
                    route: { found = true; }
                }
            }
        } else if (hdr.ipv6.isValid()) {
            if (hdr.ipv6.hop_limit > 1) {
                hdr.ipv6.hop_limit = hdr.ipv6.hop_limit - 1;
                switch (routes6.apply().action_run) {
                    route: { found = true; }
                }
            }
        }
        if (found) {
            next_hops.apply();
        } else {
            drop();
        }
    }
}

control DualEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateIPv4(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid(),
            { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp_ecn, hdr.ipv4.total_length, hdr.ipv4.identification,
              hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control DualDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
    }
}

V1Switch(DualParser(), VerifyNothing(), DualIngress(), DualEgress(), UpdateIPv4(), DualDeparser()) main;
