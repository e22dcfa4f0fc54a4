// The router of checked_v1model.p4 for the Portable Switch Architecture: a wrong checksum is an error of the parser.
#include <core.p4>
#include <bmv2/psa.p4>
#include "headers.p4"

struct nothing_t {
}

error {
    BadChecksum
}

parser IngressParse(
        packet_in packet, out headers_t hdr, inout meta_t meta, in psa_ingress_parser_input_metadata_t istd,
        in nothing_t resubmitted, in nothing_t recirculated) {
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

control Route(
        inout headers_t hdr, inout meta_t meta, in psa_ingress_input_metadata_t istd,
        inout psa_ingress_output_metadata_t ostd) {
    action drop() {
        ingress_drop(ostd);
    }

    action route(PortId_t port) {
        send_to_port(ostd, port);
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

control IngressDeparse(
        packet_out packet, out nothing_t clone_i2e, out nothing_t resubmit, out nothing_t normal,
        inout headers_t hdr, in meta_t meta, in psa_ingress_output_metadata_t istd) {
    InternetChecksum() checksum;

    apply {
        checksum.clear();
        checksum.add({
            hdr.ipv4.version, hdr.ipv4.ihl, hdr.ipv4.dscp_ecn, hdr.ipv4.total_length, hdr.ipv4.identification, hdr.ipv4.flags,
            hdr.ipv4.fragment_offset, hdr.ipv4.ttl, hdr.ipv4.protocol, hdr.ipv4.src, hdr.ipv4.dst
        });
        hdr.ipv4.checksum = checksum.get();
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
    }
}

parser EgressParse(
        packet_in packet, out headers_t hdr, inout meta_t meta, in psa_egress_parser_input_metadata_t istd,
        in nothing_t normal, in nothing_t clone_i2e, in nothing_t clone_e2e) {
    state start {
        transition accept;
    }
}

control Out(
        inout headers_t hdr, inout meta_t meta, in psa_egress_input_metadata_t istd,
        inout psa_egress_output_metadata_t ostd) {
    apply { }
}

control EgressDeparse(
        packet_out packet, out nothing_t clone_e2e, out nothing_t recirculate, inout headers_t hdr, in meta_t meta,
        in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {
    apply { }
}

IngressPipeline(IngressParse(), Route(), IngressDeparse()) ip;
EgressPipeline(EgressParse(), Out(), EgressDeparse()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
