// Frames without a tag get the one of the port that they come from.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; vlan_t vlan; }
#include "one_pass.p4"
parser Parse(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t std) {
    state start { packet.extract(hdr.eth); transition accept; }
}
control Enter(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    action tag(bit<3> pcp, bit<12> vid, bit<9> port) {
        std.egress_spec = port;
        hdr.vlan.setValid();
        hdr.vlan.pcp = pcp;
        hdr.vlan.dei = 0;
        hdr.vlan.vid = vid;
        hdr.vlan.type = hdr.eth.type;
        hdr.eth.type = 0x8100;
    }
    table ports {
        key = { std.ingress_port: exact; }
        actions = { tag; drop; }
        const default_action = drop();
        size = 64;
    }
    apply {
        if (hdr.eth.type == 0x8100 || std.ingress_port < 2) drop();
        else ports.apply();
    }
}
control Compute(inout headers hdr, inout metadata meta) { apply { } }
control Deparse(packet_out packet, in headers hdr) { apply { packet.emit(hdr.eth); packet.emit(hdr.vlan); } }
V1Switch(Parse(), Check(), Enter(), Leave(), Compute(), Deparse()) main;
