// Self-checking test bench of $top, in plain Verilog: no library, any simulator.
// One matrix product, (${m} x ${k}) @ (${k} x ${n}), with gaps in every stream:
//
//   $$ cd testbench
//   $$ verilator --binary --timing -Wno-fatal --top-module tb_$top ../verilog/*.v tb_$top.v
//   $$ ./obj_dir/Vtb_$top
//
// The .hex files hold one beat a line: command, A, B, and the results with their tkeep.
`timescale 1ns / 1ps

module tb_$top;
  reg aclk = 0, aresetn = 0;
  always #5 aclk = !aclk;

  reg [$cmd_bits-1:0] cmd_beats[0:0];
  reg [$a_bits-1:0] a_beats[0:$a_last];
  reg [$b_bits-1:0] b_beats[0:$b_last];
  reg [$o_bits-1:0] expected[0:$o_last];
  reg [$keep_bits-1:0] keeps[0:$o_last];
  initial begin
    $$readmemh("cmd.hex", cmd_beats);
    $$readmemh("a.hex", a_beats);
    $$readmemh("b.hex", b_beats);
    $$readmemh("expected.hex", expected);
    $$readmemh("keep.hex", keeps);
  end

  // Willingness of the peers: a small shift register makes irregular gaps, the same on every run.
  // An offer stands until it is taken.
  reg [15:0] gaps = 16'hace1;
  reg cmd_open = 0, a_open = 0, b_open = 0, o_open = 0;
  reg [31:0] cmd_at = 0, a_at = 0, b_at = 0, o_at = 0, errors = 0, cycles = 0;

  wire cmd_valid = cmd_open && cmd_at == 0;
  wire a_valid = a_open && a_at <= $a_last;
  wire b_valid = b_open && b_at <= $b_last;
  wire cmd_ready, a_ready, b_ready, o_valid, o_last;
  wire [$o_bits-1:0] o_data;
  wire [$keep_bits-1:0] o_keep;
  wire [31:0] a_index = a_valid ? a_at : 0;
  wire [31:0] b_index = b_valid ? b_at : 0;
  wire [31:0] o_index = o_at <= $o_last ? o_at : 0;

  $top dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_cmd_tdata(cmd_beats[0]), .s_axis_cmd_tvalid(cmd_valid), .s_axis_cmd_tready(cmd_ready),
      .s_axis_a_tdata(a_beats[a_index]), .s_axis_a_tvalid(a_valid), .s_axis_a_tready(a_ready),
      .s_axis_b_tdata(b_beats[b_index]), .s_axis_b_tvalid(b_valid), .s_axis_b_tready(b_ready),
      .m_axis_tdata(o_data), .m_axis_tkeep(o_keep), .m_axis_tlast(o_last),
      .m_axis_tvalid(o_valid), .m_axis_tready(o_open));

  // Only bytes that tkeep marks count.
  function [$o_bits-1:0] kept(input [$o_bits-1:0] data, input [$keep_bits-1:0] keep);
    integer i;
    for (i = 0; i < $keep_bits; i = i + 1) kept[8*i +: 8] = keep[i] ? data[8*i +: 8] : 8'd0;
  endfunction

  wire wrong = o_at > $o_last || o_keep != keeps[o_index] || o_last != (o_at == $o_last)
      || kept(o_data, o_keep) != expected[o_index];

  always @(posedge aclk) if (aresetn) begin
    cycles <= cycles + 1;
    gaps <= {gaps[14:0], gaps[15] ^ gaps[13] ^ gaps[12] ^ gaps[10]};
    cmd_open <= (cmd_open && !cmd_ready) || gaps[0];
    a_open <= (a_valid && !a_ready) || gaps[3:2] != 0;
    b_open <= (b_valid && !b_ready) || gaps[6:5] != 0;
    o_open <= gaps[9:8] != 0;
    if (cmd_valid && cmd_ready) cmd_at <= 1;
    if (a_valid && a_ready) a_at <= a_at + 1;
    if (b_valid && b_ready) b_at <= b_at + 1;
    if (o_valid && o_open) begin
      o_at <= o_at + 1;
      if (wrong) begin
        errors <= errors + 1;
        $$display("beat %0d: got %h keep %h last %b, expected %h keep %h", o_at, o_data, o_keep,
            o_last, expected[o_index], keeps[o_index]);
      end
    end
  end

  initial begin
    repeat (4) @(negedge aclk);
    aresetn = 1;
    while (o_at <= $o_last && cycles < $limit) @(posedge aclk);
    repeat (16) @(posedge aclk);
    if (o_at != $o_last + 1) $$display("FAIL: %0d of %0d results in $limit cycles", o_at, $o_last + 1);
    else if (errors != 0) $$display("FAIL: %0d wrong results", errors);
    else $$display("PASS: %0d results, %0d cycles", o_at, cycles);
    $$finish;
  end
endmodule
