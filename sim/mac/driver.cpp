// Feeds elements to an exported multiply-accumulate unit and keeps its results, with the cycle of
// each. Arguments: input, output, percent of cycles in which the producer and the consumer are
// willing, seed. Input: words per element, words per result, then elements (words, then `last`).
// Output: per result its cycle (counted from the first offered element) and its words.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include KILN_HEADER

static uint32_t state;
static bool willing(uint32_t percent) {
    state = state * 1664525u + 1013904223u;
    return percent >= 100 || (state >> 16) % 100 < percent;
}
static void fail(const char *what, uint64_t cycle) {
    std::fprintf(stderr, "%s in cycle %llu\n", what, (unsigned long long)cycle);
    std::exit(1);
}

int main(int, char **argv) {
    std::FILE *in = std::fopen(argv[1], "rb");
    std::fseek(in, 0, SEEK_END);
    std::vector<uint32_t> data(std::ftell(in) / 4);
    std::rewind(in);
    if (std::fread(data.data(), 4, data.size(), in) != data.size()) return 2;
    std::fclose(in);
    const uint32_t words = data[0], out_words = data[1], row = words + 1;
    const uint64_t count = (data.size() - 2) / row;
    const uint32_t offer = std::atoi(argv[3]), take = std::atoi(argv[4]);
    state = std::atoi(argv[5]);
    uint64_t results = 0, expected = 0;
    for (uint64_t i = 0; i < count; i++) expected += data[2 + i * row + words];

    auto *top = new KILN_TOP;
    std::vector<uint32_t> out;
    std::vector<uint8_t> held(sizeof top->m_axis_tdata);
    bool waiting = false;
    auto tick = [&] { top->aclk = 1; top->eval(); top->aclk = 0; };
    top->aclk = 0;
    top->aresetn = 0;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 0;
    for (int i = 0; i < 4; i++) { top->eval(); tick(); }
    top->aresetn = 1;
    uint64_t next = 0, idle = 0;
    bool offered = false;
    for (uint64_t cycle = 0; results < expected; cycle++) {
        if (!offered) offered = next < count && willing(offer);  // once offered, it stays
        top->s_axis_tvalid = offered;
        if (offered) {
            const uint32_t *element = &data[2 + next * row];
            std::memcpy(&top->s_axis_tdata, element, sizeof top->s_axis_tdata);
            top->s_axis_tlast = element[words];
        }
        top->m_axis_tready = willing(take);
        top->eval();
        if (waiting) {
            if (!top->m_axis_tvalid) fail("a result was withdrawn", cycle);
            if (std::memcmp(held.data(), &top->m_axis_tdata, held.size()))
                fail("a waiting result changed", cycle);
        }
        waiting = top->m_axis_tvalid && !top->m_axis_tready;
        std::memcpy(held.data(), &top->m_axis_tdata, held.size());
        idle++;
        if (top->m_axis_tvalid && top->m_axis_tready) {
            out.push_back(uint32_t(cycle));
            const size_t at = out.size();
            out.resize(at + out_words, 0);
            std::memcpy(&out[at], &top->m_axis_tdata, held.size() < 4 * out_words ? held.size() : 4 * out_words);
            results++;
            idle = 0;
        }
        if (offered && top->s_axis_tready) { next++; offered = false; idle = 0; }
        if (idle > 5000) fail("nothing moved any more", cycle);
        tick();
    }
    std::FILE *file = std::fopen(argv[2], "wb");
    std::fwrite(out.data(), 4, out.size(), file);
    std::fclose(file);
    return 0;
}
