// An accumulator written three times, with a voter: the copies are equal, and synthesis would
// merge them.
module triple (
    input  wire       clk,
    input  wire       reset,
    input  wire [7:0] in_data,
    input  wire       in_valid,
    output wire [7:0] total,
    output wire       error_detected
);
  reg [7:0] a, b, c;
  assign total = (a & b) | (a & c) | (b & c);
  assign error_detected = a != b || a != c;
  wire [7:0] next = reset ? 8'd0 : in_valid ? total + in_data : total;
  always @(posedge clk) begin
    a <= next;
    b <= next;
    c <= next;
  end
endmodule
