// An IPv4 router: longest prefix, time to live, MAC addresses, checksum. What is not IPv4 without options is dropped.
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
    action drop() { mark_to_drop(std); }
    action via(bit<48> mac, bit<9> port) {
        std.egress_spec = port;
        hdr.eth.src = hdr.eth.dst;
        hdr.eth.dst = mac;
        hdr.ip.ttl = hdr.ip.ttl - 1;
        meta.changed = true;
    }
    table routes {
        key = { hdr.ip.dst: lpm; }
        actions = { via; drop; }
        const default_action = drop();
        size = 256;
    }
    apply {
        if (hdr.ip.isValid() && hdr.ip.version == 4 && hdr.ip.ihl == 5 && hdr.ip.ttl > 1) routes.apply();
        else drop();
    }
}
#include "checksum.p4"
control Deparse(packet_out packet, in headers hdr) { apply { packet.emit(hdr.eth); packet.emit(hdr.ip); } }
V1Switch(Parse(), Check(), Enter(), Leave(), Compute(), Deparse()) main;
