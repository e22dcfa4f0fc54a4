// An MPLS edge and core router. IPv4 from a customer gets the label of its destination; a labelled frame has its label
// swapped, or taken off on the last hop. A time to live that would run out drops the frame. Everything else is dropped.
#include <core.p4>
#include <v1model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header mpls_t {
    bit<20> label;
    bit<3>  tc;
    bit<1>  bottom;
    bit<8>  ttl;
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
    mpls_t     mpls;
    ipv4_t     ipv4;
}

struct metadata_t {
    bit<16> next_hop;
}

parser LabelParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x8847: mpls;
            0x0800: ipv4;
            default: accept;
        }
    }

    state mpls {
        packet.extract(hdr.mpls);
        transition accept;
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

control LabelIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action push(bit<20> label, bit<3> tc, bit<16> next_hop) {
        hdr.mpls.setValid();
        hdr.mpls.label = label;
        hdr.mpls.tc = tc;
        hdr.mpls.bottom = 1;
        hdr.mpls.ttl = 64;
        hdr.ethernet.type = 0x8847;
        meta.next_hop = next_hop;
    }

    table prefixes {
        key = {
            hdr.ipv4.dst: lpm @name("dst");
        }
        actions = {
            push;
            drop;
        }
        default_action = drop();
        size = 1024;
    }

    action swap(bit<20> label, bit<16> next_hop) {
        hdr.mpls.label = label;
        hdr.mpls.ttl = hdr.mpls.ttl - 1;
        meta.next_hop = next_hop;
    }

    action pop(bit<16> next_hop) {
        hdr.mpls.setInvalid();
        hdr.ethernet.type = 0x0800;
        meta.next_hop = next_hop;
    }

    table labels {
        key = {
            hdr.mpls.label: exact @name("label");
        }
        actions = {
            swap;
            drop;
            @defaultonly NoAction;
        }
        default_action = NoAction();
        size = 4096;
    }

    table last_hops {
        key = {
            hdr.mpls.label: exact @name("label");
        }
        actions = {
            pop;
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
            meta.next_hop: exact @name("next_hop");
        }
        actions = {
            send;
            drop;
        }
        default_action = drop();
        size = 256;
    }

    apply {
        bool sent = false;
        if (hdr.mpls.isValid()) {
            if (hdr.mpls.ttl > 1) {
                switch (labels.apply().action_run) {
                    swap: { sent = true; }
                    NoAction: {
                        if (hdr.mpls.bottom == 1) {
                            switch (last_hops.apply().action_run) {
                                pop: { sent = true; }
                            }
                        }
                    }
                }
            }
        } else if (hdr.ipv4.isValid()) {
            if (hdr.ipv4.ttl > 1) {
                switch (prefixes.apply().action_run) {
                    push: { sent = true; }
                }
            }
        }
        if (sent) {
            next_hops.apply();
        } else {
            drop();
        }
    }
}

control LabelEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control LabelDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.mpls);
        packet.emit(hdr.ipv4);
    }
}

V1Switch(LabelParser(), VerifyNothing(), LabelIngress(), LabelEgress(), UpdateNothing(), LabelDeparser()) main;
