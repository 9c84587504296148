// Words of more than 64 bits: registers, and a memory of five rows with two writers of which one
// writes half a row, read at once and through a register, also past its end.
module corners (
    input  wire         clk,
    input  wire         rst_n,
    input  wire [ 69:0] d,
    input  wire [  2:0] row,
    input  wire [  2:0] other,
    input  wire [  2:0] ask,
    input  wire [  1:0] write,
    input  wire         go,
    output wire [ 69:0] now,
    output reg  [ 69:0] later_data,
    output reg          later_valid,
    output reg  [129:0] total,
    output wire         error_detected,
    output wire         error_corrected
);
  reg [69:0] mem[0:4];
  integer i;
  initial begin
    for (i = 0; i < 5; i = i + 1) mem[i] = 70'h2_0000_0000_1234_5678 * i;
    later_data = 70'h15_8000_0001_7000_0003;
  end

  reg [2:0] at, next_at;
  reg [1:0] enable;
  reg       odd;
  assign now = mem[next_at];
  assign error_detected = odd != ^total;
  assign error_corrected = total[129:128] == 2'b11;

  always @(posedge clk) begin
    at <= row;
    next_at <= ask;
    enable <= write;
    if (enable[0]) mem[at][34:0] <= mem[at][34:0] ^ d[34:0];
    if (enable[1]) mem[other] <= {d[34:0], d[69:35]};
    later_data  <= mem[ask] ^ {70{odd & go}};
    later_valid <= go;
  end

  wire [129:0] sum = total + {later_data[59:0], now};
  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin
      total <= 0;
      odd   <= 0;
    end else if (go) begin
      total <= sum;
      odd   <= ^sum;
    end
endmodule
