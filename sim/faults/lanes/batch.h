// One cycle of up to LANES nodes: each lane the golden design but for its node's differences. Only
// chunks are evaluated that read something which differs in some lane.
#pragma once
#include "golden.h"
#include "level.h"

struct Force {  // on nets, or on state at the beginning of every cycle before `until`
  uint8_t model, kind;
  uint32_t until;
  std::vector<Diff> bits;  // `word` of a net: index into net_pieces
};

struct Batch {
  struct Overlay { uint32_t lane, word, row; uint64_t flips; };

  const Tables &t;
  Golden &g;
  Buffer buffer;
  char *n;
  Diffs next[LANES];  // state that will differ
  bool outputs_differ = false;

  Batch(const Tables &tables, Golden &golden)
      : t(tables), g(golden), buffer(tables.head.bytes), n(buffer.p),
        keep_(tables.head.force_bytes), flip_(tables.head.force_bytes) {
    memset(keep_.p, 0xff, (size_t)tables.head.force_bytes * LANES);
    dirty_.resize((t.chunks.size() + 1 + t.memories.size() + 63) / 64);
    forced_.resize(t.chunks.size());
    is_touched_.resize(t.head.states);
    overlay_.resize(t.memories.size());
    is_used_.resize(t.memories.size());
    reads_.resize(t.memories.size());
    written_.resize(t.memories.size());
    for (size_t c = 0; c < t.chunks.size(); c++)
      if (t.chunks[c].reads) reads_[t.chunks[c].function].push_back((uint32_t)c);
    for (size_t m = 0; m < t.memories.size(); m++)
      for (uint32_t k = 0; k < Golden::pieces(t.memories[m]); k++) memory_of_.push_back((uint32_t)m);
  }

  // To be called when `g` has been evaluated for a cycle.
  void begin_cycle() { memcpy(n, g.n, (size_t)t.head.bytes * LANES); }

  void flip(int lane, const Diff &d) {
    if (d.word < t.head.states) {
      const Word &w = t.words[d.word];
      char *p = n + (size_t)w.offset * LANES;
      toggle(p, w.size, lane, d.flips);
      if (!is_touched_[d.word]) {
        is_touched_[d.word] = 1;
        touched_words_.push_back(d.word);
        mark(w);
      }
      return;
    }
    const uint32_t piece = d.word - t.head.states, m = memory_of_[piece];
    use(m);
    overlay_[m].push_back({(uint32_t)lane, piece, d.row, d.flips});
    for (uint32_t c : reads_[m])
      if (g.address(t.chunks[c]) == d.row) mark(c);
  }

  void force(int lane, const Force &f) {
    for (const Diff &d : f.bits) {
      if (f.kind == NET) {
        const NetPiece &p = t.net_pieces[d.word];
        const size_t at = (size_t)p.force * LANES;
        if (f.model != FLIP)
          put(keep_.p + at, p.size, lane, get(keep_.p + at, p.size, lane) & ~d.flips);
        if (f.model != STUCK_0) put(flip_.p + at, p.size, lane, d.flips);
        forces_.push_back(d.word);
        forced_[p.chunk] = 1;
        mark(p.chunk);
        continue;
      }
      const uint64_t now = d.word < t.head.states
                               ? get(n + (size_t)t.words[d.word].offset * LANES, t.words[d.word].size, lane)
                               : g.memory[d.word - t.head.states][d.row] ^ overlaid(lane, d);
      const uint64_t flips = (now ^ (f.model == STUCK_1 ? ~0ull : 0)) & d.flips;
      if (flips && !merge(lane, d, flips)) flip(lane, {d.word, d.row, flips});
    }
  }

  void run(int lanes) {
    for (size_t i = 0; i < dirty_.size(); i++)
      while (dirty_[i]) {
        const size_t c = i * 64 + __builtin_ctzll(dirty_[i]);
        dirty_[i] &= dirty_[i] - 1;
        if (c < t.chunks.size()) evaluate(c, lanes);
        else if (c == t.chunks.size()) outputs_differ = true;
        else use((uint32_t)(c - t.chunks.size() - 1)), written_[c - t.chunks.size() - 1] = 1;
      }
    std::sort(used_.begin(), used_.end());
    for (uint32_t m : used_) remember(m, lanes);
  }

  void end() {
    for (uint32_t w : touched_words_) {
      is_touched_[w] = 0;
      const size_t at = (size_t)t.words[w].offset * LANES;
      memcpy(n + at, g.n + at, t.words[w].size / 8 * LANES);
    }
    for (uint32_t c : touched_) {
      const Chunk &k = t.chunks[c];
      memcpy(n + k.x, g.n + k.x, (size_t)k.bytes);
      forced_[c] = 0;
    }
    for (uint32_t piece : forces_) {
      const NetPiece &p = t.net_pieces[piece];
      memset(keep_.p + (size_t)p.force * LANES, 0xff, p.size / 8 * LANES);
      memset(flip_.p + (size_t)p.force * LANES, 0, p.size / 8 * LANES);
    }
    for (uint32_t m : used_) { overlay_[m].clear(); written_[m] = is_used_[m] = 0; }
    touched_words_.clear(); touched_.clear(); forces_.clear(); used_.clear();
    outputs_differ = false;
  }

 private:
  Buffer keep_, flip_;
  std::vector<uint64_t> dirty_;
  std::vector<char> forced_, written_, is_touched_, is_used_;
  std::vector<uint32_t> touched_, touched_words_, forces_, used_, memory_of_;
  std::vector<std::vector<Overlay>> overlay_;
  std::vector<std::vector<uint32_t>> reads_;

  void mark(uint32_t c) { dirty_[c / 64] |= 1ull << (c % 64); }
  void mark(const Word &w) {
    for (uint32_t i = 0; i < w.consumers; i++) mark(t.consumers[w.first_consumer + i]);
  }

  bool differs(size_t a, size_t b, uint32_t size) const {
    Block x{};
    for (uint32_t k = 0; k < size / 8; k++)
      x |= ((const Block *)(n + a))[k] ^ ((const Block *)(g.n + b))[k];
    uint64_t any = 0;
    for (int i = 0; i < LANES / 8; i++) any |= x[i];
    return any;
  }

  void evaluate(size_t c, int lanes) {
    const Chunk &k = t.chunks[c];
    touched_.push_back((uint32_t)c);
    if (k.reads) read(k, lanes);
    else if (forced_[c])
      FUNCTIONS[k.function].forced(n, &t.operands[k.operands], k.x, k.y, keep_.p + (size_t)k.force * LANES,
                                   flip_.p + (size_t)k.force * LANES);
    else
      FUNCTIONS[k.function].plain(n, &t.operands[k.operands], k.x, k.y, nullptr, nullptr);
    for (uint32_t i = 0; i < k.count; i++) {
      const Word &w = t.words[k.first + i];
      const size_t at = (size_t)w.offset * LANES;
      if (differs(at, at, w.size)) mark(w);
    }
    size_t at = k.y;
    for (uint32_t i = 0; i < k.states; i++) {
      const uint32_t size = t.words[k.state + i].size;
      if (differs(at, at, size)) collect(k.state + i, at, size, lanes);
      at += size / 8 * LANES;
    }
  }

  template <class T> void collect_as(uint32_t word, size_t at, int lanes) {
    const T *v = (const T *)(n + at), golden = ((const T *)(g.n + at))[0];
    for (int l = 0; l < lanes; l++)
      if (v[l] != golden) next[l].add(word, 0, (uint64_t)(T)(v[l] ^ golden));
  }
  void collect(uint32_t word, size_t at, uint32_t size, int lanes) {
    switch (size) {
      case 8: return collect_as<uint8_t>(word, at, lanes);
      case 16: return collect_as<uint16_t>(word, at, lanes);
      case 32: return collect_as<uint32_t>(word, at, lanes);
      default: return collect_as<uint64_t>(word, at, lanes);
    }
  }

  void read(const Chunk &c, int lanes) {
    const Memory &m = t.memories[c.function];
    const uint32_t *row = (const uint32_t *)(n + t.operands[c.operands]);
    for (uint32_t k = 0; k < c.count; k++) {
      const Word &w = t.words[c.first + k];
      char *p = n + (size_t)w.offset * LANES;
      const auto &piece = g.memory[m.piece + k];
      for (int l = 0; l < lanes; l++) put(p, w.size, l, row[l] < m.rows ? piece[row[l]] : 0);
      for (const Overlay &o : overlay_[c.function])
        if (o.word == m.piece + k && row[o.lane] == o.row)
          put(p, w.size, (int)o.lane, get(p, w.size, (int)o.lane) ^ o.flips);
    }
  }

  uint64_t overlaid(int lane, const Diff &d) const {
    const uint32_t piece = d.word - t.head.states;
    uint64_t flips = 0;
    for (const Overlay &o : overlay_[memory_of_[piece]])
      if (o.lane == (uint32_t)lane && o.word == piece && o.row == d.row) flips ^= o.flips;
    return flips;
  }

  void use(uint32_t m) {
    if (!is_used_[m]) used_.push_back(m);
    is_used_[m] = 1;
  }

  // Adds flips to a difference in memory that the lane already has.
  bool merge(int lane, const Diff &d, uint64_t flips) {
    if (d.word < t.head.states) return false;
    const uint32_t piece = d.word - t.head.states;
    for (Overlay &o : overlay_[memory_of_[piece]])
      if (o.lane == (uint32_t)lane && o.word == piece && o.row == d.row) return o.flips ^= flips, true;
    return false;
  }

  // Adds to `next` how memory `m` will differ.
  void remember(uint32_t m, int lanes) {
    const auto &overlay = overlay_[m];
    const Memory &mem = t.memories[m];
    uint64_t other[(LANES + 63) / 64] = {};  // lanes that write something else
    if (written_[m])
      for (int l = 0; l < lanes; l++)
        if (writes_differ(mem, l)) other[l / 64] |= 1ull << (l % 64);
    for (const Overlay &o : overlay)
      if (!(other[o.lane / 64] >> (o.lane % 64) & 1)) keep_what_stays(mem, o);
    for (int l = 0; written_[m] && l < lanes; l++)
      if (other[l / 64] >> (l % 64) & 1) compare_writes(mem, overlay, l);
  }

  bool writes_differ(const Memory &m, int lane) const {
    const uint32_t words = 1 + 2 * Golden::pieces(m);
    for (uint32_t w = 0; w < m.writes; w++)
      for (uint32_t k = 0; k < words; k++) {
        const Word &word = t.words[t.writes[m.write + w] + k];
        const size_t at = (size_t)word.offset * LANES;
        if (get(n + at, word.size, lane) != get(g.n + at, word.size, 0)) return true;
      }
    return false;
  }

  void keep_what_stays(const Memory &m, const Overlay &o) {
    uint64_t flips = o.flips;
    for (uint32_t w = 0; w < m.writes; w++) {
      const uint32_t word = t.writes[m.write + w];
      if (g.value(word) == o.row)
        flips &= ~g.value(word + 1 + Golden::pieces(m) + o.word - m.piece);
    }
    add(o.lane, {o.word + t.head.states, o.row, flips});
  }

  void compare_writes(const Memory &m, const std::vector<Overlay> &overlay, int lane) {
    std::vector<uint32_t> rows;
    const uint32_t count = Golden::pieces(m);
    auto lane_value = [&](uint32_t word) {
      return get(n + (size_t)t.words[word].offset * LANES, t.words[word].size, lane);
    };
    for (const Overlay &o : overlay)
      if (o.lane == (uint32_t)lane) rows.push_back(o.row);
    for (uint32_t w = 0; w < m.writes; w++) {
      rows.push_back((uint32_t)g.value(t.writes[m.write + w]));
      rows.push_back((uint32_t)lane_value(t.writes[m.write + w]));
    }
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    for (uint32_t k = 0; k < count; k++)
      for (uint32_t row : rows) {
        if (row >= m.rows) continue;
        const uint32_t piece = m.piece + k;
        uint64_t golden = g.memory[piece][row], faulty = golden;
        for (const Overlay &o : overlay)
          if (o.lane == (uint32_t)lane && o.word == piece && o.row == row) faulty ^= o.flips;
        for (uint32_t w = 0; w < m.writes; w++) {
          const uint32_t word = t.writes[m.write + w];
          if (g.value(word) == row) {
            const uint64_t mask = g.value(word + 1 + count + k);
            golden = (golden & ~mask) | (g.value(word + 1 + k) & mask);
          }
          if (lane_value(word) == row) {
            const uint64_t mask = lane_value(word + 1 + count + k);
            faulty = (faulty & ~mask) | (lane_value(word + 1 + k) & mask);
          }
        }
        add((uint32_t)lane, {piece + t.head.states, row, golden ^ faulty});
      }
  }

  void add(uint32_t lane, const Diff &d) {
    if (d.flips) next[lane].add(d.word, d.row, d.flips);
  }
};
