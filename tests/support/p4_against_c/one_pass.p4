// What v1model programs in this folder share: no checksum to verify, no egress.
struct metadata { bool changed; }
control Check(inout headers hdr, inout metadata meta) { apply { } }
control Leave(inout headers hdr, inout metadata meta, inout standard_metadata_t std) { apply { } }
