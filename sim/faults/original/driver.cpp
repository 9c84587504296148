// Plays inputs to the original design, cycle by cycle, and keeps its outputs.
// Arguments: inputs, outputs, what unknown values are (0 zeros, 1 ones, 2 random), seed.
// Rows are bytes: all input ports side by side, the lowest bit first; outputs likewise.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>
#include "Vkiln_original.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int, char **argv) {
    auto context = std::make_unique<VerilatedContext>();
    context->randReset(std::atoi(argv[3]));
    context->randSeed(std::atoi(argv[4]));
    std::FILE *in = std::fopen(argv[1], "rb");
    std::fseek(in, 0, SEEK_END);
    std::vector<uint8_t> rows(std::ftell(in));
    std::rewind(in);
    if (std::fread(rows.data(), 1, rows.size(), in) != rows.size()) return 2;
    std::fclose(in);
    auto top = std::make_unique<Vkiln_original>(context.get());
    std::FILE *out = std::fopen(argv[2], "wb");
    // An asynchronous reset that is active from the start has an edge as well.
    for (size_t i = 0; i < ROW && rows.size(); i++) ((uint8_t *)&top->i)[i] = ~rows[i];
    top->clock = 0;
    top->eval();
    for (size_t at = 0; at < rows.size() && !context->gotFinish(); at += ROW) {
        std::memcpy((void *)&top->i, &rows[at], ROW);
        top->eval();
        if (std::fwrite((const void *)&top->o, 1, OUT, out) != OUT) return 2;
        top->clock = 1;
        top->eval();
        top->clock = 0;
        top->eval();
    }
    return std::fclose(out) ? 2 : 0;
}
