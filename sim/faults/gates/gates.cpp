// Injects faults into a netlist of gates, LANES - 1 at a time: bit l of every net belongs to lane l,
// lane 0 has no fault.
//
// gates trace DESIGN INPUTS OUTPUTS
// gates inject DESIGN INPUTS OBSERVATION FAULTS ITEMS OUTCOMES
//
// The design is data: runs of equal gates of one level, one loop for each. A fault is some items,
// each a net or a bit of a memory. Faults are sorted by cycle.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#ifndef LANES
#define LANES 512
#endif
static const int WORDS = LANES / 64;
typedef uint64_t V __attribute__((vector_size(LANES / 8)));
typedef uint32_t u32;
typedef uint64_t u64;

static const u32 NEVER = UINT32_MAX, ALWAYS = UINT32_MAX, EVERY = 4;
enum { DATA, CONTROL, DETECTOR, CORRECTOR };
enum { FLIP, STUCK_0, STUCK_1 };
enum { READ = 0 };  // the first operation; the others are cells

struct Run {
    u32 op, level, count;
    std::vector<u32> nets;  // of each gate its output, then its inputs; of a read memory and port
};
static u32 arity(u32 op);
static void evaluate_run(const Run &r, V *n);
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
    u32 nets = 0, levels = 1;
    std::vector<Run> runs;
    std::vector<u32> q, d, init, inputs, level;
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
    void copy(const Memory &golden) {
        image = golden.image;
        for (u32 row : rows) {
            unused.push_back(u32(where[row]));
            where[row] = -1;
        }
        rows.clear();
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

struct State {
    std::vector<V> n;
    std::vector<Memory> memories;
    std::vector<V> next;
};

// An address: that of lane 0, and which lanes have another one.
struct Address {
    u64 golden = 0;
    V others{};
    const std::vector<u32> &nets;
    const V *n;
    Address(const std::vector<u32> &a, const V *nets_) : nets(a), n(nets_) {
        for (size_t i = 0; i < a.size(); i++) {
            golden |= u64(first(n[a[i]])) << i;
            others |= differs(n[a[i]]);
        }
    }
    u64 of(u32 l) const {
        u64 found = 0;
        for (size_t i = 0; i < nets.size(); i++) found |= u64(lane(n[nets[i]], l)) << i;
        return found;
    }
};

static void read_port(State &s, u32 memory, u32 port) {
    Memory &m = s.memories[memory];
    const Access &a = m.shape->reads[port];
    const Address where(a.address, s.n.data());
    for (u32 b = 0; b < m.shape->width; b++)
        s.n[a.data[b]] = where.golden < m.shape->size ? m.get(u32(where.golden), b) : V{};
    each(where.others, [&](u32 l) {
        const u64 row = where.of(l);
        for (u32 b = 0; b < m.shape->width; b++)
            set(s.n[a.data[b]], l, row < m.shape->size && lane(m.get(u32(row), b), l));
    });
}

static void write_port(State &s, u32 memory, u32 port) {
    Memory &m = s.memories[memory];
    const Access &a = m.shape->writes[port];
    const u32 width = m.shape->width;
    V some{};
    for (u32 b = 0; b < width; b++) some |= s.n[a.enable[b]];
    if (!any(some)) return;
    const Address where(a.address, s.n.data());
    const V same = ~where.others;
    if (where.golden < m.shape->size && any(some & same)) {
        const u32 row = u32(where.golden);
        bool plain = m.where[row] < 0 && !any(where.others);
        for (u32 b = 0; plain && b < width; b++)
            plain = !any(differs(s.n[a.enable[b]])) && !any(differs(s.n[a.data[b]]) & s.n[a.enable[b]]);
        if (plain) {
            for (u32 b = 0; b < width; b++)
                if (first(s.n[a.enable[b]])) m.put(row, b, first(s.n[a.data[b]]));
        } else {
            V *to = m.vectors(row);
            for (u32 b = 0; b < width; b++) {
                const V mask = s.n[a.enable[b]] & same;
                to[b] = (to[b] & ~mask) | (s.n[a.data[b]] & mask);
            }
        }
    }
    each(where.others & some, [&](u32 l) {
        const u64 row = where.of(l);
        if (row >= m.shape->size) return;
        V *to = m.vectors(u32(row));
        for (u32 b = 0; b < width; b++)
            if (lane(s.n[a.enable[b]], l)) set(to[b], l, lane(s.n[a.data[b]], l));
    });
}

struct Force { u32 level, net, lane, model; };  // sorted by level

static void evaluate(State &s, const std::vector<Force> &forces) {
    V *n = s.n.data();
    size_t at = 0;
    u32 level = 0;
    auto apply = [&](u32 below) {
        for (; at < forces.size() && forces[at].level < below; at++) {
            const Force &f = forces[at];
            if (f.model == FLIP) turn(n[f.net], f.lane);
            else set(n[f.net], f.lane, f.model == STUCK_1);
        }
    };
    for (const Run &r : design.runs) {
        if (r.level != level) apply(level = r.level);
        if (r.op == READ) read_port(s, r.nets[0], r.nets[1]);
        else evaluate_run(r, n);
    }
    apply(UINT32_MAX);
}
static void tick(State &s) {
    for (size_t i = 0; i < design.q.size(); i++) s.next[i] = s.n[design.d[i]];
    for (u32 m = 0; m < design.memories.size(); m++)
        for (u32 p = 0; p < design.memories[m].writes.size(); p++) write_port(s, m, p);
    for (size_t i = 0; i < design.q.size(); i++) s.n[design.q[i]] = s.next[i];
}
static void initial(State &s) {
    s.n.assign(design.nets, V{});
    s.n[1] = ~V{};
    s.next.resize(design.q.size());
    for (size_t i = 0; i < design.q.size(); i++) s.n[design.q[i]] = all(design.init[i]);
    s.memories.resize(design.memories.size());
    for (size_t m = 0; m < design.memories.size(); m++) s.memories[m].reset(design.memories[m]);
}
static void copy_state(State &to, const State &from) {
    for (u32 q : design.q) to.n[q] = from.n[q];
    for (size_t m = 0; m < design.memories.size(); m++) to.memories[m].copy(from.memories[m]);
}
static V state_differs(State &s) {
    V found{};
    for (u32 q : design.q) found |= differs(s.n[q]);
    for (Memory &m : s.memories) found |= m.settle();
    return found;
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
static void save(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f)) exit(2);
}

struct Reader {
    std::vector<char> data;
    size_t at = 0;
    u32 next() {
        u32 x;
        memcpy(&x, &data.at(4 * at++), 4);
        return x;
    }
    std::vector<u32> list(size_t count) {
        std::vector<u32> found(count);
        for (u32 &x : found) x = next();
        return found;
    }
    std::vector<u32> list() { return list(next()); }
};

static void load_design(const char *name) {
    Reader r{file(name)};
    design.nets = r.next();
    for (u32 count = r.next(); count--;) {
        Run run{r.next(), r.next(), r.next(), {}};
        run.nets = r.list(run.op == READ ? 2 : size_t(run.count) * (1 + arity(run.op)));
        design.runs.push_back(run);
    }
    design.q = r.list();
    design.d = r.list();
    design.init = r.list();
    design.inputs = r.list();
    design.level = r.list();
    for (u32 level : design.level) design.levels = level >= design.levels ? level + 1 : design.levels;
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

static std::vector<char> rows;
static size_t row_bytes, cycles;
static void load_inputs(const char *name) {
    rows = file(name);
    row_bytes = (design.inputs.size() + 7) / 8;
    row_bytes = row_bytes ? row_bytes : 1;
    cycles = rows.size() / row_bytes;
}
static void feed(State &s, size_t cycle) {
    const char *row = &rows[cycle * row_bytes];
    for (size_t i = 0; i < design.inputs.size(); i++)
        s.n[design.inputs[i]] = all(row[i / 8] >> (i % 8) & 1);
}

#pragma pack(push, 1)
struct Fault { u32 cycle, length, model, item, items; };
struct Item { u32 memory, where, row, bit; };  // memory NEVER: a net, `where`
struct Outcome {
    u32 data, control, detected, corrected, beats, bits;
    float largest;
    uint8_t state;
};
#pragma pack(pop)
struct Watched { int32_t role, port, valid, ready, field, is_signed; };

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

struct Batch {
    State s;
    std::vector<Outcome> out = std::vector<Outcome>(LANES);
    std::vector<u64> wrong;  // of each lane, the wrong bits of a field
    V seen_control{}, seen_detected{}, seen_corrected{};

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
            for (u32 b = 0; b < count; b++) lanes |= differs(s.n[nets[low + b]]);
            if (!any(lanes)) continue;
            found |= lanes;
            wrong.assign(LANES, 0);
            u64 golden = 0;
            for (u32 b = 0; b < count; b++) {
                const V v = s.n[nets[low + b]];
                golden |= u64(first(v)) << b;
                each(differs(v), [&](u32 l) {
                    out[l].bits++;
                    wrong[l] |= u64(1) << b;
                });
            }
            each(lanes, [&](u32 l) {
                const float d = difference(golden, golden ^ wrong[l], count, w.is_signed);
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
                if (w.valid >= 0 && !first(s.n[design.ports[w.valid].nets[0]])) continue;
                if (w.ready >= 0 && !first(s.n[design.ports[w.ready].nets[0]])) continue;
                bad |= data(w);
                continue;
            }
            V found{};
            for (u32 net : nets) {
                const V v = s.n[net];
                if (w.role == CONTROL) found |= differs(v);
                else if (!first(v)) found |= v;
            }
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
    auto rules = file(argv[4]), list = file(argv[5]), parts = file(argv[6]);
    const auto *watch = reinterpret_cast<const Watched *>(rules.data());
    watched.assign(watch, watch + rules.size() / sizeof(Watched));
    const auto *faults = reinterpret_cast<const Fault *>(list.data());
    const auto *items = reinterpret_cast<const Item *>(parts.data());
    const size_t count = list.size() / sizeof(Fault);
    std::vector<Outcome> outcomes(count, Outcome{NEVER, NEVER, NEVER, NEVER, 0, 0, 0, 0});
    const std::vector<Force> none;
    State golden;
    initial(golden);
    Batch b;
    initial(b.s);
    size_t now = 0;
    for (size_t begin = 0; begin < count && faults[begin].cycle < cycles;) {
        for (; now < faults[begin].cycle; now++) {
            feed(golden, now);
            evaluate(golden, none);
            tick(golden);
        }
        copy_state(b.s, golden);
        size_t end = begin;
        while (end < count && end - begin < LANES - 1 && faults[end].cycle < cycles) end++;
        for (auto &o : b.out) o = {NEVER, NEVER, NEVER, NEVER, 0, 0, 0, 0};
        b.seen_control = b.seen_detected = b.seen_corrected = V{};
        std::vector<u32> held;    // faults that go on for some cycles
        std::vector<Force> forces;  // what they do in this cycle
        size_t started = begin;
        V left = ~V{};
        for (size_t t = now; t < cycles; t++) {
            bool changed = false;
            for (; started < end && faults[started].cycle == t; started++) {
                const Fault &f = faults[started];
                const u32 l = u32(started - begin + 1);
                if (f.model != FLIP || f.length) {
                    held.push_back(u32(started));
                    changed = true;
                    continue;
                }
                for (const Item *i = items + f.item; i < items + f.item + f.items; i++) {
                    if (i->memory == NEVER) turn(b.s.n[i->where], l);
                    else turn(b.s.memories[i->memory].vectors(i->row)[i->bit], l);
                }
            }
            for (size_t i = 0; i < held.size();) {
                const Fault &f = faults[held[i]];
                if (f.length == ALWAYS || t < size_t(f.cycle) + f.length) {
                    i++;
                    continue;
                }
                held[i] = held.back();
                held.pop_back();
                changed = true;
            }
            if (changed) {
                std::vector<std::vector<Force>> by(design.levels);
                for (u32 h : held)
                    for (const Item *i = items + faults[h].item;
                         i < items + faults[h].item + faults[h].items; i++)
                        if (i->memory == NEVER) by[design.level[i->where]].push_back(
                            {design.level[i->where], i->where, u32(h - begin + 1), faults[h].model});
                forces.clear();
                for (auto &level : by) forces.insert(forces.end(), level.begin(), level.end());
            }
            for (u32 h : held)  // bits of memories that are stuck
                for (const Item *i = items + faults[h].item;
                     i < items + faults[h].item + faults[h].items; i++)
                    if (i->memory != NEVER)
                        set(b.s.memories[i->memory].vectors(i->row)[i->bit], u32(h - begin + 1),
                            faults[h].model == STUCK_1);
            feed(b.s, t);
            evaluate(b.s, forces);
            b.observe(u32(t));
            tick(b.s);
            const bool looks = started == end && held.empty() && (t - now) % EVERY == EVERY - 1;
            if (looks || t + 1 == cycles) {
                left = state_differs(b.s);
                if (looks && !any(left)) break;
            }
        }
        for (size_t i = begin; i < end; i++) {
            outcomes[i] = b.out[i - begin + 1];
            outcomes[i].state = lane(left, u32(i - begin + 1));
        }
        begin = end;
    }
    save(argv[7], outcomes.data(), outcomes.size() * sizeof(Outcome));
    return 0;
}

static int trace(char **argv) {
    load_design(argv[2]);
    load_inputs(argv[3]);
    State s;
    initial(s);
    std::vector<uint8_t> found;
    for (size_t t = 0; t < cycles; t++) {
        feed(s, t);
        evaluate(s, {});
        for (auto &port : design.ports)
            for (u32 net : port.nets) found.push_back(first(s.n[net]));
        tick(s);
    }
    save(argv[4], found.data(), found.size());
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "trace")) return trace(argv);
    if (argc == 8 && !strcmp(argv[1], "inject")) return inject(argv);
    return 2;
}
