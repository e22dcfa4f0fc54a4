// The externs that the Portable Switch Architecture and the Portable NIC Architecture share.
//
// The includer defines _PORTABLE(name), which puts the architecture's prefix before the name of an enum, and may define
//   _PORTABLE_HASHES     more hash algorithms, each with a comma behind it
//   _PORTABLE_LENGTH     if counters and meters also take the length of the packet (DPDK)

match_kind { range, selector, optional }

enum _PORTABLE(HashAlgorithm_t) {
    IDENTITY, CRC32, CRC32_CUSTOM, CRC16, CRC16_CUSTOM, ONES_COMPLEMENT16, _PORTABLE_HASHES TARGET_DEFAULT
}
enum _PORTABLE(CounterType_t) { PACKETS, BYTES, PACKETS_AND_BYTES }
enum _PORTABLE(MeterType_t) { PACKETS, BYTES }
enum _PORTABLE(MeterColor_t) { RED, GREEN, YELLOW }

extern Hash<O> {
    Hash(_PORTABLE(HashAlgorithm_t) algo);
    @pure O get_hash<D>(in D data);
    @pure O get_hash<T, D>(in T base, in D data, in T max);   // base + hash % max
}

extern Checksum<W> {
    Checksum(_PORTABLE(HashAlgorithm_t) hash);
    void clear();
    void update<T>(in T data);
    @noSideEffects W get();
}

extern InternetChecksum {
    InternetChecksum();
    void clear();
    void add<T>(in T data);
    void subtract<T>(in T data);
    @noSideEffects bit<16> get();
    @noSideEffects bit<16> get_state();
    void set_state(in bit<16> checksum_state);
}

@noWarn("unused")
extern Counter<W, S> {
    Counter(bit<32> n_counters, _PORTABLE(CounterType_t) type);
    void count(in S index);
#ifdef _PORTABLE_LENGTH
    void count(in S index, in bit<32> pkt_len);
#endif
}

@noWarn("unused")
extern DirectCounter<W> {
    DirectCounter(_PORTABLE(CounterType_t) type);
    void count();
#ifdef _PORTABLE_LENGTH
    void count(in bit<32> pkt_len);
#endif
}

extern Meter<S> {
    Meter(bit<32> n_meters, _PORTABLE(MeterType_t) type);
    _PORTABLE(MeterColor_t) execute(in S index, in _PORTABLE(MeterColor_t) color);
    _PORTABLE(MeterColor_t) execute(in S index);
#ifdef _PORTABLE_LENGTH
    _PORTABLE(MeterColor_t) dpdk_execute(in S index, in _PORTABLE(MeterColor_t) color, in bit<32> pkt_len);
    _PORTABLE(MeterColor_t) dpdk_execute(in S index, in bit<32> pkt_len);
#endif
}

extern DirectMeter {
    DirectMeter(_PORTABLE(MeterType_t) type);
    _PORTABLE(MeterColor_t) execute(in _PORTABLE(MeterColor_t) color);
    _PORTABLE(MeterColor_t) execute();
#ifdef _PORTABLE_LENGTH
    _PORTABLE(MeterColor_t) dpdk_execute(in _PORTABLE(MeterColor_t) color, in bit<32> pkt_len);
    _PORTABLE(MeterColor_t) dpdk_execute(in bit<32> pkt_len);
#endif
}

extern Register<T, S> {
    Register(bit<32> size);
    Register(bit<32> size, T initial_value);
    @noSideEffects T read(in S index);
    void write(in S index, in T value);
}

extern Random<T> {
    Random(T min, T max);
    T read();
}

extern ActionProfile {
    ActionProfile(bit<32> size);
}

extern ActionSelector {
    ActionSelector(_PORTABLE(HashAlgorithm_t) algo, bit<32> size, bit<32> outputWidth);
}

extern Digest<T> {
    Digest();
    void pack(in T data);
}
