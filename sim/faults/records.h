// What every engine's program reads and writes: faults as `fault.py` lays them out, outcomes as
// `outcome.py` does, and files of records. How an outcome is found is each engine's own.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static const uint32_t NEVER = UINT32_MAX, ALWAYS = UINT32_MAX;
enum { DATA, CONTROL, DETECTOR, CORRECTOR };  // roles of an output
enum { FLIP, STUCK_0, STUCK_1 };              // models of a fault
enum { FLOP, MEMORY, NET };                   // kinds of a site

#pragma pack(push, 1)
struct Fault {
  uint32_t cycle, length;
  uint8_t model;
  uint16_t pattern;
  uint8_t kind;
  uint32_t word, row, bit;
};
struct Outcome {
  uint32_t data, control, detected, corrected, beats, bits;
  float largest;
  uint8_t state;
};
#pragma pack(pop)
static const Outcome NOTHING{NEVER, NEVER, NEVER, NEVER, 0, 0, 0, 0};

struct Watched {  // one row of the observation: role, port, ports that say when it counts (or -1)
  int32_t role, port, valid, ready, field, is_signed;
};

template <class T> static std::vector<T> records(const std::string &name) {
  FILE *f = fopen(name.c_str(), "rb");
  if (!f) { fprintf(stderr, "cannot read %s\n", name.c_str()); exit(2); }
  fseek(f, 0, SEEK_END);
  std::vector<T> found((size_t)ftell(f) / sizeof(T));
  rewind(f);
  if (fread((void *)found.data(), sizeof(T), found.size(), f) != found.size()) {
    fprintf(stderr, "cannot read all of %s\n", name.c_str());
    exit(2);
  }
  fclose(f);
  return found;
}

template <class T> static void save(const std::string &name, const std::vector<T> &records) {
  FILE *f = fopen(name.c_str(), "wb");
  if (!f || fwrite(records.data(), sizeof(T), records.size(), f) != records.size() || fclose(f)) {
    fprintf(stderr, "cannot write %s\n", name.c_str());
    exit(2);
  }
}
