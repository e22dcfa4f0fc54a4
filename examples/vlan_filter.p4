// A VLAN-aware filter: a tagged frame passes if its VLAN is allowed, an untagged one if untagged frames are allowed.
// The tag is read as it is on the wire, wherever the machine keeps it; of two tags the outer one counts.
#include <core.p4>
#include <ebpf_model.p4>

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

parser Parse(packet_in packet, out headers_t hdr) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x8100: vlan;
            0x88a8: vlan;
            default: accept;
        }
    }

    state vlan {
        packet.extract(hdr.vlan);
        transition accept;
    }
}

control Filter(inout headers_t hdr, out bool pass) {
    bit<12> vid = 0;  // 0: untagged, or a tag that carries a priority only

    action allow() {
        pass = true;
    }

    action allow_up_to(bit<3> priority) {
        pass = !hdr.vlan.isValid() || hdr.vlan.pcp <= priority;
    }

    action drop() {
        pass = false;
    }

    table vlans {
        key = {
            vid: exact @name("vid");
            hdr.ethernet.src: exact @name("station");
        }
        actions = {
            allow;
            allow_up_to;
            drop;
        }
        default_action = drop();
        size = 1024;
    }

    table any_station {
        key = {
            vid: exact @name("vid");
        }
        actions = {
            allow;
            allow_up_to;
            drop;
        }
        const default_action = drop();
        size = 4094;
    }

    apply {
        if (hdr.vlan.isValid()) {
            vid = hdr.vlan.vid;
        }
        if (!vlans.apply().hit) {
            any_station.apply();
        }
    }
}

ebpfFilter(Parse(), Filter()) main;
