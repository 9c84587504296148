// One of everything that has to be lowered, each with an output of its own.
package kinds_pkg;
  typedef enum logic [1:0] {IDLE, RUN, WAIT, DONE} state_t;
  typedef struct packed { logic [3:0] tag; state_t state; } entry_t;
endpackage

module words import kinds_pkg::*; (
  input logic clk, rst_n, input logic [15:0] x, input logic signed [7:0] y, input logic [3:0] n,
  output logic [15:0] quotient, rest, output logic signed [7:0] sq, sr, output logic [3:0] part,
  output logic bit_at, output logic [15:0] spread, output logic [8:0] chain,
  output logic signed [11:0] sum, output logic [15:0] up, down, output logic [1:0] state
);
  logic [3:0] d;
  assign d = n == 0 ? 4'd1 : n;
  assign quotient = x / d;
  assign rest = x % d;
  assign sq = y / $signed({1'b0, d});
  assign sr = y % $signed({1'b0, d});
  assign part = x[n[1:0] * 3 +: 4];
  assign bit_at = x[n];
  always_comb begin spread = '0; spread[n] = x[0]; end
  assign chain[0] = x[0];
  assign chain[8:1] = (x[7:0] & x[15:8]) | ((x[7:0] ^ x[15:8]) & chain[7:0]);  // bits, no loop
  assign sum = y * $signed(x[3:0]) - y;
  assign up = x << n;
  assign down = $signed(x) >>> n;
  entry_t now;
  always_ff @(posedge clk or negedge rst_n)
    if (!rst_n) now <= '{tag: 4'h5, state: IDLE};
    else begin
      unique case (now.state)
        IDLE: if (n[0]) now.state <= RUN;
        RUN: now.state <= n[1] ? WAIT : DONE;
        WAIT: if (n[2]) now.state <= DONE;
        default: now.state <= IDLE;
      endcase
      now.tag <= now.tag + 4'(now.state);
    end
  assign state = now.state ^ now.tag[1:0];
endmodule

module kinds (input clk, arst_n, set, clr, srst, en, we, we2, input [3:0] wa, wb, ra,
              input [7:0] wd, input [15:0] x, input [3:0] n,
              output [3:0] a, s, e, b, output [7:0] late, now, table_out, shifted,
              output [15:0] quotient, rest, output [7:0] sq, sr, output [3:0] part, output bit_at,
              output [15:0] spread, output [8:0] chain, output [11:0] sum, output [15:0] up, down,
              output [1:0] state);
  resets u_resets (.clk(clk), .arst_n(arst_n), .set(set), .clr(clr), .srst(srst), .en(en),
                   .d(wd[3:0]), .a(a), .s(s), .e(e), .b(b));
  generate
    if (1) begin : banks
      memories u_memories (.clk(clk), .we(we), .we2(we2), .wa(wa), .wb(wb), .ra(ra), .wd(wd),
                           .late(late), .now(now), .table_out(table_out), .shifted(shifted));
    end
  endgenerate
  words u_words (.clk(clk), .rst_n(arst_n), .x(x), .y(wd), .n(n), .quotient(quotient),
                 .rest(rest), .sq(sq), .sr(sr), .part(part), .bit_at(bit_at), .spread(spread),
                 .chain(chain), .sum(sum), .up(up), .down(down), .state(state));
endmodule
