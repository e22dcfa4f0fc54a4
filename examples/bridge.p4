// A bridge with VLANs: untagged frames get the VLAN of their port, tagged ones must be allowed on it. Known stations get
// what is for them, others the whole VLAN (a multicast group) does; nobody gets back what it has sent. A frame leaves
// tagged or untagged as the port wants it. Tags keep their priority; a new one has priority 0.
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
    vlan_t     vlan;
}

struct metadata_t {
    bit<12> vid;
}

parser BridgeParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x8100: vlan;
            default: accept;
        }
    }

    state vlan {
        packet.extract(hdr.vlan);
        transition accept;
    }
}

control VerifyNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control BridgeIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action classify(bit<12> vid) {
        meta.vid = vid;
    }

    table port_vlans {
        key = {
            standard.ingress_port: exact @name("port");
        }
        actions = {
            classify;
            drop;
        }
        default_action = drop();
        size = 512;
    }

    action allow() {
        meta.vid = hdr.vlan.vid;
    }

    table allowed_vlans {
        key = {
            standard.ingress_port: exact @name("port");
            hdr.vlan.vid: exact @name("vid");
        }
        actions = {
            allow;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    action forward(bit<9> port) {
        standard.egress_spec = port;
    }

    action flood(bit<16> group) {
        standard.mcast_grp = group;
    }

    table stations {
        key = {
            meta.vid: exact @name("vid");
            hdr.ethernet.dst: exact @name("station");
        }
        actions = {
            forward;
            drop;
        }
        default_action = drop();
        size = 16384;
    }

    table vlans {
        key = {
            meta.vid: exact @name("vid");
        }
        actions = {
            flood;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    apply {
        bool known = true;
        if (hdr.vlan.isValid()) {
            known = allowed_vlans.apply().hit;
        } else {
            known = port_vlans.apply().hit;
        }
        if (known) {
            if (!stations.apply().hit) {
                vlans.apply();
            }
        }
    }
}

control BridgeEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action tag() {
        hdr.vlan.setValid();
        hdr.vlan.pcp = 0;
        hdr.vlan.dei = 0;
        hdr.vlan.vid = meta.vid;
        hdr.vlan.type = hdr.ethernet.type;
        hdr.ethernet.type = 0x8100;
    }

    action untag() {
        hdr.ethernet.type = hdr.vlan.type;
        hdr.vlan.setInvalid();
    }

    table tagged_ports {
        key = {
            standard.egress_port: exact @name("port");
            meta.vid: exact @name("vid");
        }
        actions = {
            NoAction;
        }
        const default_action = NoAction();
        size = 4096;
    }

    apply {
        if (standard.egress_port == standard.ingress_port) {
            mark_to_drop(standard);
        } else if (tagged_ports.apply().hit) {
            if (!hdr.vlan.isValid()) {
                tag();
            }
        } else if (hdr.vlan.isValid()) {
            untag();
        }
    }
}

control UpdateNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control BridgeDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
    }
}

V1Switch(BridgeParser(), VerifyNothing(), BridgeIngress(), BridgeEgress(), UpdateNothing(), BridgeDeparser()) main;
