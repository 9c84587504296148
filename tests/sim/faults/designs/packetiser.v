// Packs a stream of bytes into packets: a header, how many bytes, the bytes, their sum.
// A packet ends after 6 bytes, or when the FIFO runs empty.
module packetiser (
    input  wire       clk,
    input  wire       rst_n,
    input  wire [7:0] in_data,
    input  wire       in_valid,
    output wire       in_ready,
    output reg  [7:0] out_data,
    output reg        out_last,
    output wire       out_valid,
    input  wire       out_ready,
    output wire       error_detected
);
  localparam IDLE = 3'd0, HEADER = 3'd1, LENGTH = 3'd2, BYTES = 3'd3, SUM = 3'd4;

  // FIFO of 8 bytes.
  reg [7:0] mem[0:7];
  reg [3:0] head, tail;
  wire empty = head == tail;
  wire full = head[2:0] == tail[2:0] && head[3] != tail[3];
  wire [3:0] held = head - tail;
  wire push = in_valid && in_ready;
  assign in_ready = !full;

  always @(posedge clk) if (push) mem[head[2:0]] <= in_data;

  reg [2:0] state, left;
  reg [7:0] sum;
  assign out_valid = state != IDLE;
  assign error_detected = state > SUM;
  wire pop = state == BYTES && out_ready && !empty;

  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin
      head <= 0;
      tail <= 0;
    end else begin
      head <= head + push;
      tail <= tail + pop;
    end

  always @* begin
    out_last = 0;
    case (state)
      HEADER: out_data = 8'hA5;
      LENGTH: out_data = {5'd0, left};
      BYTES: out_data = mem[tail[2:0]];
      SUM: begin
        out_data = sum;
        out_last = 1;
      end
      default: out_data = 0;
    endcase
  end

  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin
      state <= IDLE;
      left  <= 0;
      sum   <= 0;
    end else
      case (state)
        IDLE:
        if (!empty) begin
          state <= HEADER;
          left  <= held > 6 ? 3'd6 : held[2:0];
          sum   <= 0;
        end
        HEADER: if (out_ready) state <= LENGTH;
        LENGTH: if (out_ready) state <= BYTES;
        BYTES:
        if (out_ready) begin
          sum  <= sum + out_data;
          left <= left - 1;
          if (left == 1) state <= SUM;
        end
        SUM: if (out_ready) state <= IDLE;
        default: state <= IDLE;
      endcase
endmodule
