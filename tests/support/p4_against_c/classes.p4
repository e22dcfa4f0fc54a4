// Each DSCP passes or not, and is counted.
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
control Filter(inout headers hdr, out bool ok) {
    CounterArray(63, false) seen;
    action pass() { ok = true; }
    action drop() { ok = false; }
    table classes {
        key = { hdr.ip.dscp: exact; }
        actions = { pass; drop; }
        const default_action = drop();
        implementation = array_table(64);
    }
    apply {
        seen.increment((bit<32>)hdr.ip.dscp);
        classes.apply();
    }
}
ebpfFilter(Parse(), Filter()) main;
