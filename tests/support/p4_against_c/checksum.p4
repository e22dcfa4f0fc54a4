// The IPv4 header's checksum, computed anew where it was changed.
control Compute(inout headers hdr, inout metadata meta) {
    apply {
        update_checksum(meta.changed,
            { hdr.ip.version, hdr.ip.ihl, hdr.ip.dscp, hdr.ip.ecn, hdr.ip.total, hdr.ip.id, hdr.ip.flags,
              hdr.ip.fragment, hdr.ip.ttl, hdr.ip.protocol, hdr.ip.src, hdr.ip.dst },
            hdr.ip.checksum, HashAlgorithm.csum16);
    }
}
