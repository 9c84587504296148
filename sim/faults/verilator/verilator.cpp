// Injects faults one after the other into a design that Verilator compiled.
//
// verilator trace INPUTS OUTPUTS
// verilator inject INPUTS OBSERVATION FAULTS OUTCOMES SETTLE
//
// The state before each cycle of the run without a fault is kept. A fault is put into a copy of
// the state before its cycle; the design settles; cycles are run and compared until the whole
// model equals the kept one, or to the end.
#include <cmath>
#include <cstddef>
#include <memory>

#include "../records.h"
#include "Vkiln_bench.h"
#include "Vkiln_bench___024root.h"

typedef Vkiln_bench___024root Root;
void Vkiln_bench___024root___eval_settle(Root *);

struct Var {
    size_t offset, bytes, width, rows;
    size_t stride() const { return rows ? bytes / rows : bytes; }
};
struct Cell {  // where its output is in the masks
    uint32_t first, width;
};
#include "tables.inc"

static const size_t KEPT_BYTES = size_t(1) << 30, EVERY = 4;

static std::unique_ptr<VerilatedContext> context(new VerilatedContext);
static std::unique_ptr<Vkiln_bench> model;
static Root *root;
static std::vector<char> rows;  // inputs of all cycles
static size_t row_bytes, cycles;

static uint8_t *at(const Var &v, uint32_t row = 0) {
    return reinterpret_cast<uint8_t *>(root) + v.offset + row * v.stride();
}
static bool bit(const uint8_t *p, size_t i) { return p[i >> 3] >> (i & 7) & 1; }

// Inputs of a cycle: `now` into the registers themselves, else to be taken over by the next edge.
static void feed(size_t cycle, bool now) {
    if (cycle >= cycles) return;
    const char *from = rows.data() + cycle * row_bytes;
    for (size_t i = 0; i < INPUTS.size(); i += 2) {
        memcpy(at(INPUTS[i + now]), from, INPUTS[i].bytes);
        from += INPUTS[i].bytes;
    }
}
static void tick(size_t cycle) {
    feed(cycle + 1, false);
    model->clk = 1;
    model->eval_step();
    model->clk = 0;
    model->eval_step();
}
static void settle() { Vkiln_bench___024root___eval_settle(root); }

static void start(const char *inputs) {
    rows = records<char>(inputs);
    row_bytes = 0;
    for (size_t i = 0; i < INPUTS.size(); i += 2) row_bytes += INPUTS[i].bytes;
    row_bytes = row_bytes ? row_bytes : 1;
    cycles = rows.size() / row_bytes;
    model.reset(new Vkiln_bench(context.get()));
    root = model->rootp;
    model->clk = 0;
    model->eval_step();
    feed(0, true);
    settle();
}

static size_t output_bytes() {
    size_t bytes = 0;
    for (auto &v : OUTPUTS) bytes += v.bytes;
    return bytes;
}
static void outputs(uint8_t *to) {
    for (auto &v : OUTPUTS) {
        memcpy(to, at(v), v.bytes);
        to += v.bytes;
    }
}

// The difference of two numbers of at most 64 bits, rounded to a float.
static float difference(const uint8_t *a, const uint8_t *b, size_t low, size_t width, bool is_signed) {
    uint64_t x = 0, y = 0;
    for (size_t i = 0; i < width; i++) {
        const bool turned = is_signed && i + 1 == width;  // then the order is that of no sign
        x |= uint64_t(bit(a, low + i) ^ turned) << i;
        y |= uint64_t(bit(b, low + i) ^ turned) << i;
    }
    return float(x > y ? x - y : y - x);
}

static std::vector<size_t> port_first;  // where each of PORTS is in what `look` leaves
static size_t port_bytes;

static void look(uint8_t *to) {
    for (size_t i = 0; i < PORTS.size(); i++) memcpy(to + port_first[i], at(PORTS[i]), PORTS[i].bytes);
}

static std::vector<Watched> watched;

static void compare(const uint8_t *golden, uint32_t cycle, Outcome &o) {
    bool wrong = false;
    for (auto &w : watched) {
        const Var &v = PORTS[w.port];
        const uint8_t *g = golden + port_first[w.port], *f = at(v);
        if (!memcmp(g, f, v.bytes)) continue;
        if (w.role == CONTROL) {
            if (o.control == NEVER) o.control = cycle;
        } else if (w.role != DATA) {
            uint32_t &seen = w.role == DETECTOR ? o.detected : o.corrected;
            for (size_t i = 0; i < v.bytes && seen == NEVER; i++)
                if (f[i] & ~g[i]) seen = cycle;
        } else {
            if (w.valid >= 0 && !(golden[port_first[w.valid]] & 1)) continue;
            if (w.ready >= 0 && !(golden[port_first[w.ready]] & 1)) continue;
            wrong = true;
            for (size_t i = 0; i < v.bytes; i++) o.bits += __builtin_popcount(g[i] ^ f[i]);
            const size_t field = w.field ? w.field : v.width < 64 ? v.width : 64;
            for (size_t low = 0; low < v.width; low += field) {
                const size_t width = field < v.width - low ? field : v.width - low;
                o.largest = std::fmax(o.largest, difference(g, f, low, width, w.is_signed));
            }
        }
    }
    if (wrong) {
        if (o.data == NEVER) o.data = cycle;
        o.beats++;
    }
}

// Put the fault in; true if anything was touched.
static void put(const Fault &f, bool first) {
    for (uint32_t i = 0; i < 16; i++) {
        if (!(f.pattern >> i & 1)) continue;
        const uint32_t r = f.row + i / 4, b = f.bit + i % 4;
        if (f.kind == NET) {
            if (r || b >= CELLS[f.word].width) continue;
            const uint32_t i = CELLS[f.word].first + b;
            if (f.model != FLIP) at(MASKS[0])[i / 8] &= ~(1 << i % 8);
            if (f.model != STUCK_0) at(MASKS[1])[i / 8] |= 1 << i % 8;
            continue;
        }
        const Var &v = f.kind == FLOP ? FLOPS[f.word] : MEMORIES[f.word];
        if (b >= v.width || r >= (v.rows ? v.rows : 1)) continue;
        uint8_t &byte = at(v, r)[b / 8];
        const uint8_t mask = 1 << b % 8;
        if (f.model == STUCK_0) byte &= ~mask;
        else if (f.model == STUCK_1) byte |= mask;
        else if (first) byte ^= mask;
    }
}
static void heal(const Fault &f) {
    for (uint32_t i = CELLS[f.word].first; i < CELLS[f.word].first + CELLS[f.word].width; i++) {
        at(MASKS[0])[i / 8] |= 1 << i % 8;
        at(MASKS[1])[i / 8] &= ~(1 << i % 8);
    }
}

static bool state_differs(const uint8_t *golden) {
    for (auto *vars : {&FLOPS, &MEMORIES})
        for (auto &v : *vars)
            if (memcmp(golden + v.offset, at(v), v.bytes)) return true;
    return false;
}

static int inject(char **argv) {
    start(argv[2]);
    watched = records<Watched>(argv[3]);
    const auto faults = records<Fault>(argv[4]);
    const bool settles = atoi(argv[6]);
    for (auto &v : PORTS) {
        port_first.push_back(port_bytes);
        port_bytes += v.bytes;
    }
    // The run without a fault: what is seen in each cycle, and the model before each and at the end.
    const bool all = (cycles + 1) * sizeof(Root) <= KEPT_BYTES;
    std::vector<uint8_t> seen(port_bytes * cycles + 1), end(sizeof(Root));
    std::vector<uint8_t> kept((all ? cycles + 1 : 1) * sizeof(Root));
    for (size_t t = 0; t < cycles; t++) {
        if (all || !t) memcpy(&kept[t * sizeof(Root)], (void *)root, sizeof(Root));
        look(&seen[t * port_bytes]);
        tick(t);
    }
    memcpy(end.data(), (void *)root, sizeof(Root));
    if (all) memcpy(&kept[cycles * sizeof(Root)], (void *)root, sizeof(Root));

    std::vector<Outcome> outcomes(faults.size(), NOTHING);
    size_t now = 0;  // the cycle before which kept[0] is, unless all are kept
    for (size_t i = 0; i < faults.size(); i++) {
        const Fault &f = faults[i];
        Outcome &o = outcomes[i];
        const uint64_t over = f.length == ALWAYS ? UINT64_MAX : uint64_t(f.cycle) + f.length;
        if (f.cycle >= cycles) continue;
        if (all) memcpy((void *)root, &kept[f.cycle * sizeof(Root)], sizeof(Root));
        else {
            memcpy((void *)root, kept.data(), sizeof(Root));
            for (; now < f.cycle; now++) tick(now);
            memcpy(kept.data(), (void *)root, sizeof(Root));
        }
        bool converged = false;
        for (size_t t = f.cycle; t < cycles; t++) {
            const bool holds = f.model != FLIP || f.kind == NET;
            if (holds ? t < over : t == f.cycle) {
                put(f, t == f.cycle);
                if (settles) settle();
            }
            if (t == over && f.kind == NET) {
                heal(f);
                if (settles) settle();
            }
            compare(&seen[t * port_bytes], uint32_t(t), o);
            tick(t);
            const bool ended = !holds || t + 1 > over;
            if (all && ended && (t - f.cycle) % EVERY == EVERY - 1 &&
                !memcmp(&kept[(t + 1) * sizeof(Root)], (void *)root, sizeof(Root))) {
                converged = true;
                break;
            }
        }
        o.state = !converged && state_differs(end.data());
    }
    save(argv[5], outcomes);
    return 0;
}

static int trace(char **argv) {
    start(argv[2]);
    std::vector<uint8_t> found(output_bytes() * cycles);
    for (size_t t = 0; t < cycles; t++) {
        outputs(&found[t * output_bytes()]);
        tick(t);
    }
    save(argv[3], found);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "trace")) return trace(argv);
    if (argc == 7 && !strcmp(argv[1], "inject")) return inject(argv);
    return 2;
}
