// Access to a provider's bridge. Frames of a customer's port get the provider's tag (0x88a8) around them, whatever they
// carry; frames from the core lose it on the way to the customer whose tag it is. Others are dropped.
#include <core.p4>
#include <v1model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header vlan_t {
    bit<3>  pcp;
    bit<1>  dei;
    bit<12> vid;
    bit<16> type;
}

struct headers_t {
    ethernet_t ethernet;
    vlan_t     provider;
}

struct metadata_t {
}

parser AccessParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(standard.ingress_port, hdr.ethernet.type) {
            (1, 0x88a8): provider;  // port 1 is the core's
            default: accept;
        }
    }

    state provider {
        packet.extract(hdr.provider);
        transition accept;
    }
}

control VerifyNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control AccessIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action to_customer(bit<9> port) {
        hdr.ethernet.type = hdr.provider.type;
        hdr.provider.setInvalid();
        standard.egress_spec = port;
    }

    table customers {
        key = {
            hdr.provider.vid: exact @name("vid");
        }
        actions = {
            to_customer;
            drop;
        }
        default_action = drop();
        size = 4094;
    }

    action to_core(bit<12> vid, bit<3> pcp) {
        hdr.provider.setValid();
        hdr.provider.pcp = pcp;
        hdr.provider.dei = 0;
        hdr.provider.vid = vid;
        hdr.provider.type = hdr.ethernet.type;
        hdr.ethernet.type = 0x88a8;
        standard.egress_spec = 1;
    }

    table ports {
        key = {
            standard.ingress_port: exact @name("port");
        }
        actions = {
            to_core;
            drop;
        }
        default_action = drop();
        size = 512;
    }

    apply {
        if (hdr.provider.isValid()) {
            customers.apply();
        } else if (standard.ingress_port == 1) {
            drop();
        } else {
            ports.apply();
        }
    }
}

control AccessEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control AccessDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.provider);
    }
}

V1Switch(AccessParser(), VerifyNothing(), AccessIngress(), AccessEgress(), UpdateNothing(), AccessDeparser()) main;
