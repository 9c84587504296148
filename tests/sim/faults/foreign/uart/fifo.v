// Synchronous FIFO, asynchronous reset, first word falls through.
`include "uart_defs.vh"

module fifo(clk, rst_n, wr_en, din, rd_en, dout, full, empty, count);
  parameter WIDTH = 8;
  parameter LOG2  = 3;
  localparam DEPTH = 1 << LOG2;

  input              clk, rst_n, wr_en, rd_en;
  input  [WIDTH-1:0] din;
  output [WIDTH-1:0] dout;
  output             full, empty;
  output [LOG2:0]    count;

  reg [WIDTH-1:0] mem[DEPTH-1:0];
  reg [LOG2:0]    wptr, rptr;

  assign count = wptr - rptr;
  assign full  = count == DEPTH;
  assign empty = count == 0;
  assign dout  = mem[rptr[LOG2-1:0]];

  always @(posedge clk or negedge rst_n)
    if (~rst_n) begin
      wptr <= `D 0;
      rptr <= `D 0;
    end else begin
      if (wr_en & ~full)  wptr <= `D wptr + 1'b1;
      if (rd_en & ~empty) rptr <= `D rptr + 1'b1;
    end

  always @(posedge clk)
    if (wr_en & ~full) mem[wptr[LOG2-1:0]] <= `D din;
endmodule
