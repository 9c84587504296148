// CRC of a message whose length and kind a command gives.
module crc_engine
  import crc_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  command_t    cmd_i,
  input  logic        cmd_valid_i,
  output logic        cmd_ready_o,
         byte_if.sink bytes,
  output logic [31:0] crc_o,
  output logic        crc_valid_o,
  output state_e      state_o
);
  state_e      state_q, state_d;
  command_t    cmd_q;
  setup_t      setup;
  logic [31:0] crc_q;
  logic [5:0]  count_q;

  assign setup       = setup_of(cmd_q.kind);
  assign cmd_ready_o = state_q == StIdle;
  assign bytes.ready = state_q == StRun;
  assign state_o     = state_q;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:  if (cmd_valid_i) state_d = StLoad;
      StLoad:  state_d = cmd_q.length == 0 ? StFlush : StRun;
      StRun:   if (bytes.valid && count_q == 6'd1) state_d = StFlush;
      StFlush: state_d = StDone;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      cmd_q   <= '{kind: Crc8, length: '0, reflect: 1'b0};
      crc_q   <= '0;
      count_q <= '0;
    end else begin
      state_q <= state_d;
      if (cmd_valid_i && cmd_ready_o) cmd_q <= cmd_i;
      case (state_q)
        StLoad: begin
          crc_q   <= setup.init;
          count_q <= cmd_q.length;
        end
        StRun: if (bytes.valid) begin
          crc_q   <= next(crc_q, cmd_q.reflect ? reversed(bytes.data) : bytes.data, setup.poly);
          count_q <= count_q - 6'd1;
        end
        StFlush: crc_q <= crc_q ^ setup.xorout;
        default: ;
      endcase
    end
  end

  assign crc_o       = crc_q;
  assign crc_valid_o = state_q == StDone;
endmodule

// The engine behind a small elastic buffer, with plain ports.
module crc_core
  import crc_pkg::*;
#(
  parameter int unsigned Depth = 2
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  command_t    cmd_i,
  input  logic        cmd_valid_i,
  output logic        cmd_ready_o,
  input  logic [7:0]  byte_i,
  input  logic        byte_valid_i,
  output logic        byte_ready_o,
  output logic [31:0] crc_o,
  output logic        crc_valid_o,
  output logic        busy_o
);
  byte_if link ();
  state_e state;
  logic [Depth-1:0][7:0] data_q;
  logic [Depth-1:0]      full_q;

  crc_engine u_engine (
    .clk_i, .rst_ni, .cmd_i, .cmd_valid_i, .cmd_ready_o, .bytes(link.sink), .crc_o, .crc_valid_o,
    .state_o(state)
  );

  assign busy_o = state != StIdle;
  assign link.valid = full_q[0];
  assign link.data  = data_q[0];
  wire take = full_q[0] && link.ready;
  assign byte_ready_o = !full_q[Depth-1] || take;

  for (genvar i = 0; i < Depth; i++) begin : gen_stage
    wire above_full = i == Depth - 1 ? byte_valid_i : full_q[(i+1) % Depth];
    wire [7:0] above = i == Depth - 1 ? byte_i : data_q[(i+1) % Depth];
    always_ff @(posedge clk_i or negedge rst_ni)
      if (!rst_ni) begin
        full_q[i] <= 1'b0;
        data_q[i] <= '0;
      end else if (take || !(&full_q[i:0])) begin
        full_q[i] <= above_full;
        data_q[i] <= above;
      end
  end
endmodule
