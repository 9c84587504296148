// Runs a design on LANES copies at once: lane 0 is golden, every other lane has one fault.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#ifndef LANES
#define LANES 32
#endif
#define NOINLINE __attribute__((noinline))
typedef uint8_t V8 __attribute__((vector_size(LANES)));
typedef uint16_t V16 __attribute__((vector_size(2 * LANES)));
typedef uint32_t V32 __attribute__((vector_size(4 * LANES)));
typedef uint64_t V64 __attribute__((vector_size(8 * LANES)));

#define DEFINE(S)                                                                      \
  static inline V##S K##S(uint64_t x) { return V##S{} + (uint##S##_t)x; }              \
  template <class T> static inline V##S C##S(T x) { return __builtin_convertvector(x, V##S); } \
  static inline V8 NZ##S(V##S x) {                                                     \
    return __builtin_convertvector(V##S(x != 0), V8) & 1;                              \
  }                                                                                    \
  static inline V##S MUX##S(V8 s, V##S a, V##S b) {                                    \
    V##S m = V##S{} - __builtin_convertvector(s, V##S);                                \
    return (a & ~m) | (b & m);                                                         \
  }                                                                                    \
  static inline V8 DIFFERS##S(V##S x) { return NZ##S(x ^ K##S(x[0])); }                \
  static inline V8 PARITY##S(V##S x) {                                                 \
    for (int d = S / 2; d; d /= 2) x ^= x >> d;                                        \
    return __builtin_convertvector(V##S(x & 1), V8);                                   \
  }
DEFINE(8)
DEFINE(16)
DEFINE(32)
DEFINE(64)
template <class M> static inline V64 ONE64(M mask) { return V64(mask) & 1; }

// An address in every lane; lanes mostly agree, and then a whole word is moved at once.
struct Address {
  V32 at;
  uint32_t words;
  bool same;
  Address(V32 where, uint32_t size) : at(where), words(size) {
    V8 d = DIFFERS32(where);
    uint64_t any = 0;
    for (int i = 0; i < LANES / 8; i++) any |= ((const uint64_t *)&d)[i];
    same = !any;
  }
  V64 read(const V64 *m) const {
    if (same) return at[0] < words ? m[at[0]] : V64{};
    V64 r;
    for (int l = 0; l < LANES; l++) r[l] = at[l] < words ? m[at[l]][l] : 0;
    return r;
  }
  void write(V64 *m, V64 data, V64 mask) const {
    if (same) {
      if (at[0] < words) m[at[0]] = (m[at[0]] & ~mask) | (data & mask);
      return;
    }
    for (int l = 0; l < LANES; l++)
      if (at[l] < words) m[at[l]][l] = (m[at[l]][l] & ~mask[l]) | (data[l] & mask[l]);
  }
};

#include "design.inc"

struct Fault { uint32_t cycle, size, index, bit; };  // sorted by cycle
struct Outcome { uint32_t first_data, first_control; uint32_t differs, converged; };
static const uint32_t NEVER = 0xffffffff;

static void copy_state(Net &to, const Net &from) { memcpy((void *)&to, &from, offsetof(Net, c8)); }

static void flip(Net &n, const Fault &f, int lane) {
  switch (f.size) {
    case 8: n.s8[f.index][lane] ^= uint8_t(1) << f.bit; break;
    case 16: n.s16[f.index][lane] ^= uint16_t(1) << f.bit; break;
    case 32: n.s32[f.index][lane] ^= uint32_t(1) << f.bit; break;
    default: n.s64[f.index][lane] ^= uint64_t(1) << f.bit;
  }
}

static V8 state_differs(const Net &n) {
  V8 d8{}; V16 d16{}; V32 d32{}; V64 d64{};
  for (int i = 0; i < S8; i++) d8 |= n.s8[i] ^ K8(n.s8[i][0]);
  for (int i = 0; i < S16; i++) d16 |= n.s16[i] ^ K16(n.s16[i][0]);
  for (int i = 0; i < S32; i++) d32 |= n.s32[i] ^ K32(n.s32[i][0]);
  for (int i = 0; i < S64; i++) d64 |= n.s64[i] ^ K64(n.s64[i][0]);
  V8 d = NZ8(d8) | NZ16(d16) | NZ32(d32) | NZ64(d64);
  for (int k = 0; k < MEMORIES; k++) {
    const V64 *m = (const V64 *)((const char *)&n + memories[k].offset);
    V64 x{};
    for (size_t i = 0; i < memories[k].words; i++) x |= m[i] ^ K64(m[i][0]);
    d |= NZ64(x);
  }
  return d;
}

static std::vector<char> file(const char *name) {
  FILE *f = fopen(name, "rb");
  if (!f) { fprintf(stderr, "cannot read %s\n", name); exit(2); }
  fseek(f, 0, SEEK_END);
  std::vector<char> data(ftell(f));
  rewind(f);
  if (fread(data.data(), 1, data.size(), f) != data.size()) exit(2);
  fclose(f);
  return data;
}

// lanes STIMULUS FAULTS OUTCOMES EVERY: rows of inputs for each cycle; faults; EVERY so many cycles
// it is looked whether all lanes have become golden again.
static int trace(const char *stimulus, const char *outputs) {
  auto rows = file(stimulus);
  const size_t cycles = rows.size() / (8 * ROW);
  std::unique_ptr<Net> golden(new Net);
  initial(*golden);
  FILE *f = fopen(outputs, "wb");
  std::vector<uint64_t> out(OUT);
  for (size_t t = 0; f && t < cycles; t++) {
    load(*golden, (const uint64_t *)rows.data() + t * ROW);
    evaluate(*golden);
    store(*golden, out.data());
    if (fwrite(out.data(), 8, OUT, f) != OUT) return 2;
    tick(*golden);
  }
  return !f || fclose(f) ? 2 : 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "trace")) return trace(argv[2], argv[3]);
  if (argc != 5) return 2;
  auto rows = file(argv[1]), list = file(argv[2]);
  const uint64_t *row = (const uint64_t *)rows.data();
  const size_t cycles = rows.size() / (8 * ROW), count = list.size() / sizeof(Fault);
  const Fault *faults = (const Fault *)list.data();
  const uint32_t every = atoi(argv[4]);
  std::vector<Outcome> outcomes(count);
  std::unique_ptr<Net> golden(new Net), lanes(new Net);
  initial(*golden);
  memset((void *)lanes.get(), 0, sizeof(Net));
  size_t at = 0, now = 0;
  while (at < count) {
    for (; now < faults[at].cycle; now++) {
      load(*golden, row + now * ROW);
      evaluate(*golden);
      tick(*golden);
    }
    size_t used = 1, first = at;
    copy_state(*lanes, *golden);
    for (; at < count && used < LANES && faults[at].cycle == now; at++, used++)
      flip(*lanes, faults[at], (int)used);
    V8 data{}, control{}, left{};
    uint32_t seen_data[LANES], seen_control[LANES];
    memset(seen_data, 0xff, sizeof seen_data);
    memset(seen_control, 0xff, sizeof seen_control);
    bool converged = false;
    for (size_t t = now; t < cycles; t++) {
      load(*lanes, row + t * ROW);
      evaluate(*lanes);
      V8 d{}, c{};
      observe(*lanes, d, c);
      V8 fresh = (d & ~data) | (c & ~control);
      uint64_t any = 0;
      for (int i = 0; i < LANES / 8; i++) any |= ((const uint64_t *)&fresh)[i];
      if (any)
        for (size_t l = 1; l < used; l++) {
          if (d[l] && !data[l]) seen_data[l] = (uint32_t)t;
          if (c[l] && !control[l]) seen_control[l] = (uint32_t)t;
        }
      data |= d;
      control |= c;
      tick(*lanes);
      if ((t - now) % every == every - 1 || t + 1 == cycles) {
        left = state_differs(*lanes);
        uint64_t some = 0;
        for (int i = 0; i < LANES / 8; i++) some |= ((const uint64_t *)&left)[i];
        if (!some) { converged = true; break; }
      }
    }
    for (size_t l = 1; l < used; l++)
      outcomes[first + l - 1] = {seen_data[l], seen_control[l], left[l], converged};
  }
  FILE *f = fopen(argv[3], "wb");
  if (!f || fwrite(outcomes.data(), sizeof(Outcome), count, f) != count || fclose(f)) return 2;
  return 0;
}
