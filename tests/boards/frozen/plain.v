// What Verilog of 2001 has: resets of all sorts, and memories.
module resets (input clk, arst_n, set, clr, srst, en, input [3:0] d, output reg [3:0] a, s, e, b);
  always @(posedge clk or negedge arst_n) if (!arst_n) a <= 4'h9; else if (en) a <= d + 1;
  always @(posedge clk) if (srst) s <= 4'h6; else if (en) s <= s ^ d;
  always @(posedge clk) if (en) begin if (srst) e <= 4'h3; else e <= d; end
`ifdef SET_AND_CLEAR
  always @(posedge clk or posedge set or posedge clr)
    if (clr) b <= 4'h0; else if (set) b <= 4'hf; else b <= d;
`else
  always @(posedge clk or posedge clr) if (clr) b <= 4'h7; else b <= {d[2:0], set};
`endif
endmodule

module memories (input clk, we, we2, input [3:0] wa, wb, ra, input [7:0] wd, output reg [7:0] late,
                 output [7:0] now, table_out, shifted);
  reg [7:0] mem [0:11];
  reg [7:0] rom [0:15];
  reg [7:0] off [4:11];
  integer k;
  initial for (k = 0; k < 16; k = k + 1) rom[k] = 37 * k;
  always @(posedge clk) begin
    if (we) mem[wa] <= wd;
    if (we2) mem[wb][5:2] <= wd[3:0];  // wins
    if (we && wa >= 4 && wa < 12) off[wa] <= ~wd;
    late <= mem[ra];
  end
  assign now = mem[ra];
  assign table_out = rom[ra];
  assign shifted = (ra >= 4 && ra < 12) ? off[ra] : 8'h55;
endmodule
