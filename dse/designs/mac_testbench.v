// Self-checking test bench of $top, in plain Verilog: no library, any simulator.
// Dot products whose modes alternate, with gaps in both streams:
//
//   $$ cd testbench
//   $$ verilator --binary --timing -Wno-fatal --top-module tb_$top ../verilog/*.v tb_$top.v
//   $$ ./obj_dir/Vtb_$top
//
// elements.hex holds one element a line, tlast above its tdata; expected.hex the results, mask.hex
// which of their bits count.
`timescale 1ns / 1ps

module tb_$top;
  reg aclk = 0, aresetn = 0;
  always #5 aclk = !aclk;

  reg [$in_bits:0] elements[0:$in_last];
  reg [$out_bits-1:0] expected[0:$out_last];
  reg [$out_bits-1:0] mask[0:$out_last];
  initial begin
    $$readmemh("elements.hex", elements);
    $$readmemh("expected.hex", expected);
    $$readmemh("mask.hex", mask);
  end

  // Willingness of the peers: a small shift register makes irregular gaps, the same on every run.
  // An offer stands until it is taken.
  reg [15:0] gaps = 16'hace1;
  reg open = 0, willing = 0;
  reg [31:0] in_at = 0, out_at = 0, errors = 0, cycles = 0;

  wire valid = open && in_at <= $in_last;
  wire ready, o_valid;
  wire [$out_bits-1:0] o_data;
  wire [31:0] in_index = valid ? in_at : 0;
  wire [31:0] out_index = out_at <= $out_last ? out_at : 0;
  wire [$in_bits:0] element = elements[in_index];

  $top dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tdata(element[$in_bits-1:0]), .s_axis_tlast(element[$in_bits]),
      .s_axis_tvalid(valid), .s_axis_tready(ready),
      .m_axis_tdata(o_data), .m_axis_tvalid(o_valid), .m_axis_tready(willing));

  wire wrong = out_at > $out_last || ((o_data ^ expected[out_index]) & mask[out_index]) != 0;

  always @(posedge aclk) begin
    cycles <= cycles + 1;
    if (cycles == 4) aresetn <= 1;
    gaps <= {gaps[14:0], gaps[15] ^ gaps[13] ^ gaps[12] ^ gaps[10]};
    if (aresetn) begin
      if (!open || ready) open <= gaps[0] | gaps[3];
      willing <= gaps[5] | gaps[9];
      if (valid && ready) in_at <= in_at + 1;
      if (o_valid && willing) begin
        if (wrong) begin
          errors <= errors + 1;
          $$display("result %0d: %h, expected %h", out_at, o_data, expected[out_index]);
        end
        out_at <= out_at + 1;
      end
    end
    if (out_at > $out_last || cycles > $limit) begin
      if (errors != 0 || out_at <= $out_last) begin
        $$display("FAIL: %0d results of %0d, %0d wrong", out_at, $out_last + 1, errors);
        $$fatal(1);
      end
      $$display("PASS: %0d results in %0d cycles", out_at, cycles);
      $$finish;
    end
  end
endmodule
