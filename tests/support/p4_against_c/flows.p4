// TCP and UDP flows over IPv4 without options by their five numbers; everything else is dropped.
#include <core.p4>
#include <ebpf_model.p4>
#include "headers.p4"
struct headers { ethernet_t eth; ipv4_t ip; ports_t ports; }
parser Parse(packet_in packet, out headers hdr) {
    state start {
        packet.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x0800: ip; default: reject; }
    }
    state ip {
        packet.extract(hdr.ip);
        transition select(hdr.ip.version, hdr.ip.ihl, hdr.ip.fragment, hdr.ip.protocol) {
            (4, 5, 0, 6): ports;
            (4, 5, 0, 17): ports;
            default: reject;
        }
    }
    state ports { packet.extract(hdr.ports); transition accept; }
}
control Filter(inout headers hdr, out bool ok) {
    action allow() { ok = true; }
    action deny() { ok = false; }
    table flows {
        key = { hdr.ip.src: exact; hdr.ip.dst: exact; hdr.ip.protocol: exact; hdr.ports.src: exact; hdr.ports.dst: exact; }
        actions = { allow; deny; NoAction; }
        default_action = NoAction();
        size = 4096;
    }
    apply { ok = false; flows.apply(); }
}
ebpfFilter(Parse(), Filter()) main;
