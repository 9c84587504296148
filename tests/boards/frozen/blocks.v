// A memory with bytes that are written by enables of their own and a registered read port, and
// products of signed, unsigned and mixed operands.
module blocks(
  input clk, input [8:0] ra, input [8:0] wa, input re, input wr, input [1:0] we, input [15:0] d,
  input signed [15:0] a, input signed [15:0] b, input [7:0] c,
  output reg [15:0] q, output reg signed [31:0] p, output reg signed [23:0] m
);
  reg [15:0] mem [0:511];
  integer i;
  initial for (i = 0; i < 512; i = i + 1) mem[i] = 16'd0;
  always @(posedge clk) begin
    if (wr) begin
      if (we[0]) mem[wa][7:0] <= d[7:0];
      if (we[1]) mem[wa][15:8] <= d[15:8];
    end
    if (re) q <= mem[ra];
    p <= a * b;
    m <= a * $signed({1'b0, c});
  end
endmodule
