// Words as vectors: element l belongs to lane l, one copy of the design.
#pragma once
#include <cstdint>
#include <cstring>

#ifndef LANES
#define LANES 32
#endif
#define NOINLINE __attribute__((noinline))

#define DEFINE(S)                                                                        \
  typedef uint##S##_t V##S __attribute__((vector_size(S / 8 * LANES), aligned(LANES)));   \
  static inline V##S L##S(const char *p) { return *(const V##S *)p; }                    \
  static inline void ST##S(char *p, V##S v) { *(V##S *)p = v; }                           \
  static inline V##S K##S(uint64_t x) { return V##S{} + (uint##S##_t)x; }                \
  static inline V##S FORCE##S(V##S v, const char *keep, const char *flip) {              \
    return (v & L##S(keep)) ^ L##S(flip);                                                \
  }
DEFINE(8)
DEFINE(16)
DEFINE(32)
DEFINE(64)
#undef DEFINE

#define DEFINE(S)                                                                        \
  template <class T> static inline V##S C##S(T x) { return __builtin_convertvector(x, V##S); } \
  static inline V8 NZ##S(V##S x) {                                                       \
    return __builtin_convertvector(V##S(x != 0), V8) & 1;                                \
  }                                                                                      \
  static inline V##S MUX##S(V8 s, V##S a, V##S b) {                                      \
    V##S m = V##S{} - __builtin_convertvector(s, V##S);                                  \
    return (a & ~m) | (b & m);                                                           \
  }                                                                                      \
  static inline V8 PARITY##S(V##S x) {                                                   \
    for (int d = S / 2; d; d /= 2) x ^= x >> d;                                          \
    return __builtin_convertvector(V##S(x & 1), V8);                                     \
  }
DEFINE(8)
DEFINE(16)
DEFINE(32)
DEFINE(64)
#undef DEFINE

template <class M> static inline V64 ONE64(M mask) { return V64(mask) & 1; }

// The low pieces of a product of numbers of several pieces.
static inline void MULTIPLY(const V64 *a, const V64 *b, V64 *y, int pieces) {
  for (int l = 0; l < LANES; l++) {
    uint64_t sum[pieces];
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < pieces; i++) {
      uint64_t carry = 0;
      for (int j = 0; i + j < pieces; j++) {
        unsigned __int128 t = (unsigned __int128)a[i][l] * b[j][l] + sum[i + j] + carry;
        sum[i + j] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
      }
    }
    for (int i = 0; i < pieces; i++) y[i][l] = sum[i];
  }
}
