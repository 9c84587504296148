// Nodes: how a faulty design differs from the golden one at the beginning of a cycle. Equal nodes
// have an equal future, and are one. A node belongs to a strand: the one that led to it, or, where
// several did, a new one, to which they are joined.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "vectors.h"

struct Diff {  // `flips` in a state word, or, from `states` on, in a row of a memory piece
  uint32_t word, row;
  uint64_t flips;
  uint64_t place() const { return (uint64_t)word << 32 | row; }
  bool operator<(const Diff &o) const { return place() < o.place(); }
};

// Differences one after the other; as a vector, but that adding one is quick.
struct Diffs {
  Diff *p = nullptr;
  uint32_t count = 0, room = 0;
  ~Diffs() { free(p); }
  void add(uint32_t word, uint32_t row, uint64_t flips) {
    if (count == room) grow();
    p[count++] = {word, row, flips};
  }
  void sort() {
    if (!std::is_sorted(p, p + count)) std::sort(p, p + count);
  }

 private:
  NOINLINE void grow() {
    room = room ? 2 * room : 64;
    p = (Diff *)realloc((void *)p, room * sizeof(Diff));
  }
};
struct Node { uint64_t hash; uint32_t strand, first, count, force; };

static const uint32_t MASKED = 0, DORMANT = 1, FIRST_STRAND = 2, NO_FORCE = 0xffffffff;

struct Strands {
  std::vector<uint32_t> next{0, 0};  // the strand that each is joined to, always a later one; or
                                     // what became of it
  uint32_t begin() {
    next.push_back(MASKED);
    return (uint32_t)next.size() - 1;
  }
  // Returns the strand of what `a`, there before, and `b` have led to.
  uint32_t join(uint32_t a, bool a_is_joint, uint32_t b) {
    if (a_is_joint && a > b) return next[b] = a;
    const uint32_t joint = begin();
    return next[a] = next[b] = joint;
  }
};

static inline uint64_t mixed(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15ull;
  return h ^ (h >> 29);
}

static inline uint64_t hash_of(const Diff *d, uint32_t count, uint32_t force) {
  uint64_t h = mixed(count, force);
  for (uint32_t i = 0; i < count; i++)
    h = mixed(h, d[i].flips + d[i].place() * 0xc2b2ae3d27d4eb4full);
  return h;
}

struct Level {
  std::vector<Node> nodes;
  std::vector<char> is_joint;
  std::vector<Diff> diffs;
  std::vector<uint64_t> table;  // by hash: its upper half, and index of a node + 1

  // Adds the node that a strand leads to.
  void insert(const Diff *d, uint32_t count, uint32_t force, uint32_t strand, Strands &strands) {
    if (2 * nodes.size() >= table.size()) grow();
    const uint64_t h = hash_of(d, count, force);
    const size_t mask = table.size() - 1;
    const uint64_t upper = h & ~0xffffffffull;
    for (size_t at = h & mask;; at = (at + 1) & mask) {
      const uint64_t entry = table[at];
      if (!entry) {
        table[at] = upper | (nodes.size() + 1);
        nodes.push_back({h, strand, (uint32_t)diffs.size(), count, force});
        is_joint.push_back(0);
        diffs.insert(diffs.end(), d, d + count);
        return;
      }
      if ((entry ^ upper) >> 32) continue;
      const size_t found = (uint32_t)entry - 1;
      Node &n = nodes[found];
      if (n.hash != h || n.count != count || n.force != force) continue;
      if (!same(&diffs[n.first], d, count)) continue;
      n.strand = strands.join(n.strand, is_joint[found], strand);
      is_joint[found] = 1;
      return;
    }
  }

  void clear() {
    nodes.clear();
    is_joint.clear();
    diffs.clear();
    std::fill(table.begin(), table.end(), 0);
  }

 private:
  static bool same(const Diff *a, const Diff *b, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
      if (a[i].word != b[i].word || a[i].row != b[i].row || a[i].flips != b[i].flips) return false;
    return true;
  }
  void grow() {
    table.assign(table.empty() ? 4096 : 2 * table.size(), 0);
    const size_t mask = table.size() - 1;
    for (size_t i = 0; i < nodes.size(); i++) {
      size_t at = nodes[i].hash & mask;
      while (table[at]) at = (at + 1) & mask;
      table[at] = (nodes[i].hash & ~0xffffffffull) | (i + 1);
    }
  }
};
