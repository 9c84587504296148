// The design without a fault: its words in every lane, its memories once.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "tables.h"
#include "vectors.h"

typedef void (*Evaluate)(char *n, const uint32_t *o, uint32_t x, uint32_t y, const char *keep,
                         const char *flip);
struct Function { Evaluate plain, forced; };
#include "design.inc"

typedef uint64_t Block __attribute__((vector_size(LANES), aligned(8)));

struct Buffer {
  std::vector<char> raw;
  char *p;
  explicit Buffer(size_t bytes) : raw((bytes + 2) * LANES, 0) {
    p = raw.data() + (LANES - (uintptr_t)raw.data() % LANES) % LANES;
  }
};

static inline uint64_t get(const char *p, uint32_t size, int lane) {
  switch (size) {
    case 8: return ((const uint8_t *)p)[lane];
    case 16: return ((const uint16_t *)p)[lane];
    case 32: return ((const uint32_t *)p)[lane];
    default: return ((const uint64_t *)p)[lane];
  }
}
static inline void put(char *p, uint32_t size, int lane, uint64_t v) {
  switch (size) {
    case 8: ((uint8_t *)p)[lane] = (uint8_t)v; break;
    case 16: ((uint16_t *)p)[lane] = (uint16_t)v; break;
    case 32: ((uint32_t *)p)[lane] = (uint32_t)v; break;
    default: ((uint64_t *)p)[lane] = v;
  }
}
static inline void toggle(char *p, uint32_t size, int lane, uint64_t flips) {
  switch (size) {
    case 8: ((uint8_t *)p)[lane] ^= (uint8_t)flips; break;
    case 16: ((uint16_t *)p)[lane] ^= (uint16_t)flips; break;
    case 32: ((uint32_t *)p)[lane] ^= (uint32_t)flips; break;
    default: ((uint64_t *)p)[lane] ^= flips;
  }
}
static inline void splat(char *p, uint32_t size, uint64_t v) {
  switch (size) {
    case 8: ST8(p, K8(v)); break;
    case 16: ST16(p, K16(v)); break;
    case 32: ST32(p, K32(v)); break;
    default: ST64(p, K64(v));
  }
}

struct Golden {
  const Tables &t;
  Buffer buffer;
  char *n;
  std::vector<std::vector<uint64_t>> memory;  // by piece

  explicit Golden(const Tables &tables) : t(tables), buffer(tables.head.bytes), n(buffer.p) {
    for (const Memory &m : t.memories)
      for (uint32_t k = 0; k < pieces(m); k++) memory.emplace_back(m.rows, 0);
    reset();
  }

  static uint32_t pieces(const Memory &m) { return (m.width + 63) / 64; }
  char *at(uint32_t word) const { return n + (size_t)t.words[word].offset * LANES; }
  uint64_t value(uint32_t word) const { return get(at(word), t.words[word].size, 0); }

  void reset() {
    for (uint32_t s = 0; s < t.head.states; s++) splat(at(s), t.words[s].size, t.state_init[s]);
    for (auto &piece : memory) std::fill(piece.begin(), piece.end(), 0);
    for (const MemoryInit &i : t.memory_init) memory[i.piece][i.row] = i.value;
  }

  void evaluate(const uint64_t *inputs) {
    for (size_t i = 0; i < t.inputs.size(); i++)
      splat(at(t.inputs[i]), t.words[t.inputs[i]].size, inputs[i]);
    for (const Chunk &c : t.chunks) {
      if (c.reads) read(c);
      else
        FUNCTIONS[c.function].plain(n, &t.operands[c.operands], c.x, c.y, nullptr, nullptr);
    }
  }

  void tick() {
    for (const Memory &m : t.memories)
      for (uint32_t w = 0; w < m.writes; w++) {
        const uint32_t word = t.writes[m.write + w], count = pieces(m);
        const uint64_t row = value(word);
        if (row >= m.rows) continue;
        for (uint32_t k = 0; k < count; k++) {
          const uint64_t mask = value(word + 1 + count + k);
          uint64_t &old = memory[m.piece + k][row];
          old = (old & ~mask) | (value(word + 1 + k) & mask);
        }
      }
    memcpy(n, n + (size_t)t.head.state_bytes * LANES, (size_t)t.head.state_bytes * LANES);
  }

  uint64_t address(const Chunk &read) const {
    return ((const uint32_t *)(n + t.operands[read.operands]))[0];
  }

 private:
  void read(const Chunk &c) {
    const Memory &m = t.memories[c.function];
    const uint64_t row = address(c);
    for (uint32_t k = 0; k < c.count; k++)
      splat(at(c.first + k), t.words[c.first + k].size, row < m.rows ? memory[m.piece + k][row] : 0);
  }
};
