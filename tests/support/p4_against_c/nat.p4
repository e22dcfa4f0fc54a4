// Source addresses are translated one by one; what is not translated goes on as it is.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; ipv4_t ip; }
#include "one_pass.p4"
parser Parse(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t std) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x0800: ip; default: accept; }
    }
    state ip { packet.extract(hdr.ip); transition accept; }
}
control Enter(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {
    action translate(bit<32> address) { hdr.ip.src = address; meta.changed = true; }
    action refuse() { mark_to_drop(std); }
    table inside {
        key = { hdr.ip.src: exact; }
        actions = { translate; refuse; NoAction; }
        const default_action = NoAction();
        size = 128;
    }
    apply {
        std.egress_spec = 7;
        if (hdr.ip.isValid()) inside.apply();
    }
}
#include "checksum.p4"
control Deparse(packet_out packet, in headers hdr) { apply { packet.emit(hdr.eth); packet.emit(hdr.ip); } }
V1Switch(Parse(), Check(), Enter(), Leave(), Compute(), Deparse()) main;
