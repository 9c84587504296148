// What the emitter knows of a design. Offsets are in bytes of one lane: times LANES in memory.
#pragma once
#include "../records.h"

struct Head { uint32_t state_bytes, bytes, force_bytes, states, pieces, chunks; };
struct Word { uint32_t offset, size, first_consumer, consumers; };  // states come first
struct Chunk {
  uint32_t reads;              // 1: reads memory `function`; 0: calls it
  uint32_t function, operands; // operands: first of its offsets
  uint32_t x, bytes;           // where its shared words begin, and their size
  uint32_t first, count;       // their numbers
  uint32_t y, state, states;   // where its next values begin, and the states they are of
  uint32_t force;              // where the forces on its nets begin
};
struct Output { uint32_t word, width; };  // first of its pieces
struct Flop { uint32_t state, width; };
struct Net { uint32_t piece, width; };
struct NetPiece { uint32_t force, size, chunk; };
struct Memory { uint32_t rows, width, piece, write, writes; };
struct MemoryInit { uint64_t piece, row, value; };
// Consumers from `chunks` on are no chunks: the outputs, then the writes of each memory.

struct Tables {
  Head head;
  std::vector<Word> words;
  std::vector<uint32_t> consumers;
  std::vector<Chunk> chunks;
  std::vector<uint32_t> operands, inputs;
  std::vector<Output> outputs;
  std::vector<Flop> flops;
  std::vector<Net> nets;
  std::vector<NetPiece> net_pieces;
  std::vector<Memory> memories;
  std::vector<uint32_t> writes;  // word of the address; data and enables follow
  std::vector<uint64_t> state_init;
  std::vector<MemoryInit> memory_init;

  explicit Tables(const std::string &folder) {
    auto at = [&](const char *name) { return folder + "/" + name; };
    head = records<Head>(at("head"))[0];
    words = records<Word>(at("words"));
    consumers = records<uint32_t>(at("consumers"));
    chunks = records<Chunk>(at("chunks"));
    operands = records<uint32_t>(at("operands"));
    inputs = records<uint32_t>(at("inputs"));
    outputs = records<Output>(at("outputs"));
    flops = records<Flop>(at("flops"));
    nets = records<Net>(at("nets"));
    net_pieces = records<NetPiece>(at("net_pieces"));
    memories = records<Memory>(at("memories"));
    writes = records<uint32_t>(at("writes"));
    state_init = records<uint64_t>(at("state_init"));
    memory_init = records<MemoryInit>(at("memory_init"));
  }
};
