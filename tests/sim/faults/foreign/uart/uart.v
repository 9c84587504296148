// UART transmitter behind a FIFO, and a receiver of its own; 8 bits, even parity, one stop bit.
`include "uart_defs.vh"

module uart #(
  parameter DIV  = 4,
  parameter LOG2 = 2
) (
  input            clk,
  input            rst_n,
  input            tx_valid,
  output           tx_ready,
  input      [7:0] tx_data,
  output reg       txd,
  input            rxd,
  output reg       rx_valid,
  output reg [7:0] rx_data,
  output reg       parity_error
);
  wire       empty, full;
  wire [7:0] head;
  reg        take;

  assign tx_ready = !full;

  fifo #(.WIDTH(8), .LOG2(LOG2)) u_fifo (
    .clk(clk), .rst_n(rst_n), .wr_en(tx_valid), .din(tx_data), .rd_en(take),
    .dout(head), .full(full), .empty(empty), .count()
  );

  // transmitter
  reg [1:0] state;
  reg [7:0] divider;
  reg [8:0] shifter;
  reg [3:0] left;
  wire      tick = divider == DIV - 1;

  always @(posedge clk or negedge rst_n)
    if (!rst_n)                          divider <= `D 8'd0;
    else if (tick || state == `UART_IDLE) divider <= `D 8'd0;
    else                                 divider <= `D divider + 8'd1;

  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin
      state   <= `D `UART_IDLE;
      txd     <= `D 1'b1;
      take    <= `D 1'b0;
      shifter <= `D 9'd0;
      left    <= `D 4'd0;
    end else begin
      take <= `D 1'b0;
      case (state)
        `UART_IDLE:
          if (!empty) begin
            shifter <= `D {^head, head};
            take    <= `D 1'b1;
            txd     <= `D 1'b0;
            state   <= `D `UART_START;
          end
        `UART_START:
          if (tick) begin
            txd   <= `D shifter[0];
            left  <= `D 4'd8;
            state <= `D `UART_DATA;
          end
        `UART_DATA:
          if (tick) begin
            shifter <= `D {1'b0, shifter[8:1]};
            left    <= `D left - 4'd1;
            if (left == 4'd0) begin
              txd   <= `D 1'b1;
              state <= `D `UART_STOP;
            end else
              txd <= `D shifter[1];
          end
        default:
          if (tick) state <= `D `UART_IDLE;
      endcase
    end

  // receiver
  reg [1:0] sync;
  reg [7:0] rx_wait;
  reg [3:0] rx_left;
  reg [8:0] rx_bits;
  reg       busy;

  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin
      sync <= `D 2'b11;
      {busy, rx_valid, parity_error} <= `D 3'b000;
      rx_wait <= `D 0;
      rx_left <= `D 0;
      rx_bits <= `D 0;
      rx_data <= `D 0;
    end else begin
      sync     <= `D {sync[0], rxd};
      rx_valid <= `D 1'b0;
      if (!busy) begin
        if (!sync[1]) begin
          busy    <= `D 1'b1;
          rx_wait <= `D DIV + DIV / 2 - 2;
          rx_left <= `D 4'd9;
        end
      end else if (rx_wait != 0)
        rx_wait <= `D rx_wait - 8'd1;
      else if (rx_left != 0) begin
        rx_bits <= `D {sync[1], rx_bits[8:1]};
        rx_left <= `D rx_left - 4'd1;
        rx_wait <= `D DIV - 1;
      end else begin
        busy         <= `D 1'b0;
        rx_valid     <= `D 1'b1;
        rx_data      <= `D rx_bits[7:0];
        parity_error <= `D ^rx_bits;
      end
    end
endmodule
