// IPv4 senders are judged by longest prefix; other types pass.
#include <core.p4>
#include <ebpf_model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; ipv4_t ip; }
parser Parse(packet_in packet, out headers hdr) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x0800: ip; default: accept; }
    }
    state ip { packet.extract(hdr.ip); transition accept; }
}
control Filter(inout headers hdr, out bool ok) {
    action set(bool pass) { ok = pass; }
    table networks {
        key = { hdr.ip.src: lpm; }
        actions = { set; }
        default_action = set(false);
        size = 512;
    }
    apply {
        ok = true;
        if (hdr.ip.isValid()) networks.apply();
    }
}
ebpfFilter(Parse(), Filter()) main;
