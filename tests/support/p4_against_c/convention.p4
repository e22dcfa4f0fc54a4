// Related by p4c's names alone: no mapping file.
#include <core.p4>
#include <ebpf_model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; ipv4_t ip; }
parser Parse(packet_in packet, out headers hdr) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x0800: ip; default: reject; }
    }
    state ip { packet.extract(hdr.ip); transition accept; }
}
control pipe(inout headers hdr, out bool ok) {
    action allow(bit<32> gateway) { ok = hdr.ip.dst == gateway; }
    action refuse() { ok = false; }
    table senders {
        key = { hdr.ip.src: exact; hdr.ip.protocol: exact; }
        actions = { NoAction; allow; refuse; }
        default_action = refuse();
        implementation = hash_table(64);
    }
    table networks {
        key = { hdr.ip.dst: lpm; }
        actions = { refuse; NoAction; }
        default_action = NoAction();
        implementation = hash_table(64);
    }
    apply { ok = true; senders.apply(); networks.apply(); }
}
ebpfFilter(Parse(), pipe()) main;
