// MPLS: labels are swapped, or taken off an IPv4 packet.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; mpls_t mpls; }
#include "one_pass.p4"
parser Parse(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x8847: mpls; default: accept; }
    }
    state mpls { packet.extract(hdr.mpls); transition accept; }
}
control Enter(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    action swap(bit<20> label, bit<9> port) {
        hdr.mpls.label = label;
        hdr.mpls.ttl = hdr.mpls.ttl - 1;
        std.egress_spec = port;
    }
    action pop(bit<9> port) {
        std.egress_spec = port;
        hdr.eth.type = 0x0800;
        hdr.mpls.setInvalid();
    }
    table labels {
        key = { hdr.mpls.label: exact; hdr.mpls.bos: exact; }
        actions = { swap; pop; drop; }
        const default_action = drop();
        size = 1000;
    }
    apply {
        if (hdr.mpls.isValid() && hdr.mpls.ttl > 1) labels.apply();
        else drop();
    }
}
control Compute(inout headers hdr, inout metadata meta) { apply { } }
control Deparse(packet_out packet, in headers hdr) { apply { packet.emit(hdr.eth); packet.emit(hdr.mpls); } }
V1Switch(Parse(), Check(), Enter(), Leave(), Compute(), Deparse()) main;
