// Access ports: a tag that belongs to a port is taken off; everything else is dropped.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; vlan_t vlan; }
#include "one_pass.p4"
parser Parse(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x8100: vlan; default: accept; }
    }
    state vlan { packet.extract(hdr.vlan); transition accept; }
}
control Enter(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    action strip(bit<9> port) {
        std.egress_spec = port;
        hdr.eth.type = hdr.vlan.type;
        hdr.vlan.setInvalid();
    }
    table members {
        key = { std.ingress_port: exact; hdr.vlan.vid: exact; }
        actions = { strip; drop; }
        const default_action = drop();
        size = 512;
    }
    apply {
        if (hdr.vlan.isValid() && std.ingress_port > 1) members.apply();
        else drop();
    }
}
control Compute(inout headers hdr, inout metadata meta) { apply { } }
control Deparse(packet_out packet, in headers hdr) { apply { packet.emit(hdr.eth); packet.emit(hdr.vlan); } }
V1Switch(Parse(), Check(), Enter(), Leave(), Compute(), Deparse()) main;
