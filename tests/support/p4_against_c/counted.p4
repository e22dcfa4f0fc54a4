// Counters and a table, related by p4c's names alone.
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
    CounterArray(64, false) met;
    action mark(bit<8> bucket) { met.increment((bit<32>)(bucket & 0x3f)); ok = true; }
    action refuse() { ok = false; }
    table owners {
        key = { hdr.eth.src: exact; hdr.ip.src: exact; }
        actions = { mark; refuse; }
        default_action = refuse();
        implementation = hash_table(128);
    }
    apply { owners.apply(); }
}
ebpfFilter(Parse(), pipe()) main;
