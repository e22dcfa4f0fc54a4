// Frames go where their destination lives; unknown ones are dropped.
#include <core.p4>
#include <v1model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; }
#include "one_pass.p4"
parser Parse(packet_in packet, out headers hdr, inout metadata meta, inout standard_metadata_t std) {
    state start { packet.extract(hdr.eth); transition accept; }
}
control Enter(inout headers hdr, inout metadata meta, inout standard_metadata_t std) {
    action send(bit<9> port) { std.egress_spec = port; }
    action drop() { mark_to_drop(std); }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { send; drop; }
        default_action = drop();
        size = 1024;
    }
    apply { stations.apply(); }
}
control Compute(inout headers hdr, inout metadata meta) { apply { } }
control Deparse(packet_out packet, in headers hdr) { apply { packet.emit(hdr.eth); } }
V1Switch(Parse(), Check(), Enter(), Leave(), Compute(), Deparse()) main;
