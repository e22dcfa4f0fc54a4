// Frames of known stations pass.
#include <core.p4>
#include <ebpf_model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; }
parser Parse(packet_in packet, out headers hdr) { state start { packet.extract(hdr.eth); transition accept; } }
control Filter(inout headers hdr, out bool ok) {
    action allow() { ok = true; }
    action deny() { ok = false; }
    table stations {
        key = { hdr.eth.src: exact; }
        actions = { allow; deny; }
        const default_action = deny();
        implementation = hash_table(256);
    }
    apply { stations.apply(); }
}
ebpfFilter(Parse(), Filter()) main;
