// Plays inputs to the original design, cycle by cycle, and gives its outputs.
// Arguments: inputs, outputs (files, or "-" for pipes), what unknown values are (0 zeros, 1 ones,
// 2 random), seed. Rows are bytes: all input ports side by side, the lowest bit first; outputs
// likewise.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include "Vkiln_original.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main(int, char **argv) {
    auto context = std::make_unique<VerilatedContext>();
    context->randReset(std::atoi(argv[3]));
    context->randSeed(std::atoi(argv[4]));
    const bool piped = !std::strcmp(argv[1], "-");
    std::FILE *in = piped ? stdin : std::fopen(argv[1], "rb");
    std::FILE *out = piped ? stdout : std::fopen(argv[2], "wb");
    auto top = std::make_unique<Vkiln_original>(context.get());
    uint8_t row[ROW];
    top->clock = 0;
    for (bool first = true; std::fread(row, 1, ROW, in) == ROW; first = false) {
        if (first) {  // an asynchronous reset that is active from the start has an edge as well
            for (size_t i = 0; i < ROW; i++) ((uint8_t *)&top->i)[i] = ~row[i];
            top->eval();
        }
        std::memcpy((void *)&top->i, row, ROW);
        top->eval();
        if (std::fwrite((const void *)&top->o, 1, OUT, out) != OUT) return 2;
        if (piped) std::fflush(out);
        top->clock = 1;
        top->eval();
        top->clock = 0;
        top->eval();
        if (context->gotFinish()) break;
    }
    return std::fclose(out) ? 2 : 0;
}
