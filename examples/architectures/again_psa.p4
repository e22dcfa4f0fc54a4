// The switch of again_v1model.p4 for the Portable Switch Architecture.
#include <core.p4>
#include <bmv2/psa.p4>
#include "headers.p4"

struct carried_t {
    bit<8> class;
    bit<8> rounds;
}

struct resubmit_t {
    bit<8> class;
}

struct rounds_t {
    bit<8> rounds;
}

struct nothing_t {
}

parser IngressParse(
        packet_in packet, out headers_t hdr, inout carried_t meta, in psa_ingress_parser_input_metadata_t istd,
        in resubmit_t resubmitted, in rounds_t recirculated) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(istd.packet_path) {
            PSA_PacketPath_t.RESUBMIT: looked_at;
            PSA_PacketPath_t.RECIRCULATE: went_round;
            default: accept;
        }
    }

    state looked_at {
        meta.class = resubmitted.class;
        transition accept;
    }

    state went_round {
        meta.rounds = recirculated.rounds;
        transition accept;
    }
}

control Switch(
        inout headers_t hdr, inout carried_t meta, in psa_ingress_input_metadata_t istd,
        inout psa_ingress_output_metadata_t ostd) {
    Register<bit<32>, bit<32>>(16) seen;

    action drop() {
        ingress_drop(ostd);
    }

    action classify(bit<8> class) {
        meta.class = class;
        ostd.drop = false;
        ostd.resubmit = true;
    }

    table senders {
        key = { hdr.ethernet.src: exact @name("src"); }
        actions = { classify; drop; }
        const default_action = drop();
    }

    action forward(PortId_t port) {
        send_to_port(ostd, port);
    }

    table receivers {
        key = {
            meta.class: exact @name("class");
            hdr.ethernet.dst: exact @name("dst");
        }
        actions = { forward; drop; }
        const default_action = drop();
    }

    apply {
        if (istd.parser_error != error.NoError) {
            drop();
        } else if (istd.packet_path == PSA_PacketPath_t.RESUBMIT) {
            receivers.apply();
            bit<32> place = (bit<32>)meta.class[3:0];
            seen.write(place, seen.read(place) + 1);
        } else {
            if (istd.packet_path == PSA_PacketPath_t.RECIRCULATE) {
                meta.rounds = meta.rounds + 1;
            } else {
                meta.rounds = 0;
            }
            if (hdr.ethernet.type == 0x88B6 && meta.rounds < 2) {
                hdr.ethernet.src = hdr.ethernet.src + 1;
                send_to_port(ostd, PSA_PORT_RECIRCULATE);
            } else {
                senders.apply();
            }
        }
    }
}

control IngressDeparse(
        packet_out packet, out nothing_t clone_i2e, out resubmit_t resubmit, out rounds_t normal,
        inout headers_t hdr, in carried_t meta, in psa_ingress_output_metadata_t istd) {
    apply {
        if (psa_resubmit(istd)) {
            resubmit.class = meta.class;
        }
        if (psa_normal(istd)) {
            normal.rounds = meta.rounds;
        }
        packet.emit(hdr.ethernet);
    }
}

parser EgressParse(
        packet_in packet, out headers_t hdr, inout rounds_t meta, in psa_egress_parser_input_metadata_t istd,
        in rounds_t normal, in nothing_t clone_i2e, in nothing_t clone_e2e) {
    state start {
        packet.extract(hdr.ethernet);
        meta = normal;
        transition accept;
    }
}

control Out(
        inout headers_t hdr, inout rounds_t meta, in psa_egress_input_metadata_t istd,
        inout psa_egress_output_metadata_t ostd) {
    apply { }
}

control EgressDeparse(
        packet_out packet, out nothing_t clone_e2e, out rounds_t recirculate, inout headers_t hdr, in rounds_t meta,
        in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {
    apply {
        if (psa_recirculate(istd, edstd)) {
            recirculate.rounds = meta.rounds;
        }
        packet.emit(hdr.ethernet);
    }
}

IngressPipeline(IngressParse(), Switch(), IngressDeparse()) ip;
EgressPipeline(EgressParse(), Out(), EgressDeparse()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
