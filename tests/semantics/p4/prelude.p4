// What all cases of test_refused.py may use.
#include <core.p4>
header h_t { bit<8> a; bit<16> b; }
header v_t { bit<8> n; varbit<64> v; }
header_union u_t { h_t h; v_t v; }
struct s_t {
    h_t h; h_t[3] stack; v_t v; u_t u; bit<8> x; bit<16> y; bool flag; int<8> s; error e; tuple<bit<8>, bool> t;
}
enum color { red, green }
enum bit<8> code { one = 1, two = 2 }
type bit<8> new_t;
extern reg<T> { reg(bit<32> n); T read(in bit<32> i); void write(in bit<32> i, in T v); }
extern virt { virt(); abstract bit<8> f(in bit<8> x); void plain(); }
extern void act(in bit<8> a);
extern bit<8> ext(in bit<8> a, out bit<8> b);
extern void gen<T>(in T a);
bit<8> twice(in bit<8> x) { return x + x; }
parser sub(packet_in b, out h_t h) { state start { b.extract(h); transition accept; } }
control nested(inout h_t h) { apply { } }
extern void gen2<T>(in T a, in T b);
extern T ret<T>(in bit<8> a);
extern void outp<T>(out T a);
extern void lst<T>(in list<T> a);
extern E2 { E2(bit<8> a, bit<8> b); void m(in bit<8> a); void m(in bit<8> a, in bool b); T g<T>(in T t); }
extern E3<T> { E3(T t); void put(in T t); T get(); }
extern void named(in bit<8> x, in bit<8> y);
extern void deflt(in bit<8> x, in bit<8> y = 3);
control cc(inout h_t h)(bit<8> n, bool b) { apply { } }
