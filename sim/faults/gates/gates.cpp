// Injects faults into a netlist of gates, LANES - 1 at a time: bit l of every net belongs to lane l,
// lane 0 has no fault.
//
// gates trace DESIGN INPUTS OUTPUTS
// gates inject DESIGN INPUTS OBSERVATION FAULTS ITEMS OUTCOMES
//
// The design is data: runs of equal gates of one level, one loop for each. The run without a fault
// is made once, and every net of every cycle kept; with faults, only gates are evaluated of which an
// input differs from that in some lane. A fault is some items, each a net or a bit of a memory.
// Faults are sorted by cycle in each LANES - 1 of them; it is quick if those are at places close by.
#include <cmath>
#include <functional>

#include "../records.h"

#ifndef LANES
#define LANES 512
#endif
static const int WORDS = LANES / 64;
typedef uint64_t V __attribute__((vector_size(LANES / 8)));
typedef uint32_t u32;
typedef uint64_t u64;

enum { READ = 0 };  // the first operation; the others are cells

struct Run {
    u32 op, count;
    std::vector<u32> nets;  // of each gate its output, then its inputs; of a read memory and port
};
#include "cells.inc"

static inline V all(bool one) { return V{} - u64(one); }
static inline bool first(V v) { return v[0] & 1; }
static inline bool any(V v) {
    u64 x = 0;
    for (int i = 0; i < WORDS; i++) x |= v[i];
    return x;
}
static inline bool lane(V v, u32 l) { return v[l / 64] >> (l % 64) & 1; }
static inline void turn(V &v, u32 l) { reinterpret_cast<u64 *>(&v)[l / 64] ^= u64(1) << (l % 64); }
static inline void set(V &v, u32 l, bool one) {
    u64 &word = reinterpret_cast<u64 *>(&v)[l / 64];
    const u64 bit = u64(1) << (l % 64);
    word = one ? word | bit : word & ~bit;
}
static inline V differs(V v) { return v ^ all(first(v)); }
template <class F> static inline void each(V v, F f) {
    for (int i = 0; i < WORDS; i++)
        for (u64 x = v[i]; x; x &= x - 1) f(u32(i * 64 + __builtin_ctzll(x)));
}

struct Port { std::vector<u32> nets; };
struct Access { std::vector<u32> address, data, enable; };
struct Shape {
    u32 width, size, words;
    std::vector<Access> reads, writes;
    std::vector<u64> init;
};
struct Design {
    u32 nets = 0;
    std::vector<Run> runs;
    std::vector<u32> q, d, init, inputs;
    std::vector<Port> ports;
    std::vector<Shape> memories;
};
static Design design;

// What a memory holds: one image for all lanes, and for rows in which they differ, vectors.
struct Memory {
    const Shape *shape;
    std::vector<u64> image;
    std::vector<int32_t> where;  // of each row its vectors in `pool`, or -1
    std::vector<V> pool;
    std::vector<u32> rows, unused;  // rows that have vectors; places in the pool without a row

    void reset(const Shape &s) {
        shape = &s;
        image = s.init;
        where.assign(s.size, -1);
        pool.clear();
        rows.clear();
        unused.clear();
    }
    bool image_bit(u32 row, u32 bit) const {
        return image[size_t(row) * shape->words + bit / 64] >> (bit % 64) & 1;
    }
    V get(u32 row, u32 bit) const {
        return where[row] < 0 ? all(image_bit(row, bit)) : pool[size_t(where[row]) * shape->width + bit];
    }
    V *vectors(u32 row) {
        if (where[row] < 0) {
            if (unused.empty()) {
                unused.push_back(u32(pool.size() / shape->width));
                pool.resize(pool.size() + shape->width);
            }
            V *to = &pool[size_t(unused.back()) * shape->width];
            for (u32 b = 0; b < shape->width; b++) to[b] = all(image_bit(row, b));
            where[row] = int32_t(unused.back());
            unused.pop_back();
            rows.push_back(row);
        }
        return &pool[size_t(where[row]) * shape->width];
    }
    // Give vectors up where all lanes agree again; return the lanes that do not.
    V settle() {
        V found{};
        for (size_t i = 0; i < rows.size();) {
            const u32 row = rows[i];
            const V *v = &pool[size_t(where[row]) * shape->width];
            V other{};
            for (u32 b = 0; b < shape->width; b++) other |= differs(v[b]);
            found |= other;
            if (any(other)) {
                i++;
                continue;
            }
            for (u32 b = 0; b < shape->width; b++) put(row, b, first(v[b]));
            unused.push_back(u32(where[row]));
            where[row] = -1;
            rows[i] = rows.back();
            rows.pop_back();
        }
        return found;
    }
    void put(u32 row, u32 bit, bool one) {
        u64 &word = image[size_t(row) * shape->words + bit / 64];
        word = one ? word | u64(1) << (bit % 64) : word & ~(u64(1) << (bit % 64));
    }
};

// An address: that of lane 0, and which lanes have another one. `get` returns the lanes of a net.
template <class G> struct Address {
    u64 golden = 0;
    V others{};
    const std::vector<u32> &nets;
    G get;
    Address(const std::vector<u32> &a, G g) : nets(a), get(g) {
        for (size_t i = 0; i < a.size(); i++) {
            const V v = get(a[i]);
            golden |= u64(first(v)) << i;
            others |= differs(v);
        }
    }
    u64 of(u32 l) const {
        u64 found = 0;
        for (size_t i = 0; i < nets.size(); i++) found |= u64(lane(get(nets[i]), l)) << i;
        return found;
    }
};

// Reads a row into `out`, a vector for each bit.
template <class G> static void read_port(const Memory &m, u32 port, G get, V *out) {
    const Address<G> where(m.shape->reads[port].address, get);
    for (u32 b = 0; b < m.shape->width; b++)
        out[b] = where.golden < m.shape->size ? m.get(u32(where.golden), b) : V{};
    each(where.others, [&](u32 l) {
        const u64 row = where.of(l);
        for (u32 b = 0; b < m.shape->width; b++)
            set(out[b], l, row < m.shape->size && lane(m.get(u32(row), b), l));
    });
}

template <class G> static void write_port(Memory &m, u32 port, G get) {
    const Access &a = m.shape->writes[port];
    const u32 width = m.shape->width;
    V some{};
    for (u32 b = 0; b < width; b++) some |= get(a.enable[b]);
    if (!any(some)) return;
    const Address<G> where(a.address, get);
    const V same = ~where.others;
    if (where.golden < m.shape->size && any(some & same)) {
        const u32 row = u32(where.golden);
        bool plain = m.where[row] < 0 && !any(where.others);
        for (u32 b = 0; plain && b < width; b++) {
            const V enable = get(a.enable[b]);
            plain = !any(differs(enable)) && !any(differs(get(a.data[b])) & enable);
        }
        if (plain) {
            for (u32 b = 0; b < width; b++)
                if (first(get(a.enable[b]))) m.put(row, b, first(get(a.data[b])));
        } else {
            V *to = m.vectors(row);
            for (u32 b = 0; b < width; b++) {
                const V mask = get(a.enable[b]) & same;
                to[b] = (to[b] & ~mask) | (get(a.data[b]) & mask);
            }
        }
    }
    each(where.others & some, [&](u32 l) {
        const u64 row = where.of(l);
        if (row >= m.shape->size) return;
        V *to = m.vectors(u32(row));
        for (u32 b = 0; b < width; b++)
            if (lane(get(a.enable[b]), l)) set(to[b], l, lane(get(a.data[b]), l));
    });
}

static std::vector<char> rows;
static size_t row_bytes, cycles;

// The design without a fault, in all lanes.
struct Golden {
    std::vector<V> n, next;
    std::vector<Memory> memories;

    Golden() : n(design.nets), next(design.q.size()), memories(design.memories.size()) {
        n[1] = ~V{};
        for (size_t i = 0; i < design.q.size(); i++) n[design.q[i]] = all(design.init[i]);
        for (size_t m = 0; m < memories.size(); m++) memories[m].reset(design.memories[m]);
    }
    V operator()(u32 net) const { return n[net]; }
    void evaluate(size_t cycle) {
        const char *row = &rows[cycle * row_bytes];
        for (size_t i = 0; i < design.inputs.size(); i++)
            n[design.inputs[i]] = all(row[i / 8] >> (i % 8) & 1);
        std::vector<V> out;
        for (const Run &r : design.runs) {
            if (r.op != READ) {
                evaluate_run(r, n.data());
                continue;
            }
            const Memory &m = memories[r.nets[0]];
            out.resize(m.shape->width);
            read_port(m, r.nets[1], std::cref(*this), out.data());
            const auto &data = m.shape->reads[r.nets[1]].data;
            for (u32 b = 0; b < m.shape->width; b++) n[data[b]] = out[b];
        }
    }
    void tick() {
        for (size_t i = 0; i < design.q.size(); i++) next[i] = n[design.d[i]];
        for (u32 m = 0; m < memories.size(); m++)
            for (u32 p = 0; p < memories[m].shape->writes.size(); p++)
                write_port(memories[m], p, std::cref(*this));
        for (size_t i = 0; i < design.q.size(); i++) n[design.q[i]] = next[i];
    }
};

struct Reader {
    std::vector<u32> data;
    size_t at = 0;
    u32 next() { return data.at(at++); }
    std::vector<u32> list(size_t count) {
        std::vector<u32> found(count);
        for (u32 &x : found) x = next();
        return found;
    }
    std::vector<u32> list() { return list(next()); }
};

static void load_design(const char *name) {
    Reader r{records<u32>(name)};
    design.nets = r.next();
    for (u32 count = r.next(); count--;) {
        Run run{r.next(), r.next(), {}};
        run.nets = r.list(run.op == READ ? 2 : size_t(run.count) * (1 + ARITY[run.op]));
        design.runs.push_back(run);
    }
    design.q = r.list();
    design.d = r.list();
    design.init = r.list();
    design.inputs = r.list();
    for (u32 count = r.next(); count--;) design.ports.push_back({r.list()});
    for (u32 count = r.next(); count--;) {
        Shape s{r.next(), r.next(), 0, {}, {}, {}};
        s.words = (s.width + 63) / 64;
        for (u32 reads = r.next(); reads--;) s.reads.push_back({r.list(), r.list(s.width), {}});
        for (u32 writes = r.next(); writes--;) {
            Access a;
            a.address = r.list();
            a.data = r.list(s.width);
            a.enable = r.list(s.width);
            s.writes.push_back(a);
        }
        s.init.resize(size_t(s.words) * s.size);
        for (u64 &word : s.init) {
            const u64 low = r.next();
            word = low | u64(r.next()) << 32;
        }
        design.memories.push_back(s);
    }
}

static void load_inputs(const char *name) {
    rows = records<char>(name);
    row_bytes = (design.inputs.size() + 7) / 8;
    row_bytes = row_bytes ? row_bytes : 1;
    cycles = rows.size() / row_bytes;
}
struct Listed { u32 cycle, length, model, item, items; };  // a fault, and its first item
struct Item { u32 memory, where, row, bit; };  // memory NEVER: a net, `where`

// The larger less the smaller of two numbers, as a float.
static float difference(u64 a, u64 b, u32 width, bool is_signed) {
    if (is_signed) {  // of numbers extended to 64 bits, the sign changed, that is the order
        const u32 up = 64 - width;
        a = u64(int64_t(a << up) >> up) + (u64(1) << 63);
        b = u64(int64_t(b << up) >> up) + (u64(1) << 63);
    }
    return float(a > b ? a - b : b - a);
}

static std::vector<Watched> watched;

// Gates one by one, those of lower levels first, and who reads each net.
struct Gate { u32 op, nets; };  // `nets`: its first in `pins`; of a read, memory and port
static std::vector<Gate> gates;
static std::vector<u32> pins;
static std::vector<u32> driver;               // of each net its gate, or NEVER
static std::vector<u32> gate_at, gate_reads;  // gates that read a net, from gate_at[net] on
static std::vector<u32> flop_at, flop_reads;  // flip-flops whose next value it is
static std::vector<std::vector<u32>> reads_of;  // gates that read each memory

static void index_of(const std::vector<std::pair<u32, u32>> &pairs, std::vector<u32> &at,
                     std::vector<u32> &list) {
    at.assign(design.nets + 1, 0);
    for (auto &p : pairs) at[p.first + 1]++;
    for (u32 i = 0; i < design.nets; i++) at[i + 1] += at[i];
    list.resize(pairs.size());
    std::vector<u32> next(at.begin(), at.end() - 1);
    for (auto &p : pairs) list[next[p.first]++] = p.second;
}
static void index_design() {
    std::vector<std::pair<u32, u32>> readers, flops;
    driver.assign(design.nets, NEVER);
    reads_of.resize(design.memories.size());
    for (const Run &r : design.runs) {
        const u32 step = r.op == READ ? 2 : 1 + ARITY[r.op];
        for (u32 i = 0; i < r.count; i++) {
            const u32 number = u32(gates.size());
            const u32 *p = &r.nets[i * step];
            gates.push_back({r.op, u32(pins.size())});
            pins.insert(pins.end(), p, p + step);
            if (r.op == READ) {
                const Access &a = design.memories[p[0]].reads[p[1]];
                reads_of[p[0]].push_back(number);
                for (u32 net : a.address) readers.push_back({net, number});
                for (u32 net : a.data) driver[net] = number;
                continue;
            }
            driver[p[0]] = number;
            for (u32 k = 1; k < step; k++) readers.push_back({p[k], number});
        }
    }
    for (u32 i = 0; i < design.d.size(); i++) flops.push_back({design.d[i], i});
    index_of(readers, gate_at, gate_reads);
    index_of(flops, flop_at, flop_reads);
}

// Bits of all nets in every cycle of the run without a fault, and of flip-flops after the last.
struct History {
    size_t words;
    std::vector<u64> bits;
    History() : words((design.nets + 63) / 64), bits(words * (cycles + 1)) {
        Golden golden;
        for (size_t t = 0; t <= cycles; t++) {
            if (t < cycles) golden.evaluate(t);
            u64 *to = &bits[t * words];
            for (u32 net = 0; net < design.nets; net++)
                to[net / 64] |= u64(first(golden.n[net])) << (net % 64);
            if (t < cycles) golden.tick();
        }
    }
};

struct Batch {
    const History &history;
    const u64 *golden = nullptr;  // this cycle of `history`
    std::vector<V> n;             // of nets that differ
    std::vector<u32> stamp;       // those are stamped with `epoch`
    u32 epoch = 0;
    std::vector<u64> dirty;       // gates to evaluate
    std::vector<u32> flops;       // flip-flops that will differ
    std::vector<std::pair<u32, V>> state;  // nets of flip-flops that differ
    std::vector<Memory> memories;
    std::vector<std::vector<u32>> forces_of;  // of each net, faults on it in this cycle
    std::vector<Outcome> out = std::vector<Outcome>(LANES);
    std::vector<u64> wrong;  // of each lane, the wrong bits of a field
    V seen_control{}, seen_detected{}, seen_corrected{};
    const Listed *faults = nullptr;
    size_t begin = 0;

    explicit Batch(const History &h)
        : history(h), n(design.nets), stamp(design.nets), dirty((gates.size() + 63) / 64),
          memories(design.memories.size()), forces_of(design.nets) {
        for (size_t m = 0; m < memories.size(); m++) memories[m].reset(design.memories[m]);
    }
    bool gold(u32 net) const { return golden[net / 64] >> (net % 64) & 1; }
    bool strange(u32 net) const { return stamp[net] == epoch; }
    V operator()(u32 net) const { return strange(net) ? n[net] : all(gold(net)); }

    void mark(u32 gate) { dirty[gate / 64] |= u64(1) << (gate % 64); }
    // A net differs: whoever reads it may as well.
    void touch(u32 net, V v) {
        n[net] = v;
        if (strange(net)) return;
        stamp[net] = epoch;
        for (u32 i = gate_at[net]; i < gate_at[net + 1]; i++) mark(gate_reads[i]);
        for (u32 i = flop_at[net]; i < flop_at[net + 1]; i++) flops.push_back(flop_reads[i]);
    }
    V forced(u32 net, V v) const {
        for (u32 number : forces_of[net]) {
            const u32 l = u32(number - begin + 1), how = faults[number].model;
            set(v, l, how == FLIP ? !lane(v, l) : how == STUCK_1);
        }
        return v;
    }
    void look(u32 net, V v) {
        v = forced(net, v);
        if (strange(net) || any(v ^ all(gold(net)))) touch(net, v);
    }
    void start(size_t cycle) {
        epoch++;
        golden = &history.bits[cycle * history.words];
        flops.clear();
        for (auto &[net, v] : state) touch(net, v);
        state.clear();
        for (size_t m = 0; m < memories.size(); m++)
            if (!memories[m].rows.empty())
                for (u32 gate : reads_of[m]) mark(gate);
    }
    void force(u32 net) {
        if (driver[net] != NEVER) mark(driver[net]);
        else look(net, (*this)(net));
    }
    void evaluate() {
        std::vector<V> row;
        V v[16];
        for (size_t i = 0; i < dirty.size(); i++)
            while (dirty[i]) {
                const Gate &g = gates[i * 64 + size_t(__builtin_ctzll(dirty[i]))];
                dirty[i] &= dirty[i] - 1;
                const u32 *p = &pins[g.nets];
                if (g.op != READ) {
                    for (u32 k = 0; k < ARITY[g.op]; k++) v[k] = (*this)(p[k + 1]);
                    look(p[0], evaluate_one(g.op, v));
                    continue;
                }
                const Memory &m = memories[p[0]];
                row.resize(m.shape->width);
                read_port(m, p[1], std::cref(*this), row.data());
                for (u32 b = 0; b < m.shape->width; b++)
                    look(m.shape->reads[p[1]].data[b], row[b]);
            }
    }
    void tick() {
        for (u32 i : flops) state.push_back({design.q[i], n[design.d[i]]});
        for (u32 m = 0; m < memories.size(); m++) {
            for (u32 p = 0; p < memories[m].shape->writes.size(); p++)
                write_port(memories[m], p, std::cref(*this));
            memories[m].settle();
        }
    }
    bool converged() const {
        for (const Memory &m : memories)
            if (!m.rows.empty()) return false;
        return state.empty();
    }
    V left() {
        V found{};
        for (auto &[net, v] : state) found |= differs(v);
        for (Memory &m : memories) found |= m.settle();
        return found;
    }

    void note(V fresh, V &seen, u32 Outcome::*cycle, u32 now) {
        fresh &= ~seen;
        if (!any(fresh)) return;
        seen |= fresh;
        each(fresh, [&](u32 l) { out[l].*cycle = now; });
    }
    V data(const Watched &w) {
        const auto &nets = design.ports[w.port].nets;
        const u32 width = u32(nets.size());
        const u32 field = w.field ? u32(w.field) : width < 64 ? width : 64;
        V found{};
        for (u32 low = 0; low < width; low += field) {
            const u32 count = field < width - low ? field : width - low;
            V lanes{};
            for (u32 b = 0; b < count; b++)
                if (strange(nets[low + b])) lanes |= differs(n[nets[low + b]]);
            if (!any(lanes)) continue;
            found |= lanes;
            wrong.assign(LANES, 0);
            u64 right = 0;
            for (u32 b = 0; b < count; b++) {
                right |= u64(gold(nets[low + b])) << b;
                if (!strange(nets[low + b])) continue;
                each(differs(n[nets[low + b]]), [&](u32 l) {
                    out[l].bits++;
                    wrong[l] |= u64(1) << b;
                });
            }
            each(lanes, [&](u32 l) {
                const float d = difference(right, right ^ wrong[l], count, w.is_signed);
                out[l].largest = std::fmax(out[l].largest, d);
            });
        }
        return found;
    }
    void observe(u32 now) {
        V bad{};
        for (auto &w : watched) {
            const auto &nets = design.ports[w.port].nets;
            if (w.role == DATA) {
                if (w.valid >= 0 && !gold(design.ports[w.valid].nets[0])) continue;
                if (w.ready >= 0 && !gold(design.ports[w.ready].nets[0])) continue;
                bad |= data(w);
                continue;
            }
            V found{};
            for (u32 net : nets)
                if (strange(net) && (w.role == CONTROL || !gold(net))) found |= differs(n[net]);
            if (w.role == CONTROL) note(found, seen_control, &Outcome::control, now);
            else if (w.role == DETECTOR) note(found, seen_detected, &Outcome::detected, now);
            else note(found, seen_corrected, &Outcome::corrected, now);
        }
        if (any(bad))
            each(bad, [&](u32 l) {
                if (out[l].data == NEVER) out[l].data = now;
                out[l].beats++;
            });
    }
};

static int inject(char **argv) {
    load_design(argv[2]);
    load_inputs(argv[3]);
    index_design();
    watched = records<Watched>(argv[4]);
    const auto faults = records<Listed>(argv[5]);
    const auto parts = records<Item>(argv[6]);
    const Item *items = parts.data();
    const size_t count = faults.size();
    std::vector<Outcome> outcomes(count, NOTHING);
    const History history;
    Batch b(history);
    b.faults = faults.data();
    for (size_t begin = 0; begin < count; begin += LANES - 1) {
        const size_t end = count - begin < LANES - 1 ? count : begin + LANES - 1;
        for (size_t m = 0; m < b.memories.size(); m++) b.memories[m].reset(design.memories[m]);
        for (auto &o : b.out) o = NOTHING;
        b.seen_control = b.seen_detected = b.seen_corrected = V{};
        b.begin = begin;
        b.state.clear();
        std::vector<u32> held;  // faults that go on for some cycles
        size_t started = begin;
        // What memories hold follows from the first cycle on; flip-flops are in the history.
        for (size_t t = b.memories.empty() ? faults[begin].cycle : 0; t < cycles; t++) {
            b.start(t);
            for (; started < end && faults[started].cycle == t; started++) {
                const Listed &f = faults[started];
                const u32 l = u32(started - begin + 1);
                if (f.length) {
                    held.push_back(u32(started));
                    continue;
                }
                if (f.model != FLIP) continue;
                for (const Item *i = items + f.item; i < items + f.item + f.items; i++) {
                    if (i->memory != NEVER) {
                        turn(b.memories[i->memory].vectors(i->row)[i->bit], l);
                        for (u32 gate : reads_of[i->memory]) b.mark(gate);
                        continue;
                    }
                    V v = b(i->where);
                    turn(v, l);
                    b.touch(i->where, v);
                }
            }
            size_t kept = 0;
            for (u32 h : held)
                if (faults[h].length == ALWAYS || t < size_t(faults[h].cycle) + faults[h].length)
                    held[kept++] = h;
            held.resize(kept);
            for (u32 h : held)
                for (const Item *i = items + faults[h].item;
                     i < items + faults[h].item + faults[h].items; i++) {
                    if (i->memory == NEVER) {
                        b.forces_of[i->where].push_back(h);
                        continue;
                    }
                    V &v = b.memories[i->memory].vectors(i->row)[i->bit];
                    set(v, u32(h - begin + 1), faults[h].model == STUCK_1);
                    for (u32 gate : reads_of[i->memory]) b.mark(gate);
                }
            for (u32 h : held)
                for (const Item *i = items + faults[h].item;
                     i < items + faults[h].item + faults[h].items; i++)
                    if (i->memory == NEVER) b.force(i->where);
            b.evaluate();
            b.observe(u32(t));
            b.tick();
            for (u32 h : held)
                for (const Item *i = items + faults[h].item;
                     i < items + faults[h].item + faults[h].items; i++)
                    if (i->memory == NEVER) b.forces_of[i->where].clear();
            if (started == end && held.empty() && b.converged()) break;
        }
        const V left = b.left();
        for (size_t i = begin; i < end; i++) {
            outcomes[i] = b.out[i - begin + 1];
            outcomes[i].state = lane(left, u32(i - begin + 1));
        }
    }
    save(argv[7], outcomes);
    return 0;
}

static int trace(char **argv) {
    load_design(argv[2]);
    load_inputs(argv[3]);
    Golden golden;
    std::vector<uint8_t> found;
    for (size_t t = 0; t < cycles; t++) {
        golden.evaluate(t);
        for (auto &port : design.ports)
            for (u32 net : port.nets) found.push_back(first(golden.n[net]));
        golden.tick();
    }
    save(argv[4], found);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "trace")) return trace(argv);
    if (argc == 8 && !strcmp(argv[1], "inject")) return inject(argv);
    return 2;
}
