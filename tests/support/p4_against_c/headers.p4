// Header types that the programs in this folder share.
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header vlan_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
header mpls_t { bit<20> label; bit<3> exp; bit<1> bos; bit<8> ttl; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<6> dscp; bit<2> ecn; bit<16> total; bit<16> id; bit<3> flags; bit<13> fragment;
    bit<8> ttl; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst;
}
header ipv6_t {
    bit<4> version; bit<8> traffic; bit<20> flow; bit<16> payload; bit<8> next; bit<8> hops; bit<128> src; bit<128> dst;
}
header ports_t { bit<16> src; bit<16> dst; }
