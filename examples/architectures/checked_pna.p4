// The router of checked_v1model.p4 for the Portable NIC Architecture, whose deparser changes a copy of the headers.
#include <core.p4>
#include <pna.p4>
#include "headers.p4"

control Pre(
        in headers_t hdr, inout meta_t meta, in pna_pre_input_metadata_t istd,
        inout pna_pre_output_metadata_t ostd) {
    apply { }
}

error {
    BadChecksum
}

parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta, in pna_main_parser_input_metadata_t istd) {
    InternetChecksum() checksum;

    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        checksum.clear();
        checksum.add({
            hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp_ecn, hdr.ipv4.total_length, hdr.ipv4.identification, hdr.ipv4.flags,
            hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst
        });
        verify(checksum.get() == hdr.ipv4.checksum, error.BadChecksum);
        transition accept;
    }
}

control Main(
        inout headers_t hdr, inout meta_t meta, in pna_main_input_metadata_t istd,
        inout pna_main_output_metadata_t ostd) {
    action drop() {
        drop_packet();
    }

    action route(PortId_t port) {
        send_to_port(port);
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
    }

    table routes {
        key = { hdr.ipv4.dst: lpm @name("dst"); }
        actions = { route; drop; }
        default_action = drop();
    }

    apply {
        if (hdr.ipv4.isValid() && istd.parser_error == error.NoError && hdr.ipv4.ttl > 1) {
            routes.apply();
        }
    }
}

control Deparse(packet_out packet, in headers_t hdr, in meta_t meta, in pna_main_output_metadata_t ostd) {
    InternetChecksum() checksum;

    apply {
        ipv4_t ipv4 = hdr.ipv4;
        checksum.clear();
        checksum.add({
            ipv4.version, ipv4.ihl, ipv4.dscp_ecn, ipv4.total_length, ipv4.identification, ipv4.flags,
            ipv4.fragment_offset, ipv4.ttl, ipv4.protocol, ipv4.src, ipv4.dst
        });
        ipv4.checksum = checksum.get();
        packet.emit(hdr.ethernet);
        packet.emit(ipv4);
    }
}

PNA_NIC(Parse(), Pre(), Main(), Deparse()) main;
