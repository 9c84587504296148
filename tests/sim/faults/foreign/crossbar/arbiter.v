// Round-robin arbiter: the request after the one that was granted last goes first.
module rr_arbiter #(parameter N = 4) (
  input  wire         clk,
  input  wire         reset,
  input  wire [N-1:0] request,
  input  wire         accept,
  output wire [N-1:0] grant
);
  reg  [N-1:0]   last;  // one-hot
  wire [2*N-1:0] twice = {request, request};
  wire [2*N-1:0] first = twice & ~(twice - {{N{1'b0}}, last[N-2:0], last[N-1]});
  assign grant = first[N-1:0] | first[2*N-1:N];

  always @(posedge clk)
    if (reset) last <= {1'b1, {(N-1){1'b0}}};
    else if (accept && |grant) last <= grant;
endmodule
