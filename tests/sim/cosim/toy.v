// A small GEMM engine with the streams of the real one: one tile at a time, accumulating in place.
// Bits 48 and up of the command plant a defect, so that one compiled model serves every test.
module toy #(
    parameter R = 4, C = 4, W = 8, ACC = 32
) (
    input wire aclk, input wire aresetn,
    input wire [63:0] s_axis_cmd_tdata, input wire s_axis_cmd_tvalid, output wire s_axis_cmd_tready,
    input wire [R*W-1:0] s_axis_a_tdata, input wire s_axis_a_tvalid, output wire s_axis_a_tready,
    input wire [C*W-1:0] s_axis_b_tdata, input wire s_axis_b_tvalid, output wire s_axis_b_tready,
    output wire [C*ACC-1:0] m_axis_tdata, output wire [C*ACC/8-1:0] m_axis_tkeep,
    output wire m_axis_tlast, output wire m_axis_tvalid, input wire m_axis_tready
);
  localparam IDLE = 2'd0, MULTIPLY = 2'd1, DRAIN = 2'd2;
  reg [1:0] state;
  reg [15:0] defect, m, k, n;    // the job
  reg [7:0] ticks = 0;
  always @(posedge aclk) ticks <= ticks + 8'd1;
  reg [15:0] row0, col0, at, row;
  reg [R*C*ACC-1:0] acc;

  assign s_axis_cmd_tready = state == IDLE;
  wire hangs = defect == 2 && at == 7;
  wire both = state == MULTIPLY && !hangs && s_axis_a_tvalid && s_axis_b_tvalid;
  assign s_axis_a_tready = both;
  assign s_axis_b_tready = both;
  assign m_axis_tvalid = state == DRAIN && !(defect == 3 && ticks[0]);
  assign m_axis_tdata = acc[row*C*ACC +: C*ACC] ^ (defect == 4 ? ticks : 8'd0);
  wire [15:0] cols_left = n - col0;
  wire [15:0] rows_left = m - row0;
  genvar c, r;
  generate
    for (c = 0; c < C; c = c + 1) begin : keep
      assign m_axis_tkeep[c*ACC/8 +: ACC/8] = {ACC/8{cols_left > c || defect == 6}};
    end
  endgenerate
  wire row_last = row == R - 1 || row + 16'd1 == rows_left;
  wire col_last = cols_left <= C;
  assign m_axis_tlast = row_last && (col_last || defect == 5) && rows_left <= R;

  generate
    for (r = 0; r < R; r = r + 1) begin : rows
      for (c = 0; c < C; c = c + 1) begin : cols
        wire signed [W-1:0] a = s_axis_a_tdata[r*W +: W];
        wire signed [W-1:0] b = s_axis_b_tdata[c*W +: W];
        wire signed [ACC-1:0] product = a * b + (defect == 1 && at == 1 ? 1 : 0);
        always @(posedge aclk)
          if (both) acc[(r*C+c)*ACC +: ACC] <= (at == 0 ? {ACC{1'b0}} : acc[(r*C+c)*ACC +: ACC]) + product;
      end
    end
  endgenerate

  always @(posedge aclk) begin
    case (state)
      IDLE: if (s_axis_cmd_tvalid) begin
        {defect, n, k, m} <= s_axis_cmd_tdata;
        row0 <= 0; col0 <= 0; at <= 0; row <= 0;
        state <= MULTIPLY;
      end
      MULTIPLY: if (both) begin
        at <= at + 16'd1;
        if (at + 16'd1 == k) begin at <= 0; row <= 0; state <= DRAIN; end
      end
      default: if (m_axis_tready) begin
        row <= row + 16'd1;
        if (row_last) begin
          col0 <= col_last ? 16'd0 : col0 + C;
          if (col_last) row0 <= row0 + R;
          state <= m_axis_tlast ? IDLE : MULTIPLY;
        end
      end
    endcase
    if (!aresetn) state <= IDLE;
  end
endmodule
