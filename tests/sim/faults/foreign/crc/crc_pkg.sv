package crc_pkg;
  typedef enum logic [1:0] {Crc8 = 2'd0, Crc16 = 2'd1, Crc32 = 2'd2} kind_e;
  typedef enum logic [2:0] {StIdle, StLoad, StRun, StFlush, StDone} state_e;

  typedef struct packed {
    kind_e       kind;
    logic [5:0]  length;  // bytes
    logic        reflect;
  } command_t;

  typedef struct packed {
    logic [31:0] poly;
    logic [31:0] init;
    logic [31:0] xorout;
  } setup_t;

  function automatic setup_t setup_of(kind_e kind);
    unique case (kind)
      Crc8:    return '{poly: 32'h0700_0000, init: '0, xorout: '0};
      Crc16:   return '{poly: 32'h1021_0000, init: 32'hffff_0000, xorout: '0};
      default: return '{poly: 32'h04c1_1db7, init: '1, xorout: '1};
    endcase
  endfunction

  // One byte, the highest bit first, through a register that is flush left.
  function automatic logic [31:0] next(logic [31:0] crc, logic [7:0] data, logic [31:0] poly);
    next = crc ^ {data, 24'h0};
    for (int i = 0; i < 8; i++) next = next[31] ? {next[30:0], 1'b0} ^ poly : {next[30:0], 1'b0};
  endfunction

  function automatic logic [7:0] reversed(logic [7:0] data);
    for (int i = 0; i < 8; i++) reversed[i] = data[7-i];
  endfunction
endpackage
