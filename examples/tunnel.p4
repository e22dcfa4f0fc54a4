// A gateway of IP-in-IP tunnels (RFC 2003) between two sites. What goes to a network behind another gateway gets an outer
// IPv4 header; what comes through a known tunnel loses it and is handed to its station. Everything else is dropped.
#include <core.p4>
#include <v1model.p4>

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

struct headers_t {
    ethernet_t ethernet;
    ipv4_t     ipv4;
    ipv4_t     inner;
}

struct metadata_t {
}

parser TunnelParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (4, 5, 0, 4): inner;
            default: accept;
        }
    }

    state inner {
        packet.extract(hdr.inner);
        transition accept;
    }
}

control VerifyNothing(inout headers_t hdr, inout metadata_t meta) {
    apply {
    }
}

control TunnelIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action drop() {
        mark_to_drop(standard);
    }

    action encapsulate(bit<32> here, bit<32> there, bit<9> port, bit<48> src, bit<48> dst) {
        hdr.inner = hdr.ipv4;
        hdr.ipv4.total_length = hdr.ipv4.total_length + 20;
        hdr.ipv4.identification = 0;
        hdr.ipv4.flags = 2;
        hdr.ipv4.ttl = 64;
        hdr.ipv4.protocol = 4;
        hdr.ipv4.src = here;
        hdr.ipv4.dst = there;
        hdr.ethernet.src = src;
        hdr.ethernet.dst = dst;
        standard.egress_spec = port;
    }

    table networks {
        key = {
            hdr.ipv4.dst: lpm @name("dst");
        }
        actions = {
            encapsulate;
            drop;
        }
        default_action = drop();
        size = 1024;
    }

    table tunnels {
        key = {
            hdr.ipv4.src: exact @name("there");
            hdr.ipv4.dst: exact @name("here");
        }
        actions = {
            NoAction;
            drop;
        }
        default_action = drop();
        size = 256;
    }

    action deliver(bit<9> port, bit<48> src, bit<48> dst) {
        hdr.ipv4 = hdr.inner;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        hdr.inner.setInvalid();
        hdr.ethernet.src = src;
        hdr.ethernet.dst = dst;
        standard.egress_spec = port;
    }

    table stations {
        key = {
            hdr.inner.dst: exact @name("dst");
        }
        actions = {
            deliver;
            drop;
        }
        default_action = drop();
        size = 4096;
    }

    apply {
        if (hdr.inner.isValid()) {
            if (hdr.inner.version == 4 && hdr.inner.ihl == 5 && hdr.inner.ttl > 1 && tunnels.apply().hit) {
                stations.apply();
            } else {
                drop();
            }
        } else if (hdr.ipv4.isValid() && hdr.ipv4.version == 4 && hdr.ipv4.ihl == 5 && hdr.ipv4.total_length < 1480) {
            networks.apply();
        } else {
            drop();
        }
    }
}

control TunnelEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply {
    }
}

control UpdateIPv4(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.ipv4.isValid(),
            { hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp_ecn, hdr.ipv4.total_length, hdr.ipv4.identification,
              hdr.ipv4.flags, hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst },
            hdr.ipv4.checksum, HashAlgorithm.csum16);
    }
}

control TunnelDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.inner);
    }
}

V1Switch(TunnelParser(), VerifyNothing(), TunnelIngress(), TunnelEgress(), UpdateIPv4(), TunnelDeparser()) main;
