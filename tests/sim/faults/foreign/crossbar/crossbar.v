// Crossbar: every input has a register and asks one output for its turn; every output arbitrates.
module crossbar #(
  parameter PORTS = 4,
  parameter WIDTH = 8,
  parameter SEL   = 2
) (
  input  wire                   clk,
  input  wire                   reset,
  input  wire [PORTS-1:0]       in_valid,
  output wire [PORTS-1:0]       in_ready,
  input  wire [PORTS*WIDTH-1:0] in_data,
  input  wire [PORTS*SEL-1:0]   in_dest,
  output wire [PORTS-1:0]       out_valid,
  input  wire [PORTS-1:0]       out_ready,
  output wire [PORTS*WIDTH-1:0] out_data
);
  wire [PORTS-1:0] asks   [0:PORTS-1];  // of each output, by input
  wire [PORTS-1:0] grants [0:PORTS-1];
  wire [WIDTH-1:0] words  [0:PORTS-1];

  genvar i, o;
  generate
    for (i = 0; i < PORTS; i = i + 1) begin : source
      reg             held;
      reg [WIDTH-1:0] word;
      reg [SEL-1:0]   dest;
      wire [PORTS-1:0] taken;
      for (o = 0; o < PORTS; o = o + 1) begin : sink
        assign asks[o][i] = held && dest == o;
        assign taken[o] = grants[o][i] && sinks[o].accept;
      end
      assign in_ready[i] = !held || |taken;
      assign words[i] = word;
      always @(posedge clk)
        if (reset) held <= 1'b0;
        else if (in_ready[i]) begin
          held <= in_valid[i];
          if (in_valid[i]) begin
            word <= in_data[i*WIDTH +: WIDTH];
            dest <= in_dest[i*SEL +: SEL];
          end
        end
    end

    for (o = 0; o < PORTS; o = o + 1) begin : sinks
      wire accept;
      reg              valid;
      reg [WIDTH-1:0]  word;
      reg [WIDTH-1:0]  chosen;
      integer k;
      assign accept = !valid || out_ready[o];
      rr_arbiter #(.N(PORTS)) arbiter (
        .clk(clk), .reset(reset), .request(asks[o]), .accept(accept), .grant(grants[o]));
      always @* begin
        chosen = {WIDTH{1'b0}};
        for (k = 0; k < PORTS; k = k + 1)
          if (grants[o][k]) chosen = chosen | words[k];
      end
      always @(posedge clk)
        if (reset) valid <= 1'b0;
        else if (accept) begin
          valid <= |grants[o];
          word  <= chosen;
        end
      assign out_valid[o] = valid;
      assign out_data[o*WIDTH +: WIDTH] = valid ? word : {WIDTH{1'b0}};
    end
  endgenerate
endmodule
