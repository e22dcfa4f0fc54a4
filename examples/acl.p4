// A stateless firewall: IPv4 flows that the rules name pass or are dropped, others do what the default action says.
// ARP passes. Other types, IPv4 with options, and packets too short for their headers are dropped by the parser.
// Later fragments have no ports: they are looked up with destination port 0.
#include <core.p4>
#include <ebpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<8>  dscp_ecn;
    bit<16> total_length;
    bit<16> identification;
    bit<3>  flags;
    bit<13> fragment_offset;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header ports_t {
    bit<16> src;
    bit<16> dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t     ipv4;
    ports_t    ports;
}

parser Parse(packet_in packet, out headers_t hdr) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            0x0806: accept;
            default: reject;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (4, 5, 0, 6): ports;   // TCP
            (4, 5, 0, 17): ports;  // UDP
            (4, 5, _, _): accept;
            default: reject;       // options, or not version 4
        }
    }

    state ports {
        packet.extract(hdr.ports);
        transition accept;
    }
}

control Filter(inout headers_t hdr, out bool pass) {
    bit<16> port = 0;

    action permit() {
        pass = true;
    }

    action deny() {
        pass = false;
    }

    table acl {
        key = {
            hdr.ipv4.src: exact @name("src");
            hdr.ipv4.dst: exact @name("dst");
            hdr.ipv4.protocol: exact @name("protocol");
            port: exact @name("dst_port");
        }
        actions = {
            permit;
            deny;
        }
        default_action = deny();
        size = 4096;
    }

    apply {
        pass = true;
        if (hdr.ipv4.isValid()) {
            if (hdr.ports.isValid()) {
                port = hdr.ports.dst;
            }
            acl.apply();
        }
    }
}

ebpfFilter(Parse(), Filter()) main;
