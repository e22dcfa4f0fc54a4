// The bridge of once_v1model.p4 for the Portable NIC Architecture, which counts passes.
#include <core.p4>
#include <pna.p4>
#include "headers.p4"

control Pre(
        in headers_t hdr, inout meta_t meta, in pna_pre_input_metadata_t istd,
        inout pna_pre_output_metadata_t ostd) {
    apply { }
}

parser Parse(packet_in packet, out headers_t hdr, inout meta_t meta, in pna_main_parser_input_metadata_t istd) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control Bridge(
        inout headers_t hdr, inout meta_t meta, in pna_main_input_metadata_t istd,
        inout pna_main_output_metadata_t ostd) {
    action drop() {
        drop_packet();
    }

    action forward(PortId_t port) {
        send_to_port(port);
    }

    table stations {
        key = {
            hdr.ethernet.dst: exact @name("dst");
            hdr.ethernet.src: ternary @name("src");
        }
        actions = { forward; drop; }
        default_action = drop();
    }

    apply {
        if (istd.parser_error != error.NoError) {
            drop();
        } else if (hdr.ethernet.type == 0x88B6 && istd.pass == (PassNumber_t)0) {
            hdr.ethernet.src = hdr.ethernet.src + 1;
            recirculate();
        } else {
            stations.apply();
        }
    }
}

control Deparse(packet_out packet, in headers_t hdr, in meta_t meta, in pna_main_output_metadata_t ostd) {
    apply {
        packet.emit(hdr.ethernet);
    }
}

PNA_NIC(Parse(), Pre(), Bridge(), Deparse()) main;
