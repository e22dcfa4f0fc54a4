// The learning switch of switch_v1model.p4 for the Portable Switch Architecture.
#include <core.p4>
#include <bmv2/psa.p4>
#include "headers.p4"

struct learn_t {
    bit<48> address;
    bit<32> port;
}

struct bridged_t {
    bit<32> came_from;
}

struct nothing_t {
}

parser IngressParse(
        packet_in packet, out headers_t hdr, inout bridged_t meta, in psa_ingress_parser_input_metadata_t istd,
        in nothing_t resubmitted, in nothing_t recirculated) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control Switch(
        inout headers_t hdr, inout bridged_t meta, in psa_ingress_input_metadata_t istd,
        inout psa_ingress_output_metadata_t ostd) {
    bool news = false;

    action known() { }

    action learn() {
        news = true;
    }

    table senders {
        key = { hdr.ethernet.src: exact @name("src"); }
        actions = { known; learn; }
        const default_action = learn();
    }

    action forward(PortId_t port) {
        send_to_port(ostd, port);
    }

    action flood() {
        multicast(ostd, (MulticastGroup_t)1);
    }

    table receivers {
        key = { hdr.ethernet.dst: exact @name("dst"); }
        actions = { forward; flood; }
        const default_action = flood();
    }

    apply {
        meta.came_from = (bit<32>)(PortIdUint_t)istd.ingress_port;
        if (istd.parser_error == error.NoError) {
            senders.apply();
            receivers.apply();
            if (news) {
                ostd.class_of_service = (ClassOfService_t)1;
            }
            if (hdr.ethernet.dst == 0x020000000001) {
                ostd.clone = true;
                ostd.clone_session_id = (CloneSessionId_t)7;
            }
        }
    }
}

control IngressDeparse(
        packet_out packet, out bridged_t clone_i2e, out nothing_t resubmit, out bridged_t normal,
        inout headers_t hdr, in bridged_t meta, in psa_ingress_output_metadata_t istd) {
    Digest<learn_t>() news;

    apply {
        if (istd.class_of_service == (ClassOfService_t)1) {
            news.pack({ hdr.ethernet.src, meta.came_from });
        }
        clone_i2e = meta;
        normal = meta;
        packet.emit(hdr.ethernet);
    }
}

parser EgressParse(
        packet_in packet, out headers_t hdr, inout bridged_t meta, in psa_egress_parser_input_metadata_t istd,
        in bridged_t normal, in bridged_t clone_i2e, in nothing_t clone_e2e) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(istd.packet_path) {
            PSA_PacketPath_t.CLONE_I2E: copy;
            default: original;
        }
    }

    state copy {
        meta = clone_i2e;
        transition accept;
    }

    state original {
        meta = normal;
        transition accept;
    }
}

control Out(
        inout headers_t hdr, inout bridged_t meta, in psa_egress_input_metadata_t istd,
        inout psa_egress_output_metadata_t ostd) {
    Counter<bit<32>, PortIdUint_t>(512, PSA_CounterType_t.PACKETS) sent;

    apply {
        if (istd.packet_path == PSA_PacketPath_t.CLONE_I2E) {
            hdr.ethernet.type = 0x88B5;
        } else if ((bit<32>)(PortIdUint_t)istd.egress_port == meta.came_from) {
            egress_drop(ostd);
        }
        sent.count((PortIdUint_t)istd.egress_port);
    }
}

control EgressDeparse(
        packet_out packet, out nothing_t clone_e2e, out nothing_t recirculate, inout headers_t hdr, in bridged_t meta,
        in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {
    apply {
        packet.emit(hdr.ethernet);
    }
}

IngressPipeline(IngressParse(), Switch(), IngressDeparse()) ip;
EgressPipeline(EgressParse(), Out(), EgressDeparse()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
