`ifndef UART_DEFS
`define UART_DEFS
`define UART_IDLE  2'd0
`define UART_START 2'd1
`define UART_DATA  2'd2
`define UART_STOP  2'd3
`define D #1
`endif
