// Runs faults on a design: cycle by cycle, every way in which some fault makes the design differ is
// a node, evaluated once for that cycle however many faults lead to it.
//
//   lanes trace TABLES INPUTS OUTPUTS
//   lanes inject TABLES INPUTS PORTS FAULTS OUTCOMES [VALUES]
#include <cmath>
#include <map>

#include "batch.h"

struct Port {  // of what is observed; `valid` and `ready` are words, or NEVER
  uint32_t output, role, valid, ready, field_bits, is_signed;
};
struct Value { uint32_t fault, cycle, output, piece; uint64_t want, got; };

struct Event {  // what was seen of a node
  bool data, control, detected, corrected;
  uint32_t bits;
  float largest;
};

static uint64_t ones(uint32_t bits) { return bits >= 64 ? ~0ull : (1ull << bits) - 1; }

static uint64_t field(const uint64_t *pieces, uint32_t low, uint32_t bits) {
  uint64_t v = pieces[low / 64] >> (low % 64);
  if (low % 64 && low % 64 + bits > 64) v |= pieces[low / 64 + 1] << (64 - low % 64);
  return v & ones(bits);
}

static uint64_t distance(uint64_t a, uint64_t b, uint32_t bits, bool is_signed) {
  if (is_signed) {  // the order of signed numbers is that of numbers with the sign inverted
    a ^= 1ull << (bits - 1);
    b ^= 1ull << (bits - 1);
  }
  return a > b ? a - b : b - a;
}

struct Campaign {
  const Tables &t;
  std::vector<uint64_t> rows;
  uint32_t cycles;
  std::vector<Port> ports;
  std::vector<Fault> faults;
  bool record;

  Golden golden;
  Batch batch;
  std::vector<Force> forces;
  std::vector<uint32_t> start;           // strand of each fault
  Strands strands;
  std::vector<Outcome> seen_;            // of each strand by itself
  std::map<uint32_t, std::vector<Value>> values_;
  size_t evaluated = 0;
  Level now_, next_level_;               // nodes of this cycle and of the next one
  std::map<uint32_t, Level> later_;      // and of those after it
  uint32_t this_cycle_ = 0;
  std::vector<std::vector<uint64_t>> touched;  // by memory: row and cycle of every access, sorted

  Campaign(const Tables &tables, std::vector<uint64_t> inputs, std::vector<Port> p,
           std::vector<Fault> f, bool r)
      : t(tables), rows(std::move(inputs)), ports(std::move(p)), faults(std::move(f)), record(r),
        golden(tables), batch(tables, golden) {
    cycles = (uint32_t)(rows[0]);
    start.resize(faults.size());
  }

  const uint64_t *row(uint32_t cycle) const { return rows.data() + 1 + (size_t)cycle * t.inputs.size(); }

  void run() {
    note_accesses();
    golden.reset();
    size_t at = 0;
    for (uint32_t now = 0; now < cycles; now++) {
      golden.evaluate(row(now));
      this_cycle_ = now;
      for (; at < faults.size() && faults[at].cycle == now; at++) start[at] = begin(faults[at]);
      if (!now_.nodes.empty()) advance(now_, now);
      if (at == faults.size() && next_level_.nodes.empty() && later_.empty()) break;
      golden.tick();
      now_.clear();
      std::swap(now_, next_level_);
      auto waking = later_.find(now + 1);
      if (waking == later_.end()) continue;
      wake(waking->second);
      later_.erase(waking);
    }
  }

  // When is a row of a memory read or written next? Differences in memory sleep until then.
  void note_accesses() {
    touched.resize(t.memories.size());
    if (t.memories.empty()) return;
    for (uint32_t now = 0; now < cycles; now++) {
      golden.evaluate(row(now));
      for (const Chunk &c : t.chunks)
        if (c.reads) touched[c.function].push_back(golden.address(c) << 32 | now);
      for (size_t m = 0; m < t.memories.size(); m++)
        for (uint32_t w = 0; w < t.memories[m].writes; w++)
          touched[m].push_back(golden.value(t.writes[t.memories[m].write + w]) << 32 | now);
      golden.tick();
    }
    for (auto &list : touched) std::sort(list.begin(), list.end());
  }

  uint32_t next_access(const Diff &d, uint32_t from) const {
    const auto &list = touched[memory_of(d.word - t.head.states)];
    auto found = std::lower_bound(list.begin(), list.end(), (uint64_t)d.row << 32 | from);
    return found != list.end() && *found >> 32 == d.row ? (uint32_t)*found : NEVER;
  }

  uint32_t memory_of(uint32_t piece) const {
    uint32_t m = (uint32_t)t.memories.size();
    while (t.memories[--m].piece > piece) {}
    return m;
  }

  // Nodes that slept were kept apart from those of their cycle.
  void wake(const Level &level) {
    for (const Node &n : level.nodes)
      now_.insert(&level.diffs[n.first], n.count, n.force, n.strand, strands);
  }

  Level &level_of(uint32_t cycle) {
    if (cycle == this_cycle_) return now_;
    return cycle == this_cycle_ + 1 ? next_level_ : later_[cycle];
  }

  // Leads a strand to the node of differences at the beginning of a cycle.
  void insert(Diffs &diffs, uint32_t force, uint32_t cycle, uint32_t strand) {
    if (cycle >= cycles || (!diffs.count && force == NO_FORCE))
      return (void)(strands.next[strand] = diffs.count ? DORMANT : MASKED);
    diffs.sort();
    if (force == NO_FORCE && diffs.p[0].word >= t.head.states) {
      uint32_t wake = NEVER;
      for (uint32_t i = 0; i < diffs.count; i++) wake = std::min(wake, next_access(diffs.p[i], cycle));
      if (wake == NEVER) return (void)(strands.next[strand] = DORMANT);
      cycle = wake;
    }
    level_of(cycle).insert(diffs.p, diffs.count, force, strand, strands);
  }

  // Bits that a fault hits, as differences of words.
  std::vector<Diff> bits_of(const Fault &f) const {
    uint32_t first, width, rows = 1;
    if (f.kind == FLOP) first = t.flops[f.word].state, width = t.flops[f.word].width;
    else if (f.kind == NET) first = t.nets[f.word].piece, width = t.nets[f.word].width;
    else {
      const Memory &m = t.memories[f.word];
      first = t.head.states + m.piece, width = m.width, rows = m.rows;
    }
    std::map<std::pair<uint32_t, uint32_t>, uint64_t> hit;
    for (uint32_t i = 0; i < 16; i++) {
      const uint32_t row = f.row + i / 4, bit = f.bit + i % 4;
      if (f.pattern >> i & 1 && bit < width && row < rows) hit[{first + bit / 64, row}] |= 1ull << bit % 64;
    }
    std::vector<Diff> found;
    for (auto &[where, flips] : hit) found.push_back({where.first, where.second, flips});
    return found;
  }

  uint32_t begin(const Fault &f) {
    const uint32_t strand = strands.begin();
    std::vector<Diff> bits = bits_of(f);
    Diffs diffs;
    if (f.model == FLIP && f.kind != NET) {
      for (const Diff &d : bits) diffs.add(d.word, d.row, d.flips);
      insert(diffs, NO_FORCE, f.cycle, strand);
      return strand;
    }
    if (bits.empty() || !f.length) {
      insert(diffs, NO_FORCE, f.cycle, strand);
      return strand;
    }
    const uint32_t until = f.length > cycles - f.cycle ? cycles : f.cycle + f.length;
    forces.push_back({f.model, f.kind, until, std::move(bits)});
    insert(diffs, (uint32_t)forces.size() - 1, f.cycle, strand);
    return strand;
  }

  // Evaluates every node of a level, neighbours together.
  void advance(const Level &level, uint32_t now) {
    const std::vector<uint32_t> sorted = by_place(level);
    batch.begin_cycle();
    evaluated += sorted.size();
    for (size_t first = 0; first < sorted.size(); first += LANES) {
      const int lanes = (int)std::min<size_t>(LANES, sorted.size() - first);
      for (int l = 0; l < lanes; l++) {
        const Node &node = level.nodes[sorted[first + l]];
        for (uint32_t i = 0; i < node.count; i++) batch.flip(l, level.diffs[node.first + i]);
      }
      for (int l = 0; l < lanes; l++) {
        const Node &node = level.nodes[sorted[first + l]];
        if (node.force != NO_FORCE) batch.force(l, forces[node.force]);
      }
      batch.run(lanes);
      if (batch.outputs_differ) observe(level, &sorted[first], lanes, now);
      for (int l = 0; l < lanes; l++) {
        const Node &node = level.nodes[sorted[first + l]];
        uint32_t force = node.force;
        if (force != NO_FORCE && forces[force].until <= now + 1) force = NO_FORCE;
        insert(batch.next[l], force, now + 1, node.strand);
        batch.next[l].count = 0;
      }
      batch.end();
    }
  }

  std::vector<uint32_t> by_place(const Level &level) const {
    const uint32_t places = t.head.states + t.head.pieces;
    auto place = [&](const Node &n) {
      if (n.force != NO_FORCE) {
        const Force &f = forces[n.force];
        return f.kind == NET ? places + t.net_pieces[f.bits[0].word].chunk : f.bits[0].word;
      }
      return level.diffs[n.first].word;
    };
    std::vector<uint32_t> count(places + t.chunks.size() + 1, 0), sorted(level.nodes.size());
    for (const Node &n : level.nodes) count[place(n) + 1]++;
    for (size_t i = 1; i < count.size(); i++) count[i] += count[i - 1];
    for (uint32_t i = 0; i < level.nodes.size(); i++) sorted[count[place(level.nodes[i])]++] = i;
    return sorted;
  }

  void observe(const Level &level, const uint32_t *nodes, int lanes, uint32_t now) {
    std::vector<Event> events(lanes, Event{false, false, false, false, 0, 0});
    if (strands.next.size() > seen_.size()) seen_.resize(2 * strands.next.size(), NOTHING);
    for (const Port &p : ports) {
      const bool counts = (p.valid == NEVER || golden.value(p.valid)) && (p.ready == NEVER || golden.value(p.ready));
      if (p.role == DATA && !counts) continue;
      look(p, events, now, [&](int l) { return level.nodes[nodes[l]].strand; });
    }
    for (int l = 0; l < lanes; l++) note(seen_[level.nodes[nodes[l]].strand], events[l], now);
  }

  static void note(Outcome &o, const Event &e, uint32_t now) {
    if (e.data) o.data = std::min(o.data, now), o.beats++;
    if (e.control) o.control = std::min(o.control, now);
    if (e.detected) o.detected = std::min(o.detected, now);
    if (e.corrected) o.corrected = std::min(o.corrected, now);
    o.bits += e.bits;
    o.largest = std::max(o.largest, e.largest);
  }

  template <class S> void look(const Port &p, std::vector<Event> &seen, uint32_t now, S strand) {
    const Output &o = t.outputs[p.output];
    const uint32_t count = (o.width + 63) / 64;
    std::vector<uint64_t> want(count), got(count);
    for (uint32_t k = 0; k < count; k++) want[k] = golden.value(o.word + k);
    for (size_t l = 0; l < seen.size(); l++) {
      bool same = true;
      for (uint32_t k = 0; k < count; k++) {
        got[k] = get(batch.n + (size_t)t.words[o.word + k].offset * LANES, 64, (int)l);
        same &= got[k] == want[k];
      }
      if (same) continue;
      judge(p, o.width, want, got, seen[l]);
      for (uint32_t k = 0; record && p.role == DATA && k < count; k++)
        values_[strand((int)l)].push_back({0, now, p.output, k, want[k], got[k]});
    }
  }

  void judge(const Port &p, uint32_t width, const std::vector<uint64_t> &want,
             const std::vector<uint64_t> &got, Event &e) const {
    bool fired = false;
    for (size_t k = 0; k < want.size(); k++) fired |= (got[k] & ~want[k]) != 0;
    if (p.role == CONTROL) e.control = true;
    if (p.role == DETECTOR) e.detected |= fired;
    if (p.role == CORRECTOR) e.corrected |= fired;
    if (p.role != DATA) return;
    e.data = true;
    for (size_t k = 0; k < want.size(); k++) e.bits += (uint32_t)__builtin_popcountll(want[k] ^ got[k]);
    const uint32_t step = p.field_bits ? p.field_bits : std::min(width, 64u);
    for (uint32_t low = 0; low < width; low += step) {
      const uint32_t bits = std::min(step, width - low);
      const uint64_t d = distance(field(want.data(), low, bits), field(got.data(), low, bits), bits, p.is_signed);
      e.largest = std::max(e.largest, (float)d);
    }
  }

  // Outcomes of strands from those of the strands that they were joined to, the last first.
  std::vector<Outcome> outcomes() {
    seen_.resize(strands.next.size(), NOTHING);
    for (uint32_t s = (uint32_t)strands.next.size(); s-- > FIRST_STRAND;) {
      const uint32_t next = strands.next[s];
      Outcome &o = seen_[s];
      if (next == DORMANT) o.state = 1;
      if (next < FIRST_STRAND) continue;
      const Outcome &later = seen_[next];
      o.data = std::min(o.data, later.data);
      o.control = std::min(o.control, later.control);
      o.detected = std::min(o.detected, later.detected);
      o.corrected = std::min(o.corrected, later.corrected);
      o.beats += later.beats;
      o.bits += later.bits;
      o.largest = std::max(o.largest, later.largest);
      o.state = later.state;
    }
    std::vector<Outcome> all(faults.size());
    for (size_t i = 0; i < faults.size(); i++) all[i] = seen_[start[i]];
    return all;
  }

  std::vector<Value> values() const {
    std::vector<Value> found;
    for (size_t i = 0; i < faults.size(); i++)
      for (uint32_t s = start[i]; s >= FIRST_STRAND; s = strands.next[s]) {
        auto own = values_.find(s);
        if (own == values_.end()) continue;
        for (Value v : own->second) {
          v.fault = (uint32_t)i;
          found.push_back(v);
        }
      }
    return found;
  }
};

static void trace(const Tables &t, const std::vector<uint64_t> &rows, const char *name) {
  Golden g(t);
  std::vector<uint64_t> found;
  for (uint64_t now = 0; now < rows[0]; now++) {
    g.evaluate(rows.data() + 1 + now * t.inputs.size());
    for (const Output &o : t.outputs)
      for (uint32_t k = 0; k < (o.width + 63) / 64; k++) found.push_back(g.value(o.word + k));
    g.tick();
  }
  save(name, found);
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  Tables t(argv[2]);
  for (uint32_t &o : t.operands) o *= LANES;
  for (Chunk &c : t.chunks) c.x *= LANES, c.y *= LANES, c.bytes *= LANES;
  auto rows = records<uint64_t>(argv[3]);
  if (!strcmp(argv[1], "trace")) return trace(t, rows, argv[4]), 0;
  Campaign c(t, std::move(rows), records<Port>(argv[4]), records<Fault>(argv[5]), argc > 7);
  c.run();
  save(argv[6], c.outcomes());
  if (argc > 7) save(argv[7], c.values());
  fprintf(stderr, "%zu %zu\n", c.faults.size(), c.evaluated);
  return 0;
}
