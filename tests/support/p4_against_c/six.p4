// IPv6 by its receivers, and by the network of its senders.
#include <core.p4>
#include <ebpf_model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; ipv6_t ip; }
parser Parse(packet_in packet, out headers hdr) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x86dd: ip; default: reject; }
    }
    state ip { packet.extract(hdr.ip); transition accept; }
}
control Filter(inout headers hdr, out bool ok) {
    action allow() { ok = true; }
    action deny() { ok = false; }
    table receivers {
        key = { hdr.ip.dst: exact; hdr.ip.next: exact; }
        actions = { allow; deny; }
        const default_action = deny();
        size = 100;
    }
    table senders {
        key = { hdr.ip.src: lpm; }
        actions = { deny; NoAction; }
        const default_action = NoAction();
        size = 100;
    }
    apply { receivers.apply(); senders.apply(); }
}
ebpfFilter(Parse(), Filter()) main;
