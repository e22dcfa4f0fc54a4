// Frames go to the port of their receiver; others are dropped.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; }
#include "one_pass.p4"
parser Parse(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t std) {
    state start { packet.extract(hdr.eth); transition accept; }
}
control Switch(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {
    action to(bit<9> port) { std.egress_spec = port; }
    action drop() { mark_to_drop(std); }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { to; drop; }
        const default_action = drop();
        size = 256;
    }
    apply { stations.apply(); }
}
control Write(packet_out packet, in headers hdr) { apply { packet.emit(hdr); } }
V1Switch(Parse(), Check(), Switch(), Leave(), Check(), Write()) main;
