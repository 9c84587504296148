// Counts keys in a memory of 48 words of 32 bits, by bytes with enables of their own, and reads
// counts back. Keys go through a table of 16 constants first.
module histogram (
    input  wire        clk,
    input  wire        reset,
    input  wire [ 5:0] key,
    input  wire [ 1:0] lane,
    input  wire        key_valid,
    input  wire [ 5:0] ask,
    output reg  [31:0] count_data,
    output reg         count_valid,
    output reg  [ 7:0] mixed
);
  reg [31:0] counts[0:47];
  reg [7:0] constants[0:15];
  integer i;
  initial begin
    for (i = 0; i < 48; i = i + 1) counts[i] = 32'h01010101 * (i % 3);
    for (i = 0; i < 16; i = i + 1) constants[i] = 8'h1d * i + 8'h35;
  end

  reg [5:0] row;
  reg [1:0] part;
  reg       busy;
  wire [31:0] old = counts[row];
  wire [7:0] byte_of = old >> {part, 3'd0};
  wire [7:0] next = byte_of + 8'd1;

  always @(posedge clk) begin
    row  <= key;
    part <= lane;
    busy <= key_valid && !reset;
    if (busy)
      case (part)
        2'd0: counts[row][7:0] <= next;
        2'd1: counts[row][15:8] <= next;
        2'd2: counts[row][23:16] <= next;
        2'd3: counts[row][31:24] <= next;
      endcase
    count_data  <= counts[ask];
    count_valid <= !reset;
    if (reset) mixed <= 0;
    else mixed <= (mixed << 1) ^ constants[byte_of[3:0]] ^ {7'd0, mixed[7]};
  end
endmodule
